"""A real HTTP server on loopback that can misbehave on purpose."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Site:
    """What the server has, how it fails, and what it was asked for."""

    files: dict[str, bytes]
    url: str = ""
    break_after: list[int] = field(default_factory=list)  # bytes of each next answer, then a cut
    statuses: list[int] = field(default_factory=list)  # of each next answer, before any file
    ranges: bool = True
    shifted: int = 0  # a range begins so many bytes later than asked for
    stalls: list[int] = field(default_factory=list)  # bytes of each next answer, then silence
    claimed: int = 0  # bytes that Content-Length is wrong by
    redirects: dict[str, str] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)
    etag: str = '"one"'
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # path and Range


def handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            targets = self.headers.get("Range")
            site.asked.append((self.path, targets))
            if site.statuses:
                self.send_error(site.statuses.pop(0))
                return
            if self.path in site.redirects:
                self.send_response(302)
                self.send_header("Location", site.redirects[self.path])
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if self.path not in site.files:
                self.send_error(404)
                return
            data, start = site.files[self.path], 0
            if targets and site.ranges and self.headers.get("If-Range") == site.etag:
                start = int(targets.removeprefix("bytes=").rstrip("-")) + site.shifted
            if start >= len(data) > 0:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(data)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(data) - start + site.claimed))
            self.send_header("ETag", site.etag)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.end_headers()
            if site.stalls:
                self.wfile.write(data[start : start + site.stalls.pop(0)])
                site.over.wait(30)
                return
            cut = site.break_after.pop(0) if site.break_after else len(data)
            self.wfile.write(data[start : start + cut])
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    return Handler


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[Site]:
    """The site, up while the block runs."""
    site = Site(files)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler(site)) as server:
        site.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield site
        site.over.set()
        server.shutdown()
        thread.join()
