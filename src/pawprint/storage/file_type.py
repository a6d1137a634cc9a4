"""What a file is, by its first bytes, not by its name; nothing is decoded."""

import codecs
import re
from typing import NamedTuple

HEAD_BYTES = 512  # of a file, that `identify` needs
CONVERT = "convert it to JPEG or PNG"
DOWNLOAD = "a server sent it instead of the file: download it again"
COPY = "the copy or download was interrupted: copy it again"
UNPACK = "unpack it"
SVG = r"<svg[\s>]"
HTML = r"<!doctype\s+html|<html[\s>]|<head[\s>]|<body[\s>]|<title[\s>]|<meta\s|<script[\s>]"


class FileType(NamedTuple):
    """What a file is, for a message, and what to do if an image was expected."""

    name: str
    is_image: bool = False  # one of the six formats that presize decodes
    advice: str = ""


UNKNOWN = FileType("unknown")
EMPTY = FileType("empty (0 bytes)", advice=COPY)
ZEROS = FileType("only zero bytes", advice=COPY)
RAW = FileType("camera raw", advice=CONVERT)
BMP = FileType("BMP", is_image=True)
TIFF = FileType("TIFF", is_image=True)
BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)  # bytes: each is a version of the format
TIFF_HEADS = (b"II*\0", b"MM\0*", b"MM*\0", b"II\0*", b"II+\0", b"MM\0+")  # as Pillow has them
RAW_SUFFIXES = (
    *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".mef"),
    *(".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".rwl", ".sr2", ".srf"),
    *(".srw", ".x3f"),
)


def _types(advice: str, *pairs: tuple[str, bytes]) -> list[tuple[re.Pattern[bytes], FileType]]:
    return [(re.compile(head, re.DOTALL), FileType(name, advice=advice)) for name, head in pairs]


