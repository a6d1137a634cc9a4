"""Decode and squeeze every image once: data/raw/pictures -> data/presized."""

from pathlib import Path

from pawprint.core import files, params
from pawprint.core.cpus import available_cpus
from pawprint.storage import archives
from pawprint.terminal import console
from pawprint.vision import cache_writer, oddities

PICTURES, SUMMARY = Path("data/raw/pictures"), Path("reports/presize.json")
IMAGES, INDEX = Path("data/presized/images.npy"), Path("data/presized/index.csv")


def main() -> None:
    p = params.load().presize
    names = archives.image_names(PICTURES)
    contents, workers = archives.read_files(PICTURES, names), available_cpus()
    images = cache_writer.decode_all(contents, p.size, p.background, workers)
    shown = console.progress_bar(images, "presize", len(names))
    good, skipped_text = cache_writer.write_cache(IMAGES, shown, names, p.size, p.on_error)
    rows = [(image.name, image.width, image.height, image.sha256) for image in good]
    files.write_csv(INDEX, ["name", "width", "height", "sha256"], rows)
    skipped = len(names) - len(good)
    files.write_json(SUMMARY, {"pictures": len(good), "size": p.size, "skipped": skipped})
    print(f"presize: {len(good):,} images, {IMAGES.stat().st_size / 1e6:,.0f} MB")
    odd = oddities.notes([(image.name, image.odd) for image in good], p.background)
    for note in [*([skipped_text] if skipped_text else []), *odd]:
        print(f"presize: note: {note}")


if __name__ == "__main__":
    console.run_stage(main, "presize")
