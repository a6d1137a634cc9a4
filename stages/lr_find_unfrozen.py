"""Find a rate for the whole network: models/frozen.safetensors -> reports/lr_find_unfrozen.*."""

from pathlib import Path

from pawprint import console, finder, modelfile, params, processes, session

IMAGES, INDEX = Path("data/presized/images.npy"), Path("data/presized/index.csv")
LABELS, PARENT = Path("data/labels.csv"), Path("models/frozen.safetensors")
SUMMARY, TABLE = Path("reports/lr_find_unfrozen.json"), Path("reports/lr_find_unfrozen.csv")


def main() -> dict[str, str]:
    p = params.load()
    keys, find, on = params.training(p), p.lr_find, p.runtime
    run = session.opened(keys, IMAGES, INDEX, LABELS, on.device, on.memory)
    network, _ = modelfile.read(PARENT)
    points = session.found(run, network, find.model_dump(), "lr_find_unfrozen")
    curve = list(console.bar(points, "lr_find_unfrozen", find.steps))
    processes.end_others()
    print(f"lr_find_unfrozen: {finder.write(TABLE, SUMMARY, curve, find.steps)}")
    return run.machine


if __name__ == "__main__":
    console.run(main, "lr_find_unfrozen")
