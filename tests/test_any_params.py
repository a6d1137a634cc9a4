"""Any params.yaml, right or wrong: what is said of it, and what `dvc exp run -S` makes of it."""

import re
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import pytest
from dvc.utils.cli_parse import to_path_overrides
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import dumps_yaml, load_yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pawprint.core import params, yaml_file
from pawprint.data import catalog
from tests.conftest import ROOT
from tests.copies import call, fresh_copy
from tests.kinds import LEAVES, Content, Place, faults, put, right_files, take

Record = Callable[[str, object], None]
Folders = pytest.TempPathFactory
DIGITS = (ROOT / "presets/digits.yaml").read_text()


def file(folder: Path, text: str) -> Path:
    path = folder / "params.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def complaints(path: Path) -> list[str]:
    """The lines of the one ValueError, without the file's name."""
    with pytest.raises(ValueError) as caught:
        params.load(path)
    lines = str(caught.value).splitlines()
    assert type(caught.value) is ValueError and all(line.isprintable() for line in lines)
    assert all(line.startswith(f"{path}: ") for line in lines)
    rows = [line.removeprefix(f"{path}: ") for line in lines]
    assert all(10 < len(line) <= 1000 for line in rows)
    return rows


def every_wrong_key_is_named(folder: Path, fault: tuple[Content, set[str]]) -> None:
    content, named = fault
    message = complaints(file(folder, dumps_yaml(content)))
    rows = [re.match(r"`([^`]+)` (?:is|unknown key)", line) for line in message]
    assert all(rows), message
    assert sorted(match[1] for match in rows if match) == sorted(named)


SLOW: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "phases": (Phase.explicit, Phase.reuse, Phase.generate),  # to shrink takes minutes
}


@settings(max_examples=60, **SLOW)
@given(fault=faults())
def test_one_error_has_a_line_for_every_wrong_key_and_for_no_other(
    tmp_path_factory: Folders, fault: tuple[Content, set[str]]
) -> None:
    every_wrong_key_is_named(tmp_path_factory.getbasetemp(), fault)


def try_params(times: int, strategy: st.SearchStrategy[Any], judge: Callable[[Any], object]) -> int:
    """How many cases were judged, of about so many."""
    count = 0

    @settings(max_examples=times, database=None, **SLOW)
    @given(case=strategy)
    def try_each(case: Any) -> None:
        nonlocal count
        count += 1
        judge(case)

    try_each()
    return count


@pytest.mark.long
def test_one_error_has_a_line_for_every_wrong_key_of_many_files(
    tmp_path: Path, record_property: Record
) -> None:
    count = try_params(3000, faults(), lambda fault: every_wrong_key_is_named(tmp_path, fault))
    record_property("cases", count)


@pytest.mark.parametrize("path", sorted(LEAVES), ids=".".join)
def test_each_missing_key_is_told_with_what_it_may_be(tmp_path: Path, path: Place) -> None:
    content = yaml_file.load(ROOT / "presets/digits.yaml")
    section = take(content, path[:-1])
    del section[path[-1]]
    (message,) = complaints(file(tmp_path, dumps_yaml(content)))
    assert message.startswith(f"`{'.'.join(path)}` is missing: it must be ")
    assert message.endswith("; presets/digits.yaml has every key")


@pytest.mark.parametrize("path", sorted(LEAVES), ids=".".join)
def test_each_key_with_a_range_tells_it_for_a_word_too(tmp_path: Path, path: Place) -> None:
    content = yaml_file.load(ROOT / "presets/digits.yaml")
    put(content, path, [])
    (message,) = complaints(file(tmp_path, dumps_yaml(content)))
    for kind in LEAVES[path]:
        for end in kind.bounds("gt", "ge", "lt", "le"):
            assert re.search(rf"\b{re.escape(str(end))}\b", message), message
        if typing.get_origin(kind.type) is Literal:
            assert all(repr(value) in message for value in typing.get_args(kind.type))


