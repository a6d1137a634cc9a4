"""Draw the run, from its tables, cache and models -> reports/*.png."""

from pathlib import Path

from pawprint import charts, console, dataset, devices, mistakes, modelfile, params, report, sheets

IMAGES, INDEX = Path("data/presized/images.npy"), Path("data/presized/index.csv")
LABELS, PREDICTIONS = Path("data/labels.csv"), Path("reports/predictions.csv")
CONFUSED, LOSSES = Path("reports/most_confused.csv"), Path("reports/top_losses.csv")
FROZEN, UNFROZEN = Path("models/frozen.safetensors"), Path("models/unfrozen.safetensors")
CURVES = (CURVE_1, CURVE_2) = Path("reports/lr_find.csv"), Path("reports/lr_find_unfrozen.csv")
RATES = (RATES_1, RATES_2) = Path("reports/lr_find.json"), Path("reports/lr_find_unfrozen.json")
TABLES = (TABLE_1, TABLE_2) = Path("reports/train_frozen.csv"), Path("reports/train_unfrozen.csv")
FINDERS, TRAINING = Path("reports/lr_find.png"), Path("reports/training.png")
MATRIX, CALIBRATION = Path("reports/confusion.png"), Path("reports/reliability.png")
RESULTS, WORST = Path("reports/results.png"), Path("reports/top_losses.png")
LOOKED, MIXED = Path("reports/gradcam.png"), Path("reports/most_confused.png")


def main() -> None:
    p = params.load()
    network, card = modelfile.read(UNFROZEN)
    cards = [modelfile.card(FROZEN), card]
    device = devices.prepared("cpu", card.params["threads"])
    data = dataset.opened(IMAGES, INDEX, LABELS, device, 0)
    predictions, view = report.table(PREDICTIONS), report.view(card, p.evaluate.size)
    charts.write(FINDERS, report.finders(CURVES, RATES))
    charts.write(TRAINING, report.history(TABLES, cards, len(data.parts["train"])))
    charts.write(MATRIX, report.confusion(predictions, data.classes))
    charts.write(CALIBRATION, report.reliability(predictions, p.evaluate.bins))
    sheets.write(RESULTS, mistakes.results(data, predictions, view))
    worst, pairs = report.table(LOSSES), report.table(CONFUSED)
    sheets.write(WORST, mistakes.top_losses(data, worst, view))
    sheets.write(LOOKED, mistakes.looked_at(data, network, worst, view))
    sheets.write(MIXED, mistakes.confused(data, predictions, pairs, view))
    print("report: 8 pictures in reports/")


if __name__ == "__main__":
    console.run(main, "report")
