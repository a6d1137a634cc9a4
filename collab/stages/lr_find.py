"""Find a rate for the model: data/ratings.csv -> reports/lr_find.*."""

from pathlib import Path

from pawprint import collab, console, finder, rated

TABLE, SUMMARY = Path("data/ratings.csv"), Path("reports/lr_find.json")
CURVE = Path("reports/lr_find.csv")


def main() -> dict[str, str]:
    p = collab.load()
    find, run = p.lr_find, rated.run(collab.training(p), TABLE, p.runtime.device)
    points = rated.found(run, find.model_dump())
    curve = list(console.bar(points, "lr_find", find.steps))
    print(f"lr_find: {finder.write(CURVE, SUMMARY, curve, find.steps)}")
    return run.machine


if __name__ == "__main__":
    console.run(main, "lr_find")
