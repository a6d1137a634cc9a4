"""The pets' own block of datasets.yaml on archives of the official layout, from a local server.

The official archives cannot be had on every machine; these have their members, the odd ones too.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from dvc.utils.serialize import dumps_yaml
from PIL import Image

from pawprint.core import yaml_file
from tests.conftest import ROOT, picture
from tests.server import serving
from tests.test_stages import run

BREEDS = ("Abyssinian", "Egyptian_Mau", "american_bulldog", "beagle", "chihuahua")
EACH = 8


def pack_folder(contents: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, data in contents.items():
            header = tarfile.TarInfo(name)
            header.size = len(data)
            archive.addfile(header, io.BytesIO(data))
    return file.getvalue()


def premature_end(jpeg: bytes) -> bytes:
    """The last rows of the scan are gone, the end marker is there: libjpeg fills up and warns."""
    return jpeg[:-40] + jpeg[-2:]


def extraneous_bytes(jpeg: bytes) -> bytes:
    """Bytes that belong nowhere before the end marker."""
    return jpeg[:-2] + b"\x00\x01\x02\x03" + jpeg[-2:]


def pictures() -> dict[str, bytes]:
    """The members of images.tar.gz, in an order that is not the alphabet's."""
    actual = {
        f"images/{breed}_{i}.jpg": picture(60, 40, seed=10 * b + i)
        for i in range(1, EACH + 1)
        for b, breed in enumerate(BREEDS)
    }
    # as in the official archive: GIF and PNG under .jpg, damaged tails, annotations of a tool
    actual["images/Abyssinian_3.jpg"] = picture(60, 40, seed=90, kind="GIF")
    actual["images/Egyptian_Mau_5.jpg"] = picture(60, 40, seed=91, kind="PNG")
    actual["images/chihuahua_1.jpg"] = premature_end(picture(60, 40, seed=92))
    actual["images/beagle_6.jpg"] = extraneous_bytes(picture(60, 40, seed=93))
    actual["images/Abyssinian_101.mat"] = b"MATLAB 5.0 MAT-file"
    actual["images/._beagle_1.jpg"] = b"a note of another system"
    return actual


def lists() -> dict[str, bytes]:
    """The members of annotations.tar.gz: every picture but one is listed, with three numbers."""
    rows = [f"{breed}_{i} {b + 1} 1 1" for b, breed in enumerate(BREEDS) for i in range(1, EACH)]
    text = {"trainval": rows[::2], "test": rows[1::2], "list": ["# Image CLASS-ID", *rows]}
    return {
        f"annotations/{name}.txt": "".join(f"{row}\n" for row in part).encode()
        for name, part in text.items()
    } | {"annotations/trimaps/._beagle_1.png": b"\x00"}


def pets_project(project: Path, url: str, archives: Mapping[str, bytes], **keys: Any) -> None:
    """The committed block, with this server's files in the place of the official ones."""
    catalogue = yaml_file.load(ROOT / "datasets.yaml")
    block = catalogue["pets"] | {"count": len(BREEDS) * EACH}
    for part, name in (("pictures", "images.tar.gz"), ("lists", "annotations.tar.gz")):
        assert block[part]["url"].endswith(name)
        hashed = hashlib.md5(archives[name]).hexdigest()
        block[part] |= {"url": f"{url}/{name}", "md5": hashed}
    (project / "datasets.yaml").write_text(json.dumps({"pets": block}))
    whole = yaml_file.load(ROOT / "presets/pets-resnet34.yaml")
    whole["label"] |= keys
    whole["presize"]["size"], whole["size"] = 48, 32
    (project / "params.yaml").write_text(dumps_yaml(whole))


@pytest.mark.parametrize("split", ["random", "stratified", "official"])
def test_archives_of_the_official_layout_go_through(project: Path, split: str) -> None:
    archives = {
        "images.tar.gz": pack_folder(pictures()),
        "annotations.tar.gz": pack_folder(lists()),
    }
    with serving({f"/{name}": data for name, data in archives.items()}) as site:
        pets_project(project, site.url, archives, split=split)
        for stage in ("fetch", "label", "presize"):
            process = run(stage, project)
            assert process.returncode == 0, process.stderr
    table = pd.read_csv(project / "data/labels.csv")
    index = pd.read_csv(project / "data/presized/index.csv")
    assert set(table["label"]) == set(BREEDS)
    assert len(index) == len(BREEDS) * EACH  # the GIF, the PNG and both damaged ones among them
    assert set(index["width"]) == {60} and set(index["height"]) == {40}
    unlisted = 5 if split == "official" else 0
    assert len(table) == len(index) - unlisted
    if split == "official":
        assert (table["split"] == "test").sum() == 17
        assert set(table.query("split != 'test'")["name"]) == {
            f"images/{row.split()[0]}.jpg"
            for row in lists()["annotations/trainval.txt"].decode().splitlines()
        }
    assert set(table["name"]) <= set(index["name"])


def test_another_number_of_pictures_than_the_catalogue_knows_stops(project: Path) -> None:
    less = dict(list(pictures().items())[1:])
    archives = {"images.tar.gz": pack_folder(less), "annotations.tar.gz": pack_folder(lists())}
    with serving({f"/{name}": data for name, data in archives.items()}) as site:
        pets_project(project, site.url, archives)
        process = run("fetch", project)
    assert process.returncode == 1
    assert len(process.stderr.strip().splitlines()) == 1
    assert "39" in process.stderr and "40" in process.stderr and "count" in process.stderr


@pytest.mark.parametrize("damage", [premature_end, extraneous_bytes])
def test_a_damaged_tail_costs_no_more_than_the_last_rows(damage: Any) -> None:
    from pawprint.vision import cache_writer

    whole = picture(64, 64, seed=7)
    rows = [
        cache_writer.decode_to_square("x", data, 64, "white").pixels
        for data in (whole, damage(whole))
    ]
    assert rows[0] is not None and rows[1] is not None
    assert (rows[0][:32] == rows[1][:32]).all()
    assert Image.open(io.BytesIO(damage(whole))).convert("RGB").size == (64, 64)
