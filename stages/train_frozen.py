"""Train the head, the body frozen: labels, cache, weights -> models/frozen.safetensors."""

from pathlib import Path

from pawprint import checkpoints, console, finder, history, modelfile, networks, params, session

IMAGES, INDEX = Path("data/presized/images.npy"), Path("data/presized/index.csv")
LABELS, PRETRAINED = Path("data/labels.csv"), Path("models/pretrained.safetensors")
FOUND, MODEL = Path("reports/lr_find.json"), Path("models/frozen.safetensors")
SUMMARY, TABLE = Path("reports/train_frozen.json"), Path("reports/train_frozen.csv")


def main() -> dict[str, str]:
    p = params.load()
    keys, on, lr = params.training(p), p.runtime, finder.chosen(p.lr, FOUND)
    declared = keys | {"lr": lr, "frozen": p.frozen.model_dump()}
    run = session.opened(keys, IMAGES, INDEX, LABELS, on.device, on.memory)
    tensors, _ = modelfile.read_tensors(PRETRAINED)
    network = networks.fresh(p.arch, len(run.data.classes), p.seed, tensors)
    networks.freeze(network, p.optimizer.train_norm)
    mark = checkpoints.fingerprint(declared, [INDEX, LABELS, PRETRAINED], Path(__file__))
    store = checkpoints.Store("train_frozen", mark)
    epochs = session.trained(run, network, [lr] * 3, declared["frozen"], "frozen", store)
    for line in history.written(epochs, TABLE, SUMMARY, "frozen"):
        print(line)
    modelfile.write(MODEL, network, session.card(run, declared))
    store.clear()
    return run.machine


if __name__ == "__main__":
    console.run(main, "train_frozen")
