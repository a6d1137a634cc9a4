import hashlib
import os
import random
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pawprint.data import digits, downloads, fetch_errors
from pawprint.data.source import Source
from pawprint.storage import archives
from tests.server import Site, serving

DATA = random.Random(0).randbytes(3_000_000)
SHA = hashlib.sha256(DATA).hexdigest()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "WAIT", 0.01)
    monkeypatch.delenv("PAWPRINT_DATA", raising=False)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving({"/images.tar.gz": DATA}) as running:
        yield running


def place_source(source: Source, folder: Path) -> str:
    target, store = folder / "raw/pictures", folder / "store"
    return downloads.fetch_to(source, target, lambda size: None, store, digits.GENERATORS)


def remote(site: Site, **hashes: str) -> Source:
    return Source(url=f"{site.url}/images.tar.gz", **(hashes or {"sha256": SHA}))


def test_a_url_is_streamed_checked_and_put_in_place(site: Site, tmp_path: Path) -> None:
    arrived: list[int] = []
    downloads.fetch_to(remote(site), tmp_path / "pictures", arrived.append, tmp_path / "store")
    assert (tmp_path / "pictures").read_bytes() == DATA
    assert sum(arrived) == len(DATA)
    assert [path.name for path in (tmp_path / "store").iterdir()] == [SHA]


def test_md5_serves_where_only_that_is_published(site: Site, tmp_path: Path) -> None:
    md5 = hashlib.md5(DATA, usedforsecurity=False).hexdigest()
    place_source(remote(site, md5=md5), tmp_path)
    assert (tmp_path / "raw/pictures").read_bytes() == DATA


def test_a_second_run_touches_no_network(site: Site, tmp_path: Path) -> None:
    place_source(remote(site), tmp_path)
    (tmp_path / "raw/pictures").unlink()  # as DVC does before it reruns a stage
    site.files.clear()
    assert "kept from an earlier run" in place_source(remote(site), tmp_path)
    assert (tmp_path / "raw/pictures").read_bytes() == DATA
    assert len(site.asked) == 1


def test_a_damaged_copy_in_the_store_is_fetched_again(site: Site, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / SHA).write_bytes(b"damaged")
    place_source(remote(site), tmp_path)
    assert (tmp_path / "raw/pictures").read_bytes() == DATA


def test_a_broken_connection_is_resumed_where_it_broke(site: Site, tmp_path: Path) -> None:
    site.break_after = [1_000_000, 1_500_000]
    place_source(remote(site), tmp_path)
    assert (tmp_path / "raw/pictures").read_bytes() == DATA
    assert [asked for _, asked in site.asked] == [None, "bytes=983040-", "bytes=2424832-"]


def test_a_run_that_gives_up_keeps_its_part_for_the_next(site: Site, tmp_path: Path) -> None:
    site.break_after, site.statuses = [1_000_000], []
    site.break_after += [0] * downloads.MAX_RETRIES
    with pytest.raises(
        ConnectionError, match=r"983,040 bytes are kept, and the download will resume"
    ):
        place_source(remote(site), tmp_path)
    assert not (tmp_path / "raw").exists()
    site.break_after = []
    place_source(remote(site), tmp_path)
    assert site.asked[-1][1] == "bytes=983040-"
    assert (tmp_path / "raw/pictures").read_bytes() == DATA


def test_a_file_that_changed_meanwhile_is_fetched_anew(site: Site, tmp_path: Path) -> None:
    site.break_after = [1_000_000] + [0] * downloads.MAX_RETRIES
    with pytest.raises(ConnectionError):
        place_source(remote(site), tmp_path)
    other = DATA[::-1]
    site.files["/images.tar.gz"], site.etag, site.break_after = other, '"two"', []
    place_source(remote(site, sha256=hashlib.sha256(other).hexdigest()), tmp_path)
    assert (tmp_path / "raw/pictures").read_bytes() == other


def test_a_server_without_ranges_sends_it_whole(site: Site, tmp_path: Path) -> None:
    site.ranges, site.break_after = False, [1_000_000]
    place_source(remote(site), tmp_path)
    assert (tmp_path / "raw/pictures").read_bytes() == DATA


