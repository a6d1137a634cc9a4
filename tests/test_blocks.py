"""Folders as blocks: a version costs what changed, and the layout of the blocks changes no byte."""

import importlib
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from pawprint.core import files, yaml_file
from pawprint.curation import new_dataset, update_dataset
from pawprint.storage import archives, manifest
from pawprint.vision import augment, block_store, dataset, loader
from pawprint.vision.resample import InputSpec
from tests import caches
from tests.conftest import ROOT, picture

RULE = {"from": "name", "pattern": r"^([a-z]+)_\d+\.jpg$"}
SETTINGS = {"BLOCK_FILES": 4, "MAX_FILES": 8, "MIN_FILES": 3, "MAX_SMALL": 2}
Images = dict[str, bytes]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without datasets, in which blocks have about four images."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PAWPRINT_DATA", raising=False)
    for key, value in SETTINGS.items():
        monkeypatch.setattr(manifest, key, value)
    monkeypatch.setattr(block_store, "STORE", tmp_path / ".presized")
    Path("datasets.yaml").write_text("one:\n  pictures:\n    url: x\n  label:\n    from: folder\n")
    text = (ROOT / "params.yaml").read_text().replace("dataset: digits ", "dataset: mine ")
    Path("params.yaml").write_text(text)
    return tmp_path


def images(count: int, first: int = 0) -> Images:
    return {
        f"{'cat' if i % 2 else 'dog'}_{i:02d}.jpg": picture(40, 30, seed=i)
        for i in range(first, first + count)
    }


def write(contents: Images) -> None:
    shutil.rmtree("pics", ignore_errors=True)
    Path("pics").mkdir()
    for name, data in contents.items():
        Path("pics", name).write_bytes(data)


def new() -> list[str]:
    return list(new_dataset.add_dataset("mine", "pics", RULE, None))


def update(is_compact: bool = False) -> list[str]:
    return list(update_dataset.update_dataset("mine", None, is_compact))


def stages(*names: str) -> None:
    for name in names or ("fetch", "label", "presize"):
        importlib.import_module(f"stages.{name}").main()


def decoded(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = [x for x in capsys.readouterr().out.splitlines() if x.startswith("presize: ")]
    return line


def block_files() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path("data/raw/pictures").glob("*.tar")}


def content() -> manifest.Manifest:
    return manifest.read(manifest.path_of("mine"))


def first_batches() -> list[torch.Tensor]:
    """All of an epoch, resident and from the disk."""
    result = []
    for budget in (1 << 30, 0):
        paths = caches.paths(Path("data/presized"), Path("data/labels.csv"))
        data = dataset.load_dataset(*paths, torch.device("cpu"), budget)
        config = augment.AugmentConfig(0.5, 10.0, 1.1, 0.2, 0.2, 0.75, 0.75, 0.75)
        train, spec = data.splits["train"], InputSpec(32)
        batches = loader.train_batches(data.cache, train, config, spec, 4, 0, "frozen", 0)
        result.append(torch.cat([inputs for inputs, _ in batches]))
    assert torch.equal(*result)
    return result


def test_a_folder_becomes_blocks_named_by_their_images(project: Path) -> None:
    write(images(10) | {"notes.txt": b"hello", "cat_77.jpg": images(1)["dog_00.jpg"]})
    lines = new()
    block = yaml_file.load(Path("datasets.yaml"))["mine"]
    assert block["pictures"] == {
        "url": "pics",
        "manifest": files.file_hash(Path("manifests/mine.csv")),
    }
    assert block["count"] == 11
    assert any(line.endswith("(12 files in 4 blocks), count 11") for line in lines), lines
    stages("fetch")
    assert {*block_files()} == {f"{name}.tar" for name in content().members}
    place = Path("data/raw/pictures")
    assert archives.image_names(place) == sorted({**images(10), "cat_77.jpg": b""})
    read = dict(archives.read_files(place, {"cat_77.jpg", "dog_00.jpg", "notes.txt"}))
    assert read == {
        "notes.txt": b"hello",
        **dict.fromkeys(["cat_77.jpg", "dog_00.jpg"], images(1)["dog_00.jpg"]),
    }


