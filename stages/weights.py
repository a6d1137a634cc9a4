"""Fetch and check the body's initial weights: params -> models/pretrained.safetensors."""

from pathlib import Path

from pawprint import console, modelfile, params, pretrained

OUT = Path("models/pretrained.safetensors")


def main() -> None:
    p = params.load()
    with console.byte_bar(f"weights {p.arch}") as bar:
        tensors = pretrained.tensors(p.arch, p.weights, p.weights_sha256, bar.update)
    modelfile.write_tensors(OUT, tensors, {})
    print(f"weights: {len(tensors)} tensors from {p.weights}" if tensors else "weights: none")


if __name__ == "__main__":
    console.run(main, "weights")
