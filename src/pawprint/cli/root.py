"""The project's folder: a command works from every folder in it, on paths as they were typed."""

import argparse
import os
from pathlib import Path

from pawprint.core.files import with_slashes

MODEL, ONNX = Path("models/unfrozen.safetensors"), Path("build/model.onnx")
MARKS = ("dvc.yaml", "params.yaml", "datasets.yaml")  # two of them make a folder a project
NO_PATH = ("http://", "https://", "sklearn:", "planted:")  # begin what is no path


def folder(start: Path) -> Path | None:
    """The first folder from here upwards that is a project's; none, where there is no such."""
    for one in (start, *start.parents):
        if sum((one / mark).is_file() for mark in MARKS) > 1:
            return one
    return None


def enter_root(args: argparse.Namespace) -> argparse.Namespace:
    """Go to the project's folder; paths that were typed mean what they meant before.

    `predict` and `export` stay where they are and take the project's model from there, since
    they say the names of files as they were typed, and with `--model` need no project.

    Raises:
        ValueError: we are in no project, or in that of the ratings with a command for pictures.
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
    """The files that were not typed are those of the project, wherever in it we are.

    Raises:
        ValueError: the model is to be that of a project of ratings.
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
        ValueError: there is none, or it is of ratings and the command of pictures.
    """
    top = folder(here)
    if top is None:
        raise ValueError(
            f"{here}: no project of Pawprint's here or in a folder above; `cd` to the project's "
            "folder, and run it there"
        )
    if not is_for_ratings and top.name == "collab" and folder(top.parent) == top.parent:
        up = os.path.relpath(top.parent, here)
        raise ValueError(
            f"{top.name}/ is the project of the ratings, and this command is for pictures: "
            f"`cd {up}`, and run it there"
        )
    return top


def from_anywhere(typed: str, here: Path, args: argparse.Namespace) -> str:
    """A path that was typed, as an absolute one; what is no path, or lies among pictures, stays."""
    path = here / Path(typed).expanduser()
    if typed.startswith(NO_PATH):
        return typed
    if typed == getattr(args, "csv", None) and not path.is_file():
        return typed
    return with_slashes(os.path.normpath(path))


def way_back(text: str, here: Path) -> str:
    """Where what an error advises is to be typed, if that is not where we were; else nothing."""
    if Path.cwd() == here or "`" not in text:
        return ""
    return f"type that in the project's folder: `cd {os.path.relpath(Path.cwd(), here)}`"