DEEP = 3000
HARMFUL = {
    "a number of 5,000 digits": "lr: " + "1" * 5000,
    "a hexadecimal number of 5,000 digits": "lr: 0x" + "f" * 5000,
    "a prefix without digits": "lr: 0x_",
    "a sign without digits": "lr: -_",
    "a month that is none": "lr: 2026-13-45",
    "a time zone that is none": "lr: 2026-01-01T00:00:00+99:99",
    "a tag that does not fit": "lr: !!int x",
    "a truth that is none": "lr: !!bool x",
    "a time that is none": "lr: !!timestamp x",
    "a tag of Python's": "lr: !!python/object/apply:os.system [ls]",
    "lists in lists": "lr: " + "[" * DEEP + "]" * DEEP,
    "sections in sections": "lr: " + "{a: " * DEEP + "1" + "}" * DEEP,
    "a NUL": "lr: 1\0",
    "no UTF-8": "lr: \udcff",
    "a key of 900 letters twice": f"{'k' * 900}: 1\n{'k' * 900}: 2",
    "a list as a key": "? [1, 2]\n: 3",
    "a number as a key": "1: 2",
    "a truth as a key": "true: 2",
    "nothing as a key": "augment: {null: 2}",
    "two documents": "lr: 1\n---\nlr: 2",
    "an alias of nothing": "lr: *x",
    "a line separator in an error": "lr: [\u2028\u202e\u200b",
}


@pytest.mark.parametrize("name", HARMFUL)
def test_a_harmful_file_gives_one_line_that_names_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(HARMFUL[name].encode("utf-8", "surrogateescape"))
    (message,) = complaints(path)
    assert message.startswith("not readable as YAML: ") and len(message) <= 330


