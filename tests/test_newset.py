"""`pawprint new`: what it finds in pictures, what it writes to datasets.yaml, what it leaves."""

import hashlib
import importlib
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.serialize import dumps_yaml, load_yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from pawprint.core import yaml_file
from pawprint.curation import new_dataset, update_dataset, yaml_text
from pawprint.data import catalog
from pawprint.data.source import Source
from pawprint.storage import folders
from tests.conftest import ROOT, picture
from tests.server import serving
from tests.test_stages import run

FILE = Path("datasets.yaml")
PATTERN = r"^(.+)_\d+\.jpg$"
NAMED = {"from": "name", "pattern": PATTERN}


def folder(contents: Mapping[str, bytes], name: str = "pics") -> str:
    for file, data in contents.items():
        path = Path(name, file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return name


def pets(cats: int = 3, dogs: int = 2) -> dict[str, bytes]:
    named = [*(f"cat_{i}.jpg" for i in range(cats)), *(f"dog_{i}.jpg" for i in range(dogs))]
    return {name: picture(40 + i, 30, seed=i) for i, name in enumerate(named)}


def new(url: str = "pics", rule: Mapping[str, str] = NAMED, name: str = "mine") -> list[str]:
    return list(new_dataset.add_dataset(name, url, rule, None))


def refusal(url: str = "pics", rule: Mapping[str, str] = NAMED, name: str = "mine") -> str:
    """What it says; nothing is written."""
    before = FILE.read_bytes()
    with pytest.raises(ValueError) as caught:
        new(url, rule, name)
    assert FILE.read_bytes() == before
    return str(caught.value)


def word(lines: list[str], first: str) -> str:
    """What stands after the word, in all its lines."""
    return "\n".join(line[11:] for line in lines if line.startswith(first + " "))


def test_a_folder_is_described_and_written_as_a_block_that_dvc_reads(project: Path) -> None:
    before, contents = FILE.read_text(), pets()
    contents["cat_9.jpg"] = picture(200, 100, kind="PNG")
    lines = new(folder(contents))
    sha = hashlib.sha256((project / "manifests/mine.csv").read_bytes()).hexdigest()
    assert word(lines, "classes") == "6 images, 2 classes: cat (4), dog (2)"
    # areas: 40×30, 41×30, …, 44×30 and 200×100; of six the fourth is the middle one
    assert word(lines, "sizes") == "smallest 40×30, median 43×30, largest 200×100 px"
    assert word(lines, "formats") == "JPEG 5, PNG 1"
    assert word(lines, "note") == ""
    assert word(lines, "next") == "dvc exp run -S dataset=mine -S label.split=hash"
    block = f"""
mine:
  pictures:
    url: pics
    manifest: {sha}
  label:
    from: name
    pattern: ^(.+)_\\d+\\.jpg$
  count: 6
"""
    assert FILE.read_text() == before + block
    assert load_yaml("datasets.yaml") == yaml_file.load(FILE)
    result = catalog.load_dataset_entry("mine")
    assert (result.pictures.manifest, result.count, result.label.pattern) == (sha, 6, PATTERN)


def test_a_url_is_fetched_once_and_kept_by_its_hash(project: Path) -> None:
    folders.pack(Path(folder(pets())), project / "pics.tar")
    data = (project / "pics.tar").read_bytes()
    sha = hashlib.sha256(data).hexdigest()
    with serving({"/pics.tar": data}) as site:
        url = f"{site.url}/pics.tar"
        lines = new(url, {})
        assert f"pawprint new mine {url} --pattern '^(.+)_\\d+\\.jpg$' --sha256 {sha}" in lines[-2]
        assert list(new_dataset.add_dataset("mine", url, NAMED, sha))[-1]
        assert [path for path, _ in site.asked] == ["/pics.tar"]
        assert catalog.load_dataset_entry("mine").pictures == Source(url=url, sha256=sha)
        site.files["/pics.tar"] = data + bytes(512)
        assert word(list(update_dataset.update_dataset("mine", None)), "count") == "5 -> 5 images"
        with pytest.raises(ValueError, match=f"is not the {'0' * 64} of"):
            list(new_dataset.add_dataset("other", url, NAMED, "0" * 64))
    with pytest.raises(ConnectionError, match="could not be downloaded"):
        new(url, NAMED, "other")


def test_all_that_is_wrong_with_the_pictures_is_said_at_once(project: Path) -> None:
    before, contents = FILE.read_bytes(), pets()
    contents |= {"cut_1.jpg": picture(seed=9)[:200], "IMG7.jpg": picture(seed=7)}
    contents |= {"dog_7.jpg": contents["cat_0.jpg"], "=1(2)_1.jpg": picture(seed=8)}
    message, lines = "", list[str]()
    with pytest.raises(ValueError, match="^pics: 1 names cannot be used: '=1"):
        new(folder(contents))
    Path("pics/=1(2)_1.jpg").unlink()
    try:
        for line in new_dataset.add_dataset("mine", "pics", NAMED, None):
            lines.append(line)
    except ValueError as error:
        message = str(error)
    assert FILE.read_bytes() == before
    assert message.splitlines() == [
        r"1 of 8 images get no label from label.pattern ^(.+)_\d+\.jpg$: IMG7.jpg; fix the rule "
        "in datasets.yaml, or remove these files from the archive or folder",
        "1 class has no image that can be decoded, and cannot be learned: cut; fix these images, "
        "or remove them",
        "nothing was written to datasets.yaml",
    ]
    notes = word(lines, "note")
    assert "1 of 8 images cannot be decoded: cut_1.jpg (" in notes
    assert "1 groups of copies are equal byte by byte: cat_0.jpg = dog_7.jpg" in notes
    assert "1 groups of copies have different labels: cat_0.jpg = dog_7.jpg" in notes
    assert "1 classes have only one image, which may go to valid" in notes


def test_damaged_pictures_are_named_and_may_be_left_out(project: Path) -> None:
    lines = new(folder(pets() | {"cat_9.jpg": b"no picture"}))
    assert "leave them out with -S presize.on_error=skip" in word(lines, "note")
    assert word(lines, "formats") == "JPEG 5, text 1"
    assert catalog.load_dataset_entry("mine").count == 6


def test_pictures_that_are_of_no_use_are_refused(project: Path) -> None:
    folder({"cat_1.jpg": b"", "dog_1.jpg": b"?"})
    assert "2 of 2 images cannot be decoded: cat_1.jpg (" in refusal()
    assert "all images are of one class, cat, but" in refusal(folder(pets(2, 0), "cats"))
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        new("absent")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("digits", "`digits` exists already.*`pawprint new digits --update`"),
        ("my set", "`name` is 'my set': must be text that matches"),
        ("a.b", "`name` is 'a.b'"),
        ("../x", "`name` is '../x'"),
        ("2026", "2026: is not text in YAML; choose a name such as set-2026"),
        ("true", "true: is not text in YAML"),
        ("1e5", "1e5: is not text in YAML"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused(project: Path, name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        new(folder(pets()), name=name)


def test_a_rule_that_cannot_be_one_is_refused_before_any_fetching(project: Path) -> None:
    assert "`label.pattern` is '(': must be" in refusal(
        "http://127.0.0.1:9/x", {"from": "name", "pattern": "("}
    )
    message = refusal("absent", {"from": "csv", "file": "labels.csv", "name": "fname"})
    assert "label.from: csv needs label.label too" in message


COLUMNS = "labels.csv --name-column fname --label-column breed"
ROWS = "fname,breed,id\n" + "".join(f"{i}.jpg,{'ab'[i % 2]},{i}\n" for i in range(6))


@pytest.mark.parametrize(
    ("names", "option"),
    [
        (["cat_1.jpg", "cat_2.jpg", "x_y_1.jpg", "x_y_2.jpg"], r"--pattern '^(.+)_\d+\.jpg$'"),
        (["cat_1.jpg", "cat_2.png", "dog_1.jpg", "dog_2.jpg"], r"--pattern '^(.+)_\d+\.\w+$'"),
        (["cat.0.jpg", "cat.1.jpg", "dog.0.jpg", "dog.1.jpg"], r"--pattern '^(.+)\.\d+\.jpg$'"),
        (["a (1).jpg", "a (2).jpg", "b (1).jpg", "b (2).jpg"], r"--pattern '^(.+) \(\d+\)\.jpg$'"),
        (["cat01.png", "cat02.png", "dog01.png", "dog02.png"], r"--pattern '^(\D+)\d+\.png$'"),
        (["1_cat.jpg", "2_cat.jpg", "3_dog.jpg", "4_dog.jpg"], r"--pattern '^\d+[_-](.+)\.jpg$'"),
        (["cat/IMG1.jpg", "cat/IMG2.jpg", "dog/IMG3.jpg", "dog/IMG4.jpg"], "--folder"),
        (["train/cat/1.jpg", "train/dog/2.jpg", "valid/cat/3.jpg", "valid/dog/4.jpg"],
         "--folder --split-folders"),
        ([f"{i}.jpg" for i in range(6)], f"--csv {COLUMNS}"),
    ],
)  # fmt: skip
def test_the_names_suggest_a_rule_and_nothing_is_written(
    project: Path, names: list[str], option: str
) -> None:
    before = FILE.read_bytes()
    folder({name: picture(seed=i) for i, name in enumerate(names)})
    if "--csv" in option:
        Path("pics/labels.csv").write_text(ROWS)
    lines = new(rule={})
    commands = [line.strip() for line in lines if "pawprint new" in line]
    assert commands == [f"pawprint new mine pics {option}"]
    assert "2 classes: " in word(lines, "fits")
    assert FILE.read_bytes() == before


def test_a_file_and_folders_that_both_fit_are_both_suggested(project: Path) -> None:
    folder({f"{'xy'[i % 2]}/{i}.jpg": picture(seed=i) for i in range(6)})
    Path("pics/labels.csv").write_bytes(b"\xef\xbb\xbf" + ROWS.encode())
    Path("pics/other.csv").write_bytes(b"\xff\xfe")
    assert [line.split("pics ")[1] for line in new(rule={}) if "pawprint new" in line] == [
        f"--csv {COLUMNS}",
        "--folder",
    ]


@pytest.mark.parametrize(
    "names",
    [["train/1.jpg", "valid/2.jpg", "train/3.jpg", "valid/4.jpg"], ["IMG_1.jpg", "IMG_2.jpg"]],
)
def test_where_nothing_fits_the_ways_to_say_it_are_named(project: Path, names: list[str]) -> None:
    message = refusal(folder(dict.fromkeys(names, b"")), {})
    assert "give one with --pattern REGEX" in message and "--csv FILE --name-column X" in message


def update(url: str | None = None) -> list[str]:
    return list(update_dataset.update_dataset("mine", url))


def test_an_update_says_what_changed_and_rewrites_two_lines(project: Path) -> None:
    new(folder(pets()))
    text = FILE.read_text().replace("  count: 5", "  # of my own\n  count: 5   # pictures")
    FILE.write_text(
        "# first\n" + text + "\n# last\nother: {pictures: {url: x}, label: {from: folder}}\n"
    )
    before = FILE.read_text().splitlines()
    unchanged = word(update("pics/"), "unchanged")
    assert unchanged.startswith("5 images, manifests/mine.csv (5 files in 1 block)")
    assert FILE.read_text().splitlines() == before
    for i in range(2):
        Path(f"pics/dog_{i}.jpg").unlink()
        Path(f"pics/elk_{i}.jpg").write_bytes(picture(seed=20 + i))
    Path("pics/elk_2.jpg").write_bytes(picture(seed=30))
    Path("pics/cat_1.jpg").write_bytes(picture(seed=31))
    lines = update()
    assert word(lines, "count") == "5 -> 6 images"
    assert word(lines, "changed") == (
        "3 new (elk_0.jpg, elk_1.jpg, elk_2.jpg), 2 gone (dog_0.jpg, dog_1.jpg), "
        "1 other bytes (cat_1.jpg)"
    )
    assert word(lines, "classes") == "new: elk\ngone: dog\n6 images, 2 classes: cat (3), elk (3)"
    after = FILE.read_text().splitlines()
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert [old.split(":")[0] for old, _ in changed] == ["    manifest", "  count"]
    assert changed[1][1] == "  count: 6   # pictures"
    sha = hashlib.sha256((project / "manifests/mine.csv").read_bytes()).hexdigest()
    assert catalog.load_dataset_entry("mine").pictures.manifest == sha


def test_an_update_that_leaves_pictures_without_a_label_writes_nothing(project: Path) -> None:
    new(folder(pets()))
    before = FILE.read_bytes()
    Path("pics/IMG7.jpg").write_bytes(picture())
    with pytest.raises(ValueError, match=r"1 of 6 images get no label.*\nnothing was written"):
        update()
    with pytest.raises(ValueError, match="`mine` has url: pics; change it there"):
        update("elsewhere")
    with pytest.raises(ValueError, match="no block `other`"):
        list(update_dataset.update_dataset("other", None))
    assert FILE.read_bytes() == before


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("written", "then"),
    [
        ("url: pics  # mine", "url: pics  # mine{end}    manifest: {sha}"),
        ("url: pics", "url: pics{end}    manifest: {sha}"),
        (
            "md5: " + "a" * 32 + " # old{end}    url: pics",
            "manifest: {sha} # old{end}    url: pics",
        ),
        ("url: pics{end}    sha256: '" + "0" * 64 + "'", "url: pics{end}    manifest: {sha}"),
    ],
)
def test_a_hash_is_added_or_replaced_where_it_stands(
    project: Path, written: str, then: str, end: str
) -> None:
    folder(pets())
    text = "# ä{end}mine:{end}  label: {{from: folder}}{end}  pictures:{end}    " + written
    text = text.replace(
        "{{from: folder}}", "{{from: name, pattern: '" + PATTERN.replace("{", "{{") + "'}}"
    )
    FILE.write_bytes(text.format(end=end).encode())
    lines = update()
    assert word(lines, "count") == "unknown -> 5 images; the earlier ones were not kept"
    sha = catalog.load_dataset_entry("mine").pictures.manifest
    expected = text.replace(written, then).format(end=end, sha=sha)
    assert FILE.read_bytes().decode() == expected
    assert "count" not in yaml_file.load(FILE)["mine"]
    Path("pics/cat_5.jpg").write_bytes(picture(seed=5))
    assert word(update(), "count") == "5 -> 6 images"  # as the manifest says
    Path("manifests/mine.csv").unlink()
    Path("pics/cat_6.jpg").write_bytes(picture(seed=6))
    assert word(update(), "count").startswith("unknown -> 7")


def test_a_file_in_braces_is_updated_but_not_appended_to(project: Path) -> None:
    rule = "{from: folder}"
    FILE.write_text("{mine: {pictures: {url: pics}, label: " + rule + ", count: 1}}")
    folder({"a/1.jpg": picture(seed=1), "b/2.jpg": picture(seed=2)})
    update()
    sha = catalog.load_dataset_entry("mine").pictures.manifest
    assert FILE.read_text() == (
        "{mine: {pictures: {url: pics, manifest: " + str(sha) + "}, label: " + rule + ", count: 2}}"
    )
    message = refusal(rule={"from": "folder"}, name="more")
    assert (
        "datasets.yaml: cannot be changed as it is written; put there by hand: more:\n" in message
    )


def test_a_block_that_shares_its_values_is_left_to_its_author(project: Path) -> None:
    folder({"a/1.jpg": picture(seed=1), "b/2.jpg": picture(seed=2)})
    shared = "base: &b {url: pics, sha256: " + "a" * 64 + "}\n"
    FILE.write_text(shared + "mine: {pictures: *b, label: {from: folder}}\n")
    with pytest.raises(ValueError, match="put there by hand: manifest: [0-9a-f]{64}, count: 2"):
        update()
    assert FILE.read_text().startswith(shared)


@given(st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), min_size=1))
def test_every_text_is_the_same_to_both_readers(text: str) -> None:
    result = yaml_text.format_entry("x", {"label": {"pattern": text}})
    expected = {"x": {"label": {"pattern": text}}}
    assert yaml_file.parse(result, "") == expected
    assert YAML(typ="safe", pure=True).load(result) == expected


