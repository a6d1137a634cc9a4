"""Files that people give as weights: read, or named for what they are."""

import argparse
import pathlib
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import helper
from safetensors.torch import save_file
from torch import nn

from pawprint.models import weight_file

ADVICE = r"save only the state dict, where it was made: torch.save\(model.state_dict\(\), "
STATE = {"conv1.weight": torch.ones(2, 3), "fc.bias": torch.zeros(2)}


def reason(path: Path) -> str:
    """Why this file is not taken."""
    with pytest.raises(ValueError) as error:
        weight_file.read(path)
    message = str(error.value)
    assert message.startswith(f"{path}: not a ") and "\n" not in message and "\x1b" not in message
    assert "weights_only" not in message, "torch's words"
    return message


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors", "w"])
@pytest.mark.parametrize("form", ["safetensors", "torch", "torch before 1.6"])
def test_weights_are_read_by_their_content_whatever_their_name(
    tmp_path: Path, name: str, form: str
) -> None:
    if form == "safetensors":
        save_file(STATE, tmp_path / name)
    else:
        is_zip = form == "torch"
        torch.save(STATE, tmp_path / name, _use_new_zipfile_serialization=is_zip)
    content = weight_file.read(tmp_path / name)
    assert content.model_card is None and content.tensors.keys() == STATE.keys()
    assert torch.equal(content.tensors["conv1.weight"], STATE["conv1.weight"])


@pytest.mark.parametrize("is_zip", [True, False])
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (nn.Linear(2, 2), "torch.nn.modules.linear.Linear"),
        ({"state_dict": STATE, "hyper_parameters": argparse.Namespace(lr=1)}, "argparse.Namespace"),
        ({"state_dict": STATE, "path": pathlib.PurePosixPath("x")}, "pathlib.PurePosixPath"),
        ({"best": np.float64(3)}, r"numpy\._core\.multiarray\.scalar"),
    ],
)
def test_a_checkpoint_with_code_is_named_with_its_first_class(
    tmp_path: Path, content: Any, code: str, is_zip: bool
) -> None:
    torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=is_zip)
    with pytest.raises(ValueError, match=rf"more than tensors \(first: {code}\), .*; {ADVICE}"):
        weight_file.read(tmp_path / "w.pth")


def script_module(path: Path) -> None:
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), path)


def export_model(path: Path) -> None:
    torch.export.save(torch.export.export(nn.Linear(2, 2), (torch.ones(1, 2),)), path)


def in_zip(name: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, b"{}")

    return write


def in_onnx(path: Path) -> None:
    onnx.save(helper.make_model(helper.make_graph([], "g", [], [])), str(path))


def holding(head: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(head)

    return write


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
PAGE = b"<!DOCTYPE html><html><body>404</body></html>"


@pytest.mark.filterwarnings("ignore:.*torch.jit")
@pytest.mark.parametrize(
    ("write", "words"),
    [
        (script_module, r"a TorchScript archive; .*torch\.jit\.load\('.*w\.pth'\)\.state_dict\(\)"),
        (export_model, r"a program of torch\.export; .*torch\.export\.load\('.*'\)\.state_dict"),
        (in_zip("model.weights.h5"), "a model of Keras; give a state dict of PyTorch"),
        (in_zip("nested.pth"), r"torch\.save did not write \(it holds nested\.pth\)"),
        (in_onnx, f"ONNX.*; {ADVICE}"),
        (holding(pickle.dumps({"a": 1})), f"a pickle of Python's own, .*; {ADVICE}"),
        (holding(b"\x89HDF\r\n\x1a\n" + bytes(90)), f"HDF5; .*{ADVICE}"),
        (holding(PAGE), r"a web page \(HTML\); .* download it again"),
        (holding(LFS), "a pointer of Git LFS; .*`git lfs pull`"),
        (holding(b"outs:\n- md5: 0\n"), "a pointer of DVC; .*`dvc pull`"),
        (holding(b"GGUF" + bytes(90)), f"of an unknown kind; .*{ADVICE}"),
        (holding(b""), r"empty \(0 bytes\); .*copy it again"),
        (holding(bytes(900)), "only zero bytes; .*copy it again"),
    ],
)
def test_another_file_is_named_for_what_it_is(
    tmp_path: Path, write: Callable[[Path], None], words: str
) -> None:
    write(tmp_path / "w.pth")
    with pytest.raises(ValueError, match=f"not a file of weights: .*{words}"):
        weight_file.read(tmp_path / "w.pth")
    reason(tmp_path / "w.pth")


@pytest.mark.parametrize("form", ["safetensors", "torch", "torch before 1.6"])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.95])
def test_a_file_that_was_cut_is_called_so(tmp_path: Path, form: str, share: float) -> None:
    state = {f"layer{i}.weight": torch.ones(20, 20) for i in range(9)}
    path = tmp_path / "w"
    if form == "safetensors":
        save_file(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=form == "torch")
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert "truncated or damaged: copy or download it again" in reason(path)


def test_dictionaries_in_dictionaries_give_their_names_to_the_tensors(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "model": {"net": STATE}, "bias": torch.ones(1)}, tmp_path / "w.pth")
    content = weight_file.read(tmp_path / "w.pth")
    assert list(content.tensors) == ["model.net.conv1.weight", "model.net.fc.bias", "bias"]


def test_the_state_of_an_optimizer_is_no_network(tmp_path: Path) -> None:
    model = nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    torch.save(optimizer.state_dict(), tmp_path / "w.pth")
    assert (
        "not a state dict, which maps names to tensors, but an optimizer's state; save only the"
        in (reason(tmp_path / "w.pth"))
    )
