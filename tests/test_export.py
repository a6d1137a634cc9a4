"""ONNX files against torch, with onnxruntime itself."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from pawprint.cli import main
from pawprint.core.findings import Findings
from pawprint.inference import onnx_export
from pawprint.models import model_file, network, state_dict, weight_file
from pawprint.models.model_file import ModelCard
from pawprint.storage import archives
from pawprint.vision import cache_writer, resample

CLASSES = ["cat", "dog", "ünïcode"]


def model_card(arch: str, size: int) -> ModelCard:
    stats = (list(resample.MEAN), list(resample.STD))
    return ModelCard(arch, CLASSES, size, size, *stats, {"lr": 0.1}, "0" * 64, {"torch": "2"})


def answers(path: Path, pictures: torch.Tensor) -> np.ndarray:
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    (process,) = session.run(None, {"pictures": pictures.numpy()})
    return np.asarray(process)


def test_an_export_answers_as_torch_and_describes_itself(tmp_path: Path) -> None:
    model = network.create_model("resnet18", 3, 0, {}).eval()
    model_file.write(tmp_path / "m.safetensors", model, model_card("resnet18", 64))
    message = onnx_export.write(tmp_path / "m.safetensors", tmp_path / "m.onnx")
    assert "3 outputs, within " in message and not list(tmp_path.glob("*.tmp"))
    for n in (1, 7):  # batches of any size
        pictures = torch.rand(n, 3, 64, 64)
        mean, std = (torch.tensor(x).view(3, 1, 1) for x in (resample.MEAN, resample.STD))
        with torch.no_grad():
            expected = torch.softmax(model((pictures - mean) / std), 1)
        assert np.allclose(answers(tmp_path / "m.onnx", pictures), expected, atol=1e-4)
    content = json.loads(onnx.load(tmp_path / "m.onnx").metadata_props[0].value)
    assert content["classes"] == CLASSES and "RGB, values 0 to 1" in content["input"]
    assert content["background"] is None and "transparency dropped;" in content["preparation"]
    ground = onnx_export.metadata(replace(model_card("resnet18", 64), background="tomato"))
    assert "transparency laid on tomato;" in json.loads(ground["pawprint"])["preparation"]


def test_a_file_that_answers_otherwise_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = network.create_model("mobilenet_v3_small", 3, 0, {}).eval()
    model_file.write(tmp_path / "m.safetensors", model, model_card("mobilenet_v3_small", 32))
    monkeypatch.setattr(onnx_export, "MAX_DIFFERENCE", -1.0)
    with pytest.raises(
        ValueError, match="not written: the outputs of onnxruntime and torch differ by"
    ):
        onnx_export.write(tmp_path / "m.safetensors", tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()


def test_without_the_packages_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.setattr("sys.argv", ["pawprint", "export"])
    with pytest.raises(SystemExit, match=r"export needs the package onnx: pip install .*export"):
        main.main()


@pytest.mark.photographs
def test_thirty_two_photographs_are_answered_as_by_torch(
    tmp_path: Path, sample: Path, mobilenet_weights: Path
) -> None:
    given = weight_file.read(mobilenet_weights).tensors
    tensors = state_dict.match("mobilenet_v2", given, "", Findings())
    model = network.create_model("mobilenet_v2", 3, 0, tensors).eval()
    body: nn.Module = model.body
    assert not body.training
    model_file.write(tmp_path / "m.safetensors", model, model_card("mobilenet_v2", 224))
    onnx_export.write(tmp_path / "m.safetensors", tmp_path / "m.onnx")
    names = archives.image_names(sample)[:32]
    rows = [
        cache_writer.decode_to_square(n, data, 224, "white").pixels
        for n, data in archives.read_files(sample, names)
    ]
    pictures = torch.stack([p for p in rows if p is not None]).permute(0, 3, 1, 2) / 255
    exported = onnx_export.Exported(model, model_card("mobilenet_v2", 224)).eval()
    with torch.no_grad():
        expected = exported(pictures)
    assert len(pictures) == 32
    assert np.allclose(answers(tmp_path / "m.onnx", pictures), expected, atol=1e-4)
