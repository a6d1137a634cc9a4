"""Download and check the body's initial weights: params -> models/pretrained.safetensors."""

from pathlib import Path

from pawprint.core import params
from pawprint.core.findings import Findings
from pawprint.models import pretrained
from pawprint.runtime import tensor_file
from pawprint.terminal import console

OUT = Path("models/pretrained.safetensors")


def main() -> None:
    p, findings = params.load(), Findings()
    with console.byte_bar(f"weights {p.arch}") as bar:
        tensors = pretrained.load_pretrained(
            p.arch, p.weights, p.weights_sha256, bar.update, findings
        )
    for note in findings.notes:
        print(f"weights: note: {note}")
    tensor_file.write_tensors(OUT, tensors, {})
    print(f"weights: {len(tensors)} tensors from {p.weights}" if tensors else "weights: none")


if __name__ == "__main__":
    console.run_stage(main, "weights")
