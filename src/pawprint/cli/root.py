"""The project's folder: commands work from every folder in it, with paths as typed."""

import argparse
import os
from pathlib import Path

from pawprint.core.files import with_slashes

MODEL, ONNX = Path("models/unfrozen.safetensors"), Path("build/model.onnx")
MARKS = ("dvc.yaml", "params.yaml", "datasets.yaml")  # two of them make a folder a project
NO_PATH = ("http://", "https://", "sklearn:", "planted:")  # begin what is no path


def folder(start: Path) -> Path | None:
    """The first project folder from here upwards; None if there is none."""
    for one in (start, *start.parents):
        if sum((one / mark).is_file() for mark in MARKS) > 1:
            return one
    return None


def enter_root(args: argparse.Namespace) -> argparse.Namespace:
    """Change to the project's folder; typed paths keep their meaning.

    `predict` and `export` stay in the working folder and use the project's model from there,
    because they print file names as typed, and with `--model` need no project.

    Raises:
        ValueError: not in a project, or in the ratings project with a command for images.
    """
    here = Path.cwd()
    if hasattr(args, "model"):
        return with_model(args, here)
    top = check_paths(here, getattr(args, "is_for_ratings", False))
    if top != here:
        for name in ("to", "pictures", "csv"):
            if value := getattr(args, name, None):
                setattr(args, name, type(value)(from_anywhere(str(value), here, args)))
        os.chdir(top)
    return args


def with_model(args: argparse.Namespace, here: Path) -> argparse.Namespace:
    """Set the files that were not typed to those of the project.

    Raises:
        ValueError: the model would be that of a ratings project.
    """
    if args.model == MODEL and not MODEL.is_file() and folder(here):
        check_paths(here, is_for_ratings=False)
    top = folder(here) or here
    for name, usual in (("model", MODEL), ("to", ONNX)):
        if getattr(args, name, None) == usual:
            setattr(args, name, Path(os.path.relpath(top / usual, here)))
    return args


def check_paths(here: Path, is_for_ratings: bool) -> Path:
    """The project's folder.

    Raises:
        ValueError: there is none, or it is a ratings project and the command is for images.
    """
    top = folder(here)
    if top is None:
        raise ValueError(
            f"{here}: no Pawprint project here or in a folder above; `cd` to the project's folder, "
            "and run it there"
        )
    if not is_for_ratings and top.name == "collab" and folder(top.parent) == top.parent:
        up = os.path.relpath(top.parent, here)
        raise ValueError(
            f"{top.name}/ is the ratings project, but this command is for images: `cd {up}`, and "
            "run it there"
        )
    return top


def from_anywhere(typed: str, here: Path, args: argparse.Namespace) -> str:
    """A typed path as an absolute one; unchanged if it is not a path or is among the images."""
    path = here / Path(typed).expanduser()
    if typed.startswith(NO_PATH):
        return typed
    if typed == getattr(args, "csv", None) and not path.is_file():
        return typed
    return with_slashes(os.path.normpath(path))


def way_back(text: str, here: Path) -> str:
    """Where to run the commands of an error message, if not in the working folder; else empty."""
    if Path.cwd() == here or "`" not in text:
        return ""
    return f"run that in the project's folder: `cd {os.path.relpath(Path.cwd(), here)}`"
