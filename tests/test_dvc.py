"""The real dvc command, in copies of the tracked files with a smaller presets/digits.yaml."""

import hashlib
import json
import os
import re
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
from dvc.utils.serialize import dumps_yaml

from pawprint.core import yaml_file
from tests.conftest import ROOT
from tests.copies import (
    call,
    edit,
    end_process,
    lock_out_of_step,
    out_of_step,
    outs,
    running,
    stages_run,
    wait_for,
)

pytestmark = pytest.mark.dvc
DOWNSTREAM = ["train_frozen", "lr_find_unfrozen", "train_unfrozen", "evaluate", "report"]
LATER = ["lr_find", "preview", *DOWNSTREAM]


@pytest.fixture
def project(project_copy: Path) -> Path:
    """A project that has been built and committed, and may be changed."""
    return project_copy


def test_the_committed_lock_is_in_step_with_the_code(tmp_path: Path) -> None:
    assert not lock_out_of_step(tmp_path)


def test_a_lock_of_another_machine_is_in_step_and_one_of_other_code_is_not(tmp_path: Path) -> None:
    """Its outputs have hashes that nothing here has, and that its own deps do not repeat."""
    call(tmp_path, "git", "init", "-q")
    call(tmp_path, "dvc", "init", "-q")
    for path in ("src/a.py", "reports/table.csv"):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_text("a\n")
    first, second = (
        {"cmd": f"python -m stages.{name}", "deps": deps}
        for name, deps in (("one", ["src/a.py"]), ("two", ["models/m", "reports/table.csv"]))
    )
    kept = {"outs": ["models/m"], "metrics": [{"reports/table.csv": {"cache": False}}]}
    graph = {"stages": {"one": first | kept, "two": second | {"outs": ["page"]}}}
    hashes = {"src/a.py": hashlib.md5(b"a\n").hexdigest()}
    stages = {
        name: {
            "cmd": stage["cmd"],
            "deps": [
                {"path": path, "hash": "md5", "md5": hashes.get(path, "0" * 32)}
                for path in stage["deps"]
            ],
            "outs": [{"path": path, "hash": "md5", "md5": letter * 32} for path in outs],
        }
        for name, stage, letter, outs in (
            ("one", first, "1", ["models/m", "reports/table.csv"]),
            ("two", second, "2", ["page"]),
        )
    }
    (tmp_path / "dvc.yaml").write_text(dumps_yaml(graph))
    (tmp_path / "dvc.lock").write_text(dumps_yaml({"schema": "2.0", "stages": stages}))
    assert out_of_step(tmp_path) == ""
    (tmp_path / "src/a.py").write_text("edited\n")
    assert stages_run(out_of_step(tmp_path))[0] == "one"


def test_the_first_run_runs_every_stage_and_the_second_none(
    built_project: tuple[Path, str], project: Path
) -> None:
    message = built_project[1]
    graph = yaml_file.load(ROOT / "dvc.yaml")["stages"]
    assert sorted(stages_run(message)) == sorted(graph)
    again = call(project, "dvc", "repro")
    assert "up to date" in again and not stages_run(again)
    assert call(project, "git", "status", "--short") == ""


def test_a_commit_is_verified_by_a_forced_run_in_a_clone(project: Path) -> None:
    lock = project / "dvc.lock"
    model = outs(project)["models/unfrozen.safetensors"]
    lock.write_text(lock.read_text().replace(model, "a" * 32))  # as if it had come out otherwise
    call(project, "git", "commit", "-qam", "another model")
    (project / "params.yaml").write_text("# not committed\n")
    output = call(project, "pawprint", "verify", fails=True).splitlines()
    rows = [line.removeprefix("verify: ") for line in output if line.startswith("verify: ")]
    count = len(outs(project))
    assert re.fullmatch(r"note: this verifies \w+, without your changes since", rows[0])
    assert f"{count - 1} of {count} outputs of" in rows[1]
    assert rows[2] == "differs: models/unfrozen.safetensors"
    assert rows[3].startswith("no known cause: the kind of machine and all versions are those of")
    assert len(rows) == 4


def test_another_lr_reruns_only_what_depends_on_it(project: Path) -> None:
    output = call(project, "dvc", "exp", "run", "-S", "lr=1e-5")
    assert sorted(stages_run(output)) == sorted(DOWNSTREAM)
    changed = call(project, "git", "diff", "HEAD", "-U0", "--", "params.yaml")
    lines = [line for line in changed.splitlines() if re.match(r"[+-][^+-]", line)]
    assert [line[1:].split(":")[0] for line in lines] == ["lr", "lr"]
    assert "lr: 1e-05" in lines[1]
    assert "unfrozen.valid_loss" in call(project, "dvc", "metrics", "diff", "HEAD")
    call(project, "dvc", "plots", "diff", "HEAD", "-o", "page")
    page = (project / "page/index.html").read_text()
    assert '"rev": "HEAD"' in page and '"rev": "workspace"' in page
    for title in ("Learning-rate finder, frozen", "Loss on valid, unfrozen", "F1 of each class"):
        assert title in page


def test_another_seed_leaves_the_pictures_and_the_split_alone(project: Path) -> None:
    before = outs(project)
    output = call(project, "dvc", "exp", "run", "-S", "seed=1")
    assert sorted(stages_run(output)) == sorted(LATER)
    after = outs(project)
    assert all(before[path] == after[path] for path in before if path.startswith("data/"))
    assert before["models/unfrozen.safetensors"] != after["models/unfrozen.safetensors"]
    table, _, *rest = call(project, "pawprint", "compare").partition("\n\n")
    errors = [
        json.loads(text)["error_rate"]
        for text in (
            call(project, "git", "show", "HEAD:reports/evaluate.json"),
            (project / "reports/evaluate.json").read_text(),
        )
    ]
    assert table.splitlines()[1].split()[:3] == ["A", "2", f"{50 * sum(errors):.2f}"]
    assert "Only one recipe (number of runs: 2)" in rest[0]


