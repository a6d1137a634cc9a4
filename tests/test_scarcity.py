"""No room, no memory, no right to write: one line, nothing lost, and it goes on once there is.

The disks are real: file systems in memory of a few megabytes, mounted for the test.
"""

import errno
import hashlib
import importlib
import io
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from pawprint.core import files, yaml_file
from pawprint.models import model_file
from pawprint.runtime import tensor_file
from pawprint.storage import tar_members
from pawprint.terminal import console
from pawprint.training.checkpoint import CheckpointStore
from pawprint.vision import cache_writer
from pawprint.vision.cache_writer import CachedImage
from tests.conftest import ROOT, picture
from tests.copies import ENVIRONMENT, call, fresh_copy, outs, shrunk, stages_run
from tests.kinds import put
from tests.server import serving
from tests.test_hostile import png
from tests.test_stages import own_pictures, run

Record = Callable[[str, object], None]
MEGABYTE = 1 << 20
LARGE = 256 * MEGABYTE
PAGE = 4096  # bytes, of which such a disk gives whole ones
EPOCHS = 3


@dataclass(frozen=True)
class Disk:
    """A small file system of its own."""

    folder: Path

    def leave(self, room: int) -> None:
        """Let so many bytes more fit."""
        self.resize(shutil.disk_usage(self.folder).used + room)

    def resize(self, size: int) -> None:
        """Let so many bytes fit in all."""
        self._remount(f"size={size}")

    def grow(self) -> None:
        """Make room."""
        self.resize(LARGE)

    def lock(self) -> None:
        """Let nothing be written."""
        self._remount("ro")

    def unlock(self) -> None:
        """Let it be written to again."""
        self._remount("rw")

    def _remount(self, option: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{option}", str(self.folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """An empty disk of 256 MiB, where this machine lets us mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={LARGE}", "tmpfs", str(folder)]
    try:
        make = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no `mount` on this machine")
    if make.returncode:
        pytest.skip(f"no disk can be mounted here: {make.stderr.strip()}")
    try:
        yield Disk(folder)
    finally:
        os.chdir(tmp_path)
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def change(project: Path, **keys: Any) -> None:
    """Other params: `frozen__epochs=3` is the key `epochs` of the section `frozen`."""
    content = yaml_file.load(project / "params.yaml")
    for key, value in keys.items():
        put(content, tuple(key.split("__")), value)
    (project / "params.yaml").write_text(json.dumps(content, indent=1))


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small project in which every stage has run, in float32 for three epochs a phase."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "params.yaml").write_text(shrunk((ROOT / "presets/digits.yaml").read_text()))
    names = [f"{kind}_{i}.jpg" for kind in ("cat", "dog") for i in range(20)]
    own_pictures(folder, {name: picture(seed=i) for i, name in enumerate(names)})
    change(folder, precision="float32", frozen__epochs=EPOCHS, unfrozen__epochs=1)
    stages = ("fetch", "label", "presize", "weights", "train_frozen")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in (*stages, "lr_find", "lr_find_unfrozen", "train_unfrozen", "evaluate"):
            importlib.import_module(f"stages.{name}").main()
    torch.use_deterministic_algorithms(False)
    yield folder


@pytest.fixture
def project(make: Path, disk: Disk) -> Path:
    """A copy of it on the small disk."""
    shutil.copytree(make, disk.folder / "project")
    with_code(disk.folder / "project")
    return disk.folder / "project"


def with_code(project: Path) -> None:
    """The stages and the library too, before the disk is full."""
    for name in ("stages", "src"):
        skipped = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, project / name, ignore=skipped)


@pytest.fixture(autouse=True)
def without_compiled_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own files would take room on the disk."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")


def fails(stage: str, project: Path, *expected: str) -> str:
    """The one line on which the stage ends; it leaves nothing half-done."""
    make = run(stage, project)
    assert make.returncode == 1, make.stdout + make.stderr
    (line,) = make.stderr.splitlines()
    assert line.startswith(f"{stage}: ")
    for part in expected:
        assert part in line
    assert not leftovers(project)
    return line


