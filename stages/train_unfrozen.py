"""Train the whole network on: models/frozen.safetensors -> models/unfrozen.safetensors."""

from pathlib import Path

from pawprint import checkpoints, console, finder, history, modelfile, params, schedules, session

IMAGES, INDEX = Path("data/presized/images.npy"), Path("data/presized/index.csv")
LABELS, PARENT = Path("data/labels.csv"), Path("models/frozen.safetensors")
FOUND, MODEL = Path("reports/lr_find_unfrozen.json"), Path("models/unfrozen.safetensors")
SUMMARY, TABLE = Path("reports/train_unfrozen.json"), Path("reports/train_unfrozen.csv")


def main() -> dict[str, str]:
    p = params.load()
    keys, on = params.training(p), p.runtime
    declared = keys | {"lr": p.lr, "unfrozen": p.unfrozen.model_dump()}
    run = session.opened(keys, IMAGES, INDEX, LABELS, on.device, on.memory)
    network, parent = modelfile.read(PARENT)
    lr_max = finder.chosen(p.unfrozen.lr_max, FOUND)
    peaks = schedules.peaks(parent.params["lr"], p.unfrozen.lr_min, lr_max, session.GROUPS)
    mark = checkpoints.fingerprint(declared, [INDEX, LABELS, PARENT, FOUND], Path(__file__))
    store = checkpoints.Store("train_unfrozen", mark)
    epochs = session.trained(run, network, peaks, declared["unfrozen"], "unfrozen", store)
    for line in history.written(epochs, TABLE, SUMMARY, "unfrozen"):
        print(line)
    modelfile.write(MODEL, network, session.card(run, declared))
    store.clear()
    return run.machine


if __name__ == "__main__":
    console.run(main, "train_unfrozen")
