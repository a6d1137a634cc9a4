"""Killed at random moments, again and again: nothing is lost, nothing half-done is kept.

A handful of kills stands in test_dvc.py; here they are many (make test-long).
"""

import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.copies import ENVIRONMENT, call, edit, outs, running

pytestmark = [pytest.mark.dvc, pytest.mark.long]
Record = Callable[[str, object], None]
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
EPOCHS = 4
CYCLES = {
    "frozen": ("\nfrozen:\n  epochs: 1", f"\nfrozen:\n  epochs: {EPOCHS}"),
    "unfrozen": ("\nunfrozen:\n  epochs: 1", f"\nunfrozen:\n  epochs: {EPOCHS}"),
}
KILLS = {"frozen": 20, "unfrozen": 20}


def facts(output: str) -> tuple[int, int]:
    """After how many epochs a run went on, and how many it had done at the end."""
    resumed = re.search(r"resumed after epoch (\d+)", output)
    done = [int(number) for number in re.findall(r"^ +(\d+) ", output, re.M)]
    return int(resumed[1]) if resumed else 0, max(done, default=-1) + 1


def killed_after(project: Path, seconds: float, how: signal.Signals, *command: str) -> str | None:
    """What the command said until it was killed; None if it had ended well before."""
    process = running(project, *command)
    time.sleep(seconds)
    was_over = process.poll() is not None
    if not was_over:
        os.killpg(process.pid, how)
    output, _ = process.communicate()
    assert "Traceback" not in output, output
    assert was_over or process.returncode in (0, -how, 128 + how), (process.returncode, output)
    return None if process.returncode == 0 else output


def seconds_of(project: Path, *command: str) -> float:
    began = time.monotonic()
    call(project, *command)
    return time.monotonic() - began


@pytest.mark.parametrize("phase", ["frozen", "unfrozen"])
def test_a_stage_that_is_killed_at_random_ends_with_the_same_bytes(
    project_copy: Path, phase: str, record_property: Record
) -> None:
    edit(project_copy, *CYCLES[phase])
    stage = (sys.executable, "-m", f"stages.train_{phase}")
    model, rng = project_copy / f"models/{phase}.safetensors", random.Random(phase)
    model.unlink()
    whole_time = seconds_of(project_copy, *stage)
    whole = model.read_bytes()
    kills = saved = finished = 0
    model.unlink()
    while kills < KILLS[phase]:
        delay = rng.uniform(0.2, 1.0) * whole_time
        message = killed_after(project_copy, delay, rng.choice(SIGNALS), *stage)
        if message is None:  # it was faster than we
            assert model.read_bytes() == whole
            assert not (project_copy / ".scratch").exists()
            saved, finished = 0, finished + 1
            model.unlink()
            continue
        kills += 1
        resumed, done = facts(message)
        if done or resumed:  # else it was killed before it looked
            assert resumed in (saved, saved + 1)  # killed between saving and telling
            saved = max(done, resumed)
        if model.exists():  # killed at its very end, when all was done
            assert model.read_bytes() == whole and done in (0, EPOCHS)
            shutil.rmtree(project_copy / ".scratch", ignore_errors=True)
            saved = 0
            model.unlink()
        assert not [path for path in project_copy.rglob("*.tmp") if ".dvc" not in path.parts]
    message = call(project_copy, *stage)
    assert facts(message)[0] in (saved, saved + 1)
    assert model.read_bytes() == whole
    assert not (project_copy / ".scratch").exists()
    record_property("cases", kills)


def intact(cache: Path) -> int:
    """Files of DVC's cache; each has the hash that its name says."""
    rows = [path for path in (cache / "files/md5").rglob("*") if path.is_file()]
    for path in rows:
        if path.parent.name + path.name in ("", "tmp"):
            continue
        name = (path.parent.name + path.name).removesuffix(".dir")
        digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        assert digest == name or not re.fullmatch("[0-9a-f]{32}", name), path
    return len(rows)


def scratch(project: Path) -> int:
    """Bytes of saved states."""
    folder = project / ".scratch"
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def wait_until_alone(project: Path) -> None:
    """A dvc that was killed alone leaves its stage running: until that has ended."""
    for process in psutil.process_iter(["cmdline", "cwd"]):
        if process.info["cwd"] == str(project) and "-m" in (process.info["cmdline"] or []):
            process.wait(120)


def test_dvc_repro_that_is_killed_commits_nothing_half_done(
    project_copy: Path, record_property: Record
) -> None:
    for cycle in CYCLES.values():
        edit(project_copy, *cycle)
    reference = project_copy.parent / "reference"
    shutil.copytree(project_copy, reference, symlinks=True)
    whole_time = seconds_of(reference, "dvc", "repro")
    rng, kills, alone = random.Random("repro"), 0, 0
    while kills < 6:
        process = running(project_copy, "dvc", "repro")
        time.sleep(rng.uniform(0.06, 0.14) * whole_time)
        if process.poll() is not None:
            break
        if kills % 2:  # dvc alone, so that its stage goes on without it
            process.kill()
            alone += 1
        else:
            os.killpg(process.pid, rng.choice(SIGNALS))
        output, _ = process.communicate()
        assert "Traceback" not in output, output
        kills += 1
        wait_until_alone(project_copy)
        assert intact(project_copy / ".dvc/cache") > 10
        sizes = scratch(project_copy), (reference / "models/unfrozen.safetensors").stat().st_size
        assert sizes[0] < 10 * sizes[1]  # states of both phases: weights and two moments each
    call(project_copy, "dvc", "repro")
    assert outs(project_copy) == outs(reference)
    assert "up to date" in call(project_copy, "dvc", "status")
    assert not (project_copy / ".scratch").exists()
    assert kills == 6 and alone == 3
    record_property("cases", kills)


