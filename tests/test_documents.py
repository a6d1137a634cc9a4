"""README.md and docs/*.md: what they show is what their commands say, and what they name exists."""

import re
from pathlib import Path

import pytest

from tests import documents
from tests.calls import calls, unheard, unknown
from tests.conftest import ROOT
from tests.copies import built_copy
from tests.documents import NOT_RUN, SHORT, house, is_run, pages, rewrite, session
from tests.fences import commands
from tests.likeness import align, mask


def text_of(page: str) -> str:
    return (ROOT / page).read_text()


@pytest.mark.parametrize("page", pages())
def test_every_fence_is_well_formed(page: str) -> None:
    commands(text_of(page))


@pytest.mark.parametrize("page", pages())
def test_every_command_is_known(page: str) -> None:
    actual = commands(text_of(page))
    ours = [
        one for one in actual if one.fence != "powershell" or re.match("dvc|pawprint", one.text)
    ]
    shown = [words for command in ours for words in calls(command.text)]
    assert [fault for words in shown if (fault := unknown(words))] == []
    assert ours == actual or "untried" in text_of(page)


@pytest.mark.parametrize("page", pages())
def test_every_command_in_a_sentence_is_known(page: str) -> None:
    outside = re.sub(r"^ *```.*?^ *```", "", text_of(page), flags=re.M | re.S)
    spans = re.findall(r"`((?:dvc|pawprint|make) [^`]+)`", outside)
    assert [fault for span in spans for words in calls(span) if (fault := unheard(words))] == []


@pytest.mark.parametrize("page", pages())
def test_every_local_link_leads_somewhere(page: str) -> None:
    text = re.sub(r"^ *```.*?^ *```", "", text_of(page), flags=re.M | re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text()), link


def test_what_is_not_run_is_shown_by_a_page_without_output_and_has_a_reason() -> None:
    shown = [command for page in pages() for command in commands(text_of(page))]
    left = [one for one in shown if one.fence != "powershell" and not is_run(one)]
    assert {command.name for command in left} == set(NOT_RUN)
    assert [command.name for command in left if command.shown] == []
    for reason in NOT_RUN.values():
        for name in re.findall(r"\S+\.(?:py|md)", reason):
            assert (ROOT / name).is_file() or (ROOT / "tests" / name).is_file(), reason


@pytest.mark.dvc
@pytest.mark.parametrize("page", sorted(SHORT & set(pages())))
def test_the_short_pages_show_what_is_said(
    page: str, built_project: tuple[Path, str], tmp_path: Path
) -> None:
    assert_true(page, house(tmp_path / "home", built_project[0]))


@pytest.fixture(scope="session")
def built_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits") / "built"
    built_copy(folder, is_small=False)
    return folder


@pytest.mark.dvc
@pytest.mark.long
@pytest.mark.parametrize("page", [page for page in pages() if page not in SHORT])
def test_the_pages_show_what_is_said(page: str, built_digits: Path, tmp_path: Path) -> None:
    assert_true(page, house(tmp_path / "home", built_digits))


def assert_true(page: str, home: Path) -> None:
    answers = session(home, [command for command in commands(text_of(page)) if is_run(command)])
    faults = [one.fault for one in answers if one.fault]
    assert not faults, "\n\n".join(faults)


def anchors(text: str) -> set[str]:
    """How the headings of a page are linked to."""
    headings = re.findall(r"^#+ (.*)", text, re.M)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in headings}


