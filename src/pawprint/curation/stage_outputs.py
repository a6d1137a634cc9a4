"""Whether what a stage wrote is of the params and the dvc.lock that are here now."""

from pathlib import Path

from pawprint.core import dvc_lock, files, yaml_file
from pawprint.data import catalog


def check_fetched(images: Path, dataset: str) -> None:
    """The archive is here, and it is this data set's.

    Raises:
        FileNotFoundError, ValueError: it is not.
    """
    if not images.exists():
        raise FileNotFoundError(f"{images}: not here yet; run `dvc repro fetch`")
    stages = dvc_lock.load()
    used = dvc_lock.params(stages.get("fetch", {})).get("params.yaml", {})
    if used.get("dataset", dataset) != dataset:
        raise ValueError(
            f"{images}: of {used['dataset']} still, but params.yaml asks for {dataset}; run "
            "`dvc repro fetch`"
        )
    stages_here = {"fetch": stages["fetch"]} if "fetch" in stages else {}
    parts = (f"{dataset}.pictures.", f"{dataset}.lists.")  # a new pattern needs no new archive
    check_ran(images, "fetch", stages_here, catalog.FILE, parts)


def check_ran(
    path: Path, stage: str, stages: dvc_lock.Stages, file: Path, keys: tuple[str, ...]
) -> None:
    """What a stage wrote is of the params that are in the file now, and is what dvc.lock says.

    Raises:
        ValueError: it is not; the message names the first key of these that is another one.
    """
    for reason in dvc_lock.unrun_params(stages, str(file), yaml_file.load(file)):
        if reason.startswith(keys):
            raise ValueError(f"{path}: of an earlier run: {reason}; run `dvc repro {stage}`")
    written = dvc_lock.hashes(stages, "outs").get(stage, {}).get(path.as_posix())
    if written and files.file_hash(path, "md5") != written:  # as after `git checkout` alone
        raise ValueError(
            f"{path}: not what dvc.lock says that {stage} wrote, so of another commit or run; "
            f"`dvc checkout` brings that, `dvc repro {stage}` makes it"
        )
