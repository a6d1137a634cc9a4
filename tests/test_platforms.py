"""Other systems than Linux, as far as Linux can show them: names taken away, paths, a fake device.

The workflow of pull requests runs this on macOS and Windows, where nothing is taken away. We have
run it on Linux only, and nothing with MPS.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor, distributed

from pawprint.core import files, params, yaml_file
from pawprint.core.cpus import available_cpus
from pawprint.curation import new_rule, update_dataset
from pawprint.data.source import Source
from pawprint.evaluation.context import EvalContext
from pawprint.evaluation.results import RESULTS
from pawprint.experiments import runs, verify
from pawprint.runtime import distributed as processes
from pawprint.runtime.device import cache_budget, describe_machine, resolve_dtype, setup_device
from pawprint.vision.resample import InputSpec, image_transform, render
from pawprint.vision.task import TASKS
from tests.conftest import ROOT, picture
from tests.copies import ENVIRONMENT, call, shrunk

IS_LINUX = sys.platform == "linux"
MPS = torch.device("mps")
COMMAND = "from pawprint.cli import main; main.main()"


@pytest.fixture(autouse=True)
def afterwards() -> Iterator[None]:
    yield
    torch.use_deterministic_algorithms(False)


def elsewhere(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Python in the working folder, on Linux as in elsewhere/sitecustomize.py."""
    names = [ROOT / "tests/elsewhere"] if IS_LINUX else []
    path = os.pathsep.join(map(str, (*names, ROOT, ROOT / "src")))
    around = {"PYTHONPATH": path, "PYTHONWARNDEFAULTENCODING": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *words], env=ENVIRONMENT | around | settings,
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip


def test_own_images_are_added_and_trained_on_without_what_linux_alone_has(project: Path) -> None:
    """No fork, affinity, hard or symbolic links; open files are held; text has no usual encoding.

    Each stage as DVC runs it, but without DVC.
    """
    digits = shrunk((ROOT / "presets/digits.yaml").read_text())
    small = digits.replace("batch_size: 64", "batch_size: 8 ").replace(": digits ", ": mine   ")
    (project / "params.yaml").write_text(small)
    for seed in range(24):
        path = project / f"pics/{'cat' if seed % 2 else 'dog'}_{seed}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(picture(seed=seed))
    stages = [("-m", f"stages.{name}") for name in ("fetch", "weights", "label", "presize")]
    trained = ("-m", "stages.train_frozen")
    for words in (
        ("-c", COMMAND, "new", "mine", "pics", "--pattern", r"^(.+)_\d+\.jpg$"),
        *(*stages, trained, trained),  # the second one writes over what is there
    ):
        process = elsewhere(*words)
        assert process.returncode == 0, (words, process.stderr)
        ours = [line for line in process.stderr.splitlines() if str(ROOT / "src") in line]
        assert ours == [], words  # no EncodingWarning of ours
    assert not (project / ".scratch").exists()
    assert (project / "models/frozen.safetensors").is_file()


def test_a_program_that_begins_again_keeps_its_exit_code_where_nothing_forks(
    tmp_path: Path,
) -> None:
    ascii_names = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    process = elsewhere("-c", COMMAND, "predict", "--top", "none", **ascii_names)
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr.count("'none' is not a whole number of at least 1") == 1


def test_a_file_that_is_read_only_is_written_over(tmp_path: Path) -> None:
    """As DVC leaves what it keeps; Windows refuses it once."""
    target = tmp_path / "out.txt"
    target.write_text("old")
    target.chmod(0o444)
    words = "import sys, pathlib; from pawprint.core import files"
    words += "; files.write_text(pathlib.Path(sys.argv[1]), 'new')"
    process = elsewhere("-c", words, str(target))
    assert process.returncode == 0, process.stderr
    assert target.read_text() == "new"


def test_a_write_that_is_refused_for_the_folders_sake_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.txt"
    target.write_text("old")
    target.chmod(0o444)
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(PermissionError):
        files.write_text(target, "new")
    assert target.stat().st_mode & 0o777 == 0o444


