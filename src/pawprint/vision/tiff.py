"""Read a TIFF's directories: without a decoder, within bounds, never in circles."""

import struct
from collections.abc import Iterator

MAX_ENTRIES = 200_000  # of all pages together
SUBFILE, BITS, COMPRESSION, PHOTOMETRIC = 254, 258, 259, 262  # tags
REDUCED, MASK = 1, 4  # bits of SUBFILE: a smaller copy, or a mask, of another page
FORMS = {1: "B", 3: "H", 4: "I", 16: "Q"}  # of the types of whole numbers, for struct


def directories(data: bytes) -> Iterator[dict[int, int]]:
    """The single whole numbers of each page, by tag; a damaged file ends early."""
    if data[:4] in (b"II+\0", b"MM\0+"):
        layout, wide = "QQ", 8  # BigTIFF
    elif data[:2] in (b"II", b"MM"):
        layout, wide = "IH", 4
    else:
        return
    order = "<" if data[:2] == b"II" else ">"
    seen, entries = set[int](), 0
    try:
        (at,) = struct.unpack_from(order + layout[0], data, wide)
        while at and at not in seen:
            seen.add(at)
            (count,) = struct.unpack_from(order + layout[1], data, at)
            entries += count
            if entries > MAX_ENTRIES:
                return
            at += struct.calcsize("=" + layout[1])
            yield dict(_numbers(data, at, count, order, wide))
            (at,) = struct.unpack_from(order + layout[0], data, at + count * (4 + 2 * wide))
    except struct.error:
        return


def _numbers(data: bytes, at: int, count: int, order: str, wide: int) -> Iterator[tuple[int, int]]:
    """Tag and value of each entry that is one whole number."""
    for i in range(count):
        start = at + i * (4 + 2 * wide)
        tag, field_type, values = struct.unpack_from(
            f"{order}HH{'Q' if wide == 8 else 'I'}", data, start
        )
        if values == 1 and field_type in FORMS:
            yield tag, struct.unpack_from(order + FORMS[field_type], data, start + 4 + wide)[0]


def count_pages(data: bytes) -> int:
    """The number of pages that are not a smaller copy or a mask of another page."""
    kinds = [page.get(SUBFILE, 0) for page in directories(data)]
    return sum(not number & (REDUCED | MASK) for number in kinds[1:]) + 1