def test_an_experiment_in_a_copy_that_is_killed_goes_on_in_the_next_copy(
    project_copy: Path, record_property: Record
) -> None:
    edit(project_copy, *CYCLES["unfrozen"])
    call(project_copy, "git", "commit", "-qam", "four epochs")
    command = ("dvc", "exp", "run", "--temp", "-S", "lr=0.003")
    resumed = []
    for _ in range(2):
        process = running(project_copy, *command)
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if re.match(r"^ +[12] ", line) and "train_unfrozen" in "".join(lines):
                break
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        resumed.append(re.findall(r"resumed after epoch (\d)", "".join(lines)))
    output = call(project_copy, *command)
    actual = re.findall(r"resumed after epoch (\d)", output)
    assert not resumed[0] and resumed[1] and actual and int(actual[-1]) >= 2
    assert not (project_copy / ".scratch").exists()
    record_property("cases", 2)


def kill_workers(project: Path) -> None:
    """Kill the queue's workers with all that they have started, and whoever started them."""
    for process in psutil.process_iter(["cmdline", "cwd"]):
        if process.info["cwd"] == str(project) and "queue-worker" in process.info["cmdline"]:
            os.killpg(os.getpgid(process.pid), signal.SIGKILL)


def wait_until(is_so: Callable[[], object], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.3)


def start_queue(project: Path, *words: str) -> None:
    """Start workers; they inherit what the command writes to, so that must be no pipe of ours."""
    with (project.parent / "queue.log").open("a") as log:
        command = ("dvc", "queue", "start", *words)
        subprocess.run(command, cwd=project, env=ENVIRONMENT, stdout=log, stderr=log, check=True)


def queue_ended(project: Path, *names: str) -> bool:
    output = call(project, "dvc", "queue", "status")
    return all(re.search(rf"{name}\s.*(Success|Failed)", output) for name in names)


def given_up(project: Path, name: str) -> bool:
    """dvc does not see by itself that a worker has gone, and at first takes the dead for alive."""
    command = ("dvc", "queue", "kill", name)
    subprocess.run(command, cwd=project, env=ENVIRONMENT, capture_output=True, check=False)
    return queue_ended(project, name)


def test_a_queued_experiment_whose_worker_is_killed_goes_on_when_queued_again(
    project_copy: Path, record_property: Record
) -> None:
    edit(project_copy, *CYCLES["unfrozen"])
    call(project_copy, "git", "commit", "-qam", "four epochs")
    queue = ("dvc", "exp", "run", "--queue", "--name", "one", "-S", "lr=0.003")
    states = project_copy / ".scratch/train_unfrozen"
    for kill in range(2):
        call(project_copy, *queue)
        start_queue(project_copy)
        before = {path: path.stat().st_mtime_ns for path in states.glob("*/state.safetensors")}
        wait_until(
            lambda before=before: any(  # type: ignore[misc]
                before.get(path) != path.stat().st_mtime_ns
                for path in states.glob("*/state.safetensors")
            )
        )
        kill_workers(project_copy)
        assert len(list(states.iterdir())) == 1, kill
        wait_until(lambda: given_up(project_copy, "one"))
        call(project_copy, "dvc", "queue", "remove", "one")
    call(project_copy, *queue)
    start_queue(project_copy)
    wait_until(lambda: queue_ended(project_copy, "one"))
    (resumed,) = re.findall(
        r"resumed after epoch (\d)", call(project_copy, "dvc", "queue", "logs", "one")
    )
    assert int(resumed) >= 2
    assert not (project_copy / ".scratch").exists()
    record_property("cases", 2)


def test_two_workers_of_the_queue_stay_apart(project_copy: Path, record_property: Record) -> None:
    rates = {"one": "0.003", "two": "0.001"}
    for name, rate in rates.items():
        call(project_copy, "dvc", "exp", "run", "--queue", "--name", name, "-S", f"lr={rate}")
    start_queue(project_copy, "--jobs", "2")
    wait_until(lambda: queue_ended(project_copy, *rates))
    for name, rate in rates.items():
        call(project_copy, "dvc", "exp", "run", "--force", "-S", f"lr={rate}")
        here = outs(project_copy)
        call(project_copy, "dvc", "exp", "apply", name)
        assert outs(project_copy) == here
    assert not (project_copy / ".scratch").exists()
    record_property("cases", 2)


def test_a_second_dvc_repro_is_refused_while_the_first_runs(
    project_copy: Path, record_property: Record
) -> None:
    edit(project_copy, *CYCLES["unfrozen"])
    first = running(project_copy, "dvc", "repro")
    assert first.stdout is not None
    assert any(re.match(r"^ +0 ", line) for line in first.stdout)
    os.killpg(first.pid, signal.SIGSTOP)
    output = call(project_copy, "dvc", "repro", fails=True)
    os.killpg(first.pid, signal.SIGCONT)
    assert "Traceback" not in output and re.search("busy|lock", output)
    first.communicate()
    assert first.returncode == 0
    assert "up to date" in call(project_copy, "dvc", "status")
    record_property("cases", 1)
