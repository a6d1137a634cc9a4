import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file

from pawprint.core import params
from pawprint.core.findings import Findings
from pawprint.data import downloads
from pawprint.inference import predict
from pawprint.models import model_file, network, pretrained, state_dict
from pawprint.models.model_file import ModelCard
from pawprint.runtime import tensor_file
from tests.server import Site, serving

CARD = ModelCard("resnet18", ["a", "b"], 32, 40, [0.1] * 3, [0.2] * 3, {"lr": 0.1}, "0" * 64, {})


def test_a_model_comes_back_as_it_was_written(tmp_path: Path) -> None:
    model = network.create_model("resnet18", 2, 0, {})
    model_file.write(tmp_path / "m.safetensors", model, CARD)
    back, model_card = model_file.read(tmp_path / "m.safetensors")
    assert model_card == CARD
    assert not back.training
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, back.state_dict()[name])


def test_a_file_of_before_there_was_a_ground_drops_transparency(tmp_path: Path) -> None:
    text = {key: value for key, value in asdict(CARD).items() if key != "background"}
    tensor_file.write_tensors(tmp_path / "m", {"x": torch.zeros(1)}, text)
    background = model_file.read_card(tmp_path / "m").background
    assert background is None
    image = Image.fromarray(np.array([[[10, 200, 30, 0]]], np.uint8))
    image.save(tmp_path / "a.png")
    for ground, shown in ((background, [10, 200, 30]), ("white", [255, 255, 255])):
        pixels = predict.read_image(tmp_path / "a.png", 1, ground).pixels
        assert pixels is not None and pixels[0, 0].tolist() == shown


def test_equal_models_have_equal_bytes_and_one_key(tmp_path: Path) -> None:
    rows = []
    for name in ("one", "two"):
        model_file.write(tmp_path / name, network.create_model("resnet18", 2, 0, {}), CARD)
        rows.append((tmp_path / name).read_bytes())
    assert rows[0] == rows[1]
    head = rows[0][8 : 8 + int.from_bytes(rows[0][:8], "little")]
    assert head.count(b'"__metadata__":{"pawprint":"') == 1
    assert str(tmp_path).encode() not in head


@pytest.mark.parametrize("content", [b"", b"not a model", bytes(100)])
def test_another_file_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not a Pawprint model file"):
        model_file.read(path)


def test_a_model_of_another_shape_is_refused(tmp_path: Path) -> None:
    wrong = ModelCard("resnet34", ["a", "b"], 32, 40, [], [], {}, "", {})
    model_file.write(tmp_path / "m", network.create_model("resnet18", 2, 0, {}), wrong)
    with pytest.raises(ValueError, match="not a model file of this version: Error.*Missing key"):
        model_file.read(tmp_path / "m")


def test_a_missing_model_says_what_makes_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="dvc repro"):
        model_file.read(tmp_path / "absent")


def quiet(size: int) -> None:
    """No progress bar."""


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    actual: dict[str, torch.Tensor] = torchvision.models.resnet18().state_dict()
    return actual


def local(path: Path, arch: str = "resnet18") -> dict[str, torch.Tensor]:
    sha = hashlib.sha256(path.read_bytes()).hexdigest()
    return pretrained.load_pretrained(arch, str(path), sha, quiet, Findings())


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_local_weights_become_the_body_and_their_classifier_is_dropped(
    tmp_path: Path, state: dict[str, torch.Tensor], suffix: str
) -> None:
    path = tmp_path / f"w{suffix}"
    torch.save(state, path) if suffix == ".pth" else save_file(state, path)
    model = network.create_model("resnet18", 2, 0, local(path))
    assert torch.equal(model.state_dict()["body.conv1.weight"], state["conv1.weight"])
    assert not any(name.startswith("fc") for name in local(path))


@pytest.mark.parametrize("arch", params.ARCHITECTURES)
def test_the_published_weights_of_every_network_fit_and_carry_their_hash(arch: str) -> None:
    with torch.device("meta"):
        model = torchvision.models.get_model(arch, weights=None)
        body = network.build_body(model)
        actual = state_dict.align(arch, body, model.state_dict(), "torchvision")
    assert actual.keys() == body.state_dict().keys()
    assert len(model.state_dict()) - len(actual) >= 2  # the classifier's
    for weights in torchvision.models.get_model_weights(arch):
        assert re.search(r"-[0-9a-f]{8}\.pth$", weights.url), weights.url


