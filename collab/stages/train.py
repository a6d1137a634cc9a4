"""Train the model: data/ratings.csv -> models/factors.safetensors, reports/train.*."""

from pathlib import Path

from pawprint.ratings import config, training
from pawprint.terminal import console
from pawprint.training import lr_finder

TABLE, FOUND = Path("data/ratings.csv"), Path("reports/lr_find.json")
MODEL, SUMMARY = Path("models/factors.safetensors"), Path("reports/train.json")
EPOCHS = Path("reports/train.csv")


def main() -> dict[str, str]:
    p = config.load()
    lr = lr_finder.resolve_lr(p.lr, FOUND)
    run = training.open_session(config.training_params(p), TABLE, p.runtime.device)
    outputs = (TABLE, MODEL, EPOCHS, SUMMARY)
    for line in training.run_phase(run, lr, p.train.model_dump(), Path(__file__), outputs):
        print(line)
    return run.machine


if __name__ == "__main__":
    console.run_stage(main, "train")
