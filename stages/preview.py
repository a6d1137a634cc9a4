"""Show what the network will see: labels, cache -> reports/{batch,augmentations,validation}.png."""

from pathlib import Path

from pawprint.core import params
from pawprint.reporting import contact_sheet, preview
from pawprint.runtime.device import setup_device
from pawprint.terminal import console
from pawprint.vision import augment, dataset, resample

IMAGES, INDEX = Path("data/presized/images.npy"), Path("data/presized/index.csv")
LABELS, BATCH = Path("data/labels.csv"), Path("reports/batch.png")
CHANGES, VALIDATION = Path("reports/augmentations.png"), Path("reports/validation.png")


def main() -> None:
    p = params.load()
    keys, seed = p.augment.model_dump(), p.seed
    device = setup_device("cpu", p.threads)
    data = dataset.load_dataset(IMAGES, INDEX, LABELS, device, 0)
    augment_config, input_spec = augment.augment_config(keys), resample.input_spec(p.size, keys)
    contact_sheet.write(
        BATCH, preview.training_sheet(data, augment_config, input_spec, p.batch_size, seed)
    )
    contact_sheet.write(CHANGES, preview.changes_sheet(data, augment_config, input_spec, seed))
    contact_sheet.write(VALIDATION, preview.validation_sheet(data, input_spec))
    print(f"preview: {BATCH}, {CHANGES}, {VALIDATION}")


if __name__ == "__main__":
    console.run_stage(main, "preview")