def test_the_processors_are_those_of_the_machine_where_nothing_else_tells(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert 1 <= available_cpus() <= (os.cpu_count() or 1)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert available_cpus() == os.cpu_count()
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cpus() == 1


def refuse_links(*_: object, **__: object) -> None:
    raise OSError(1314, "A required privilege is not held by the client")


def test_verify_copies_what_it_may_not_link_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("root/.downloads/ab", "root/pics/cat/1.jpg", "root/w.pth"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    clone = tmp_path / "copies/clone"
    clone.mkdir(parents=True)
    (clone / "params.yaml").write_text("dataset: mine\nweights: w.pth\n")
    (clone / "datasets.yaml").write_text("mine:\n  pictures:\n    url: pics\n")
    monkeypatch.setattr(Path, "symlink_to", refuse_links)
    verify._link(tmp_path / "root", clone)
    for name in (".downloads/ab", "pics/cat/1.jpg", "w.pth"):
        assert (clone / name).read_text() == f"root/{name}"


def test_the_ratings_code_is_found_where_git_makes_no_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There collab/src is a file that holds the words ../src."""
    for name in ("src/pawprint/core/a.py", "collab/stages/train.py", "collab/src"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("../src")
    call(tmp_path, "git", "init", "-q")
    call(tmp_path, "git", "add", "-A")
    call(tmp_path, "git", "commit", "-qm", "code")
    monkeypatch.chdir(tmp_path / "collab")
    paths = ["src/pawprint/core", "stages/train.py"]
    assert [*runs.code_hashes("HEAD", paths)] == paths


@pytest.mark.skipif(not IS_LINUX, reason="the stand-in is for Linux")
def test_the_stand_in_for_windows_refuses_what_windows_refuses(tmp_path: Path) -> None:
    """Else the tests above would show nothing."""
    for name in ("open", "mapped", "free"):
        (tmp_path / name).write_bytes(bytes(4096))
    words = """
import mmap, os, signal, sys
opened = open("open", "rb")
with open("mapped", "rb") as file:
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
for name in ("open", "mapped", "free"):
    try:
        os.replace("free", name) if name != "free" else os.unlink(name)
        print(name)
    except PermissionError:
        pass
for name in ("fcntl", "resource"):
    try:
        __import__(name)
        print(name)
    except ImportError:
        pass
print(*(name for name in ("fork", "link", "killpg") if hasattr(os, name)))
"""
    process = subprocess.run(
        [sys.executable, "-c", words], cwd=tmp_path, capture_output=True, encoding="utf-8",
        env=ENVIRONMENT | {"PYTHONPATH": str(ROOT / "tests/elsewhere")}, check=False,
    )  # fmt: skip
    assert (process.stdout.split(), process.stderr) == (["free"], "")


@pytest.mark.parametrize("place", ["C:\\pics", "c:/pics", "D:pics"])
def test_a_drive_is_no_address(place: str) -> None:
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        new_rule.check_typed(place)
    assert Path(update_dataset.normalize_url(place)).is_absolute()


def test_the_name_of_a_file_on_a_drive_is_its_last_part() -> None:
    assert Source(url="C:\\data\\pets.zip").file_name == "pets.zip"
    assert Source(url="C:/data/pets.zip").file_name == "pets.zip"
    assert Source(url="https://host/a%20b.zip?x=1").file_name == "a b.zip"


def test_a_csv_beside_the_images_is_no_part_of_them(
    tmp_path: Path, tar: Callable[[dict[str, bytes]], Path]
) -> None:
    """The two may lie on two drives, between which there is no relative path."""
    archive = tar({"1.jpg": picture(), "deep/labels.csv": b"name,label\n"})
    for name in ("pics/deep/labels.csv", "other/labels.csv"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("name,label\n")
    images = str(tmp_path / "pics")
    inside, outside = (str(tmp_path / name / "labels.csv") for name in ("pics/deep", "other"))
    assert new_rule.csv_place(inside, images, archive) == ("deep/labels.csv", None)
    assert new_rule.csv_place(outside, images, archive) == (outside, Source(url=outside))


def with_device(name: str) -> params.Params:
    content = yaml_file.load(ROOT / "presets/digits.yaml")
    content["runtime"]["device"] = name
    return params.Params.model_validate(content)


def test_mps_is_taken_by_name_and_refused_where_there_is_none() -> None:
    assert with_device("mps").runtime.device == "mps"
    with pytest.raises(ValueError):
        with_device("mps:1")
    with pytest.raises(
        ValueError, match=r"^runtime.device is 'mps', .*; use auto or cpu in params"
    ):
        setup_device("mps", 1)


def test_auto_stays_on_the_processor_of_a_mac(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert setup_device("auto", 1).type == "cpu"


def test_what_mps_is_asked_for_needs_no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    for name in ("get_device_capability", "get_device_name", "mem_get_info"):
        monkeypatch.delattr(torch.cuda, name)
    assert setup_device("mps", 1) == MPS
    assert resolve_dtype("auto", MPS) == torch.float32
    assert cache_budget(MPS, 0.5) > 0
    assert describe_machine(MPS, torch.float32)["device"] == "mps"
    monkeypatch.setattr(processes, "local_rank", lambda: (0, 2))
    with pytest.raises(
        ValueError, match="2 processes cannot .*; set processes to 1 in params.yaml"
    ):
        setup_device("mps", 1)


class Far(Tensor):
    """A tensor that stands for one on a device without float64; what comes of it is one too."""

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if function is Tensor.cpu:
            return args[0].as_subclass(Tensor)
        parent = cast("Any", super())
        result = parent.__torch_function__(function, types, args, kwargs or {})
        assert getattr(result, "dtype", None) != torch.float64, f"{function} makes float64 there"
        return result


def targets_of(name: str) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    if name == "label":
        return torch.randint(0, 4, (9,), generator=generator)
    values = torch.rand(9, 4, generator=generator)
    if name == "number":
        return values[:, :1]
    return (values > 0.5).float() if name == "labels" else values


@pytest.mark.parametrize("name", [*TASKS])
def test_nothing_is_float64_on_the_device(name: str) -> None:
    outputs = torch.rand(
        9, 1 if name == "number" else 4, generator=torch.Generator().manual_seed(0)
    )
    targets, image_sizes = targets_of(name), torch.full((9, 2), 50.0)
    names = [str(row) for row in range(9)]
    context = EvalContext(TASKS[name], ["a", "b", "c", "d"], names, image_sizes, None)
    here = RESULTS[name](outputs, targets, context)
    far = RESULTS[name](outputs.as_subclass(Far), targets.as_subclass(Far), context)
    assert far.metrics(15) == here.metrics(15)
    assert far.prediction_rows(names) == here.prediction_rows(names)
    spec, task = InputSpec(32), TASKS[name]
    chosen = task.threshold(lambda: outputs.as_subclass(Far), targets.as_subclass(Far))
    assert chosen == task.threshold(lambda: outputs, targets)
    maps = image_transform(None, image_sizes, 40, spec)
    views = outputs.as_subclass(Far).expand(2, 9, 4)
    task.decode(task.average_views(views, [0.5, 0.5]), maps)
    task.loss(outputs.as_subclass(Far), targets.as_subclass(Far), 0.0)
    pixels = torch.zeros(9, 40, 40, 3, dtype=torch.uint8).as_subclass(Far)
    assert isinstance(render(pixels, maps, spec), Tensor)


def test_one_process_trains_where_torch_cannot_join_several(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(distributed, "is_available", lambda: False)
    for name in ("is_initialized", "is_torchelastic_launched", "get_rank", "get_world_size"):
        monkeypatch.delattr(distributed, name)
    processes.launch_or_join(1)
    assert processes.world_size() == 1 and processes.is_main_process()
    with pytest.raises(ValueError, match="^processes is 2, .*; set processes to 1 in params.yaml"):
        processes.launch_or_join(2)


def test_no_line_end_is_changed_by_git() -> None:
    """Else each file of code has another hash on Windows, and every stage runs again."""
    assert "* -text" in (ROOT / ".gitattributes").read_text().splitlines()


@pytest.mark.long
@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_no_name_that_a_platform_lacks_is_used_unasked(platform: str, tmp_path: Path) -> None:
    """As the types of the standard library have it: mypy knows each name's platforms."""
    command = [sys.executable, "-m", "mypy", f"--platform={platform}", f"--cache-dir={tmp_path}"]
    process = subprocess.run(
        [*command, "src", "stages", "collab/stages", "benchmarks"], cwd=ROOT,
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stdout


def test_no_text_of_ours_is_read_in_the_systems_encoding() -> None:
    for path in [*(ROOT / "src").rglob("*.py"), *(ROOT / "stages").glob("*.py")]:
        code = path.read_text(encoding="utf-8")
        assert re.findall(r"\b(?:read_text\(\)|text=True)", code) == [], path
