"""What a server has sent in place of a file: a login, a warning, an error."""

import html
import re
from pathlib import Path

from pawprint.core.yaml_file import one_line
from pawprint.storage import file_type

HEAD_BYTES = 1 << 14  # a page's title stands within
SHOWN = 80  # letters of what the page says
TYPES = ("a web page (HTML)", "JSON", "XML")
HOSTS = {  # how to come from a page to the file
    "drive.google.com": "Google Drive asks before it sends a large file: download it by a browser",
    "docs.google.com": "Google Drive asks before it sends a large file: download it by a browser",
    "www.dropbox.com": "end the URL with dl=1",
    "github.com": "take the URL of its button `Raw`, with /raw/ for /blob/",
    "huggingface.co": "take the URL with /resolve/ for /blob/",
    "www.kaggle.com": "Kaggle wants a login: download it by a browser or by its own client",
}
LOGIN = "open it in a browser, since it may want a login or a click, and take the file's own URL"


def read(path: Path) -> str:
    """What the page in this file is and says; empty where the file is no web page."""
    with path.open("rb") as file:
        return describe(file.read(HEAD_BYTES))


def kind(path: Path) -> str:
    """What the file is, after a comma; empty where its head does not tell."""
    with path.open("rb") as file:
        known = file_type.identify(file.read(file_type.HEAD_BYTES))
    return "" if known == file_type.UNKNOWN else f", {known.name}"


def describe(head: bytes) -> str:
    r"""What a page is and says, by its first bytes; empty where it is none.

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
    """How to get the file itself from this host."""
    return HOSTS.get(host, LOGIN)
