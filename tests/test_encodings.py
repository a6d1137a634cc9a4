"""Output that is not UTF-8, and names that no encoding has: no codec error, nothing lost."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from pawprint.cli import main
from pawprint.models import model_file, network
from pawprint.models.model_file import ModelCard
from pawprint.terminal import console
from pawprint.vision import resample
from tests.conftest import picture

CLASSES = ["日本犬", "čápek", "😀"]
AUGMENT = {"supersample": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of such classes, and pictures of such names."""
    result = tmp_path_factory.mktemp("else")
    model_card = ModelCard(
        "mobilenet_v3_small", CLASSES, 32, 40, list(resample.MEAN), list(resample.STD),
        {"threads": 1, "augment": AUGMENT}, "0" * 64, {},
    )  # fmt: skip
    model_file.write(
        result / "m.safetensors", network.create_model(model_card.arch, 3, 0, {}), model_card
    )
    (result / "čápek.jpg").write_bytes(picture())
    return result


@pytest.fixture(autouse=True)
def afterwards() -> Iterator[None]:
    yield
    torch.use_deterministic_algorithms(False)


class Terminal(io.TextIOWrapper):
    """Standard output in some encoding."""

    def __init__(self, encoding: str) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, errors="strict", newline="\n")

    @property
    def written(self) -> bytes:
        """What has arrived."""
        self.flush()
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue()


def predict_with(
    folder: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, *words: str
) -> bytes:
    """What `pawprint predict` prints on such a terminal."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["pawprint", "predict", "--model", "m.safetensors", *words])
    monkeypatch.setattr(sys, "stdout", Terminal(encoding))
    main.main()
    assert isinstance(sys.stdout, Terminal)
    return sys.stdout.written


ENCODINGS = ("latin-1", "cp1252", "ascii", "utf-8", "utf-16", "cp932")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_json_is_read_back_equal_in_the_terminals_encoding(
    folder: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    line = predict_with(folder, monkeypatch, encoding, "čápek.jpg", "--json")
    answer = json.loads(line.decode(encoding))
    assert answer["file"] == "čápek.jpg"
    assert {label for label, _ in answer["top"]} == set(CLASSES)


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8"])
def test_csv_is_utf8_in_every_terminal(
    folder: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    lines = predict_with(folder, monkeypatch, encoding, "čápek.jpg", "--csv").decode("utf-8")
    _, (file, label, _) = csv.reader(io.StringIO(lines))
    assert file == "čápek.jpg" and label in CLASSES


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_person_sees_escapes_for_what_the_terminal_lacks(
    folder: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    text = predict_with(folder, monkeypatch, encoding, "čápek.jpg").decode(encoding)
    dog = "日本犬" if encoding in ("utf-8", "utf-16", "cp932") else r"\u65e5\u672c\u72ac"
    assert dog in text and ("😀" in text or r"\U0001f600" in text)


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "latin-1"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    ],
)
def test_a_process_in_another_encoding_answers(folder: Path, variables: dict[str, str]) -> None:
    ours = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "PYTHON"))}
    command = [
        sys.executable,
        "-c",
        "from pawprint.cli import main; main.main()",
        "predict",
        "--json",
    ]
    process = subprocess.run(
        [*command, "--model", "m.safetensors", "čápek.jpg", "-"],
        cwd=folder, env=ours | variables | {"PYTHONPATH": os.environ.get("PYTHONPATH", "")},
        input="čápek.jpg\r\n".encode(), capture_output=True, check=False,
    )  # fmt: skip
    assert (process.returncode, process.stderr) == (0, b"")
    answers = [json.loads(line) for line in process.stdout.decode("ascii").splitlines()]
    assert [answer["file"] for answer in answers] == ["čápek.jpg"] * 2


def test_a_stage_prints_and_fails_in_every_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def main() -> None:
        print("label: note: 日本犬")  # noqa: T201 - as a stage does
        raise ValueError("日本犬: no image; fix it")

    out, err = Terminal("latin-1"), Terminal("ascii")
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    with pytest.raises(SystemExit) as ended:
        console.run_stage(main, "label")
    assert ended.value.code == 1
    assert out.written == b"label: note: \\u65e5\\u672c\\u72ac\n"
    assert err.written == b"label: \\u65e5\\u672c\\u72ac: no image; fix it\n"


def test_help_is_shown_in_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["pawprint", "new", "--help"])
    monkeypatch.setattr(sys, "stdout", Terminal("ascii"))
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 0


def test_a_name_that_is_not_utf8_can_be_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = os.fsdecode(b"\xff.jpg")
    (folder / name).write_bytes(picture())
    line = predict_with(folder, monkeypatch, "utf-8", name, "--json").decode("utf-8")
    assert json.loads(line)["file"] == name
    (folder / name).unlink()


def test_a_name_that_cannot_be_encoded_says_what_to_do() -> None:
    with pytest.raises(
        SystemExit, match=r"^pawprint: '\\udcff': this name is not UTF-8; rename it"
    ):
        console.run_command(lambda: "\udcff".encode(), "pawprint")
