"""Shared by the tests: a small archive of pictures, and what a machine may lack."""

import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest_plugins = ["tests.copies"]

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT.parent / "shared" / "pets-sample" / "images.tar.gz"
WEIGHTS = ROOT.parent / "shared" / "weights" / "mobilenet_v2-imagenet-int8dq.pth"


@pytest.fixture(scope="session")
def vectors() -> dict[str, Any]:
    """fastai's own numbers."""
    loaded: dict[str, Any] = json.loads((ROOT / "tests/data/fastai-vectors.json").read_text())
    return loaded


@pytest.fixture(scope="session")
def sample() -> Path:
    """The archive of 722 real photographs, where this machine has it."""
    if not SAMPLE.is_file():
        pytest.skip("the sample of photographs is not on this machine")
    return SAMPLE


@pytest.fixture(scope="session")
def mobilenet_weights() -> Path:
    """Real ImageNet weights, where this machine has them."""
    if not WEIGHTS.is_file():
        pytest.skip("the sample weights are not on this machine")
    return WEIGHTS


def picture(width: int = 40, height: int = 30, seed: int = 0, kind: str = "JPEG") -> bytes:
    """A smooth random picture as a file's bytes."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC).save(file, kind)
    return file.getvalue()


@pytest.fixture
def tar(tmp_path: Path) -> Callable[[Mapping[str, bytes]], Path]:
    """Write an archive of these files."""

    def write(contents: Mapping[str, bytes], name: str = "archive.tar") -> Path:
        path = tmp_path / name
        with tarfile.open(path, "w:gz" if name.endswith("gz") else "w") as archive:
            for member, data in contents.items():
                header = tarfile.TarInfo(member)
                header.size = len(data)
                archive.addfile(header, io.BytesIO(data))
        return path

    return write


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project with the committed params and catalogue, as the working folder."""
    for name in ("params.yaml", "datasets.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "presets/digits.yaml", tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PAWPRINT_DATA", raising=False)
    os.environ.pop("DVC_ROOT", None)
    return tmp_path


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How many cases each test has tried that says so."""
    for report in terminalreporter.stats.get("passed", []):
        actual = dict(report.user_properties)
        if "cases" in actual:
            terminalreporter.write_line(f"{actual['cases']:>6,} cases: {report.nodeid}")