@pytest.mark.parametrize(
    "text", ["1e5", "0x1F", "2026-11-21", "null", "~", "yes", "<<", "=", "a: b", "a #b", "- a", "'"]
)
def test_texts_that_look_like_something_else_stay_texts(text: str) -> None:
    result = yaml_text.format_entry("x", {"label": {"pattern": text}})
    assert YAML(typ="safe", pure=True).load(result) == yaml_file.parse(result, "")
    assert yaml_file.parse(result, "")["x"]["label"]["pattern"] == text


def test_what_cannot_be_shown_in_one_line_is_refused(project: Path) -> None:
    assert "a\\x1bb: holds letters that cannot be shown" in refusal(folder(pets(), "a\x1bb"))


def command(*options: str) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-c", "from pawprint.cli import main; main.main()", "new", *options]
    return subprocess.run(call, capture_output=True, text=True, check=False)


def test_the_command_writes_a_block_that_the_stages_take(project: Path) -> None:
    rows = "".join(f"{i},{'cat' if i % 3 else 'dog'}\n" for i in range(20))
    folder(
        {f"{i}.jpg": picture(seed=i) for i in range(20)}
        | {"labels.csv": f"id,kind\n{rows}".encode()}
    )
    result = command(
        "mine", "pics", "--csv", "labels.csv", "--name-column", "id", "--label-column", "kind"
    )
    assert result.returncode == 0, result.stderr
    params: Any = (
        (project / "params.yaml").read_text().replace("dataset: digits", "dataset: mine  ")
    )
    (project / "params.yaml").write_text(params)
    for stage in ("fetch", "label", "presize"):
        done = run(stage, project)
        assert done.returncode == 0, done.stderr
    assert (project / "data/labels.csv").read_text().splitlines()[1].startswith("0.jpg,dog,")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["mine"], "pawprint: the images are missing: pawprint new mine FOLDER-OR-URL"),
        (["mine", "--update", "--folder"], "pawprint: --update takes no label rule and no hash"),
        (["mine", "pics", "--folder", "--csv", "x"], "not allowed with argument --folder"),
        (
            ["mine", "pics", "--name-column", "x"],
            "new mine: a CSV needs --csv, --label-column too: --csv FILE",
        ),
        (["mine", "pics", "--folder", "--sha256", "x"], "`pictures.sha256` is 'x': must be 64 hex"),
        (
            ["mine", "nowhere", "--folder"],
            "nowhere: no such file or folder; give another path or URL",
        ),
    ],
)
def test_a_wrong_call_is_one_line(project: Path, options: list[str], message: str) -> None:
    result = command(*options)
    assert result.returncode != 0 and message in result.stderr
    assert "Traceback" not in result.stderr


