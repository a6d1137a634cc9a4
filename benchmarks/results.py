"""benchmarks/RESULTS.md, by sections: each benchmark replaces its own and leaves the others."""

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
    """Date, processor, memory and versions, as a sentence."""
    names = ("torch", "torchvision", "fastai", "pillow")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
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


def put(title: str, text: str, file: Path = FILE) -> None:
    """Write the section `## title`, in the place of the one that was there."""
    whole = file.read_text() if file.exists() else "# Results\n"
    parts = re.split(r"(?m)^(?=## )", whole)
    made = f"## {title}\n\n{text.strip()}\n"
    found = [i for i, part in enumerate(parts) if part.startswith(f"## {title}\n")]
    if found:
        parts[found[0]] = made
    else:
        parts.append(made)
    file.write_text("\n".join(part.strip() + "\n" for part in parts))
