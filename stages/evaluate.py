"""Evaluate models/unfrozen.safetensors on valid, and on test if there is one -> reports/."""

from pathlib import Path

from pawprint.core import files, params
from pawprint.evaluation import evaluate, headline, results
from pawprint.models import model_file
from pawprint.runtime.device import cache_budget, setup_device
from pawprint.terminal import console
from pawprint.vision import dataset

IMAGES, BLOCKS = Path("data/presized/images"), Path("data/presized/blocks.csv")
INDEX = Path("data/presized/index.csv")
LABELS, MODEL = Path("data/labels.csv"), Path("models/unfrozen.safetensors")
SUMMARY, PREDICTIONS = Path("reports/evaluate.json"), Path("reports/predictions.csv")
CLASSES, CONFUSED = Path("reports/per_class.csv"), Path("reports/most_confused.csv")
LOSSES, SWEEP = Path("reports/top_losses.csv"), Path("reports/thresholds.csv")


def main() -> None:
    p = params.load()
    model, model_card = model_file.read(MODEL)
    # the threads of the training, from its card: the key is no param of this stage
    device = setup_device(p.runtime.device, model_card.params["threads"])
    budget = cache_budget(device, p.runtime.memory)
    data = dataset.load_dataset(IMAGES, BLOCKS, INDEX, LABELS, device, budget)
    config = evaluate.eval_config(model_card, p.evaluate.size, p.evaluate.tta, p.batch_size)
    by_split = evaluate.evaluate(model.to(device), data, config)
    valid, metrics = by_split["valid"], results.all_metrics(by_split, p.evaluate.bins)
    rows = valid.prediction_rows(data.splits["valid"].names)
    worst = [rows[i] for i in results.top_losses(valid.loss, p.evaluate.top_losses)]
    files.write_csv(PREDICTIONS, results.COLUMNS, rows)
    files.write_csv(LOSSES, results.COLUMNS, worst)
    files.write_csv(CLASSES, valid.scores, valid.per_class())
    files.write_csv(CONFUSED, results.PAIR_COLUMNS, valid.most_confused())
    files.write_csv(SWEEP, results.SWEEP_COLUMNS, valid.threshold_sweep())
    files.write_json(SUMMARY, metrics)
    print(f"evaluate: {headline.short_text(metrics)}, n {metrics['n']:,} (float32 throughout)")


if __name__ == "__main__":
    console.run_stage(main, "evaluate")
