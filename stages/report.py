"""Draw the run, from its tables, cache and models -> reports/*.png, reports/report.html."""

from pathlib import Path

from pawprint import console, dataset, devices, files, modelfile, page, params, report

IMAGES, INDEX = Path("data/presized/images.npy"), Path("data/presized/index.csv")
LABELS, SUMMARY = Path("data/labels.csv"), Path("reports/evaluate.json")
PREDICTIONS, SCORES = Path("reports/predictions.csv"), Path("reports/per_class.csv")
CONFUSED, LOSSES = Path("reports/most_confused.csv"), Path("reports/top_losses.csv")
SWEEP = Path("reports/thresholds.csv")
FROZEN, UNFROZEN = Path("models/frozen.safetensors"), Path("models/unfrozen.safetensors")
CURVES = (CURVE_1, CURVE_2) = Path("reports/lr_find.csv"), Path("reports/lr_find_unfrozen.csv")
RATES = (RATES_1, RATES_2) = Path("reports/lr_find.json"), Path("reports/lr_find_unfrozen.json")
TABLES = (TABLE_1, TABLE_2) = Path("reports/train_frozen.csv"), Path("reports/train_unfrozen.csv")
FINDERS, TRAINING = Path("reports/lr_find.png"), Path("reports/training.png")
MATRIX, CALIBRATION = Path("reports/confusion.png"), Path("reports/reliability.png")
THRESHOLDS = Path("reports/thresholds.png")
RESULTS, WORST = Path("reports/results.png"), Path("reports/top_losses.png")
LOOKED, MIXED = Path("reports/gradcam.png"), Path("reports/most_confused.png")
PAGE = Path("reports/report.html")


def main() -> None:
    p = params.load()
    network, card = modelfile.read(UNFROZEN)
    device = devices.prepared("cpu", card.params["threads"])
    data = dataset.opened(IMAGES, INDEX, LABELS, device, 0)
    tables = report.Tables(*map(report.table, (PREDICTIONS, CONFUSED, LOSSES, SCORES, SWEEP)))
    view = report.view(card, p.evaluate.size)
    report.draw_finders(FINDERS, CURVES, RATES)
    report.draw_history(TRAINING, TABLES, [modelfile.card(FROZEN), card], data)
    report.draw_judged((MATRIX, CALIBRATION, THRESHOLDS), tables, data, p.evaluate.bins)
    report.draw_sheets((RESULTS, WORST, LOOKED, MIXED), data, network, tables, view)
    told = report.params(p.dataset, p.evaluate.model_dump(), card, UNFROZEN)
    made = page.rendered(data, view, tables, files.read_json(SUMMARY), told, PAGE.parent)
    files.write_text(PAGE, made)
    print(f"report: {PAGE}, {PAGE.stat().st_size / 1e6:.1f} MB, and 9 pictures beside it")


if __name__ == "__main__":
    console.run(main, "report")