def page_of(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def in_a_home(folder: Path, page: str) -> list[str | None]:
    (folder / "home/pawprint").mkdir(parents=True)
    return [one.fault for one in session(folder / "home", commands(page))]


def test_commands_of_both_fences_are_found_with_their_output() -> None:
    page = page_of(
        "# A page", "", "```sh", "a=1   # a comment", "for i in 1 2", "do", "  echo $i", "done",
        "# alone", "```", "  ```console", "  $ echo \\", "  > b", "  b", "", "  $ true", "  ```",
    )  # fmt: skip
    actual = commands(page)
    assert [one.text for one in actual] == [
        "a=1   # a comment", "for i in 1 2\ndo\n  echo $i\ndone", "echo \\\nb", "true",
    ]  # fmt: skip
    assert actual[0].name == "a=1"
    assert [one.shown for one in actual] == [(), (), ("b",), ()]
    assert page.splitlines()[actual[2].rows.start] == "  b"


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (["```", "make run", "```"], "line 1: a fence of no language"),
        (["```bash", "make run", "```"], "line 1: a fence of bash"),
        (["```text", "word", "dvc repro", "```"], "line 3: a command in a fence of text"),
        (["```console", "make run", "```"], "line 2: a console fence starts with"),
        (["```sh", "$ make run", "```"], "line 2: `\\$ ` in a fence of sh"),
        (["```sh", "echo 'a", "```"], "line 2: bash cannot read this"),
        (["```console", "$ echo 'a", "```"], "line 2: bash cannot read this"),
        (["```sh", "make run"], "line 1: the fence has no end"),
    ],
)
def test_a_fence_that_is_not_well_formed_is_named(lines: list[str], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        commands(page_of(*lines))


@pytest.mark.parametrize(
    ("shown", "message"),
    [
        ("error rate 0.0111 in 01:15", "error rate 0.009 in 9.3 s"),
        ("| main | 07:31 PM | -0.02 |", "| main   | Nov 21, 2026 | 1e-05  |"),
        ("[main 6053cb8] built", "[main 0a1b2c3d] built"),
        ("build/model.onnx: 44.7 MB", "build/model.onnx: 900 kB"),
        ("──── ────", "── ──────────"),
        ("d41d8cd98f00b204e9800998ecf8427e.dir", "0cc175b9c0f1b6a831c399e269772661.dir"),
    ],
)
def test_what_may_differ_is_masked(shown: str, message: str) -> None:
    assert mask(shown) == mask(message)


@pytest.mark.parametrize(
    ("shown", "message"),
    [
        ("reports/evaluate.json", "reports/labels.json"),
        ("arch: resnet18", "arch: resnet34"),
        ("lr | 0.002", "lr | -"),
        ("Stage 'fetch' didn't change, skipping", "Running stage 'fetch':"),
    ],
)
def test_what_may_not_differ_is_not_masked(shown: str, message: str) -> None:
    assert mask(shown) != mask(message)


@pytest.mark.parametrize(
    ("shown", "message", "result"),
    [
        ("a b", "a b", "a b"),
        ("a", "a b", None),
        ("b", "a b", None),
        ("a ...", "a b c", "a ..."),
        ("... c", "a b c", "... c"),
        ("a ... c", "a c", "a ... c"),
        ("a ... c ... e", "a b c d e", "a ... c ... e"),
        ("a ... a", "a", None),
        ("... b ... b ...", "a b", None),
        ("1 ...", "2 a", "2 ..."),
        ("...", "", "..."),
        ("", "a", None),
        ("", "", ""),
    ],
)
def test_lines_are_left_out_only_where_the_page_says_so(
    shown: str, message: str, result: str | None
) -> None:
    assert align(shown.split(), message.split()) == (None if result is None else result.split())


def test_names_that_dvc_makes_up_may_differ() -> None:
    shown = ["Ran experiment(s): solar-newt", "main [solar-newt]"]
    rows = ["Ran experiment(s): moody-drum", "main [moody-drum]"]
    assert align(shown, rows) == rows
    assert align(shown, [rows[0], "main [solar-newt]"]) is None


def test_a_page_is_one_session_of_one_shell(tmp_path: Path) -> None:
    page = page_of(
        "```sh", "mkdir there && cd there", "name=paw", "```", "```console", "$ echo $name; pwd",
        "paw", "/home/me/pawprint/there", "$ cat", "$ sleep 1000 & ", "```",
    )  # fmt: skip
    assert in_a_home(tmp_path, page) == [None] * 5


def test_a_page_that_shows_what_no_run_says_is_found(tmp_path: Path) -> None:
    lines = ["```console", "$ echo hello", "bye", "$ echo hello", "$ false", "$ no-such", "..."]
    faults = in_a_home(tmp_path, page_of(*lines, "$ exit 3", "$ true", "```"))
    assert [bool(fault) for fault in faults] == [True] * 6
    assert "line 2: echo hello: the page shows\nbye\nand a run says\nhello" in str(faults[0])
    assert "ended with 127, and the page does not show that" in str(faults[3])
    assert "was not done when the session ended" in str(faults[5])


def test_a_session_that_takes_too_long_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "LIMIT", 1)
    first, second = in_a_home(tmp_path, page_of("```sh", "true", "echo 1; sleep 1000", "```"))
    assert first is None
    assert "was not done when the session ended:\n1" in str(second)


