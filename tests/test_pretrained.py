"""Going on from a model file of ours, with other classes."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pawprint.core.findings import Findings
from pawprint.models import model_file, network, pretrained
from pawprint.models.model_file import ModelCard
from pawprint.runtime import tensor_file
from pawprint.terminal import console
from pawprint.vision import resample
from stages import weights
from tests.test_graph import GRAPH, write_files
from tests.test_scarcity import change

ARCH = "mobilenet_v3_small"
MEAN, STD = pretrained.NORMALISATION.values()
CARD = ModelCard(ARCH, ["cat", "dog"], 32, 40, MEAN, STD, {}, "0" * 64, {})


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A trained model of two classes, outside the project, whose statistics have moved."""
    model = network.create_model(ARCH, 2, 7, {})
    model.train()(torch.rand(4, 3, 32, 32))
    path = tmp_path / "mine.safetensors"
    model_file.write(path, model, CARD)
    return path


def give(path: Path, arch: str = ARCH) -> tuple[dict[str, torch.Tensor], list[str]]:
    """The body's tensors of a file, and the notes on it."""
    findings = Findings()
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    tensors = pretrained.load_pretrained(arch, str(path), sha256, lambda _: None, findings)
    return tensors, findings.notes


def test_the_stage_takes_the_body_of_ones_own_model_bit_for_bit_and_a_new_head(
    project: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sha256 = hashlib.sha256(model.read_bytes()).hexdigest()
    change(project, arch=ARCH, weights=str(model), weights_sha256=sha256)
    console.run_stage(weights.main, "weights")
    out = capsys.readouterr().out
    assert (
        "note: " in out and "a Pawprint model with 2 outputs: its body is used, its head is" in out
    )
    tensors, _ = tensor_file.read_tensors(weights.OUT)
    ours = network.create_model(ARCH, 5, 0, tensors).state_dict()  # as train_frozen does
    before = model_file.read(model)[0].state_dict()
    body = [name for name in before if name.startswith("body.")]
    assert all(torch.equal(ours[name], before[name]) for name in body)
    assert any(name.endswith("running_mean") and before[name].any() for name in body)
    assert ours["head.7.weight"].shape == (5, 512) != before["head.7.weight"].shape
    assert not torch.equal(ours["head.3.weight"], before["head.3.weight"])


def test_a_bare_body_that_the_stage_has_written_is_taken(tmp_path: Path, model: Path) -> None:
    body, _ = give(model)
    tensor_file.write_tensors(tmp_path / "body.safetensors", body, {})
    again, notes = give(tmp_path / "body.safetensors")
    assert notes == [] and all(torch.equal(body[name], again[name]) for name in body)


def test_a_model_of_another_arch_is_told_with_both(model: Path) -> None:
    with pytest.raises(
        ValueError, match=rf"its network is {ARCH}, and arch in .* is resnet18; set arch to {ARCH}"
    ):
        give(model, "resnet18")


def test_another_normalisation_is_told(tmp_path: Path) -> None:
    assert list(resample.MEAN) == MEAN and list(resample.STD) == STD
    other = replace(CARD, mean=[0.5, 0.5, 0.5])
    model_file.write(tmp_path / "m", network.create_model(ARCH, 2, 7, {}), other)
    (tmp_path / "m").rename(tmp_path / "m.safetensors")
    _, notes = give(tmp_path / "m.safetensors")
    assert len(notes) == 2
    assert "normalised with a mean of [0.5, 0.5, 0.5], yours with [0.485," in notes[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ({"users": [], "items": []}, "it is a model of ratings, without a body for images"),
        ({"history": []}, "it is the state of an interrupted training, without"),
        (
            {},
            "it contains no tensors, because `weights` was empty when it was written; give a",
        ),
    ],
)
def test_another_file_of_ours_is_named(tmp_path: Path, text: dict[str, object], words: str) -> None:
    tensor_file.write_tensors(tmp_path / "m.safetensors", {}, text)
    with pytest.raises(ValueError, match=words):
        give(tmp_path / "m.safetensors")


def test_what_the_stages_write_is_refused_as_weights_there_or_not(project: Path) -> None:
    models = {path for stage in GRAPH.values() for path in write_files(stage) if "models/" in path}
    assert models == {str(path) for path in pretrained.OUTS}
    Path("link.safetensors").symlink_to("models/unfrozen.safetensors")
    for name in (*models, f"{project}/models/frozen.safetensors", "./link.safetensors"):
        with pytest.raises(ValueError, match=r"each run would replace it; copy it out of models/"):
            pretrained.check_local_file(Path(name), "0" * 64)


def test_an_experiments_copy_finds_the_file_in_the_project(
    project: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = project / ".dvc/tmp/exps/tmp1"
    copy.mkdir(parents=True)
    (project / "w").mkdir()
    shutil.move(model, project / "w/mine.safetensors")
    monkeypatch.chdir(copy)
    assert give(project / "w/mine.safetensors")[0]
    sha256 = hashlib.sha256((project / "w/mine.safetensors").read_bytes()).hexdigest()
    assert pretrained.check_local_file(Path("w/mine.safetensors"), sha256).is_file()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (".", "a folder; give the file in it; set `weights` in params.yaml to a path from"),
        ("~/w.pth", "no such file; set `weights` in params.yaml to a path .* or to an absolute"),
        ("https://host/w.pth", r"no such file; .*\(not ~, not a URL\)"),
    ],
)
def test_what_is_no_file_says_which_paths_are_taken(project: Path, name: str, words: str) -> None:
    with pytest.raises(FileNotFoundError, match=words):
        pretrained.check_local_file(Path(name), "0" * 64)


def test_a_file_whose_name_could_be_torchvisions_is_told_how_to_mean_it(project: Path) -> None:
    Path("best.ckpt").write_bytes(b"")
    with pytest.raises(ValueError, match=r"to mean the file, write \./best\.ckpt, and set"):
        pretrained.fetch_published(ARCH, "best.ckpt", lambda _: None)


def test_predict_names_a_file_of_ours_that_is_no_model_of_images(tmp_path: Path) -> None:
    tensor_file.write_tensors(tmp_path / "m", {}, {"users": []})
    for read in (model_file.read, model_file.read_card):
        with pytest.raises(ValueError, match="a model of ratings, not a model of images; give a"):
            read(tmp_path / "m")


def test_a_model_file_that_was_cut_is_called_so(model: Path) -> None:
    model.write_bytes(model.read_bytes()[:5000])
    with pytest.raises(ValueError, match="a truncated or damaged Pawprint model file"):
        model_file.read(model)
