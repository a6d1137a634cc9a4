"""What `pawprint new` and `--update` write into a datasets.yaml, however a person wrote it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawprint.core import yaml_file
from pawprint.curation import catalog_entry
from tests.conftest import ROOT

OLD, NEW = "0" * 63 + "b", "1" * 64  # the new one is a number where it stands without quotes
HEADS = ["", "\ufeff", "# ä\n\n", "---\n", "other: &o {a: [1,'x']}  # c\n", "t: |\n   # text\n\n"]
TAILS = ["", "\n", "\n\n \n# end", "\nz: 1\n", "\nz: [ 1,\n 2 ]  \n", "\n   # odd\nz:\n- 1\n"]
COUNTS = {  # what is written, and what is to stand there then
    "": "",
    "count: 5\n": "count: 7\n",
    "count:   0x5  # n\n": "count:   7  # n\n",
    "'count' : 5\n# after\n": "'count' : 7\n# after\n",
    "count:\n": "count: 7\n",
}
URLS = ["url: pics\n", "url: 'pi cs'  # mine\n", '"url" : pics#\n', "url: a\n  INDENT b\n"]
HASHES = {
    "": "sha256: NEW\n",
    "sha256: OLD\n": "sha256: NEW\n",
    "sha256:   'OLD'   # c\n": "sha256:   NEW   # c\n",
    '"sha256" : "OLD"\n': '"sha256" : NEW\n',
    "sha256: >-\nINDENT  OLD\n\nINDENT# c\n": "sha256: NEW\n\nINDENT# c\n",
    "? sha256\nINDENT: OLD\n": "? sha256\nINDENT: NEW\n",
    "sha256: # c\nINDENT OLD\n": "sha256: # c\nINDENT NEW\n",
    "sha256:\n": "sha256: NEW\n",
    "md5:\n": "sha256: NEW\n",
    "md5: OLD#\n": "sha256: NEW\n",
    "md5:  OLD # a\nINDENT# b\n": "sha256:  NEW # a\nINDENT# b\n",
}
LABELS = ["label: {from: folder}  # z\n", "label:\n          from: folder\n"]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("catalog") / "datasets.yaml"


def one_of(*choices: str) -> st.SearchStrategy[str]:
    return st.sampled_from(choices)


@given(
    st.data(), one_of(*HEADS), one_of(*TAILS), one_of(*HASHES), one_of(*COUNTS),
    one_of("\n", "\r\n"),
)  # fmt: skip
def test_an_update_changes_the_hash_and_the_count_and_no_other_byte(
    path: Path, data: st.DataObject, head: str, tail: str, digest: str, count: str, end: str
) -> None:
    outer, inner = (" " * data.draw(st.integers(1, 4)) for _ in "ab")
    url, label = data.draw(one_of(*URLS)), data.draw(one_of(*LABELS))
    is_first = bool(digest) and data.draw(st.booleans())

    def file(digest: str, count: str) -> bytes:
        entries = [digest, url] if is_first else [url, digest]
        images = "".join(outer + inner + entry for entry in entries if entry)
        last = outer + count if count else ""
        text = f"{head}mine:\n{outer}pictures:  # p\n{images}{outer}{label}{last}"[:-1] + tail
        text = text.replace("INDENT", outer + inner).replace("OLD", OLD)
        return text.replace("NEW", f"'{NEW}'").replace("\n", end).encode()

    path.write_bytes(file(digest, count))
    catalog_entry.update_entry(path, "mine", ("sha256", NEW), 7)
    assert path.read_bytes() == file(HASHES[digest], COUNTS[count])


SHARED = {
    "a hash by alias": f"n: &h {OLD}\nmine: {{pictures: {{url: a, sha256: *h}}, label: {{}}}}\n",
    "a hash with an alias": f"mine: {{pictures: {{url: a, sha256: &h {OLD}}}, label: {{x: *h}}}}\n",
    "pictures by alias": "p: &p {url: a} # c\nmine: {pictures: *p, label: {}}\n",
    "both hashes": f"mine: {{pictures: {{url: a, md5: x, sha256: {OLD}}}, label: {{}}}} # c\n",
    "a key without a colon": "mine: {label: {}, pictures: {url: a, sha256}}\n",
    "a key without a colon, and others": "mine: {pictures: {sha256, url: a}, label: {}} # c: d\n",
    "a url of its own lines": "mine:\n pictures:\n  ? url\n  : a\n label: {}\n",
}


@pytest.mark.parametrize("name", SHARED)
def test_what_cannot_be_kept_is_one_line_and_no_other_file(path: Path, name: str) -> None:
    path.write_text(SHARED[name])
    with pytest.raises(
        ValueError, match="cannot be changed as it is written; put there by hand: s"
    ):
        catalog_entry.update_entry(path, "mine", ("sha256", NEW), 7)
    assert path.read_text() == SHARED[name]


REAL = [(ROOT / name).read_text() for name in ("datasets.yaml", "collab/datasets.yaml")]
BLOCK = {"pictures": {"url": "a: #b"}, "label": {"valid": ["val", "13", "a, b"]}, "count": 3}
LINES = (
    "more:\n  pictures:\n    url: 'a: #b'\n  label:\n    valid: [val, '13', 'a, b']\n  count: 3\n"
)


@given(one_of(*REAL, "", "mine: 1"), one_of(*HEADS[:4]), one_of(*TAILS), one_of("\n", "\r\n"))
def test_a_block_is_appended_and_no_byte_before_it_changed(
    path: Path, text: str, head: str, tail: str, end: str
) -> None:
    before = (head + (text or "y: 1").removesuffix("\n") + tail).replace("\n", end).encode()
    path.write_bytes(before)
    catalog_entry.append_entry(path, "more", BLOCK)
    gap = "\n" if before.endswith(b"\n") else "\n\n"
    end = end if end.encode() in before else "\n"
    assert path.read_bytes() == before + (gap + LINES).replace("\n", end).encode()


@pytest.mark.parametrize("tail", ["...\n", "last: |+\n  a\n", "last: [1,\n", " odd: 1\n"])
def test_a_file_that_takes_no_block_is_left_alone(path: Path, tail: str) -> None:
    path.write_text(REAL[0] + tail)
    with pytest.raises(ValueError, match=r"put there by hand: more:\n|not readable as YAML"):
        catalog_entry.append_entry(path, "more", BLOCK)
    assert path.read_text() == REAL[0] + tail


@pytest.mark.parametrize("name", list(yaml_file.parse(REAL[0], "")))
def test_each_block_of_the_catalogue_is_updated_in_place(path: Path, name: str) -> None:
    path.write_text(REAL[0])
    catalog_entry.update_entry(path, name, ("sha256", NEW), 7)
    before, after = REAL[0].splitlines(), path.read_text().splitlines()
    assert [line for line in after if NEW not in line and line != "  count: 7"] == [
        line for i, line in enumerate(before) if line in after[i : i + 2] and line != "  count: 7"
    ]
    assert len(before) <= len(after) <= len(before) + 1