def test_a_failure_that_the_page_shows_is_none_of_its_faults(tmp_path: Path) -> None:
    lines = ["```console", "$ git log", "fatal: not a git repository ...", "```"]
    lines[2] = "fatal: not a git repository (or any of the parent directories): .git"
    assert in_a_home(tmp_path, page_of(*lines)) == [None]


def test_a_page_is_rewritten_from_its_run_and_then_holds(tmp_path: Path) -> None:
    (tmp_path / "home/pawprint").mkdir(parents=True)
    page = tmp_path / "page.md"
    before = page_of(
        "Text", "```console", "$ seq 3", "4", "...", "6", "", "$ echo 2", "1", "```",
        "  ```console", "  $ printf 'a\\n\\nb\\n'", "  ```", "Text",
    )  # fmt: skip
    page.write_text(before)
    assert rewrite(page, tmp_path / "home") == []
    after = page_of(
        "Text", "```console", "$ seq 3", "1", "...", "3", "", "$ echo 2", "2", "```",
        "  ```console", "  $ printf 'a\\n\\nb\\n'", "  a", "", "  b", "  ```", "Text",
    )  # fmt: skip
    assert page.read_text() == after
    assert rewrite(page, tmp_path / "home") == []
    assert page.read_text() == after
    for rows in ("```", "$ true"):
        page.write_text(page_of("```console", f"$ echo '{rows}'", "```"))
        assert "what a command said would" in rewrite(page, tmp_path / "home")[0]
        assert page.read_text() == page_of("```console", f"$ echo '{rows}'", "```")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("dvc exp shw", "its parser refuses it"),
        ("dvc exp show --colour", "its parser refuses it"),
        ("cd x && pawprint predict", "its parser refuses it"),
        ("pawprint summary | no-such-program", "not found"),
        ("make pots", "make pots"),
        ("python -m stages.trian", "no such module"),
        ("git comit", "git comit"),
        ("for i in $(dvc exp lst); do echo $i; done", "its parser refuses it"),
    ],
)
def test_a_call_that_no_program_knows_is_named(text: str, fault: str) -> None:
    faults = [rows for words in calls(text) if (rows := unknown(words))]
    assert len(faults) == 1 and fault in faults[0]


@pytest.mark.parametrize(
    "text",
    [
        "dvc exp run -S lr=3e-3   # a comment",
        "A=1 dvc exp show --md 2>&1 >out.txt | head -3",
        "for name in $(dvc exp list --name-only); do dvc exp apply $name; done",
        "dvc exp run \\\n  --queue",
        "cat >> datasets.yaml <<'END'\nmine: (\nEND",
        "make pets PRESET=pets-resnet50",
        ". .venv/bin/activate",
    ],
)
def test_a_call_that_is_right_is_not_named(text: str) -> None:
    assert [message for words in calls(text) if (message := unknown(words))] == []


def test_an_option_in_a_sentence_may_stand_without_its_value() -> None:
    assert unheard(["dvc", "exp", "run", "-S"]) is None
    assert "no option --shout" in str(unheard(["dvc", "exp", "run", "--shout"]))
    assert "no command rum" in str(unheard(["dvc", "exp", "rum"]))
