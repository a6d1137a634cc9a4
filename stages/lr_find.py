"""Find a rate for the head, the body frozen: labels, cache, weights -> reports/lr_find.*."""

from pathlib import Path

from pawprint import console, finder, modelfile, networks, params, processes, session

IMAGES, INDEX = Path("data/presized/images.npy"), Path("data/presized/index.csv")
LABELS, PRETRAINED = Path("data/labels.csv"), Path("models/pretrained.safetensors")
SUMMARY, TABLE = Path("reports/lr_find.json"), Path("reports/lr_find.csv")


def main() -> dict[str, str]:
    p = params.load()
    keys, find, on = params.training(p), p.lr_find, p.runtime
    run = session.opened(keys, IMAGES, INDEX, LABELS, on.device, on.memory)
    tensors, _ = modelfile.read_tensors(PRETRAINED)
    network = networks.fresh(p.arch, len(run.data.classes), p.seed, tensors)
    networks.freeze(network, p.optimizer.train_norm)
    points = session.found(run, network, find.model_dump(), "lr_find")
    curve = list(console.bar(points, "lr_find", find.steps))
    processes.end_others()
    print(f"lr_find: {finder.write(TABLE, SUMMARY, curve, find.steps)}")
    return run.machine


if __name__ == "__main__":
    console.run(main, "lr_find")