def test_the_page_of_plots_has_a_log_axis_and_the_pictures(project: Path) -> None:
    call(project, "dvc", "plots", "show", "-o", "page")
    page = (project / "page/index.html").read_text()
    assert '"type": "log"' in page
    shown = {path.name.rpartition("_")[2] for path in (project / "page/static").iterdir()}
    for name in ("batch.png", "confusion.png", "training.png"):
        assert any(one.endswith(name) for one in shown), shown


def test_make_pets_says_what_it_needs_and_ends_with_a_row(project: Path) -> None:
    pets = (sys.executable, "-m", "benchmarks.pets")
    error = json.loads((project / "reports/evaluate.json").read_text())["error_rate"]
    call(project, *pets, "row", "digits")
    lines = (project / "benchmarks/RESULTS.md").read_text().splitlines()
    (row,) = [line for line in lines if line.startswith("| digits")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[5:7] == [f"{100 * error:.2f}", "359"]
    assert cells[7] == call(project, "git", "rev-parse", "--short", "HEAD").strip()
    assert "set PRESET to one of biwi, digits-labels" in call(
        project, *pets, "needs", "pets", fails=True
    )
    assert "keeps 4.7 GB of decoded images" in call(project, *pets, "needs", "digits")
    assert "from its cache" in call(project, *pets, "row", "digits", fails=True)
    assert f"error rate {error:.4f}" in call(project, "pawprint", "result")
    edit(project, "bins: 15", "bins: 14")
    refusal = call(project, "pawprint", "result", fails=True)
    assert "is from other params, data or code" in refusal
    assert "evaluate.bins is 14 in params.yaml, but the run used 15; `dvc repro`" in refusal
    assert "error rate" not in refusal
    assert "evaluate.bins is 14" in call(project, *pets, "row", "digits", fails=True)
    assert "has uncommitted changes" in call(project, *pets, "needs", "digits", fails=True)


EPOCHS = ("  epochs: 1\n  lr_min", "  epochs: 4\n  lr_min")
STAGE = (sys.executable, "-m", "stages.train_unfrozen")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_stage_goes_on_to_the_same_bytes(project: Path, how: signal.Signals) -> None:
    edit(project, *EPOCHS)
    if how is signal.SIGKILL:  # once is enough for the uninterrupted run
        call(project, *STAGE)
        shutil.copy(project / "models/unfrozen.safetensors", project / "whole")
    model = project / "models/unfrozen.safetensors"
    model.unlink()
    process = running(project, *STAGE)
    wait_for(process, r"^ +1 ")
    assert end_process(process, how) == {signal.SIGKILL: -9, signal.SIGTERM: 143}[how]
    assert not model.exists()
    output = call(project, *STAGE)
    (resumed,) = re.findall(r"resumed after epoch (\d)", output)
    epochs = re.findall(r"^ +(\d) ", output, re.M)
    assert int(resumed) >= 2 and epochs == ["0", "1", "2", "3"]
    if how is signal.SIGKILL:
        assert model.read_bytes() == (project / "whole").read_bytes()
    assert not (project / ".scratch").exists()
    assert not list(project.rglob("*.tmp"))


def test_a_state_is_not_used_by_another_experiment(project: Path) -> None:
    edit(project, *EPOCHS)
    process = running(project, *STAGE)
    wait_for(process, r"^ +0 ")
    end_process(process, signal.SIGKILL)
    edit(project, "beta2: 0.99", "beta2: 0.98")
    assert "resumed" not in call(project, *STAGE)


def test_a_second_trainer_of_the_same_experiment_is_refused(project: Path) -> None:
    edit(project, *EPOCHS)
    process = running(project, *STAGE)
    wait_for(process, r"^ +0 ")
    os.killpg(process.pid, signal.SIGSTOP)  # so that it is still there, however slow the other
    output = call(project, *STAGE, fails=True)
    os.killpg(process.pid, signal.SIGCONT)
    assert output.count("another process is training this experiment") == 1
    assert "Traceback" not in output
    process.communicate()
    assert process.returncode == 0
    assert not (project / ".scratch").exists()


def test_ctrl_c_under_dvc_leaves_the_stage_changed(project: Path) -> None:
    edit(project, *EPOCHS)
    process = running(project, "dvc", "repro")
    wait_for(process, r"^ +0 .*\d s$")
    assert end_process(process, signal.SIGINT) != 0
    assert "train_unfrozen" in call(project, "dvc", "status")
    output = call(project, "dvc", "repro")
    assert stages_run(output)[-3:] == ["train_unfrozen", "evaluate", "report"]
    assert "resumed after epoch" in output


def test_a_queued_run_uses_the_code_that_was_committed(project: Path) -> None:
    call(project, "dvc", "exp", "run", "--queue", "--name", "queued", "-S", "lr=0.003")
    source = project / "src/pawprint/training/history.py"
    source.write_text(source.read_text() + "\nraise SystemExit('the edited code ran')\n")
    call(project, "dvc", "queue", "start")
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and not re.search(
        r"queued\s.*(Success|Failed)", call(project, "dvc", "queue", "status")
    ):
        time.sleep(2)
    assert re.search(r"queued\s.*Success", call(project, "dvc", "queue", "status")), call(
        project, "dvc", "queue", "logs", "queued"
    )
    shown = call(project, "dvc", "exp", "show", "--csv", "--no-pager")
    assert "queued" in shown
