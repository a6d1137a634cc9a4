"""Train the model: data/ratings.csv -> models/factors.safetensors, reports/train.*."""

from pathlib import Path

from pawprint.ratings import config, training
from pawprint.terminal import console
from pawprint.training import lr_finder
from pawprint.training.phase import PhaseFiles, run_phase

TABLE, FOUND = Path("data/ratings.csv"), Path("reports/lr_find.json")
MODEL, SUMMARY = Path("models/factors.safetensors"), Path("reports/train.json")
EPOCHS = Path("reports/train.csv")


def main() -> dict[str, str]:
    p = config.load()
    lr = lr_finder.resolve_lr(p.lr, FOUND)
    keys = config.train_params(p)
    declared = keys.model_dump() | {"lr": lr, "train": p.train.model_dump()}
    run = training.open_session(keys, TABLE, p.runtime.device)
    files = PhaseFiles("train", Path(__file__), [TABLE], MODEL, EPOCHS, SUMMARY)
    for line in run_phase(run, run.create_model(), [lr], p.train, declared, files):
        print(line)
    return run.machine


if __name__ == "__main__":
    console.run_stage(main, "train")
