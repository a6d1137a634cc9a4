"""A tar that is cut or damaged is an error: Python's tarfile would give fewer members."""

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from pawprint.storage import archives
from tests.conftest import picture
from tests.test_not_archives import make_tar

JPEG = picture()
WHOLE = make_tar({f"{i}.jpg": JPEG for i in range(4)})
MEMBER = 512 + -(-len(JPEG) // 512) * 512  # bytes: a header and the image's blocks


def read(data: bytes, path: Path) -> list[str]:
    path.write_bytes(data)
    return archives.image_names(path)


def test_the_whole_one_is_read(tmp_path: Path) -> None:
    assert len(read(WHOLE, tmp_path / "x")) == 4


@pytest.mark.parametrize(
    "length", [2 * MEMBER, 2 * MEMBER + 100, 2 * MEMBER + 512, 3 * MEMBER - 1, 4 * MEMBER]
)
@pytest.mark.parametrize("is_packed", [False, True])
def test_one_that_is_cut_anywhere_is_an_error(length: int, is_packed: bool, tmp_path: Path) -> None:
    data = gzip.compress(WHOLE[:length]) if is_packed else WHOLE[:length]
    with pytest.raises(ValueError, match="truncated.*download it again"):
        read(data, tmp_path / "x")


def test_a_damaged_header_does_not_end_it_in_silence(tmp_path: Path) -> None:
    data = bytearray(WHOLE)
    data[2 * MEMBER + 148] ^= 1  # the checksum of the third member
    with tarfile.open(fileobj=io.BytesIO(bytes(data))) as archive:
        assert len(archive.getmembers()) == 2  # what Python makes of it
    with pytest.raises(ValueError, match=f"damaged at byte {2 * MEMBER:,} of the tar"):
        read(bytes(data), tmp_path / "x")


@pytest.mark.parametrize("is_packed", [False, True])
def test_tars_joined_by_cat_are_an_error(is_packed: bool, tmp_path: Path) -> None:
    data = WHOLE + make_tar({"5.jpg": JPEG})
    with pytest.raises(ValueError, match="another tar follows its end"):
        read(gzip.compress(data) if is_packed else data, tmp_path / "x")


def test_what_else_follows_the_end_does_not_matter(tmp_path: Path) -> None:
    assert len(read(WHOLE + b"signature", tmp_path / "x")) == 4
    assert len(read(gzip.compress(WHOLE) + b"trailing", tmp_path / "y")) == 4
