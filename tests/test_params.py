import math
import re
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.serialize import dumps_yaml, parse_yaml
from hypothesis import given
from hypothesis import strategies as st

from pawprint.core import params, yaml_file
from tests.conftest import ROOT
from tests.copies import call
from tests.kinds import put

DIGITS = (ROOT / "presets/digits.yaml").read_text()


def write_files(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    return path


def change(**values: Any) -> str:
    content = yaml_file.load(ROOT / "presets/digits.yaml")
    for key, value in values.items():
        put(content, tuple(key.split("__")), value)
    text: str = dumps_yaml(content)
    return text


def test_the_committed_params_are_the_digits_preset() -> None:
    """Those of the working tree may be an experiment's."""
    committed, preset = (
        call(ROOT, "git", "show", f"HEAD:{path}") for path in ("params.yaml", "presets/digits.yaml")
    )
    assert committed == preset


def test_digits_leaves_room_for_the_first_experiment() -> None:
    assert params.load(ROOT / "presets/digits.yaml").lr != 3e-3


@pytest.mark.parametrize("preset", sorted((ROOT / "presets").glob("*.yaml")), ids=lambda p: p.name)
def test_a_preset_differs_from_digits_only_where_its_head_says(preset: Path) -> None:
    params.load(preset)

    def flat(content: dict[str, Any], above: str = "") -> dict[str, Any]:
        actual: dict[str, Any] = {}
        for key, value in content.items():
            if isinstance(value, dict):
                actual |= flat(value, f"{above}{key}.")
            else:
                actual[above + key] = value
        return actual

    digits, own = flat(yaml_file.load(ROOT / "presets/digits.yaml")), flat(yaml_file.load(preset))
    head = re.match(r"(?:#.*\n)*", preset.read_text())
    listed = head[0].partition("digits.yaml in:")[2] if head else ""
    message = set(re.findall(r"[a-z0-9_.]+", listed))
    assert {key for key in own if own[key] != digits.get(key)} == message
    assert own.keys() == digits.keys()


@pytest.mark.parametrize(
    "text",
    [
        *("3e-3", "1e-05", "1.5E+3", "-2e4", ".5", "1.", "+.5e-3", "1_000", "1_0.5", "017", "0o17"),
        *("0x1F", "0b101", "-0", "+12", "no", "yes", "on", "off", "True", "false", "FALSE", "y"),
        *(
            "null",
            "~",
            "",
            "1:30",
            "12:30:45",
            ".inf",
            "-.INF",
            "3e",
            "e3",
            "1.2.3",
            "0.1e",
            "half",
        ),
        *("2026-11-21", "'3e-3'", '"no"', "[1, 2e-3]", "{a: 1e-3}", "1e5.5", "__1", "0o8"),
    ],
)
def test_scalars_are_read_as_dvc_reads_them(tmp_path: Path, text: str) -> None:
    path = write_files(tmp_path, f"key: {text}\n")
    theirs = parse_yaml(path.read_text(), path)["key"]
    ours = yaml_file.load(path)["key"]
    if text == "2026-11-21":
        assert str(ours) == str(theirs)
    else:
        assert (ours, type(ours)) == (theirs, type(theirs))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_that_dvc_writes_is_read_as_a_float(value: float) -> None:
    assert yaml_file.parse(f"k: {value!r}", "")["k"] == value


def test_a_key_given_twice_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the key 'lr' stands twice.* line 3, column 1"):
        params.load(write_files(tmp_path, "lr: 1\nseed: 0\nlr: 2\n"))


def test_all_faults_are_reported_together_with_key_value_and_remedy(tmp_path: Path) -> None:
    text = change(
        lr=-1.0, arch="vgg16", size="big", unfrozen__lr_max="many", augment__flip=math.nan,
        threads=0, frozen__epochs=1.5, processes=0,
    )  # fmt: skip
    text = text.replace("seed: 0", "sede: 0", 1)
    with pytest.raises(ValueError, match="params.yaml") as caught:
        params.load(write_files(tmp_path, text))
    lines = [line.partition("params.yaml: ")[2] for line in str(caught.value).splitlines()]
    assert sorted(line.split(" ")[0] for line in lines) == [
        *("`arch`", "`augment.flip`", "`frozen.epochs`", "`lr`", "`processes`", "`sede`", "`seed`"),
        *("`size`", "`threads`", "`unfrozen.lr_max`"),
    ]
    message = "\n".join(lines)
    assert "`lr` is -1.0: must be a finite number above 0 or 'auto'" in message
    assert "`arch` is 'vgg16': must be one of resnet18, resnet34," in message
    assert "`sede` is 0: unknown key (did you mean `seed`?); remove it" in message
    assert (
        "`seed` is missing: it must be a whole number at least 0 and below 4294967296;" in message
    )
    assert "`size` is 'big': must be a whole number from 32 to 2048" in message
    assert "`processes` is 0: must be a whole number from 1 to 1024" in message


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"weights": "w/net.pth"}, "weights is 'w/net.pth': no such file; give a path from"),
        ({"weights": __file__}, "weights_sha256 is missing: '.*' is a local file, and only its"),
        ({"weights_sha256": 5}, "`weights_sha256` is 5: must be 64 hex digits .* or empty"),
        ({"arch": None}, "`arch` is empty: must be one of resnet18"),
        ({"lr_find__start": 10.0}, "lr_find.start must be below lr_find.end"),
        ({"frozen__epochs": 0, "unfrozen__epochs": 0}, "are both 0; set one to 1 or more"),
        ({"unfrozen__lr_max": "half"}, "leave unfrozen.lr_min empty"),
        ({"unfrozen__lr_min": 1.0}, "unfrozen.lr_min must not be above unfrozen.lr_max"),
        ({"size": 64}, "size is 64, above presize.size, which is 32, so the cache would have to"),
        ({"evaluate__size": 40}, "evaluate.size is 40, above .* set presize.size to 40 or more"),
        ({"lr": math.inf}, "`lr` is inf: must be a finite number"),
        ({"augment": 3}, "`augment` is 3: must be a section with the keys flip, max_rotate, "),
        ({"weights": ""}, "is '': must be text or empty; to leave it empty: -S weights=null"),
        ({"weights_sha256": ""}, "hex digits .* or empty; to .* empty: -S weights_sha256=null"),
        ({"evaluate__size": ""}, "or empty; to leave it empty: -S evaluate.size=null"),
        ({"unfrozen__lr_min": ""}, "or empty; to leave it empty: -S unfrozen.lr_min=null"),
        ({"lr": ""}, "`lr` is '': must be a finite number above 0 or 'auto'$"),
        ({"dataset": 7}, "must be text .*; to set it as text, quote it: -S \"dataset='7'\"$"),
        ({"runtime__device": "tpu"}, "`runtime.device` is 'tpu': must be auto, cpu, mps, cuda or"),
    ],
)  # fmt: skip
def test_a_fault_is_one_line(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        params.load(write_files(tmp_path, change(**values)))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("text", ["- 1\n", "lr: [\n", "\tlr: 1\n", ""])
def test_a_file_that_is_no_mapping_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"params\.yaml: "):
        params.load(write_files(tmp_path, text))


def test_a_missing_file_says_where_to_run(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="run from the project's root"):
        params.load(tmp_path / "params.yaml")