SPLIT = [f"{split}/{label}/{i}.jpg" for split in ("Train", "val") for label in "ab" for i in (1, 2)]


def test_folders_of_a_split_are_written_as_groups(project: Path) -> None:
    folder({name: picture(seed=i) for i, name in enumerate([*SPLIT, "test/1.jpg"])})
    lines = list(new_dataset.add_dataset("mine", "pics", {"from": "folder"}, None, True))
    assert word(lines, "classes") == "9 images, 2 classes: a (4), b (4)"
    assert word(lines, "note").startswith(
        "1 of 9 images are for testing or prediction and have no label;"
    )
    assert word(lines, "next") == "dvc exp run -S dataset=mine -S label.split=official"
    result = catalog.load_dataset_entry("mine").label
    assert (result.valid, result.test) == (["val"], ["test"])
    assert load_yaml("datasets.yaml") == yaml_file.load(FILE)
    with pytest.raises(ValueError, match="--split-folders: the images are not in folders named t"):
        list(new_dataset.add_dataset("flat", folder(pets(), "flat"), NAMED, None, True))


def test_a_split_by_folders_goes_through_the_stages(project: Path) -> None:
    folder({name: picture(seed=i) for i, name in enumerate([*SPLIT, "test/1.jpg"])})
    list(new_dataset.add_dataset("mine", "pics", {"from": "folder"}, None, True))
    whole = yaml_file.load(Path("params.yaml"))
    whole["dataset"], whole["label"]["split"] = "mine", "official"
    Path("params.yaml").write_text(dumps_yaml(whole))
    for stage in ("fetch", "label"):
        importlib.import_module(f"stages.{stage}").main()
    rows = [line.split(",") for line in Path("data/labels.csv").read_text().splitlines()[1:]]
    assert [(name, label) for name, label, _ in rows] == [(x, x.split("/")[1]) for x in SPLIT]
    assert [split for _, _, split in rows] == ["train"] * 4 + ["valid"] * 4