def test_a_part_that_is_whole_already_is_used(site: Site, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / f"{SHA}.part").write_bytes(DATA)
    (tmp_path / "store" / f"{SHA}.tag").write_text(site.etag)
    place_source(remote(site), tmp_path)
    assert (tmp_path / "raw/pictures").read_bytes() == DATA


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_passing_fault_is_tried_again(site: Site, tmp_path: Path, status: int) -> None:
    site.statuses = [status, status]
    place_source(remote(site), tmp_path)
    assert len(site.asked) == 3


@pytest.mark.parametrize("status", [404, 403])
def test_a_final_answer_is_one_line_at_once(site: Site, tmp_path: Path, status: int) -> None:
    site.statuses = [status]
    with pytest.raises(ConnectionError, match=f"HTTP {status}.*PAWPRINT_DATA") as caught:
        place_source(remote(site), tmp_path)
    assert len(site.asked) == 1
    assert len(str(caught.value).splitlines()) == 1


PAGE = b"<!DOCTYPE html><html><head><title>Sign in\n&middot; x</title></head><body>"


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (PAGE, r"a web page \(HTML: Sign in · x\)"),
        (b"<html><body><p>Quota <b>exceeded</b>", r"a web page \(HTML: Quota exceeded\)"),
        (b'{"message":\n "Not Found"}', r'JSON \({"message": "Not Found"}\)'),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", r"XML \(AccessDenied\)"),
    ],
)
@pytest.mark.parametrize("has_hash", [False, True])
def test_a_web_page_in_place_of_the_file_is_told_and_not_kept(
    site: Site, tmp_path: Path, page: bytes, message: str, has_hash: bool
) -> None:
    site.files["/images.tar.gz"] = page
    source = remote(site) if has_hash else Source(url=f"{site.url}/images.tar.gz")
    with pytest.raises(
        ValueError, match=f"^{source.url}: the server returned {message}, not"
    ) as caught:
        place_source(source, tmp_path)
    assert "open it in a browser" in str(caught.value) and str(caught.value).isprintable()
    assert [*(tmp_path / "store").iterdir()] == []
    site.files["/images.tar.gz"] = DATA
    place_source(remote(site), tmp_path)
    assert (tmp_path / "raw/pictures").read_bytes() == DATA


def test_a_page_is_what_was_wanted_where_its_hash_says_so(site: Site, tmp_path: Path) -> None:
    site.files["/images.tar.gz"] = PAGE
    url, sha = f"{site.url}/images.tar.gz", hashlib.sha256(PAGE).hexdigest()
    place_source(Source(url=url, sha256=sha), tmp_path)
    assert (tmp_path / "raw/pictures").read_bytes() == PAGE


@pytest.mark.parametrize("status", [401, 403, 404, 410, 451])
def test_the_page_of_an_error_is_told(site: Site, tmp_path: Path, status: int) -> None:
    site.statuses = [status]  # the server sends Python's own page with it
    message = fails(remote(site), tmp_path)
    assert f"could not be downloaded: HTTP {status}, a web page (HTML: Error response); " in message


def test_a_file_of_another_kind_is_named_beside_its_hash(site: Site, tmp_path: Path) -> None:
    site.files["/images.tar.gz"] = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"
    with pytest.raises(ValueError, match=r"\(56 bytes, a pointer of Git LFS\) is not the"):
        place_source(remote(site), tmp_path)


@pytest.mark.parametrize(
    ("host", "remedy"),
    [("drive.google.com", "Google Drive asks"), ("www.dropbox.com", "dl=1"), ("x.org", "browser")],
)
def test_how_to_come_to_the_file_depends_on_the_host(host: str, remedy: str) -> None:
    assert remedy in fetch_errors.page(f"https://{host}/x", "a web page (HTML)")


def test_weights_that_are_a_web_page_are_told_and_not_kept(site: Site, tmp_path: Path) -> None:
    site.files["/x.pth"] = PAGE
    with pytest.raises(ValueError, match="the server returned a web page"):
        downloads.fetch_once(f"{site.url}/x.pth", tmp_path / "x.pth", lambda size: None)
    assert [*tmp_path.iterdir()] == []


def test_what_a_folder_leaves_out_is_told_after_where_it_came_from(tmp_path: Path) -> None:
    (tmp_path / "mine/.old").mkdir(parents=True)
    (tmp_path / "mine/1.jpg").write_bytes(b"1")
    (tmp_path / "mine/.old/1.jpg").write_bytes(b"1")
    lines = place_source(Source(url=str(tmp_path / "mine")), tmp_path).splitlines()
    assert lines[1:] == ["note: 1 hidden image is left out: .old/1.jpg"]


