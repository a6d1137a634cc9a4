"""What a server sent instead of a file: a login page, a warning, an error."""

import html
import re
from pathlib import Path

from pawprint.core.yaml_file import one_line
from pawprint.storage import file_type

HEAD_BYTES = 1 << 14  # a page's title stands within
SHOWN = 80  # letters of what the page says
TYPES = ("a web page (HTML)", "JSON", "XML")
HOSTS = {  # how to come from a page to the file
    "drive.google.com": "Google Drive asks before sending a large file: download it with a browser",
    "docs.google.com": "Google Drive asks before sending a large file: download it with a browser",
    "www.dropbox.com": "end the URL with dl=1",
    "github.com": "use the URL of its button `Raw`, with /raw/ instead of /blob/",
    "huggingface.co": "use the URL with /resolve/ instead of /blob/",
    "www.kaggle.com": "Kaggle requires a login: download it with a browser or with Kaggle's client",
}
LOGIN = "open it in a browser (it may need a login or a click), and use the URL of the file itself"


def read(path: Path) -> str:
    """The kind and the text of the page in this file; empty if the file is not a web page."""
    with path.open("rb") as file:
        return describe(file.read(HEAD_BYTES))


def kind(path: Path) -> str:
    """What the file is, after a comma; empty if its first bytes do not tell."""
    with path.open("rb") as file:
        known = file_type.identify(file.read(file_type.HEAD_BYTES))
    return "" if known == file_type.UNKNOWN else f", {known.name}"


def describe(head: bytes) -> str:
    r"""The kind and the text of a page, by its first bytes; empty if it is not a page.

    >>> describe(b"<!DOCTYPE html><html><head><title>Sign in\n</title>")
    'a web page (HTML: Sign in)'
    >>> describe(b'{"message": "Not Found"}')
    'JSON ({"message": "Not Found"})'
    """
    known = file_type.identify(head[: file_type.HEAD_BYTES])
    if known.name not in TYPES:
        return ""
    text = head.decode("utf-8", "replace").lstrip("\ufeff")
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.DOTALL | re.IGNORECASE)
    words = title.group(1) if title else text if known.name == "JSON" else _plain(text)
    text = one_line(" ".join(html.unescape(words).split()), SHOWN)
    if known.name in ("JSON", "XML"):
        return f"{known.name} ({text})" if text else known.name
    return f"a web page (HTML: {text})" if text else known.name


def _plain(text: str) -> str:
    """The text of a page without its tags, scripts and styles."""
    text = re.sub(r"<(script|style)\b.*?(</\1>|$)", " ", text, flags=re.DOTALL | re.IGNORECASE)
    return re.sub(r"<[^>]*(>|$)", " ", text)


def remedy(host: str) -> str:
    """How to download the file itself from this host."""
    return HOSTS.get(host, LOGIN)