def test_a_csv_beside_the_folder_is_offered(project: Path) -> None:
    text = "id,kind\n" + "".join(f"{i},{'xy'[i % 2]}\n" for i in range(6))
    number_images(text, "set/l.csv")
    lines = "".join(new("set/images", {}))
    assert "set/images --csv set/l.csv --name-column id --label-column kind" in lines


def test_a_split_column_is_offered_and_written(project: Path) -> None:
    rows = "".join(f"{i},{'xy'[i % 2]},{'train' if i < 4 else 'val'}\n" for i in range(6))
    number_images("id,kind,my set\n" + rows, "set/images/l.csv")
    assert "--label-column kind --split-column 'my set'" in "".join(new("set/images", {}))
    lines = new("set/images", {**LIST, "file": "l.csv"})
    assert "(pawprint new --split-column 'my set')" in word(lines, "note")
    lines = new("set/images", {**LIST, "file": "l.csv", "split": "my set"}, "other")
    assert word(lines, "next") == "dvc exp run -S dataset=other -S label.split=official"
    assert word(lines, "note") == ""


def test_lists_of_a_split_are_named_with_the_keys_that_use_them(project: Path) -> None:
    contents = {f"images/{x}/{i}.jpg": picture(seed=i) for i, x in enumerate("aabb")}
    contents |= {"meta/train.txt": b"a/0\na/1\nb/2\n", "meta/test.txt": b"b/3\n", "x.txt": b"a/0\n"}
    lines = new(folder(contents), {"from": "folder"})
    assert "lists: {url: pics, test: meta/test.txt, train: meta/train.txt}" in word(lines, "note")
    text = FILE.read_text() + "  lists: {url: pics, test: meta/test.txt, train: meta/train.txt}\n"
    FILE.write_text(text)
    assert catalog.load_dataset_entry("mine").lists is not None


