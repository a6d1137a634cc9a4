"""`pawprint preset`: what it changes in params.yaml, what it keeps, and what it refuses."""

import re
import shutil
import sys
from pathlib import Path

import pytest

from pawprint.cli import main
from pawprint.core import params, yaml_file
from pawprint.ratings import config
from tests.conftest import ROOT

FILE = Path("params.yaml")
DIGITS = (ROOT / "presets/digits.yaml").read_text()
PHOTOS = (ROOT / "presets/pets-resnet34.yaml").read_text()
NAMES = sorted(path.stem for path in (ROOT / "presets").glob("*.yaml"))
RATINGS = sorted(path.stem for path in (ROOT / "collab/presets").glob("*.yaml"))


@pytest.fixture
def home(project: Path) -> Path:
    """A project with the presets, whose params are those of the digits."""
    shutil.copytree(ROOT / "presets", "presets")
    return project


@pytest.fixture
def ratings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The ratings project, in a folder of its name in a project."""
    for name in ("dvc.yaml", "params.yaml", "collab/dvc.yaml", "collab/params.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "collab/presets", tmp_path / "collab/presets")
    shutil.copy(ROOT / "collab/presets/planted.yaml", tmp_path / "collab/params.yaml")
    monkeypatch.chdir(tmp_path / "collab")
    return tmp_path / "collab"


def command(*words: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["pawprint", "preset", *words])
        main.main()


def refusal(*words: str) -> str:
    """What it says; nothing is written."""
    before = FILE.read_bytes() if FILE.exists() else None
    with pytest.raises(SystemExit) as caught:
        command(*words)
    assert (FILE.read_bytes() if FILE.exists() else None) == before
    return str(caught.value.code)


def put(old: str, new: str) -> None:
    text = FILE.read_text()
    assert text.count(old) == 1
    FILE.write_text(text.replace(old, new))


def test_the_dataset_stays_and_all_else_is_the_presets(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put("dataset: digits ", "dataset: mine ")
    command("pets-resnet34")
    assert FILE.read_text() == PHOTOS.replace("dataset: pets ", "dataset: mine ")
    assert capsys.readouterr().out.splitlines() == [
        "preset     presets/pets-resnet34.yaml",
        "kept       dataset: mine (the preset has pets)",
        "changed    arch: resnet18 -> resnet34",
        "           weights: empty -> IMAGENET1K_V1",
        "           lr: 0.002 -> 0.003",
        "           size: 32 -> 224",
        "           presize.size: 32 -> 460",
        "           augment.flip: 0.0 -> 0.5",
        "           augment.supersample: 1 -> 2",
        "           frozen.epochs: 1 -> 3",
        "           unfrozen.epochs: 10 -> 12",
        "           unfrozen.lr_min: 0.002 -> 1e-06",
        "           unfrozen.lr_max: 0.002 -> 0.0001",
        "written    params.yaml",
    ]
    assert not list(home.glob(".params*"))


def test_keys_and_sections_that_are_named_stay(home: Path) -> None:
    put("flip: 0.0 ", "flip: 0.25 ")
    put("  valid_fraction: 0.2 ", "  valid_fraction: 0.125 ")
    put("  split: random ", "  split: stratified ")
    command("pets-resnet34.yaml", "--keep", "augment.flip", "--keep", "label", "--keep", "weights")
    before, after = (yaml_file.flatten(yaml_file.parse(text, "")) for text in (DIGITS, PHOTOS))
    kept = {"augment.flip": 0.25, "label.valid_fraction": 0.125, "label.split": "stratified"}
    kept |= {"weights": None, "dataset": "digits"}
    assert yaml_file.flatten(yaml_file.load(FILE)) == after | kept
    assert before != after


def test_a_comment_keeps_its_column_and_every_other_byte_stays(home: Path) -> None:
    put("background: white ", "background: '#20Fa20' ")
    put("weights:    ", "weights: x/a_long_name_of_some_torchvision_weights")
    put("weights_sha256:", f"weights_sha256: {'a' * 64}")
    (home / "x").mkdir()
    (home / "x/a_long_name_of_some_torchvision_weights").touch()
    FILE.write_bytes(FILE.read_bytes().replace(b"\n", b"\r\n"))
    path = home / "presets/pets-resnet34.yaml"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    command(
        *("presets/pets-resnet34.yaml", "--keep", "weights", "--keep", "presize.background"),
        *("--keep", "weights_sha256", "--keep", "presize", "--keep", "size"),
    )
    lines, others = FILE.read_bytes().split(b"\r\n"), PHOTOS.splitlines()
    changed = [(old, new.decode()) for new, old in zip(lines, others, strict=False)]
    comment = "# empty: from the seed; a name of torchvision's (DEFAULT); or a local file"
    sha256 = f"weights_sha256: {'a' * 64} # of a local file"
    assert [pair for pair in changed if pair[0] != pair[1]] == [
        (others[4], others[4].replace("pets  ", "digits")),
        (others[6], f"weights: x/a_long_name_of_some_torchvision_weights {comment}"),
        (others[7], sha256),
        (others[11], others[11].replace("224", "32 ")),
        (others[21], others[21].replace("460", "32 ")),
        (others[22], others[22].replace("white    ", "'#20Fa20'")),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_can_be_put_and_every_key_kept(home: Path, name: str) -> None:
    keys = [*yaml_file.load(FILE)]
    command(name, *(word for key in keys for word in ("--keep", key)))
    assert FILE.read_text() == DIGITS  # nothing changes, so not even a comment does
    command(name)
    own = (ROOT / f"presets/{name}.yaml").read_text()
    changed = [
        old for old, new in zip(own.splitlines(), FILE.read_text().splitlines(), strict=True)
        if old != new
    ]  # fmt: skip
    assert [line.partition(":")[0] for line in changed] in ([], ["dataset"])
    assert params.load().dataset == "digits"


def test_a_dry_run_writes_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put("lr: 0.002 ", "lr: 3e-3  # mine ")
    before = FILE.read_bytes()
    command("digits", "--dry-run")
    assert capsys.readouterr().out.splitlines() == [
        "preset     presets/digits.yaml",
        "changed    lr: 0.003 -> 0.002",
        "dry run    nothing is written",
    ]
    command("digits", "--keep", "lr")
    assert "unchanged  params.yaml has these values already" in capsys.readouterr().out
    assert FILE.read_bytes() == before


def test_without_params_the_presets_own_dataset_is_taken(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    FILE.unlink()
    Path("dvc.yaml").touch()
    message = refusal("pets-resnet34", "--keep", "lr")
    assert message == "pawprint: --keep lr: there is no params.yaml, so leave this --keep out"
    command("pets-resnet34")
    assert FILE.read_text() == PHOTOS
    assert "changed    params.yaml, with dataset: pets\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["pets-resnet43"],
            r"no preset 'pets-resnet43' \(did you mean pets-resnet\d+\?\); choose one of biwi",
        ),
        (["../params"], r"presets: no preset '../params'.*; choose one of "),
        (
            ["digits", "--keep", "lrr"],
            r"--keep 'lrr' \(did you mean lr\?\): no such key in presets/digits.yaml; give a key "
            "such as lr or label.split, or a section: augment, evaluate",
        ),
        (
            ["digits", "--keep", "augment.flop", "--keep", "a\nb"],
            r"'augment.flop' \(did you mean augment.flip\?\), 'a\\\\nb'",
        ),
        (["digits", "--keep", "aug"], "--keep 'aug'.*: no such key"),
    ],
)
def test_a_wrong_call_is_one_line(home: Path, words: list[str], message: str) -> None:
    answer = refusal(*words)
    assert re.search(message, answer) and "\n" not in answer


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr: [1", "a bracket that is opened here is not closed, line 1"),
        ("", "empty: `key: value` lines are expected"),
        ("<<<<<<< HEAD\nlr: 1\n", "an unfinished merge of git"),
    ],
)
def test_params_that_cannot_be_read_are_one_line_with_a_way_out(
    home: Path, text: str, message: str
) -> None:
    FILE.write_text(text)
    answer = refusal("digits")
    assert message in answer and "\n" not in answer
    assert answer.endswith(
        "fix it, or run `git checkout HEAD -- params.yaml`, or remove the file: the preset's own "
        "dataset is then taken"
    )


def test_params_of_which_a_key_is_wrong_are_put_right(home: Path) -> None:
    put("frozen:\n  epochs: 1\n", "frozen: 3\nlrr: 1\nx:\n  epochs: 1\n")
    message = refusal("digits", "--keep", "frozen.epochs")
    assert "--keep frozen.epochs: params.yaml has no such key, so leave this --keep out" in message
    command("digits")
    assert FILE.read_text() == DIGITS


def test_what_is_kept_must_fit_the_preset(home: Path) -> None:
    answer = refusal("pets-resnet34", "--keep", "presize")
    assert answer.splitlines() == [
        "pawprint: presets/pets-resnet34.yaml with what is kept: size is 224, above presize.size, "
        "which is 32, so the cache would have to be enlarged; set presize.size to 224 or more",
        "nothing was written to params.yaml",
    ]


def test_a_preset_in_which_no_value_can_be_replaced_is_left_alone(home: Path) -> None:
    (home / "presets/mine.yaml").write_text(
        DIGITS.replace("seed: 0 ", "seed: &s 0 ").replace("  seed: 42 ", "  seed: *s ")
    )
    put("seed: 0 ", "seed: 7 ")
    assert "presets/mine.yaml: cannot be changed as it is written" in refusal(
        "mine", "--keep", "seed"
    )


def test_a_dataset_of_another_target_is_noted(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command("digits-points", "--dry-run")
    assert (
        "note       presets/digits-points.yaml is made for target: points (digits-points), but "
        "digits has target: label\n"
    ) in capsys.readouterr().out
    put("dataset: digits ", "dataset: biwi ")
    command("digits-points", "--dry-run")
    Path("datasets.yaml").write_text("- broken")
    command("digits-labels")
    assert "note" not in capsys.readouterr().out


@pytest.mark.parametrize("name", RATINGS)
def test_the_ratings_project_has_its_own_presets(
    ratings: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command(name)
    assert config.load().dataset == "planted"
    own = (ROOT / f"collab/presets/{name}.yaml").read_text()
    assert FILE.read_text() == own.replace("dataset: ml-100k", "dataset: planted")
    assert "choose one of bias, decay, dot" in refusal("digits")
    assert ("unchanged" if name == "planted" else "written") in capsys.readouterr().out


def test_dotted_keys_are_nested_as_they_were_flat() -> None:
    content = yaml_file.parse(PHOTOS, "")
    assert yaml_file.nest(yaml_file.flatten(content)) == content