def test_no_weights_are_no_tensors() -> None:
    assert pretrained.load_pretrained("resnet18", None, None, quiet, Findings()) == {}
    assert pretrained.load_pretrained("resnet18", "", None, quiet, Findings()) == {}


def test_old_files_without_batch_counters_are_taken(
    tmp_path: Path, state: dict[str, torch.Tensor]
) -> None:
    old = {name: t for name, t in state.items() if not name.endswith("num_batches_tracked")}
    torch.save(old, tmp_path / "w.pth")
    network.create_model("resnet18", 2, 0, local(tmp_path / "w.pth"))


def test_weights_of_another_arch_are_refused_with_counts(
    tmp_path: Path, state: dict[str, torch.Tensor]
) -> None:
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(ValueError, match=r"do not fit resnet34: .*missing \(layer1.2.conv1.weight"):
        local(tmp_path / "w.pth", "resnet34")
    state["conv1.weight"] = state["conv1.weight"][:1]
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(ValueError, match=r"1 of another shape \(conv1.weight\)"):
        local(tmp_path / "w.pth")


def test_a_wrong_hash_is_told_with_the_right_one(
    tmp_path: Path, state: dict[str, torch.Tensor]
) -> None:
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(ValueError, match="set weights_sha256 to the new"):
        pretrained.load_pretrained("resnet18", str(tmp_path / "w.pth"), "0" * 64, quiet, Findings())


class Poison:
    """Runs a command when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_a_poisoned_file_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    torch.save({"conv1.weight": Poison(tmp_path / "pwned")}, tmp_path / "w.pth")
    with pytest.raises(ValueError, match="not a file of weights"):
        local(tmp_path / "w.pth")
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("content", [[1, 2], {"a": 1}])
def test_a_file_that_is_no_state_dict_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(ValueError, match="not a state dict"):
        local(tmp_path / "w.pth")


def test_an_unknown_name_is_told_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match="torchvision has IMAGENET1K_V1, IMAGENET1K_V2, DEFAULT for resnet50"
    ):
        pretrained.load_pretrained("resnet50", "BEST", None, quiet, Findings())


@pytest.fixture
def publish_weights(state: dict[str, torch.Tensor], tmp_path: Path) -> Iterator[Site]:
    torch.save(state, tmp_path / "w.pth")
    data = (tmp_path / "w.pth").read_bytes()
    name = f"/resnet18-{hashlib.sha256(data).hexdigest()[:8]}.pth"
    with serving({name: data}) as site:
        yield site


@pytest.mark.parametrize("honest", [True, False])
def test_torchvisions_file_is_fetched_and_its_hash_is_that_of_its_name(
    publish_weights: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, honest: bool
) -> None:
    (name,) = publish_weights.files
    if not honest:
        publish_weights.files[name] = publish_weights.files[name] + b"!"
    weights = torchvision.models.get_model_weights("resnet18")
    monkeypatch.setattr(
        weights.IMAGENET1K_V1._value_, "url", publish_weights.url + name, raising=False
    )
    monkeypatch.setattr(downloads, "STORE", tmp_path / "store")
    if honest:
        assert pretrained.load_pretrained("resnet18", "IMAGENET1K_V1", None, quiet, Findings())
        assert pretrained.load_pretrained("resnet18", "DEFAULT", None, quiet, Findings())
        assert len(publish_weights.asked) == 1
    else:
        with pytest.raises(ValueError, match="does not start with"):
            pretrained.load_pretrained("resnet18", "IMAGENET1K_V1", None, quiet, Findings())
        assert not list((tmp_path / "store").glob("*.pth"))


@pytest.mark.photographs
def test_real_weights_name_real_photographs(mobilenet_weights: Path) -> None:
    body = local(mobilenet_weights, "mobilenet_v2")
    model = network.create_model("mobilenet_v2", 37, 0, body)
    assert torch.equal(model.state_dict()["body.0.0.weight"], body["0.0.weight"])