@pytest.mark.parametrize("folders", [("images_1", "images_2"), ("x_part1", "x_part2")])
def test_numbered_folders_are_not_offered_as_classes(
    project: Path, folders: tuple[str, ...]
) -> None:
    folder({f"{x}/IMG{i}{k}.jpg": picture(seed=10 * i + k)
            for i, x in enumerate(folders) for k in (0, 1)})  # fmt: skip
    assert "found no rule" in refusal(rule={})


def test_a_column_whose_name_says_classes_is_offered_first(project: Path) -> None:
    rows = "".join(f"{i},L{i % 3},{('nv', 'mel')[i % 2]}\n" for i in range(6))
    number_images("image_id,lesion,dx\n" + rows, "set/images/l.csv")
    assert "--label-column dx" in "".join(new("set/images", {}))


def test_columns_of_0_and_1_are_named_where_nothing_fits(project: Path) -> None:
    number_images(
        "id,a,b\n" + "".join(f"{i},{i % 2},{1 - i % 2}\n" for i in range(6)), "set/images/l.csv"
    )
    assert "l.csv has a column of 0 and 1 for each class (a, b): add one" in refusal(
        "set/images", {}
    )
    message = word(new("set/images", {**LIST, "file": "l.csv", "label": "a"}), "note")
    assert "columns a, b of l.csv contain only 0 and 1" in message


