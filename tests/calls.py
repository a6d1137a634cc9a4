"""The programs that a line of bash calls, and whether they know what they are called with."""

import re
import shlex
import subprocess
from argparse import ArgumentParser, _SubParsersAction
from functools import cache
from importlib.util import find_spec

from dvc.cli import DvcParserError
from dvc.cli.parser import get_main_parser

from pawprint.cli import main
from tests.conftest import ROOT
from tests.copies import ENVIRONMENT, call

PARSERS = {"dvc": get_main_parser(), "pawprint": main.parser()}
KEYWORDS = {"for", "do", "done", "if", "then", "else", "fi", "while", "!", "{", "}"}


def calls(text: str) -> list[list[str]]:
    """The programs that a line of bash calls, each with its words."""
    lines = text.replace("\\\n", " ").split("\n")
    text = lines[0] if "<<" in lines[0] else " ; ".join(lines)
    inner = re.findall(r"\$\(([^()]+)\)", text)
    text = re.sub(r"\$\([^()]+\)", "X", text)
    text = re.sub(r"(?<=\s)\d?(>>?|<<?)(&\d|\s*\S+)", "", text)
    rows: list[list[str]] = [[]]
    reader = shlex.shlex(text, posix=True, punctuation_chars=";&|()")
    reader.whitespace_split = True
    for word in reader:
        if set(word) <= set(";&|()"):
            rows.append([])
        else:
            rows[-1].append(word)
    return [words for line in rows if (words := bare(line))] + [
        words for line in inner for words in calls(line)
    ]


def bare(words: list[str]) -> list[str]:
    """The words from the program's name on."""
    if words[:1] == ["for"]:
        return []
    while words and (words[0] in KEYWORDS or re.match(r"\w+=", words[0])):
        words = words[1:]
    return words


def unknown(words: list[str]) -> str | None:
    """What is wrong with a call, as the program's own parser says."""
    program, *rest = words
    message = " ".join(words)
    try:
        if program in PARSERS:
            PARSERS[program].parse_args(rest)
    except (DvcParserError, SystemExit):
        return f"{message}: its parser refuses it"
    if program == "make":
        return None if set(targets()) >= {word for word in rest if "=" not in word} else message
    if program in ("python", "python3") and rest[0] == "-m":
        return None if find_spec(rest[1]) else f"{message}: no such module"
    if program == "git":
        return None if rest[0] in git_commands() or rest[0].startswith("-") else message
    return None if program in PARSERS or is_program(program) else f"{message}: not found"


def unheard(words: list[str]) -> str | None:
    """A command or an option of a call that its program does not have; values may be missing."""
    program, *rest = words
    if program == "make":
        return unknown([word for word in words if not word.startswith("-")])
    parser: ArgumentParser = PARSERS[program]
    for word in rest:
        groups = [one for one in parser._actions if isinstance(one, _SubParsersAction)]
        if groups and not word.startswith("-"):
            if word not in groups[0].choices:
                return f"{' '.join(words)}: no command {word}"
            parser = groups[0].choices[word]
        elif word.startswith("-") and word.split("=")[0] not in parser._option_string_actions:
            return f"{' '.join(words)}: no option {word}"
    return None


def targets() -> list[str]:
    return re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M)


@cache
def git_commands() -> list[str]:
    return call(ROOT, "git", "--list-cmds=main").split()


def is_program(name: str) -> bool:
    """Whether bash has it, or finds it."""
    command = ["bash", "-c", f"type {shlex.quote(name)}"]
    return (
        subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=False).returncode == 0
    )
