"""Draw the run, from its tables, cache and models -> reports/*.png, reports/report.html."""

from pathlib import Path

from pawprint.core import files, params
from pawprint.evaluation import evaluate
from pawprint.models import model_file
from pawprint.reporting import figures, page
from pawprint.runtime.device import setup_device
from pawprint.terminal import console
from pawprint.vision import dataset

IMAGES, BLOCKS = Path("data/presized/images"), Path("data/presized/blocks.csv")
INDEX, LABELS = Path("data/presized/index.csv"), Path("data/labels.csv")
SUMMARY, PREDICTIONS = Path("reports/evaluate.json"), Path("reports/predictions.csv")
SCORES, SWEEP = Path("reports/per_class.csv"), Path("reports/thresholds.csv")
CONFUSED, LOSSES = Path("reports/most_confused.csv"), Path("reports/top_losses.csv")
FROZEN, UNFROZEN = Path("models/frozen.safetensors"), Path("models/unfrozen.safetensors")
CURVES = (CURVE_1, CURVE_2) = Path("reports/lr_find.csv"), Path("reports/lr_find_unfrozen.csv")
RATES = (RATES_1, RATES_2) = Path("reports/lr_find.json"), Path("reports/lr_find_unfrozen.json")
TABLES = (TABLE_1, TABLE_2) = Path("reports/train_frozen.csv"), Path("reports/train_unfrozen.csv")
FINDERS, TRAINING = Path("reports/lr_find.png"), Path("reports/training.png")
MATRIX, CALIBRATION = Path("reports/confusion.png"), Path("reports/reliability.png")
THRESHOLDS, SCATTER = Path("reports/thresholds.png"), Path("reports/scatter.png")
RESULTS, WORST = Path("reports/results.png"), Path("reports/top_losses.png")
GRADCAM, MIX_UPS = Path("reports/gradcam.png"), Path("reports/most_confused.png")
PAGE = Path("reports/report.html")


def main() -> None:
    p = params.load()
    model, model_card = model_file.read(UNFROZEN)
    device = setup_device("cpu", model_card.params["threads"])
    data = dataset.load_dataset(IMAGES, BLOCKS, INDEX, LABELS, device, 0)  # 0 bytes: by memory map
    tables = figures.read_tables(PREDICTIONS, CONFUSED, LOSSES, SCORES, SWEEP)
    spec = evaluate.eval_input_spec(model_card, p.evaluate.size)
    figures.draw_finders(FINDERS, CURVES, RATES)
    figures.draw_history(TRAINING, TABLES, [model_file.read_card(FROZEN), model_card], data)
    drawn = (MATRIX, CALIBRATION, THRESHOLDS, SCATTER)
    figures.draw_evaluation(drawn, tables, data, p.evaluate.bins)
    figures.draw_sheets((RESULTS, WORST, GRADCAM, MIX_UPS), data, model, tables, spec)
    run_params = figures.page_params(p.dataset, p.evaluate.model_dump(), model_card, UNFROZEN)
    metrics = files.read_json(SUMMARY)
    html = page.render_page(data, spec, tables, metrics, run_params, PAGE.parent)
    files.write_text(PAGE, html)
    print(f"report: {PAGE}, {PAGE.stat().st_size / 1e6:.1f} MB, and 10 images next to it")


if __name__ == "__main__":
    console.run_stage(main, "report")
