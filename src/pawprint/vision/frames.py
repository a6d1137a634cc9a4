"""The number of images in a file: frames of an animation, pages of a TIFF."""

from PIL import Image

from pawprint.vision import tiff

MAX_BLOCKS = 1_000_000  # of a GIF: a file of 256 MB that is nothing else takes a second


def count_frames(image: Image.Image, data: bytes) -> int:
    """The number of images in a file, by its header or table of contents; nothing is decoded.

    Args:
        image: the file, opened by Pillow.
        data: the bytes of the file.
    """
    if image.format == "GIF":
        return _gif_frames(data)
    if image.format == "TIFF":
        return tiff.count_pages(data)
    if image.format == "MPO":
        return _mpo_images(image)
    return int(getattr(image, "n_frames", 1)) if image.format in ("PNG", "WEBP") else 1


def _gif_frames(data: bytes) -> int:
    """Count image blocks up to the end of the file, or to a byte that starts none."""
    at, count = 13 + _table(data, 10), 0
    for _ in range(MAX_BLOCKS):
        block = data[at : at + 1]
        if block == b"," and at + 10 <= len(data):
            count += 1
            at += 11 + _table(data, at + 9)  # and one byte of the code's length
        elif block == b"!":
            at += 2
        else:
            break
        while at < len(data) and data[at]:  # blocks, each behind its length; 0 ends them
            at += data[at] + 1
        at += 1
    return max(count, 1)


def _table(data: bytes, at: int) -> int:
    """The size in bytes of the colour table whose flags are at `at`."""
    flags = data[at] if at < len(data) else 0
    return 3 << (flags & 7) + 1 if flags & 128 else 0


def _mpo_images(image: Image.Image) -> int:
    """Count views and pieces of panoramas; previews, depth and gain maps of phones do not count."""
    entries = getattr(image, "mpinfo", {}).get(0xB002, [])
    kinds = [str(entry.get("Attribute", {}).get("MPType", "")) for entry in entries]
    return 1 + sum(block.startswith("Multi-Frame") for block in kinds[1:])
