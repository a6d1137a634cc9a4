"""Whether a stage's output belongs to the current params and dvc.lock."""

from pathlib import Path

from pawprint.core import dvc_lock, yaml_file
from pawprint.data import catalog


def check_fetched(images: Path, dataset: str) -> None:
    """Check that the archive is here, and belongs to this dataset.

    Raises:
        FileNotFoundError, ValueError: it is missing, or belongs to another dataset.
    """
    if not images.exists():
        raise FileNotFoundError(f"{images}: not here yet; run `dvc repro fetch`")
    stages = dvc_lock.load()
    used = dvc_lock.params(stages.get("fetch", {})).get("params.yaml", {})
    if used.get("dataset", dataset) != dataset:
        raise ValueError(
            f"{images}: still from {used['dataset']}, but params.yaml has dataset: {dataset}; "
            "run `dvc repro fetch`"
        )
    stages_here = {"fetch": stages["fetch"]} if "fetch" in stages else {}
    parts = (f"{dataset}.pictures.", f"{dataset}.lists.")  # a new pattern needs no new archive
    check_ran(images, "fetch", stages_here, catalog.FILE, parts)


def check_ran(
    path: Path, stage: str, stages: dvc_lock.Stages, file: Path, keys: tuple[str, ...]
) -> None:
    """Check that a stage's output belongs to the current params, and matches dvc.lock.

    Raises:
        ValueError: it does not; the message names the first key that differs.
    """
    for reason in dvc_lock.unrun_params(stages, str(file), yaml_file.load(file)):
        if reason.startswith(keys):
            raise ValueError(f"{path}: from an earlier run: {reason}; run `dvc repro {stage}`")
    written = dvc_lock.hashes(stages, "outs").get(stage, {}).get(path.as_posix())
    if written and dvc_lock.output_hash(path) != written:  # as after `git checkout` alone
        raise ValueError(
            f"{path}: differs from what {stage} wrote by dvc.lock, so it is from another commit or "
            f"run; `dvc checkout` restores the file in dvc.lock, `dvc repro {stage}` makes it again"
        )
