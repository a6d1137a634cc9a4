"""Show what the network will see: labels, cache -> reports/{batch,augmentations,validation}.png."""

from pathlib import Path

from pawprint import augment, console, dataset, devices, params, preview, sampling, sheets

IMAGES, INDEX = Path("data/presized/images.npy"), Path("data/presized/index.csv")
LABELS, BATCH = Path("data/labels.csv"), Path("reports/batch.png")
CHANGES, VALIDATION = Path("reports/augmentations.png"), Path("reports/validation.png")


def main() -> None:
    p = params.load()
    keys, seed = p.augment.model_dump(), p.seed
    device = devices.prepared("cpu", p.threads)
    data = dataset.opened(IMAGES, INDEX, LABELS, device, 0)
    strengths, view = augment.strengths(keys), sampling.view(p.size, keys)
    sheets.write(BATCH, preview.training(data, strengths, view, p.batch_size, seed))
    sheets.write(CHANGES, preview.changes(data, strengths, view, seed))
    sheets.write(VALIDATION, preview.validation(data, view))
    print(f"preview: {BATCH}, {CHANGES}, {VALIDATION}")


if __name__ == "__main__":
    console.run(main, "preview")