def test_a_level_of_folders_that_names_no_class_is_refused_with_the_pattern(project: Path) -> None:
    folder({f"{x}/2021/{i}.jpg": picture(seed=i) for i, x in enumerate("aabb")})
    assert "instead of --folder give --from-path --pattern '^([^/]+)/'" in refusal(
        rule={"from": "folder"}
    )
    assert "--from-path" in "".join(new(rule={}))
    lines = new(rule={"from": "path", "pattern": "^([^/]+)/"})
    assert word(lines, "classes") == "4 images, 2 classes: a (2), b (2)"


LIST = {"from": "csv", "name": "id", "label": "kind"}


def number_images(text: str, where: str) -> str:
    """Pictures 0 to 5, and a CSV somewhere."""
    folder({f"set/images/{i}.jpg": picture(seed=i) for i in range(6)}, ".")
    Path(where).write_text(text)
    return "set/images"


@pytest.mark.parametrize(
    ("where", "typed", "written"),
    [
        ("set/l.csv", "set/l.csv", "set/l.csv"),
        ("set/l.csv", "../l.csv", "set/l.csv"),
        ("set/l.csv", "l.csv", "set/l.csv"),
        ("l.csv", "./l.csv", "./l.csv"),
        ("set/images/l.csv", "l.csv", "l.csv"),
        ("set/images/l.csv", "set/images/l.csv", "l.csv"),
        ("set/l.csv", "{here}/set/l.csv", "{here}/set/l.csv"),
        ("set/images/l.csv", "{here}/set/images/l.csv", "l.csv"),
    ],
)
def test_a_csv_is_taken_from_where_it_lies(
    project: Path, where: str, typed: str, written: str
) -> None:
    text = "id,kind\n" + "".join(f"{i},{'xy'[i % 2]}\n" for i in range(6))
    pictures = number_images(text, where)
    lines = new(pictures, {**LIST, "file": typed.format(here=project)})
    assert word(lines, "classes") == "6 images, 2 classes: x (3), y (3)"
    result = catalog.load_dataset_entry("mine").label
    assert result.file == written.format(here=project)
    is_inside = where.startswith("set/images")
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    assert result.sha256 == (None if is_inside else sha256)