LISTS = "".join(
    f"{a}: &{a} [{', '.join([f'*{b}'] * 9)}]\n" for a, b in zip("bcdefghi", "abcdefgh", strict=True)
)
ODD = {
    "a bomb of aliases": ("a: &a [x]\n" + LISTS + "lr: *i\n", "`lr` is a list: must be"),
    "a list in itself": ("lr: &a [*a]\n", "`lr` is a list: must be"),
    "a section in itself": ("lr: &a {b: *a}\n", "`lr` is a section: must be"),
    "control letters in a key": ('"a\\e[2J\\n": 1\n', r"`a\x1b[2J\n` is 1: unknown key"),
    "a key of 900 letters": ("k" * 900 + ": 1\n", "k … k"),
    "a set": ("lr: !!set {a, b}\n", "`lr` is a list: must be"),
    "bytes": ("lr: !!binary aGVsbG8=\n", "`lr` is b'hello': must be"),
    "a day": ("lr: 2026-11-21\n", "`lr` is datetime.date(2026, 11, 21): must be"),
    "a word of 5,000 letters": ("size: " + "w" * 5000 + "\n", "`size` is 'www"),
    "a mark of the byte order": ("\ufefflr: -1\n", "`lr` is -1: must be"),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_value_or_key_is_told_in_few_letters(tmp_path: Path, name: str) -> None:
    text, lines = ODD[name]
    message = complaints(file(tmp_path, text))
    assert any(lines in line and len(line) < 400 for line in message), message


@pytest.mark.parametrize("name", ["no.pth", "n" * 5000 + ".pth", "a\0.pth", "a\n/b", "/root/x.pt"])
def test_a_file_of_weights_that_is_not_there_is_told_so(tmp_path: Path, name: str) -> None:
    content = yaml_file.load(ROOT / "presets/digits.yaml") | {"weights": name}
    (message,) = complaints(file(tmp_path, dumps_yaml(content)))
    assert "no such file; give a path from the project's root" in message


@pytest.mark.parametrize("block", ["3", "[1]", "text", ""])
def test_a_block_that_is_no_section_is_told_so(tmp_path: Path, block: str) -> None:
    path = tmp_path / "datasets.yaml"
    path.write_text(f"mine: {block}\n")
    with pytest.raises(ValueError, match=r"datasets\.yaml: mine: must be a section"):
        catalog.load_dataset_entry("mine", path)


def test_a_key_that_a_block_lacks_is_looked_up_in_the_readme(tmp_path: Path) -> None:
    path = tmp_path / "datasets.yaml"
    path.write_text("mine:\n  label: {from: folder}\n  pictures: {md5: 5}\n")
    with pytest.raises(ValueError) as caught:
        catalog.load_dataset_entry("mine", path)
    assert [line.partition(": mine: ")[2] for line in str(caught.value).splitlines()] == [
        "`pictures.url` is missing: it must be text; docs/own-data.md shows a whole block",
        "`pictures.md5` is 5: must be 32 hex digits (0-9, a-f) or empty",
    ]


TEXT = st.text(st.sampled_from("ab:- ,[]{}&*!|>'\"%@`?#\n\t0x1e.~_+\u2028é"), max_size=60)


@settings(max_examples=150, **SLOW)
@given(text=TEXT)
def test_any_text_is_refused_in_lines(tmp_path_factory: Folders, text: str) -> None:
    complaints(file(tmp_path_factory.getbasetemp(), text))  # too short to be right


@pytest.mark.long
def test_many_texts_are_refused_in_lines(tmp_path: Path, record_property: Record) -> None:
    count = try_params(5000, TEXT, lambda text: complaints(file(tmp_path, text)))
    record_property("cases", count)


# ------------------------------------------------- overrides, as `dvc exp run -S key=value` does


def typed_params(value: object) -> str:
    """A value as a person types it behind `-S key=`; words that might be numbers in quotes."""
    if isinstance(value, str):
        return value if re.fullmatch(r"[A-Za-z_/][A-Za-z_/:.-]*", value) else f"'{value}'"
    return "null" if value is None else repr(value).lower()


def overridden(path: Path, asked: Mapping[Place, Any]) -> None:
    """What `dvc exp run` does to params.yaml before it runs a stage."""
    given = [f"{'.'.join(key)}={typed_params(value)}" for key, value in asked.items()]
    ((named, parsed),) = to_path_overrides(given).items()
    assert named == "params.yaml"
    apply_overrides(path, parsed)


def flat(content: Content) -> dict[Place, tuple[Any, type]]:
    values = {path: take(content, path) for path in LEAVES}
    return {path: (value, type(value)) for path, value in values.items()}


def the_values_are_those_asked_for(folder: Path, content: Content, keys: list[Place]) -> None:
    path = file(folder, DIGITS)
    before, asked = flat(yaml_file.load(path)), flat(content)
    overridden(path, {key: asked[key][0] for key in asked})
    assert flat(yaml_file.load(path)) == flat(load_yaml(path)) == asked
    loaded = params.load(path).model_dump()
    assert {key: take(loaded, key) for key in asked} == {key: asked[key][0] for key in asked}
    for key in keys:  # and back again, one by one
        lines = path.read_text().splitlines()
        overridden(path, {key: before[key][0]})
        asked[key] = before[key]
        assert flat(yaml_file.load(path)) == asked
        others = [
            (a, b) for a, b in zip(lines, path.read_text().splitlines(), strict=True) if a != b
        ]
        assert all(a.lstrip().startswith(f"{key[-1]}:") for pair in others for a in pair)
        assert len(others) <= 1


SOME_KEYS = st.lists(st.sampled_from(sorted(LEAVES)), min_size=1, max_size=4, unique=True)


@settings(max_examples=25, **SLOW)
@given(content=right_files(), keys=SOME_KEYS)
def test_overrides_set_what_was_asked_and_one_alone_changes_one_line(
    tmp_path_factory: Folders, content: Content, keys: list[Place]
) -> None:
    the_values_are_those_asked_for(tmp_path_factory.getbasetemp(), content, keys)


@pytest.mark.long
def test_overrides_of_many_files_set_what_was_asked(
    tmp_path: Path, record_property: Record
) -> None:
    cases = st.tuples(right_files(), SOME_KEYS)
    count = try_params(1000, cases, lambda case: the_values_are_those_asked_for(tmp_path, *case))
    record_property("cases", count)


@pytest.mark.parametrize("preset", sorted((ROOT / "presets").glob("*.yaml")), ids=lambda p: p.name)
def test_a_preset_is_in_the_form_that_dvc_writes(tmp_path: Path, preset: Path) -> None:
    path = file(tmp_path, preset.read_text())
    apply_overrides(path, [])
    assert path.read_text() == preset.read_text()


@pytest.mark.dvc
@pytest.mark.long
def test_the_real_command_queues_the_values_that_were_asked_for(
    tmp_path: Path, record_property: Record
) -> None:
    folder = fresh_copy(tmp_path / "copy")
    targets: list[dict[Place, Any]] = [
        {("lr",): 1e-5, ("unfrozen", "lr_min"): None, ("runtime", "device"): "cuda:1"},
        {("weights",): "DEFAULT", ("optimizer", "train_norm"): False, ("seed",): 2**32 - 1},
        {("dataset",): "2020", ("weights_sha256",): "1" * 64, ("augment", "max_zoom"): 1},
    ]
    for asked in targets:
        given = [f"{'.'.join(key)}={typed_params(value)}" for key, value in asked.items()]
        call(
            folder, "dvc", "exp", "run", "--queue", *(word for one in given for word in ("-S", one))
        )
        queued = call(folder, "git", "show", "refs/exps/celery/stash:params.yaml")
        assert flat(yaml_file.load(file(tmp_path, queued))) == flat(
            yaml_file.load(folder / "params.yaml")
        ) | {key: (value, type(value)) for key, value in asked.items()}
    record_property("cases", len(targets))
