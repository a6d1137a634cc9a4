"""Find a learning rate for the model: data/ratings.csv -> reports/lr_find.*."""

from pathlib import Path

from pawprint.ratings import config, training
from pawprint.terminal import console
from pawprint.training import lr_finder
from pawprint.training.phase import lr_curve

TABLE, SUMMARY = Path("data/ratings.csv"), Path("reports/lr_find.json")
CURVE = Path("reports/lr_find.csv")


def main() -> dict[str, str]:
    p = config.load()
    find, run = p.lr_find, training.open_session(config.train_params(p), TABLE, p.runtime.device)
    points = lr_curve(run, run.create_model(), find, training.GROUPS, "train")
    curve = list(console.progress_bar(points, "lr_find", find.steps))
    print(f"lr_find: {lr_finder.write_suggestions(CURVE, SUMMARY, curve, find.steps)}")
    return run.machine


if __name__ == "__main__":
    console.run_stage(main, "lr_find")
