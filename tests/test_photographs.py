"""Transfer learning on real photographs with real weights, where both are at hand."""

import hashlib
import json
import tarfile
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.test_stages import run

pytestmark = pytest.mark.photographs

BREEDS, EACH = ("Abyssinian", "Bengal", "american_bulldog"), 36
CHANGED = {
    "dataset: digits ": "dataset: some   ",
    "arch: resnet18 ": "arch: mobilenet_v2 ",
    "\nsize: 32 ": "\nsize: 224 ",
    "\nbatch_size: 64 ": "\nbatch_size: 16 ",
    "  size: 32 ": "  size: 256 ",
    "  flip: 0.0 ": "  flip: 0.5 ",
    "\nlr: 0.002 ": "\nlr: 0.003 ",
    "frozen:\n  epochs: 1\n": "frozen:\n  epochs: 2\n",
}


def few(sample: Path, target: Path) -> None:
    """Some pictures of the breeds that have many."""
    left = {f"{breed}_{i}" for breed in BREEDS for i in range(1, 300)}
    taken = dict.fromkeys(BREEDS, 0)
    with tarfile.open(sample) as archive, tarfile.open(target, "w") as small:
        for member in archive:
            stem = Path(member.name).stem
            breed = stem.rpartition("_")[0]
            if stem in left and taken[breed] < EACH:
                taken[breed] += 1
                small.addfile(member, archive.extractfile(member))
    assert set(taken.values()) == {EACH}


def test_breeds_are_learned_and_the_memory_map_gives_the_same_model(
    project: Path, sample: Path, mobilenet_weights: Path
) -> None:
    few(sample, project / "few.tar")
    rule = {"from": "name", "pattern": r"^(.+)_\d+\.jpg$"}
    block = {"some": {"pictures": {"url": "few.tar"}, "label": rule}}
    (project / "datasets.yaml").write_text(json.dumps(block))
    text = (ROOT / "presets/digits.yaml").read_text()
    for old, new in CHANGED.items():
        assert old in text, old
        text = text.replace(old, new)
    hashed = hashlib.sha256(mobilenet_weights.read_bytes()).hexdigest()
    text = text.replace("\nweights: ", f"\nweights: {mobilenet_weights} ")
    text = text.replace("\nweights_sha256: ", f"\nweights_sha256: {hashed} ")
    models = []
    for memory in ("0.5 ", "1e-09 "):
        (project / "params.yaml").write_text(text.replace("memory: 0.5 ", f"memory: {memory}"))
        for stage in ("fetch", "weights", "label", "presize", "train_frozen"):
            process = run(stage, project)
            assert process.returncode == 0, process.stderr
        models.append((project / "models/frozen.safetensors").read_bytes())
    assert models[0] == models[1]
    last = json.loads((project / "reports/train_frozen.json").read_text())["frozen"]
    assert last["error_rate"] <= 0.2  # of 21 pictures, three breeds, two epochs of the head