def test_a_csv_elsewhere_is_fetched_and_its_changes_are_told(project: Path) -> None:
    text = "id,kind\n" + "".join(f"{i},{'xy'[i % 2]}\n" for i in range(6))
    new(number_images(text, "l.csv"), {**LIST, "file": "l.csv"})
    (project / "params.yaml").write_text(
        (project / "params.yaml").read_text().replace("dataset: digits", "dataset: mine  ")
    )
    Path("l.csv").write_text(text.replace("5,y", "5,x"))
    for stage in ("fetch", "label"):  # of the store, as it was added
        importlib.import_module(f"stages.{stage}").main()
    assert Path("data/raw/lists/labels.csv").read_text() == text
    assert "5.jpg,y," in Path("data/labels.csv").read_text()
    lines = update()
    assert word(lines, "changed") == "1 other label (5.jpg)"
    sha256 = hashlib.sha256(Path("l.csv").read_bytes()).hexdigest()
    assert catalog.load_dataset_entry("mine").label.sha256 == sha256
    assert word(update(), "unchanged")
    for stage in ("fetch", "label"):
        importlib.import_module(f"stages.{stage}").main()
    assert "5.jpg,x," in Path("data/labels.csv").read_text()
    Path("l.csv").write_text("id,kind\n")
    (project / ".downloads" / sha256).unlink()
    with pytest.raises(ValueError, match=r"l.csv: sha256 .* is not the .*--update"):
        importlib.import_module("stages.fetch").main()


def test_a_csv_at_a_url_is_kept_by_its_hash(project: Path) -> None:
    text = "id,kind\n" + "".join(f"{i},{'xy'[i % 2]}\n" for i in range(6))
    pictures = number_images("", "l.txt")
    with serving({"/l.csv": text.encode()}) as site:
        new(pictures, {**LIST, "file": f"{site.url}/l.csv"})
        result = catalog.load_dataset_entry("mine").label
        assert result.file == f"{site.url}/l.csv"
        assert result.sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_a_separator_makes_a_block_of_several_labels(project: Path) -> None:
    rows = "".join(f"{i},{('x', 'y', 'x y')[i % 3]}\n" for i in range(6))
    pictures = number_images("id,kind\n" + rows, "set/images/l.csv")
    lines = new(pictures, {**LIST, "file": "l.csv", "separator": " "})
    assert word(lines, "classes") == "6 images, 2 classes: x (4), y (4)"
    result = catalog.load_dataset_entry("mine")
    assert (result.target, result.label.separator) == ("labels", " ")
    lines = new(pictures, {}, "other")
    assert "--label-column kind --separator ' '" in "".join(lines)


def test_the_committed_catalogue_is_left_as_it_is_by_an_append(project: Path) -> None:
    new(folder(pets()))
    assert FILE.read_bytes().startswith((ROOT / "datasets.yaml").read_bytes())


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)
BY_FOLDER = {"from": "folder"}


