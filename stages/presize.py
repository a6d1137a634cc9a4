"""Decode and squeeze every image once: data/raw/pictures -> data/presized."""

from pathlib import Path

from pawprint.core import files, params
from pawprint.core.cpus import available_cpus
from pawprint.terminal import console
from pawprint.vision import block_store, cache_writer, oddities

PICTURES, SUMMARY = Path("data/raw/pictures"), Path("reports/presize.json")
IMAGES, BLOCKS = Path("data/presized/images"), Path("data/presized/blocks.csv")
INDEX = Path("data/presized/index.csv")


def main() -> None:
    p = params.load().presize
    blocks = block_store.image_blocks(PICTURES)
    store = block_store.BlockStore(p.size, p.background)
    with files.atomic_folder(IMAGES) as folder:
        done = block_store.presize_blocks(PICTURES, blocks, store, folder, available_cpus())
        images = sorted((x for one in done for x in one.named()), key=lambda image: image.name)
        good, bad = [x for x in images if not x.error], [x for x in images if x.error]
        skipped_text = cache_writer.check_errors(bad, p.on_error, len(images))
    place = {name: (one.block.name, row) for one in done for name, row in one.rows().items()}
    rows = [(image.name, image.width, image.height, image.sha256) for image in good]
    files.write_csv(INDEX, ["name", "width", "height", "sha256"], rows)
    files.write_csv(BLOCKS, ["block", "row"], [place[image.name] for image in good])
    files.write_json(SUMMARY, {"pictures": len(good), "size": p.size, "skipped": len(bad)})
    odd = oddities.notes([(image.name, image.odd) for image in good], p.background)
    print(f"presize: {block_store.summary(done, IMAGES)}")
    for note in [*([skipped_text] if skipped_text else []), *odd]:
        print(f"presize: note: {note}")


if __name__ == "__main__":
    console.run_stage(main, "presize")