def test_without_a_network_it_says_how_to_use_a_local_copy(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/images.tar.gz"
    with pytest.raises(ConnectionError, match=r"could not be downloaded.*PAWPRINT_DATA") as caught:
        place_source(Source(url=url, sha256=SHA), tmp_path)
    assert "refused" in str(caught.value)


def test_wrong_bytes_never_replace_good_ones(site: Site, tmp_path: Path) -> None:
    place_source(remote(site), tmp_path)
    with pytest.raises(ValueError, match=r"is not the 0{64} of datasets.yaml"):
        place_source(remote(site, sha256="0" * 64), tmp_path)
    assert (tmp_path / "raw/pictures").read_bytes() == DATA
    assert [path.name for path in (tmp_path / "store").iterdir()] == [SHA]


def test_a_folder_that_has_changed_is_not_tried_again_but_updated(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/1.jpg").write_bytes(b"1")
    with pytest.raises(ValueError, match=r"has changed.*`pawprint new NAME --update`") as caught:
        place_source(Source(url=str(tmp_path / "mine"), sha256="0" * 64), tmp_path)
    assert "try again" not in str(caught.value)


def test_a_url_without_a_hash_is_kept_and_its_hash_told(site: Site, tmp_path: Path) -> None:
    source = Source(url=f"{site.url}/images.tar.gz")
    with pytest.raises(ValueError, match=f"add `sha256: {SHA}`"):
        place_source(source, tmp_path)
    place_source(remote(site), tmp_path)
    assert len(site.asked) == 1


def test_pawprint_data_is_looked_in_first(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/images.tar.gz").write_bytes(DATA)
    monkeypatch.setenv("PAWPRINT_DATA", str(tmp_path / "mine"))
    place_source(remote(site), tmp_path)
    assert not site.asked
    assert (tmp_path / "raw/pictures").read_bytes() == DATA


def test_a_local_place_that_is_there_wins_over_pawprint_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "typed").mkdir()
    (tmp_path / "mine/typed").mkdir(parents=True)
    (tmp_path / "typed/1.jpg").write_bytes(b"1")
    (tmp_path / "mine/typed/2.jpg").write_bytes(b"2")
    monkeypatch.setenv("PAWPRINT_DATA", str(tmp_path / "mine"))
    place_source(Source(url=str(tmp_path / "typed")), tmp_path)
    assert archives.image_names(tmp_path / "raw/pictures") == ["1.jpg"]
    place_source(Source(url=str(tmp_path / "gone/typed")), tmp_path)
    assert archives.image_names(tmp_path / "raw/pictures") == ["2.jpg"]


def test_a_local_file_is_copied_never_linked(tmp_path: Path) -> None:
    mine = tmp_path / "mine.tar"
    mine.write_bytes(DATA)
    place_source(Source(url=str(mine)), tmp_path)
    assert (tmp_path / "raw/pictures").read_bytes() == DATA
    assert mine.stat().st_nlink == 1


def test_a_folder_is_packed_and_its_hash_told(tmp_path: Path) -> None:
    (tmp_path / "mine/cats").mkdir(parents=True)
    (tmp_path / "mine/cats/1.jpg").write_bytes(b"1")
    message = place_source(Source(url=str(tmp_path / "mine")), tmp_path)
    assert archives.image_names(tmp_path / "raw/pictures") == ["cats/1.jpg"]
    sha = message.rpartition(" ")[2]
    place_source(Source(url=str(tmp_path / "mine"), sha256=sha), tmp_path)
    (tmp_path / "mine/cats/2.jpg").write_bytes(b"2")
    (tmp_path / "store" / sha).unlink()
    with pytest.raises(ValueError, match="has changed"):
        place_source(Source(url=str(tmp_path / "mine"), sha256=sha), tmp_path)


def test_a_missing_local_file_says_what_may_stand_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no such file or folder; fix `url`"):
        place_source(Source(url=str(tmp_path / "absent.tar")), tmp_path)


def test_what_is_only_pointed_at_says_how_it_comes(tmp_path: Path) -> None:
    (tmp_path / "pets").symlink_to("/mnt/nas/pets")
    with pytest.raises(FileNotFoundError, match="pets: a broken link to /mnt/nas/pets"):
        place_source(Source(url=str(tmp_path / "pets")), tmp_path)
    (tmp_path / "own.dvc").write_text("outs:")
    with pytest.raises(
        FileNotFoundError, match=r"but own.dvc is next to it; run `dvc pull .+own.dvc`"
    ):
        place_source(Source(url=str(tmp_path / "own")), tmp_path)


def test_digits_are_written_with_equal_bytes_each_time(tmp_path: Path) -> None:
    source = Source(url="sklearn:digits")
    rows = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        place_source(source, folder)
        rows.append((folder / "raw/pictures").read_bytes())
    assert rows[0] == rows[1]
    names = archives.image_names(tmp_path / "a/raw/pictures")
    assert len(names) == 1797
    assert names[0] == "digits/0_0000.png"


def test_other_runs_parts_are_not_touched(tmp_path: Path) -> None:
    mine = tmp_path / "mine.tar"
    mine.write_bytes(DATA)
    place_source(Source(url=str(mine), sha256=SHA), tmp_path)
    assert not list((tmp_path / "store").glob(f"*.{os.getpid()}.*"))


def fails(source: Source, folder: Path) -> str:
    """The one line of a download that cannot succeed; nothing is put in place."""
    with pytest.raises((ConnectionError, ValueError)) as caught:
        place_source(source, folder)
    assert len(str(caught.value).splitlines()) == 1
    assert not (folder / "raw/pictures").exists()
    return str(caught.value)


def test_a_redirect_is_followed_and_a_loop_is_not(site: Site, tmp_path: Path) -> None:
    site.redirects = {"/moved": "/images.tar.gz", "/loop": "/loop"}
    assert "could not be downloaded" in fails(Source(url=f"{site.url}/loop", sha256=SHA), tmp_path)
    assert len(site.asked) <= 31  # once, not five times
    place_source(Source(url=f"{site.url}/moved", sha256=SHA), tmp_path)
    assert (tmp_path / "raw/pictures").read_bytes() == DATA


def test_a_stalled_connection_is_given_up_and_resumed(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "TIMEOUT", (5, 0.3))
    site.stalls = [1_000_000, 0]
    place_source(remote(site), tmp_path)
    assert (tmp_path / "raw/pictures").read_bytes() == DATA
    assert [asked for _, asked in site.asked] == [None, "bytes=983040-", "bytes=983040-"]


def test_a_server_that_never_speaks_again_is_one_line(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "TIMEOUT", (5, 0.3))
    site.stalls = [1_000_000] + [0] * downloads.MAX_RETRIES
    assert "983,040 bytes are kept, and the download will resume" in fails(remote(site), tmp_path)


def test_a_length_too_long_is_found_out(site: Site, tmp_path: Path) -> None:
    site.claimed = 1000
    assert "2,949,120 bytes are kept, and the download will resume" in fails(remote(site), tmp_path)
    site.claimed = 0
    place_source(remote(site), tmp_path)
    assert (tmp_path / "raw/pictures").read_bytes() == DATA


def test_a_length_too_short_is_no_whole_file(site: Site, tmp_path: Path) -> None:
    site.claimed = -1000
    assert "2,999,000 bytes) is not the" in fails(remote(site), tmp_path)
    site.claimed = 0
    place_source(remote(site), tmp_path)


def test_another_part_than_was_asked_for_is_never_joined(site: Site, tmp_path: Path) -> None:
    site.break_after, site.shifted = [1_000_000], 7
    place_source(remote(site), tmp_path)
    assert (tmp_path / "raw/pictures").read_bytes() == DATA
    assert [asked for _, asked in site.asked] == [None, "bytes=983040-", None]


def test_a_server_that_always_fails_is_asked_five_times(site: Site, tmp_path: Path) -> None:
    site.statuses = [500] * 9
    assert "HTTP 500" in fails(remote(site), tmp_path)
    assert len(site.asked) == downloads.MAX_RETRIES


def test_a_broken_tls_is_one_line(site: Site, tmp_path: Path) -> None:
    url = site.url.replace("http:", "https:") + "/images.tar.gz"
    assert "could not be downloaded: " in fails(Source(url=url, sha256=SHA), tmp_path)


def test_a_server_that_speaks_no_http_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        def answer() -> None:
            for _ in range(downloads.MAX_RETRIES):
                connection, _ = server.accept()
                with connection:
                    connection.recv(1000)
                    connection.sendall(b"220 mail\n\x00\x1b[2J\n")

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/images.tar.gz"
        message = fails(Source(url=url, sha256=SHA), tmp_path)
        thread.join()
    assert "could not be downloaded" in message and message.isprintable()
