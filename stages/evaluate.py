"""Judge models/unfrozen.safetensors on valid, and on test if there is one -> reports/."""

from pathlib import Path

from pawprint import console, dataset, devices, files, judging, metrics, modelfile, params

IMAGES, INDEX = Path("data/presized/images.npy"), Path("data/presized/index.csv")
LABELS, MODEL = Path("data/labels.csv"), Path("models/unfrozen.safetensors")
SUMMARY, PREDICTIONS = Path("reports/evaluate.json"), Path("reports/predictions.csv")
CLASSES, CONFUSED = Path("reports/per_class.csv"), Path("reports/most_confused.csv")
LOSSES = Path("reports/top_losses.csv")


def main() -> None:
    p = params.load()
    network, card = modelfile.read(MODEL)
    device = devices.prepared(p.runtime.device, card.params["threads"])
    budget = devices.budget(device, p.runtime.memory)
    data = dataset.opened(IMAGES, INDEX, LABELS, device, budget)
    how = judging.how(card, p.evaluate.size, p.evaluate.tta, p.batch_size)
    made = judging.judged(network.to(device), data, how)
    valid, found = made["valid"], metrics.summary(made, p.evaluate.bins)
    rows = metrics.rows(valid, data.parts["valid"].names, card.classes)
    worst = [rows[i] for i in metrics.top_losses(valid.loss, p.evaluate.top_losses)]
    files.write_csv(PREDICTIONS, metrics.COLUMNS, rows)
    files.write_csv(LOSSES, metrics.COLUMNS, worst)
    files.write_csv(CLASSES, metrics.SCORES, metrics.per_class(valid, card.classes))
    files.write_csv(CONFUSED, metrics.PAIRS, metrics.most_confused(valid, card.classes))
    files.write_json(SUMMARY, found)
    print(f"evaluate: error_rate {found['error_rate']:.4f}, n {found['n']:,} (float32 throughout)")


if __name__ == "__main__":
    console.run(main, "evaluate")
