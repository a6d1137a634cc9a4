"""What a version of a dataset costs: `make bench-versions PICTURES=ARCHIVE`.

The images of an archive as a folder: from nothing, then plus 1 % in one class, plus 1 % scattered,
minus 1 %, and all images of one class renamed. Each time `pawprint new` (or `--update`), `dvc repro
label presize` and `dvc push` to a folder. Beside it what a user would do by hand: `dvc add` of the
folder, and a stage whose folder of one .npy per image has `persist: true`, so that it decodes what
is not there yet. Labels come from the names, NAME_NUMBER.jpg.
"""

import argparse
import random
import re
import shutil
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import photographs, processes, results
from pawprint.terminal import console

DVC, PAWPRINT = (str(Path(sys.executable).with_name(name)) for name in ("dvc", "pawprint"))
PATTERN, SIZE = r"^(.+)_\d+\.jpg$", 224
BY_HAND = f"""
import sys
from pathlib import Path
import numpy as np
from pawprint.vision.cache_writer import decode_to_square
target = Path("squeezed")
target.mkdir(exist_ok=True)
names = {{path.name for path in Path("pics").iterdir()}}
for old in target.iterdir():
    if old.stem not in names:
        old.unlink()
for name in sorted(names):
    path = target / f"{{name}}.npy"
    if not path.exists():
        data = Path("pics", name).read_bytes()
        np.save(path, decode_to_square(name, data, {SIZE}, "white").pixels.numpy())
"""
STAGE = """stages:
  squeeze:
    cmd: {python} squeeze.py
    deps: [pics]
    outs: [squeezed: {{persist: true}}]
"""
Change = tuple[str, Callable[[Path, Path], object]]  # its name; of the folder and the spare images


def changes(names: Sequence[str], seed: int) -> list[Change]:
    """What happens to the folder, and the names that join it later."""
    rng, label = random.Random(seed), re.match(PATTERN, names[0])
    assert label is not None
    of_one = [name for name in names if name.startswith(f"{label.group(1)}_")]
    count = len(names) // 100
    first = rng.sample(of_one, count)
    others = rng.sample([name for name in names if name not in first], 2 * count)

    def join(some: Sequence[str]) -> Callable[[Path, Path], object]:
        return lambda pics, spare: [shutil.copy(spare / name, pics / name) for name in some]

    def leave(pics: Path, spare: Path) -> None:
        for name in others[count:]:
            (pics / name).unlink()

    def rename(pics: Path, spare: Path) -> None:
        for path in pics.glob(f"{label.group(1)}_*"):
            path.rename(path.with_name(path.name.replace(label.group(1), "Renamed", 1)))

    late = {*first, *others[:count]}
    return [
        ("from nothing", join([name for name in names if name not in late])),
        ("+1 %, one class", join(first)),
        ("+1 %, scattered", join(others[:count])),
        ("-1 %, scattered", leave),
        ("one class renamed", rename),
    ]


def run(folder: Path, *command: str) -> float:
    """The seconds of a command."""
    return processes.watch(command, folder, folder.parent / "log")[0]


def size(folder: Path) -> int:
    """Bytes in a folder; of hard links once."""
    inodes = {
        (path.stat().st_ino, path.stat().st_size) for path in folder.rglob("*") if path.is_file()
    }
    return sum(length for _, length in inodes)


def prepare(top: Path) -> tuple[Path, Path]:
    """Our project and the one by hand, each with a DVC remote."""
    ours, hand = top / "ours", top / "hand"
    photographs.git("clone", "--quiet", str(photographs.ROOT), str(ours))
    (ours / "pics").mkdir()
    text = (ours / "presets/pets-resnet34.yaml").read_text()
    text = text.replace("dataset: pets ", "dataset: mine ").replace("split: random", "split: hash")
    (ours / "params.yaml").write_text(re.sub(r"(?m)^(presize:\n  size:) 460", rf"\1 {SIZE}", text))
    (hand / "pics").mkdir(parents=True)
    (hand / "squeeze.py").write_text(BY_HAND)
    (hand / "dvc.yaml").write_text(STAGE.format(python=sys.executable))
    run(hand, "git", "init", "--quiet")
    run(hand, DVC, "init", "--quiet")
    shutil.copy(ours / ".dvc/config", hand / ".dvc/config")
    for folder in (ours, hand):
        run(folder, DVC, "remote", "add", "--default", "store", str(top / f"store-{folder.name}"))
        (top / f"store-{folder.name}").mkdir()
    return ours, hand


def step(folder: Path, top: Path, commands: Sequence[Sequence[str]]) -> list[str]:
    """Seconds of each command, and MB that are new in the cache and in the remote."""
    places = (folder / ".dvc/cache", top / f"store-{folder.name}")
    before = [size(place) for place in places]
    seconds = [run(folder, *command) for command in commands]
    new = [size(place) - was for place, was in zip(places, before, strict=True)]
    return [*(f"{x:.1f}" for x in seconds), *(f"{x / 1e6:.1f}" for x in new)]


def main() -> None:
    """Measure, print and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="pawprint-") as name:
        top = Path(name)
        with tarfile.open(args.archive) as archive:
            archive.extractall(top / "spare", filter="data")
        paths = sorted((top / "spare").rglob("*.jpg"))
        ours, hand = prepare(top)
        for i, (what, change) in enumerate(changes([path.name for path in paths], 0)):
            for folder in (ours, hand):
                change(folder / "pics", paths[0].parent)
            new = [
                PAWPRINT,
                "new",
                "mine",
                *(["--update"] if i else ["pics", "--pattern", PATTERN]),
            ]
            repro = [DVC, "repro", "--quiet", "label", "presize"]
            rows.append([what, "blocks", *step(ours, top, [new, repro, [DVC, "push", "--quiet"]])])
            add = [[DVC, "add", "--quiet", "pics"], [DVC, "repro", "--quiet"]]
            rows.append(["", "by hand", *step(hand, top, [*add, [DVC, "push", "--quiet"]])])
            print(rows[-2:], flush=True)
        began = time.perf_counter()
        run(ours, DVC, "repro", "--quiet", "label", "presize")
        idle = time.perf_counter() - began
    head = ("", "", "s, new or add", "s, repro", "s, push", "MB, new in cache", "MB, new in remote")
    commit = photographs.git("log", "-1", "--format=%h").strip()
    results.put(
        "What a version of a dataset costs",
        f"{results.machine()} Commit {commit}. {len(paths):,} images of {args.archive.name}, "
        f"presize.size {SIZE}; one run. `dvc repro label presize` with nothing to do: {idle:.1f} s."
        f"\n\n{results.table(head, rows)}",
    )


if __name__ == "__main__":
    console.run_command(main, "versions")
