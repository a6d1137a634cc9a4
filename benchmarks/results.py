"""benchmarks/RESULTS.md, by section: each benchmark replaces its own and leaves the others."""

import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil
import torch

FILE = Path(__file__).with_name("RESULTS.md")


def machine() -> str:
    """Date, CPU, memory and versions, as a sentence."""
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("torch", "torchvision", "fastai", "pillow")
    )
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{datetime.now(UTC):%Y-%m-%d}; {psutil.cpu_count()} cores "
        f"({platform.machine()}, {torch.backends.cpu.get_cpu_capability()}), {memory:.0f} GiB, "
        f"{torch.cuda.get_device_name() if torch.cuda.is_available() else 'no GPU'}; {versions}."
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def sections(file: Path) -> dict[str, str]:
    """The text under each `## title`, in order; under "" the text before the first."""
    whole = file.read_text() if file.exists() else "# Results\n"
    first, *rest = re.split(r"(?m)^## ", whole)
    actual = {"": first.strip()}
    for part in rest:
        title, _, text = part.partition("\n")
        actual[title] = text.strip()
    return actual


def put(title: str, text: str, file: Path = FILE) -> None:
    """Write the section `## title`, in place of the previous one."""
    actual = sections(file) | {title: text.strip()}
    head = actual.pop("")
    parts = [f"## {name}\n\n{body}\n" for name, body in actual.items()]
    file.write_text("\n".join([f"{head}\n", *parts]))


def append(title: str, head: Sequence[str], row: Sequence[str], file: Path = FILE) -> None:
    """Add a row to the table of a section, or start it."""
    before = sections(file).get(title, table(head, []))
    put(title, f"{before}\n{table(head, [row]).splitlines()[-1]}", file)
