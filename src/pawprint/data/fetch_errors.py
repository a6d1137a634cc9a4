"""Why a URL could not be downloaded: the server's answer, the network, or this machine."""

from urllib.parse import urlsplit

import requests

from pawprint.storage import web_pages

# not 408, 429 and 500 to 504: they may pass
FINAL = (400, 401, 403, 404, 405, 410, 451)  # answers that another try does not change


def check_status(answer: requests.Response) -> None:
    """Raise an error for an error status, with the text of its page.

    Raises:
        requests.HTTPError: the status is 400 or above.
    """
    if answer.status_code < 400:
        return
    try:
        page = web_pages.describe(next(answer.iter_content(web_pages.HEAD_BYTES), b""))
    except requests.RequestException:
        page = ""
    status = f"HTTP {answer.status_code}" + (f", {page}" if page else "")
    raise requests.HTTPError(status, response=answer)


def page(url: str, text: str) -> str:
    """The message for a URL that returned a web page, not a file."""
    return (
        f"{url}: the server returned {text}, not the file; "
        f"{web_pages.remedy(urlsplit(url).hostname or '')}, or download it and give its path"
    )


def is_final(error: Exception) -> bool:
    """Whether the server will give the same answer again."""
    if isinstance(error, requests.TooManyRedirects | requests.exceptions.InvalidURL):
        return True
    return isinstance(error, requests.HTTPError) and error.response.status_code in FINAL


def is_about_this_machine(error: Exception) -> bool:
    """Whether the error is about the disk, not the network."""
    # all errors of requests are OSErrors too, so an OSError alone says nothing
    return not isinstance(error, requests.RequestException | ConnectionError | TimeoutError)


def message(url: str, error: Exception, size: int) -> str:
    """The message for a URL that could not be downloaded, except for `size` bytes."""
    why = str(error) if isinstance(error, requests.HTTPError) else _cause(error)
    kept = f" ({size:,} bytes are kept, and the download will resume)" if size else ""
    return (
        f"{url}: could not be downloaded: {why}{kept}; without a network, put the file into a "
        "folder under the same name and set PAWPRINT_DATA to that folder, or give its path "
        "instead of the URL"
    )


def _cause(error: BaseException) -> str:
    """The root cause, in a few words."""
    # requests wraps urllib3's error, which wraps the socket's: the innermost says what happened
    reason = getattr(error, "reason", None) or error.__cause__ or error.__context__
    while isinstance(reason, BaseException) and (reason.__cause__ or reason.__context__):
        reason = reason.__cause__ or reason.__context__
    words = "".join(letter if letter.isprintable() else " " for letter in str(reason or error))
    # urllib3 begins with the connection's address in memory, and a colon
    text = " ".join(words.rsplit(": ", 1)[-1].strip("()'\" ").split())
    return text[:200] or type(error).__name__