def leftovers(project: Path) -> list[Path]:
    """Files under a temporary name: ours, and those of safetensors."""
    return [path for path in project.rglob("*") if re.search(r"\.tmp|\.\d+\.part$", path.name)]


def works(stage: str, project: Path) -> str:
    """What the stage says when all is well."""
    make = run(stage, project)
    assert make.returncode == 0, make.stderr
    assert not leftovers(project)
    return make.stdout


ROOM = "No space left on device; no data is lost; free some space on this disk and run again"


@pytest.mark.long
def test_a_cache_that_will_not_fit_is_foreseen_and_one_that_does_not_is_not_kept(
    disk: Disk, project: Path, record_property: Record
) -> None:
    shutil.rmtree(project / "data/presized")
    change(project, presize__size=256)
    size = 128 + 40 * 256 * 256 * 3
    disk.leave(size // 2)
    fails("presize", project, "40 images at presize.size 256 need 7.9 MB, but only 3.9 MB are")
    assert not list((project / "data/presized").iterdir())
    disk.leave(-(-size // PAGE) * PAGE)  # all of the images, nothing of index.csv
    fails("presize", project, f"data/presized/index.csv: {ROOM}")
    disk.grow()
    assert "40 images" in works("presize", project)
    record_property("cases", 2)


def test_a_disk_that_fills_while_the_cache_is_written_keeps_nothing_of_it(disk: Disk) -> None:
    def filling() -> Iterator[CachedImage]:
        for i in range(9):
            if i == 3:
                disk.leave(0)
            pixels = torch.full((256, 256, 3), i, dtype=torch.uint8)
            yield CachedImage(f"{i}.jpg", pixels, 256, 256, "")

    target = disk.folder / "block.npy"
    with pytest.raises(OSError, match="No space left") as caught:
        cache_writer.write_block(target, filling(), [f"{i}.jpg" for i in range(9)], 256)
    assert console.error_message(caught.value) == f"{target}: {ROOM}"
    assert not list(disk.folder.iterdir())


@pytest.mark.long
@pytest.mark.parametrize("epochs", [0, 1])
def test_a_state_that_does_not_fit_stops_the_training_which_goes_on_from_the_last_epoch(
    disk: Disk, project: Path, epochs: int
) -> None:
    whole = (project / "models/frozen.safetensors").read_bytes()
    (project / "models/frozen.safetensors").unlink()
    state = 11 * MEGABYTE  # the network, and two moments of all that is trained
    disk.leave(state * epochs + state // 2)
    line = fails("train_frozen", project, f"state.safetensors: {ROOM}")
    assert line.startswith("train_frozen: .scratch/train_frozen/")
    states = [path.stat().st_size for path in project.rglob("state.safetensors")]
    assert len(states) == epochs and all(0.7 * state < size < state for size in states)
    assert not (project / "models/frozen.safetensors").exists()
    disk.grow()
    output = works("train_frozen", project)
    assert re.findall(r"resumed after epoch (\d)", output) == ["1"][:epochs]
    assert (project / "models/frozen.safetensors").read_bytes() == whole
    assert not (project / ".scratch").exists()


@pytest.mark.long
@pytest.mark.parametrize(
    ("folder", "expected"),
    [("models", "models/frozen.safetensors"), ("reports", "reports/train_frozen.csv")],
)
def test_a_model_or_table_that_does_not_fit_is_written_by_the_next_run(
    disk: Disk, make: Path, tmp_path: Path, folder: str, expected: str
) -> None:
    project = tmp_path / "project"
    shutil.copytree(make, project)
    whole = (project / "models/frozen.safetensors").read_bytes()
    (project / "models/frozen.safetensors").unlink()
    shutil.move(project / folder, disk.folder / folder)  # only this on the small disk
    (project / folder).symlink_to(disk.folder / folder)
    (disk.folder / folder / "train_frozen.csv").unlink(missing_ok=True)
    disk.leave(0)
    fails("train_frozen", project, f"train_frozen: {expected}: {ROOM}")
    assert not (project / expected).exists()
    disk.grow()
    output = works("train_frozen", project)
    assert f"resumed after epoch {EPOCHS}" in output or folder == "reports"
    assert (project / "models/frozen.safetensors").read_bytes() == whole


def archive() -> bytes:
    """A tar of 3 MB that cannot be packed tighter."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        tar_members.add_file(tar, "cats/1.jpg", random.Random(0).randbytes(3_000_000))
    return file.getvalue()


def test_a_scratch_folder_that_lies_on_another_disk_stays_when_it_is_empty(tmp_path: Path) -> None:
    (tmp_path / "away").mkdir()
    (tmp_path / ".scratch").symlink_to(tmp_path / "away")
    CheckpointStore("train_frozen", "mark", tmp_path / ".scratch").clear()
    assert (tmp_path / ".scratch").is_symlink()
    assert not list((tmp_path / "away").iterdir())


DATA = archive()
SHA = hashlib.sha256(DATA).hexdigest()


def fetching(project: Path, url: str) -> Path:
    """The project, new, whose pictures are this file."""
    project.mkdir()
    block = {"pictures": {"url": url, "sha256": SHA}, "label": {"from": "folder"}}
    (project / "datasets.yaml").write_text(json.dumps({"digits": block}))
    shutil.copy(ROOT / "presets/digits.yaml", project / "params.yaml")
    with_code(project)
    return project


def test_a_download_that_does_not_fit_goes_on_where_it_stopped(disk: Disk) -> None:
    with serving({"/images.tar": DATA}) as site:
        project = fetching(disk.folder / "project", f"{site.url}/images.tar")
        disk.leave(MEGABYTE)
        fails("fetch", project, f"fetch: .downloads/{SHA}.part: {ROOM}")
        kept = (project / f".downloads/{SHA}.part").stat().st_size
        assert 0.9 * MEGABYTE < kept <= MEGABYTE
        assert not (project / "data/raw/pictures").exists()
        disk.grow()
        works("fetch", project)
        assert [asked for _, asked in site.asked] == [None, f"bytes={kept}-"]
    assert (project / "data/raw/pictures/archive").read_bytes() == DATA


def test_a_copy_that_does_not_fit_leaves_nothing(
    disk: Disk, tmp_path: Path, record_property: Record
) -> None:
    (tmp_path / "mine.tar").write_bytes(DATA)
    project = fetching(disk.folder / "project", str(tmp_path / "mine.tar"))
    disk.leave(MEGABYTE)
    fails("fetch", project, f".downloads/{SHA}", f".part: {ROOM}")
    assert not [path for path in project.rglob("*") if path.is_file() and SHA in path.name]
    disk.grow()
    works("fetch", project)
    assert (project / "data/raw/pictures/archive").read_bytes() == DATA
    away = tmp_path / "away"  # a store on another disk: no link, but a copy again
    shutil.move(project / ".downloads", away)
    (project / ".downloads").symlink_to(away)
    shutil.rmtree(project / "data/raw/pictures")
    disk.leave(MEGABYTE)
    fails("fetch", project, f"fetch: data/raw/pictures: {ROOM}")
    disk.grow()
    works("fetch", project)
    assert (project / "data/raw/pictures/archive").read_bytes() == DATA
    record_property("cases", 2)


@pytest.mark.long
def test_results_and_pictures_that_do_not_fit_are_made_by_the_next_run(
    disk: Disk, project: Path, record_property: Record
) -> None:
    cases = {"evaluate": "predictions.csv", "preview": "batch.png", "report": "lr_find.png"}
    (project / "reports/predictions.csv").unlink()
    for stage, name in cases.items():
        disk.leave(0)
        fails(stage, project, f"{stage}: reports/{name}: {ROOM}")
        assert not (project / "reports" / name).exists()
        if stage == "report":
            disk.leave(200_000)  # some of the pictures, and not the page
            fails(stage, project, "report: reports/", ROOM)
            assert not (project / "reports/report.html").exists()
        disk.grow()
        works(stage, project)
        assert (project / "reports" / name).exists()
    record_property("cases", 4)


READ_ONLY = "Read-only file system; copy the project to a writable disk"


def pawprint(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command line, from this checkout."""
    command = [sys.executable, "-c", "from pawprint.cli import main; main.main()", *words]
    path = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(
        command, cwd=project, env=path, capture_output=True, text=True, check=False
    )


@pytest.mark.long
def test_on_a_disk_that_is_read_only_what_writes_says_so_and_what_reads_works(
    disk: Disk, project: Path, record_property: Record
) -> None:
    (project / "models/frozen.safetensors").unlink()
    (project / "dvc.lock").write_text('{"stages": {"evaluate": {}}}')
    writers = {
        "train_frozen": ".scratch",
        "evaluate": "reports/predictions.csv",
        "presize": "data/presized/images",
        "fetch": ".downloads/",
    }
    disk.lock()
    for stage, path in writers.items():
        fails(stage, project, f"{stage}: {path}", READ_ONLY)
    asked = pawprint(project, "predict", "mine/cat_0.jpg", "mine/dog_3.jpg")
    assert asked.returncode == 0 and len(asked.stdout.splitlines()) == 2, asked.stderr
    lines = pawprint(project, "result")
    assert lines.returncode == 0 and lines.stdout.startswith("error rate 0."), lines.stderr
    for words in (["export"], ["report", "--stamp"]):
        refused = pawprint(project, *words)
        assert refused.returncode == 1 and len(refused.stderr.splitlines()) == 1, refused.stderr
    disk.unlock()
    assert "resumed" not in works("train_frozen", project)
    record_property("cases", len(writers) + 4)


def test_each_want_of_room_has_its_remedy(tmp_path: Path) -> None:
    def said(number: int) -> str:
        with pytest.raises(OSError) as caught, files.atomic_write(tmp_path / "a.csv"):
            raise OSError(number, os.strerror(number))  # without a name, as a write has it
        return console.error_message(caught.value)

    assert said(errno.ENOSPC) == f"{tmp_path}/a.csv: {ROOM}"
    assert "a.csv: Disk quota exceeded; no data is lost; free some space" in said(errno.EDQUOT)
    assert "a.csv: File too large; no data is lost; " in said(errno.EFBIG)


def test_a_model_file_that_cannot_be_written_is_an_error_of_the_system(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MEGABYTE, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            tensor_file.write_tensors(tmp_path / "m.safetensors", {"a": torch.zeros(MEGABYTE)}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.errno == errno.EFBIG
    assert caught.value.filename == str(tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.dvc
@pytest.mark.long
def test_dvc_repro_on_a_disk_that_grows_too_slowly_finishes_at_last(
    disk: Disk, built_project: tuple[Path, str], record_property: Record
) -> None:
    project = fresh_copy(disk.folder / "project")
    size, failed = shutil.disk_usage(disk.folder).used, list[str]()
    for more in range(0, 240, 12):  # dvc leaves a half-written copy of up to 6 MB each time
        disk.resize(size + more * MEGABYTE)
        make = subprocess.run(
            ["dvc", "repro"], cwd=project, env=ENVIRONMENT, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        message = make.stdout + make.stderr
        assert "Traceback" not in message, message
        if make.returncode == 0:
            break
        failed += stages_run(message)[-1:] or ["none"]
    assert make.returncode == 0, message
    assert outs(project) == outs(built_project[0])
    assert len(set(failed)) > 2, failed  # it was full in several stages
    assert "up to date" in call(project, "dvc", "status")
    assert not [path for path in leftovers(project) if ".dvc" not in path.parts]
    record_property("cases", len(failed))


LIMITED = """
import importlib, resource, sys
from pathlib import Path
stage = importlib.import_module(f"stages.{sys.argv[1]}")
from pawprint.terminal import console
status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
size = int(status["VmSize"].split()[0]) * 1024 + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_AS, (size, size))
console.run_stage(stage.main, sys.argv[1])
"""
"""Runs a stage that may take so many bytes more than its imports did."""


def starve(stage: str, project: Path, room: int) -> str:
    """The one line on which the stage ends that has `room` bytes of memory."""
    command = [sys.executable, "-c", LIMITED, stage, str(room)]
    # one arena: each thread's own would take 128 MB of the address space, some time or other
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    make = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert make.returncode == 1 and "Traceback" not in make.stderr, make.stdout + make.stderr
    (line,) = re.findall(f"^{stage}: .*", make.stderr, re.M)  # tqdm warns of its own thread
    assert line.startswith(f"{stage}: out of memory: ")
    for key in ("batch_size", "size", "presize.size", "runtime.memory"):
        assert key in line
    assert not leftovers(project)
    return str(line)


@pytest.fixture
def hungry(make: Path, tmp_path: Path) -> Path:
    """A copy of the small project, to be given less than it needs."""
    shutil.copytree(make, tmp_path / "project")
    with_code(tmp_path / "project")
    return tmp_path / "project"


@pytest.mark.long
def test_a_stage_without_memory_says_what_to_lower(hungry: Path, record_property: Record) -> None:
    assert "new thread" in starve("presize", hungry, 10 * MEGABYTE)
    change(hungry, presize__size=2048)
    starve("presize", hungry, 150 * MEGABYTE)
    assert (hungry / "data/presized/images/archive.npy").exists()  # the former one, untouched
    works("presize", hungry)
    change(hungry, size=2048, evaluate__size=2048, batch_size=40)
    (hungry / "models/frozen.safetensors").unlink()
    assert "allocate" in starve("train_frozen", hungry, 1000 * MEGABYTE)
    assert not (hungry / "models/frozen.safetensors").exists()
    starve("evaluate", hungry, 1000 * MEGABYTE)
    record_property("cases", 4)


WANTS = [
    MemoryError(),
    MemoryError("Unable to allocate 5.27 MiB for an array with shape (1797, 32, 32, 3)"),
    OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total ..."),
    RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be reported ..."),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't "
                 "allocate memory: you tried to allocate 9 bytes. Error code 12\nframe #0: ..."),
    RuntimeError("unable to mmap 6187032 bytes from file <a>: Cannot allocate memory (12)"),
    RuntimeError("could not create a primitive"),
    RuntimeError("std::bad_alloc"),
]  # fmt: skip


@pytest.mark.parametrize("error", WANTS, ids=lambda error: str(error)[:20])
def test_want_of_memory_is_known_by_its_words_and_is_one_line(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    def main() -> None:
        raise error

    with pytest.raises(SystemExit) as stopped:
        console.run_stage(main, "train_frozen")
    assert stopped.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("train_frozen: out of memory: ") and "batch_size" in line
    with pytest.raises(SystemExit, match="^pawprint: out of memory: "):
        console.run_command(main, "pawprint")


@pytest.mark.long
def test_a_picture_that_no_memory_was_left_for_is_not_left_out(hungry: Path) -> None:
    (hungry / "mine/large_1.jpg").write_bytes(png(9000, 9000))
    works("fetch", hungry)
    change(hungry, presize__on_error="skip")
    assert "large_1.jpg could not be decoded" in starve("presize", hungry, 100 * MEGABYTE)
    output = works("presize", hungry)
    assert "41 images" in output and "left out" not in output


def test_a_model_file_for_which_no_memory_is_left_is_not_called_damaged(tmp_path: Path) -> None:
    model_card = model_file.ModelCard("convnext_large", ["a", "b"], 32, 32, [], [], {}, "", {})
    tensor_file.write_tensors(tmp_path / "m.safetensors", {"a": torch.zeros(1)}, asdict(model_card))
    before = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(re.findall(r"VmSize:\s+(\d+)", Path("/proc/self/status").read_text())[0]) * 1024
    resource.setrlimit(resource.RLIMIT_AS, (taken + 20 * MEGABYTE, before[1]))
    try:
        with pytest.raises(RuntimeError, match="can't allocate memory") as caught:
            model_file.read(tmp_path / "m.safetensors")
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert console.error_message(caught.value).startswith("out of memory: ")


def test_other_errors_of_torch_are_no_want_of_memory() -> None:
    def main() -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        console.run_stage(main, "train_frozen")
    with pytest.raises(RuntimeError, match="mat1"):
        console.run_command(main, "pawprint")
