"""Get the dataset: datasets.yaml -> data/raw/pictures (an archive or blocks), data/raw/lists."""

from pathlib import Path

from pawprint.core import files, params
from pawprint.data import blocks, catalog, digits, downloads
from pawprint.storage import archives
from pawprint.terminal import console

PICTURES, LISTS = Path("data/raw/pictures"), Path("data/raw/lists")


def main() -> None:
    name = params.load().dataset
    block = catalog.load_dataset_entry(name)
    # DVC wants every output, also of a data set without lists
    LISTS.mkdir(parents=True, exist_ok=True)
    with console.byte_bar(f"fetch {name}") as bar:
        pictures, generators = block.pictures, digits.GENERATORS
        print(blocks.fetch_images(name, pictures, PICTURES, bar.update, generators=generators))
        archives.check_count(PICTURES, block.count, block.pictures.url)
        if block.lists:
            archive, origin = downloads.fetch_verified(block.lists, bar.update)
            print(origin)
            for split, text in archives.read_texts(archive, block.lists.members()).items():
                files.write_text(LISTS / f"{split}.txt", text)
        if block.label.outside:
            print(downloads.fetch_to(block.label.outside, LISTS / "labels.csv", bar.update))
        source = block.lists.url if block.lists else "no `lists` in datasets.yaml"
        files.write_text(LISTS / "source", f"{source}\n")  # DVC warns of an empty folder


if __name__ == "__main__":
    console.run_stage(main, "fetch")