def by_folder(**more: bytes) -> dict[str, bytes]:
    names = [f"{label}/{i}.jpg" for label in ("cat", "dog") for i in range(3)]
    return {name: picture(seed=i) for i, name in enumerate(names)} | {
        name.replace("__", "/"): data for name, data in more.items()
    }


def test_images_under_any_suffix_are_taken_and_others_named(project: Path) -> None:
    contents = by_folder()
    contents |= {f"fox/{i}.jfif": picture(seed=9 + i) for i in range(2)}
    contents |= {"cat/IMG_1": picture(seed=20), "cat/x.HEIC": HEIC, "cat/.y.jpg": picture()}
    contents |= {"a.csv": b"a,b", "cat/Thumbs.db": b"x"}
    lines = new(folder(contents), BY_FOLDER)
    assert word(lines, "classes") == "9 images, 3 classes: cat (4), dog (3), fox (2)"
    assert word(lines, "note").splitlines() == [
        "1 hidden image is left out: cat/.y.jpg",
        "1 system file or folder is ignored: Thumbs.db 1",
        "1 file is not used: HEIC 1 (cat/x.HEIC); convert HEIC to JPEG or PNG",
        "1 other file is not an image: .csv 1",
    ]


def test_a_class_that_vanishes_is_an_error_and_by_a_pattern_a_note(project: Path) -> None:
    url = folder(by_folder() | {"fox/1.heic": HEIC, "fox/2.heic": HEIC})
    message = refusal(url, BY_FOLDER)
    assert "fox: 2 files, none usable: HEIC 2 (fox/1.heic, fox/2.heic)" in message
    lines = new(url, {"from": "name", "pattern": "^([0-9])"})
    assert "2 files are not used: HEIC 2" in word(lines, "note")


def test_a_class_of_which_nothing_can_be_decoded_is_an_error(project: Path) -> None:
    url = folder(by_folder() | {f"fox/{i}.jpg": HEIC + bytes([i]) for i in range(2)})
    message = refusal(url, BY_FOLDER)
    assert "1 class has no image that can be decoded, and cannot be learned: fox; fix" in message
    Path(url, "fox/2.jpg").write_bytes(picture(seed=50))
    assert "2 of 9 images cannot be decoded: fox/0.jpg (HEIC" in word(new(url, BY_FOLDER), "note")


def test_update_names_what_is_not_used_too(project: Path) -> None:
    new(folder(by_folder()), BY_FOLDER)
    folder({"cat/x.avif": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1"})
    lines = list(update_dataset.update_dataset("mine", None))
    assert "1 file is not used: AVIF 1 (cat/x.avif)" in word(lines, "note")


def test_the_rules_that_fit_are_offered_with_what_is_not_used(project: Path) -> None:
    lines = new(folder(by_folder() | {"x.heic": HEIC}), {})
    assert "HEIC 1 (x.heic)" in word(lines, "note")


def test_a_page_in_place_of_an_archive_is_told_with_its_url(project: Path) -> None:
    with serving({"/x.zip": b"<html><title>Log in</title>"}) as site:
        url = f"{site.url}/x.zip"
        assert refusal(url, BY_FOLDER).startswith(
            f"{url}: the server returned a web page (HTML: Log in)"
        )


def test_an_archive_of_another_kind_is_told_by_its_name(project: Path) -> None:
    Path("x.rar").write_bytes(b"Rar!\x1a\x07\1\0")
    assert refusal("x.rar").startswith("x.rar: a rar archive, but only tar")


def test_label_says_again_what_is_not_used(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder(by_folder() | {"cat/x.HEIC": HEIC, "cat/1.jfif": picture(seed=30)})
    folders.pack(Path("pics"), Path("pics.tar"))
    new("pics.tar", BY_FOLDER)
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("dataset: digits", "dataset: mine"))
    for stage in ("fetch", "label"):
        importlib.import_module(f"stages.{stage}").main()
    output = capsys.readouterr().out
    assert "label: note: 1 file is not used: HEIC 1 (cat/x.HEIC)" in output
    assert "cat/1.jfif,cat," in Path("data/labels.csv").read_text()
