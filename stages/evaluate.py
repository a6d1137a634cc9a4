"""Judge models/unfrozen.safetensors on valid, and on test if there is one -> reports/."""

from pathlib import Path

from pawprint import (
    console,
    counting,
    dataset,
    devices,
    files,
    headlines,
    judging,
    modelfile,
    params,
)

IMAGES, INDEX = Path("data/presized/images.npy"), Path("data/presized/index.csv")
LABELS, MODEL = Path("data/labels.csv"), Path("models/unfrozen.safetensors")
SUMMARY, PREDICTIONS = Path("reports/evaluate.json"), Path("reports/predictions.csv")
CLASSES, CONFUSED = Path("reports/per_class.csv"), Path("reports/most_confused.csv")
LOSSES, SWEEP = Path("reports/top_losses.csv"), Path("reports/thresholds.csv")


def main() -> None:
    p = params.load()
    network, card = modelfile.read(MODEL)
    device = devices.prepared(p.runtime.device, card.params["threads"])
    budget = devices.budget(device, p.runtime.memory)
    data = dataset.opened(IMAGES, INDEX, LABELS, device, budget)
    how = judging.how(card, p.evaluate.size, p.evaluate.tta, p.batch_size)
    made = judging.judged(network.to(device), data, how)
    valid, found = made["valid"], counting.summary(made, p.evaluate.bins)
    rows = valid.rows(data.parts["valid"].names)
    worst = [rows[i] for i in counting.top_losses(valid.loss, p.evaluate.top_losses)]
    files.write_csv(PREDICTIONS, counting.COLUMNS, rows)
    files.write_csv(LOSSES, counting.COLUMNS, worst)
    files.write_csv(CLASSES, valid.scores, valid.per_class())
    files.write_csv(CONFUSED, counting.PAIRS, valid.most_confused())
    files.write_csv(SWEEP, counting.SWEPT, valid.sweep())
    files.write_json(SUMMARY, found)
    print(f"evaluate: {headlines.short(found)}, n {found['n']:,} (float32 throughout)")


if __name__ == "__main__":
    console.run(main, "evaluate")
