"""Train the model: data/ratings.csv -> models/factors.safetensors, reports/train.*."""

from pathlib import Path

from pawprint import collab, console, finder, rated

TABLE, FOUND = Path("data/ratings.csv"), Path("reports/lr_find.json")
MODEL, SUMMARY = Path("models/factors.safetensors"), Path("reports/train.json")
EPOCHS = Path("reports/train.csv")


def main() -> dict[str, str]:
    p = collab.load()
    lr = finder.chosen(p.lr, FOUND)
    run = rated.run(collab.training(p), TABLE, p.runtime.device)
    made = (TABLE, MODEL, EPOCHS, SUMMARY)
    for line in rated.completed(run, lr, p.train.model_dump(), Path(__file__), made):
        print(line)
    return run.machine


if __name__ == "__main__":
    console.run(main, "train")