def test_a_version_packs_and_decodes_what_is_new_alone(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contents = images(10)
    write(contents)
    new()
    stages()
    assert decoded(capsys) == "presize: 10 images, 0 MB"
    before, raw = content(), block_files()
    times = {path.name: path.stat().st_ino for path in Path("data/presized/images").iterdir()}
    write(contents | images(2, first=50))
    lines = update()
    assert "changed    2 new (cat_51.jpg, dog_50.jpg)" in lines
    assert any(line.startswith("blocks     1 new (0.0 MB), 3 as before") for line in lines)
    assert any(line.startswith("sizes") for line in lines)
    stages()
    assert decoded(capsys) == "presize: 12 images, 0 MB; 2 decoded, of 1 of 4 blocks"
    assert {name: block_files()[name] for name in raw} == raw
    now = {path.name: path.stat().st_ino for path in Path("data/presized/images").iterdir()}
    assert {name: now[name] for name in times} == times  # the same files, which DVC knows
    # renamed: no block changes
    moved = {f"new_{i}.jpg": data for i, data in enumerate(contents.values())}
    write(moved | images(2, first=50))
    lines = update()
    assert any("10 renamed (dog_00.jpg -> new_0.jpg" in line for line in lines), lines
    assert {*content().members} >= {*before.members}
    # gone: its block is written again for the others
    del moved["new_0.jpg"]
    write(moved | images(2, first=50))
    lines = update()
    assert any("1 packed again for their other " in line for line in lines), lines
    stages()
    assert "of 1 of 4 blocks" in decoded(capsys)


def versions(seed: int) -> Iterator[Images]:
    """Versions from nothing to the same images; the seed decides how they get there."""
    rng, now = random.Random(seed), Images()
    order = [*images(18).items()]
    rng.shuffle(order)
    cuts = sorted(rng.sample(range(2, 18), 3))
    for start, stop in zip([0, *cuts], [*cuts, 18], strict=True):
        part = dict(order[start:stop])
        extra, former = f"cat_{90 + start}.jpg", f"dog_{60 + start}.jpg"
        other = {name: picture(40, 30, seed=900 + 20 * seed + i) for i, name in enumerate(part)}
        now = now | other | {extra: picture(40, 30, seed=700 + start)}
        yield now
        # replaced by the right images, the first of them under another name
        first = next(iter(part))
        now = {former: part[first], **now, **{name: part[name] for name in [*part][1:]}}
        del now[first], now[extra]
        yield now
        now = now | part
        del now[former]
        yield now


def test_any_order_of_updates_to_the_same_images_gives_the_same_batches(project: Path) -> None:
    tables = ("data/labels.csv", "data/presized/index.csv")
    write(images(18))
    new()
    stages()
    expected, texts = first_batches(), [Path(path).read_bytes() for path in tables]
    layouts = {Path("data/presized/blocks.csv").read_bytes()}
    datasets = Path("datasets.yaml").read_text()
    for seed in range(3):
        shutil.rmtree("manifests")
        Path("datasets.yaml").write_text(datasets.split("\nmine:")[0])
        for i, now in enumerate(versions(seed)):
            write(now)
            update() if i else new()
        if seed == 2:
            update(is_compact=True)
        assert now == images(18)
        stages()
        assert [Path(path).read_bytes() for path in tables] == texts
        for one, other in zip(first_batches(), expected, strict=True):
            assert torch.equal(one, other)
        layouts.add(Path("data/presized/blocks.csv").read_bytes())
    assert len(layouts) > 2  # else this shows nothing


def test_many_small_blocks_are_merged(project: Path) -> None:
    contents = images(8)
    write(contents)
    new()
    for first in (20, 30, 40, 50):
        contents |= images(1, first)
        write(contents)
        lines = update()
        sizes = [len(members) for members in content().members.values()]
        assert sum(sizes) == len(contents) and sum(size < 3 for size in sizes) <= 3
    assert sum(size < 3 for size in sizes) <= 1, lines


def test_what_is_damaged_changed_or_missing_is_one_line(project: Path) -> None:
    write(images(10))
    new()
    stages("fetch")
    name = sorted(block_files())[0]
    kept = project / ".downloads/blocks" / name
    # a stored block that was touched is checked, and packed again where it is damaged
    whole = kept.read_bytes()
    kept.chmod(0o644)
    kept.unlink()
    kept.write_bytes(whole[:700] + b"x" + whole[701:])
    stages("fetch")
    assert block_files()[name] == whole == kept.read_bytes()
    Path("pics/dog_00.jpg").write_bytes(b"other")
    Path("pics/cat_01.jpg").unlink()
    stages("fetch")  # all blocks are there
    shutil.rmtree(".downloads")
    with pytest.raises(ValueError, match=r"pics: 2 of 10 files have changed or are gone "):
        stages("fetch")
    assert block_files()[name] == whole  # what was there is left
    text = Path("manifests/mine.csv").read_text()
    Path("manifests/mine.csv").write_text(text.replace("dog_00", "dog_01"))
    with pytest.raises(ValueError, match="not the version that datasets.yaml names"):
        stages("fetch")
    Path("manifests/mine.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"manifests/mine\.csv: missing; `git checkout -- "):
        stages("fetch")
    update()
    stages("fetch")
    assert len(content().hashes) == 9


def test_an_update_brings_back_a_manifest_that_was_lost(project: Path) -> None:
    write(images(10))
    new()
    text = Path("manifests/mine.csv").read_text()
    Path("manifests/mine.csv").unlink()
    assert any(line.startswith("written") for line in update())
    assert Path("manifests/mine.csv").read_text() == text
    assert any(line.startswith("unchanged") for line in update())
    stages("fetch")


def test_a_merge_of_two_versions_is_put_right_by_an_update(project: Path) -> None:
    write(images(10))
    new()
    ours = Path("manifests/mine.csv").read_text()
    write(images(10) | images(2, 30) | images(2, 40))
    theirs = [line for line in ours.splitlines() if "dog" in line]
    conflict = "<<<<<<< HEAD\n" + ours + "=======\n" + "\n".join(theirs) + "\n>>>>>>> other\n"
    Path("manifests/mine.csv").write_text(conflict)
    with pytest.raises(ValueError, match=r"changed by hand or by a merge; `pawprint new NAME --up"):
        manifest.read(Path("manifests/mine.csv"))
    lines = update()
    assert any(line.startswith("blocks     1 new") for line in lines), lines
    assert len(content().hashes) == 14


def test_a_file_that_cannot_be_decoded_is_named_whatever_block_it_is_in(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(images(10) | {"cat_21.jpg": b"\xff\xd8\xff\xe0 no image", "cat_22.jpg": b""})
    new()
    with pytest.raises(ValueError, match=r"2 of 12 images cannot be decoded.*cat_21.*cat_22"):
        stages()
    assert not Path("data/presized/images").exists()
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("on_error: stop ", "on_error: skip "))
    capsys.readouterr()
    stages("presize")
    line = capsys.readouterr().out.splitlines()[0]
    assert line == "presize: 10 images, 0 MB; 0 decoded, of 0 of 3 blocks"
    rows = sum(len(np.load(path)) for path in Path("data/presized/images").glob("*.npy"))
    assert rows == 10


def test_arrange_keeps_blocks_and_names_them_by_their_files() -> None:
    hashes = {f"{i:03d}.jpg": f"{i:064x}" for i in range(600)}
    first = manifest.arrange(hashes, {"labels.csv": "f" * 64})
    sizes = [len(members) for members in first.members.values()]
    assert sorted(sizes) == [1, 120, 120, 120, 120, 120]
    assert manifest.parse(first.text(), "here") == first
    for block, members in first.members.items():
        assert block == manifest.block_name(members)
    more = manifest.arrange(hashes | {"x.jpg": "e" * 64}, {"labels.csv": "d" * 64}, first)
    assert len({*more.members} & {*first.members}) == 5 and len(more.members) == 7
    again = manifest.arrange(hashes, {"labels.csv": "f" * 64}, more)
    assert again.text() == first.text()


def test_the_store_is_left_alone_by_other_code_and_sizes(project: Path) -> None:
    stores = {block_store.BlockStore(size, "white").folder for size in (32, 64)}
    stores.add(block_store.BlockStore(32, "black").folder)
    assert len(stores) == 3


def test_a_damaged_block_in_the_store_of_pixels_is_decoded_again(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(images(10))
    new()
    stages()
    stored = sorted(project.glob(".presized/*/*.npy"))[0]
    whole = stored.read_bytes()
    stored.unlink()
    stored.write_bytes(whole[:-1] + b"x")
    os.utime(stored)
    capsys.readouterr()
    stages("presize")
    assert "of 1 of 3 blocks" in decoded(capsys)
    assert stored.read_bytes() == whole


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello\n",
        "name,sha256\na.jpg,1\n",
        "name,sha256,block\na.jpg,no hash,x\n",
        "name,sha256,block\na.jpg," + "a" * 64 + ",../../x\n",
        "name,sha256,block\n" + "x" * 200_000 + "\n",
        "name,sha256,block\n\udcff\n",
    ],
)
def test_a_manifest_that_is_none_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ValueError, match=r"mine\.csv: changed by hand or by a merge; `pawp"):
        manifest.read(path)
    manifest.salvage(manifest.read_text(path))


def test_a_folder_that_a_killed_run_left_is_no_hindrance(tmp_path: Path) -> None:
    """In a container the next run often has the number of the one that was killed."""
    left = tmp_path / f".images.{os.getpid()}.tmp"
    left.mkdir()
    (left / "half.npy").write_bytes(b"x")
    with files.atomic_folder(tmp_path / "images") as folder:
        (folder / "whole.npy").write_bytes(b"y")
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["whole.npy"]
    assert not left.exists()


@pytest.mark.parametrize("content", ["", "[]", "null", '{"state": 1}', "\udcff"])
def test_facts_that_are_damaged_in_the_store_of_pixels_are_made_again(
    project: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    write(images(10))
    new()
    stages()
    facts = sorted(project.glob(".presized/*/*.json"))[0]
    whole = facts.read_bytes()
    facts.write_bytes(content.encode("utf-8", "surrogateescape"))
    capsys.readouterr()
    stages("presize")
    assert "of 1 of 3 blocks" in decoded(capsys)
    assert len(facts.read_bytes()) == len(whole)
