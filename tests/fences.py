"""The fenced blocks of a page, and the commands in them."""

import re
import subprocess
from dataclasses import dataclass

PLAIN = ("csv", "json", "mermaid", "python", "text", "yaml")  # fences that hold no commands
SCRIPTS = ("sh", "powershell")
FENCE = re.compile(r"( *)(`{3,}|~{3,})\s*(\S*)")
LOOKS_RUN = re.compile(r"\s*(\$ |(dvc|pawprint|git|make|pip|python3?|torchrun) )")


@dataclass(frozen=True)
class Command:
    """One command of a page."""

    text: str  # as bash takes it, several lines perhaps
    fence: str
    rows: range  # of the page, from 0: where its output stands
    indent: str  # of its fence
    shown: tuple[str, ...] = ()  # its output, without the indent

    @property
    def name(self) -> str:
        """Its text without a comment at the end."""
        return re.sub(r"\s+# .*", "", self.text)


Read = tuple[list[Command], list[str]]  # of a fence: its commands, and what is wrong with it


def is_whole(text: str) -> bool:
    """Whether bash does not wait for more lines."""
    process = subprocess.run(
        ["bash", "-n"], input=text, capture_output=True, text=True, check=False
    )
    return not process.stderr and not text.endswith("\\")


def commands(text: str) -> list[Command]:
    """The commands of a page, as they follow one another.

    Raises:
        ValueError: what is wrong with its fences, a line each.
    """
    actual, faults, row = list[Command](), list[str](), 0
    lines = text.splitlines()
    while row < len(lines):
        begun = FENCE.match(lines[row])
        row += 1
        if begun is None:
            continue
        indent, mark, kind = begun.groups()
        ends = [number for number in range(row, len(lines)) if lines[number].strip() == mark]
        body = [line.removeprefix(indent) for line in lines[row : [*ends, row][0]]]
        if not ends:
            faults.append(f"line {row}: the fence has no end")
            break
        reader = {"console": talk, **dict.fromkeys(SCRIPTS, script), **dict.fromkeys(PLAIN, plain)}
        taken, wrong = reader.get(kind, stranger)(body, row, indent, kind)
        actual += taken
        faults += wrong
        row = ends[0] + 1
    if faults:
        raise ValueError("\n".join(faults))
    return actual


def stranger(_body: list[str], first: int, _indent: str, kind: str) -> Read:
    """A fence that is not allowed."""
    return [], [
        f"line {first}: a fence of {kind or 'no language'}: console, if commands and what they "
        f"say; sh, if commands alone; or {', '.join(PLAIN)}"
    ]


def plain(body: list[str], first: int, _indent: str, kind: str) -> Read:
    """A fence that may hold no commands."""
    return [], [
        f"line {number}: a command in a fence of {kind}: {line}"
        for number, line in enumerate(body, first + 1)
        if LOOKS_RUN.match(line)
    ]


def talk(body: list[str], first: int, indent: str, kind: str) -> Read:
    """The commands of a console fence with their output, and what is wrong there."""
    starts = [number for number, line in enumerate(body) if line.startswith("$ ")]
    if starts[:1] != [0]:
        return [], [f"line {first + 1}: a console fence starts with `$ ` and a command"]
    rows, faults = [], []
    for start, end in zip(starts, [*starts[1:], len(body)], strict=True):
        text, row = body[start].removeprefix("$ "), start + 1
        while not is_whole(text) and row < end:
            text += "\n" + body[row].removeprefix("> ")
            row += 1
        if not is_whole(text):
            faults.append(f"line {first + start + 1}: bash cannot read this command: {body[start]}")
        while end > row and not body[end - 1].strip():  # blank lines before the next command
            end -= 1
        shown = tuple(line.rstrip() for line in body[row:end])
        rows.append(Command(text, kind, range(first + row, first + end), indent, shown))
    return rows, faults


def script(body: list[str], first: int, indent: str, kind: str) -> Read:
    """The commands of a fence that shows no output, and what is wrong there."""
    actual, faults, text = list[Command](), list[str](), ""
    for row, line in enumerate(body, first):
        text += line
        if line.startswith("$ "):
            faults.append(f"line {row + 1}: `$ ` in a fence of {kind}; make it a console fence")
        elif is_whole(text) or kind == "powershell":
            if re.sub(r"^\s*#.*", "", text).strip():
                actual.append(Command(text, kind, range(row + 1, row + 1), indent))
            text = ""
        else:
            text += "\n"
    if text:
        faults.append(f"line {first + len(body)}: bash cannot read this: {text}")
    return actual, faults
