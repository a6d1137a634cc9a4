"""Show what the network will see: labels, cache -> reports/{batch,augmentations,validation}.png."""

from pathlib import Path

from pawprint.core import params
from pawprint.reporting import contact_sheet, preview
from pawprint.runtime.device import setup_device
from pawprint.terminal import console
from pawprint.vision import augment, dataset
from pawprint.vision.resample import InputSpec

IMAGES, BLOCKS = Path("data/presized/images"), Path("data/presized/blocks.csv")
INDEX = Path("data/presized/index.csv")
LABELS, BATCH = Path("data/labels.csv"), Path("reports/batch.png")
CHANGES, VALIDATION = Path("reports/augmentations.png"), Path("reports/validation.png")


def main() -> None:
    p = params.load()
    device = setup_device("cpu", p.threads)
    data = dataset.load_dataset(IMAGES, BLOCKS, INDEX, LABELS, device, 0)
    config, spec = augment.augment_config(p.augment), InputSpec(p.size, p.augment.supersample)
    contact_sheet.write(BATCH, preview.training_sheet(data, config, spec, p.batch_size, p.seed))
    contact_sheet.write(CHANGES, preview.changes_sheet(data, config, spec, p.seed))
    contact_sheet.write(VALIDATION, preview.validation_sheet(data, spec))
    print(f"preview: {BATCH}, {CHANGES}, {VALIDATION}")


if __name__ == "__main__":
    console.run_stage(main, "preview")
