"""Decode and squeeze every picture once: data/raw/pictures -> data/presized."""

import os
from pathlib import Path

from pawprint import archives, console, files, oddities, params, presize

PICTURES, SUMMARY = Path("data/raw/pictures"), Path("reports/presize.json")
IMAGES, INDEX = Path("data/presized/images.npy"), Path("data/presized/index.csv")


def main() -> None:
    p = params.load().presize
    names = archives.image_names(PICTURES)
    contents, workers = archives.contents(PICTURES, names), len(os.sched_getaffinity(0))
    pictures = presize.presized(contents, p.size, p.background, workers)
    shown = console.bar(pictures, "presize", len(names))
    good, said = presize.write(IMAGES, shown, names, p.size, p.on_error)
    rows = [(picture.name, picture.width, picture.height, picture.sha256) for picture in good]
    files.write_csv(INDEX, ["name", "width", "height", "sha256"], rows)
    skipped = len(names) - len(good)
    files.write_json(SUMMARY, {"pictures": len(good), "size": p.size, "skipped": skipped})
    print(f"presize: {len(good):,} pictures, {IMAGES.stat().st_size / 1e6:,.0f} MB")
    odd = oddities.notes([(picture.name, picture.odd) for picture in good], p.background)
    for note in [*([said] if said else []), *odd]:
        print(f"presize: note: {note}")


if __name__ == "__main__":
    console.run(main, "presize")