HEADS = [
    (re.compile(rb"\xff\xd8\xff"), FileType("JPEG", is_image=True)),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), FileType("PNG", is_image=True)),
    (re.compile(rb"GIF8[79]a"), FileType("GIF", is_image=True)),
    (re.compile(rb"RIFF.{4}WEBPVP8[ XL]", re.DOTALL), FileType("WEBP", is_image=True)),
    (
        re.compile(
            rb"(II\*\x00.{4}CR|II\x1a\x00|IIR[OS]|IIU\x00|IIIIwaR|MMOR|FUJIFILMCCD|\x00MRM|FOVb)"
        ),
        RAW,
    ),
    *_types(
        CONVERT,
        ("JPEG XL", rb"\xff\x0a|\x00\x00\x00\x0cJXL \r\n\x87\n"),
        ("JPEG 2000", rb"\x00\x00\x00\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"),
        ("JPEG XR", rb"II\xbc[\x00\x01]"),
        ("PSD", rb"8BPS\x00[\x01\x02]"),
        ("GIMP's XCF", rb"gimp xcf"),
        ("ICO", rb"\x00\x00[\x01\x02]\x00[\x01-\x40]\x00.{3}\x00"),
        ("PPM", rb"P[1-7][ \t\r\n]+(#|[0-9]|WIDTH)|P[Ff]\n[0-9]"),
        ("DDS", rb"DDS \x7c\x00\x00\x00"),
        ("QOI", rb"qoif"),
        ("OpenEXR", rb"\x76\x2f\x31\x01"),
        ("Radiance HDR", rb"#\?RADIANCE"),
        ("EPS", rb"%!PS|\xc5\xd0\xd3\xc6"),
        ("DICOM", rb".{128}DICM"),
        ("FITS", rb"SIMPLE  ="),
    ),
    *_types("", ("PDF", rb"%PDF-")),
    *_types(
        UNPACK,
        ("a zip archive", rb"PK(\x03\x04|\x05\x06|\x07\x08)"),
        ("a rar archive", rb"Rar!\x1a\x07"),
        ("a 7z archive", rb"7z\xbc\xaf\x27\x1c"),
        ("a tar archive", rb".{257}ustar"),
        ("a gz archive", rb"\x1f\x8b\x08"),
        ("a bz2 archive", rb"BZh[1-9]1AY&SY"),
        ("an xz archive", rb"\xfd7zXZ\x00"),
        ("a zst archive", rb"\x28\xb5\x2f\xfd"),
        ("an lz4 archive", rb"\x04\x22\x4d\x18"),
        ("a cab archive", rb"MSCF\x00"),
    ),
    *_types(
        "",
        ("a video (AVI)", rb"RIFF.{4}AVI "),
        ("a video (MKV or WebM)", rb"\x1a\x45\xdf\xa3"),
        ("a video (MPEG)", rb"\x00\x00\x01[\xba\xb3]"),
        ("a video (MOV)", rb"\x00.{3}(moov|mdat|wide|free|skip)"),
        ("a video (WMV)", rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
        ("a video (FLV)", rb"FLV\x01"),
        ("sound", rb"ID3[\x02-\x04]|OggS|fLaC|RIFF.{4}WAVE"),
        ("AppleDouble (macOS's own)", rb"\x00\x05\x16[\x00\x07]\x00"),
        ("a .DS_Store (macOS's own)", rb"\x00\x00\x00\x01Bud1"),
        ("a property list (macOS's own)", rb"bplist00"),
        ("a file of Windows or Office", rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        ("SQLite", rb"SQLite format 3\x00"),
        ("HDF5", rb"\x89HDF\r\n\x1a\n"),
        ("NumPy's .npy", rb"\x93NUMPY"),
        ("MATLAB's .mat", rb"MATLAB 5\.0"),  # the pets' images.tar.gz holds some
        ("Parquet", rb"PAR1"),
        ("a pickle", rb"\x80[\x02-\x05][\x8a\x95}\](c]"),
    ),
]
POINTERS = _types(
    "",
    ("a pointer of Git LFS", rb"version https://(git-lfs|hawser)\.github\.com/spec/"),
    ("a pointer of git-annex", rb"/annex/objects/|(\.\./)*\.git/annex/objects/"),
    ("a pointer of DVC", rb"(md5: [0-9a-f]{32}\s+frozen: |wdir: .*\s+)?outs:\r?\n- "),
)
FETCH = {"Git LFS": "git lfs pull", "git-annex": "git annex get .", "DVC": "dvc pull"}
BRANDS = {  # of ISO's base media format, by the brands in its first box
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm"), "HEIC"),
    **{b"crx ": "camera raw", b"jxl ": "JPEG XL", b"qt  ": "a video (MOV)"},
    **dict.fromkeys((b"mif1", b"msf1"), "HEIC"),
}
JSON = re.compile(r'[{\[]\s*([\[{"\]}]|-?[0-9]+[\s,.\]]|true\b|false\b|null\b)')


def identify(head: bytes, name: str = "") -> FileType:
    r"""What a file is, by its first HEAD_BYTES bytes (or all, if it has fewer).

    Args:
        head: the first bytes of the file.
        name: if known; it tells camera raw files from other TIFFs.

    >>> identify(b"\xff\xd8\xff\xe0\0\x10JFIF")
    FileType(name='JPEG', is_image=True, advice='')
    >>> identify(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    FileType(name='HEIC', is_image=False, advice='convert it to JPEG or PNG')
    >>> identify(b"BM, the British Museum").name
    'text'
    >>> identify(b"").name
    'empty (0 bytes)'
    """
    if not head:
        return EMPTY
    if head[4:8] == b"ftyp":
        return _media(head)
    for pattern, file_type in HEADS:
        if pattern.match(head):
            return file_type
    if head.startswith(TIFF_HEADS):
        return RAW if _is_raw(head) or name.lower().endswith(RAW_SUFFIXES) else TIFF
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in BMP_HEADERS:
        return BMP
    if not head.strip(b"\0"):
        return ZEROS
    return _text(head)


def _media(head: bytes) -> FileType:
    length = max(int.from_bytes(head[:4], "big"), 16)
    brands = [head[i : i + 4] for i in (8, *range(16, min(length, len(head)), 4))]
    if brands[0] in (b"mif1", b"msf1"):  # says no more than `an image`: the others tell which
        brands = [*brands[1:], brands[0]]
        brands.sort(key=lambda brand: BRANDS.get(brand) != "AVIF")
    known = [BRANDS[brand] for brand in brands[:1] if brand in BRANDS] or [
        BRANDS[brand] for brand in brands if BRANDS.get(brand) in ("AVIF", "HEIC")
    ]
    file_type = known[0] if known else "a video (MP4)"
    return FileType(file_type, advice="" if file_type.startswith("a video") else CONVERT)


def _is_raw(head: bytes) -> bool:
    """Whether a TIFF starts with a small preview and stores the image deeper, as raw files do."""
    order = "little" if head[:1] == b"I" else "big"

    def number(start: int, length: int) -> int:
        return int.from_bytes(head[start : start + length], order)  # type: ignore[arg-type]

    first = number(4, 4)
    entries = range(first + 2, first + 2 + 12 * number(first, 2), 12)
    tags = {number(i, 2): number(i + 8, 4) for i in entries if i + 12 <= len(head)}
    # tags of TIFF: NewSubfileType (1: a reduced image), SubIFDs; of DNG: DNGVersion
    is_preview, has_more, is_dng = tags.get(254) == 1, 330 in tags, 50706 in tags
    return is_dng or (is_preview and has_more)


def _text(head: bytes) -> FileType:
    for pattern, file_type in POINTERS:
        if pattern.match(head):
            tool = file_type.name.removeprefix("a pointer of ")
            return file_type._replace(advice=f"the file itself is elsewhere: `{FETCH[tool]}`")
    text = _decode_text(head)
    if text is None:
        return UNKNOWN
    words = text.lstrip("\ufeff \t\r\n").lower()
    if words.startswith("<"):
        is_svg = re.search(SVG, words)
        if is_svg and not re.search(HTML, words[: is_svg.start()].replace("<!doctype svg", "")):
            return FileType("SVG", advice=CONVERT)
        if re.search(HTML, words):
            return FileType("a web page (HTML)", advice=DOWNLOAD)
        if words.startswith("<?xml") or re.match(r"<([a-z][\w:.-]*)[\s>]", words):
            return FileType("XML", advice=DOWNLOAD)
    return FileType("JSON", advice=DOWNLOAD) if JSON.match(words) else FileType("text")


def _decode_text(head: bytes) -> str | None:
    """The head as text, in UTF-8, UTF-16 or an older encoding; None if it is not text."""
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head)  # its last letter may be cut
    except UnicodeDecodeError:
        text = head.decode("latin-1")
        # half of the bytes of packed data are above 127, and few of a text in Latin-1
        if sum(byte > 127 for byte in head) > len(head) / 4:
            return None
    is_text = all(ord(letter) > 31 or letter in "\t\n\v\f\r\x1b" for letter in text)
    return text if is_text else None
