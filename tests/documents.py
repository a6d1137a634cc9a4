"""The commands that README.md and docs/*.md show, run as they stand there.

    python -m tests.documents docs/PAGE.md ...    # writes into the page what its commands said

A page is a session: its commands run from top to bottom, in one bash, in a fresh copy of the
built project (~/pawprint, and ~ is a folder of its own). In a console fence a line that starts
with `$ ` is a command and the lines after it are what it says, `...` for any lines left out. In an
sh fence all lines are commands, and what they say is not looked at.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT
from tests.copies import ENVIRONMENT, built_copy, call
from tests.fences import Command, commands
from tests.likeness import align

NETWORK = "needs the network; test_pets.py, test_dvc.py"
MINUTES = "five minutes; test_other_targets.py runs the same stages on smaller pictures"
HERE = "the tests run in what this makes"
SEVERAL = "needs several machines; test_processes.py runs it on one"
OWN = "there are no such pictures; docs/own-data.md runs it on some"
NOT_RUN = {  # and why, or the test that runs it instead
    "make run": HERE,
    "make test": "is what runs this",
    "make pets": NETWORK,
    "make pets PRESET=pets-fine-tune": NETWORK,
    "cp presets/decay.yaml params.yaml && dvc repro": "needs the network; test_collab.py",
    "cp presets/digits-labels.yaml params.yaml && dvc repro": MINUTES,
    "cp presets/digits-points.yaml params.yaml && dvc repro": MINUTES,
    "cp presets/digits-number.yaml params.yaml && dvc repro": MINUTES,
    "dvc exp run -S dataset=mine -S label.split=official": "needs split folders; test_newset.py",
    "python3 -m venv .venv": HERE,
    ". .venv/bin/activate": HERE,
    "pip install -c constraints.txt -e .": HERE,
    "pawprint new mine ~/pictures --pattern '^(.+)_\\d+\\.jpg$'": OWN,
    "dvc exp run -S dataset=mine -S label.split=hash": OWN,
    "pawprint predict photo.jpg": OWN,
    "torchrun --nnodes 2 --nproc-per-node 4 --rdzv-backend c10d "
    "--rdzv-endpoint HOST:29400 -m stages.train_frozen": SEVERAL,
}

SHORT = {"docs/sharing.md"}  # pages that `make test` runs, with the small params
FAILURE = re.compile(r"(?i)(error|fatal|pawprint|make|wrong)\b.*:")
WIDTH, LIMIT = "100", 3600  # columns; seconds for a page


def pages() -> list[str]:
    return ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]


@dataclass(frozen=True)
class Answer:
    """What a command said when it was run."""

    command: Command
    said: list[str]
    code: int | None  # None: the session ended before

    @property
    def fault(self) -> str | None:
        """What the page has wrong, if anything."""
        where = f"line {self.command.rows.start}: {self.command.name}"
        shown, message = "\n".join(self.command.shown), "\n".join(self.said)
        if self.code is None:
            return f"{where}: was not done when the session ended:\n{message}"
        if self.code and not any(FAILURE.search(line) for line in self.command.shown):
            return f"{where}: ended with {self.code}, and the page does not show that:\n{message}"
        if self.command.fence == "console" and align(self.command.shown, self.said) is None:
            return f"{where}: the page shows\n{shown}\nand a run says\n{message}"
        return None


def is_run(command: Command) -> bool:
    """Whether it can; PowerShell's cannot, and their page says that they are untried."""
    return command.fence != "powershell" and command.name not in NOT_RUN


def session(home: Path, targets: Sequence[Command]) -> list[Answer]:
    """What the commands say, run one after the other in one bash, in home/pawprint."""
    with tempfile.TemporaryDirectory() as folder:
        message = Path(folder)
        lines = ["cd ~/pawprint"]
        for number, command in enumerate(targets):  # braces: a cd or a variable carries on
            lines += [f"{{\n{command.text}\n}} </dev/null >{message / str(number)} 2>&1"]
            lines += [f"echo $? >{message / str(number)}.code"]
        (message / "session.sh").write_text("\n".join(lines))
        bash = subprocess.Popen(
            ["bash", message / "session.sh"], env=surroundings(home), start_new_session=True
        )
        try:
            bash.wait(LIMIT)
        except subprocess.TimeoutExpired:
            pass  # the commands that were not done say so
        finally:
            end(bash, home)
        return [answer(message / str(number), one, home) for number, one in enumerate(targets)]


def end(bash: subprocess.Popen[bytes], home: Path) -> None:
    """Leave nothing running: neither the session nor workers of a queue."""
    if bash.poll() is None:
        os.killpg(bash.pid, signal.SIGKILL)
        bash.wait()
    for project in home.glob("*/.dvc"):
        call(project.parent, "dvc", "queue", "stop", "--kill")


def surroundings(home: Path) -> dict[str, str]:
    """The environment: equal widths, words and times everywhere; settings of this user nowhere."""
    (home / ".gitconfig").write_text("[init]\n\tdefaultBranch = main\n")
    return ENVIRONMENT | {
        "HOME": str(home), "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),
        "PYTHONPATH": str(home / "pawprint/src"), "OMP_WAIT_POLICY": "passive",
        "COLUMNS": WIDTH, "NO_COLOR": "1", "TERM": "dumb", "PAGER": "cat", "GIT_PAGER": "cat",
        "LC_ALL": "C.UTF-8", "TZ": "UTC",
    }  # fmt: skip


def answer(file: Path, command: Command, home: Path) -> Answer:
    """What lies in the files of a session."""
    code, text = file.with_name(f"{file.name}.code"), file.read_text() if file.is_file() else ""
    lines = [line.rstrip() for line in text.replace(str(home), "/home/me").split("\n")]
    whole = "\n".join(lines).strip("\n")
    return Answer(
        command,
        whole.split("\n") if whole else [],
        int(code.read_text()) if code.is_file() else None,
    )


def rewritten(text: str, answers: Sequence[Answer]) -> str:
    """The page with what its commands said; where lines were left out, they are left out again."""
    lines = text.splitlines()
    for one in reversed([one for one in answers if one.command.fence == "console"]):
        new = align(one.command.shown, one.said)
        rows = one.command.rows
        lines[rows.start : rows.stop] = [
            (one.command.indent + line).rstrip() for line in (one.said if new is None else new)
        ]
    return "\n".join(lines) + "\n"


def house(home: Path, built: Path) -> Path:
    """A home whose folder pawprint is a copy of the built project, on the branch main."""
    home.mkdir()
    home = home.resolve()
    subprocess.run(["cp", "-a", built, home / "pawprint"], check=True)  # -a: hard links stay
    for name in ("rwlock", "rwlock.lock", "lock"):
        (home / "pawprint/.dvc/tmp" / name).unlink(missing_ok=True)
    call(home / "pawprint", "git", "branch", "-qM", "main")
    return home


def main() -> None:
    """Rewrite the pages that are named; exit 1 with what does not hold in them."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    wrong = False
    with tempfile.TemporaryDirectory(prefix="pawprint-") as folder:
        for page in sys.argv[1:]:
            kind = "small" if page in SHORT else "digits"
            built = Path(folder) / kind
            if not built.is_dir():
                built_copy(built, is_small=page in SHORT)
            faults = rewrite(ROOT / page, house(Path(folder) / Path(page).stem, built))
            rows = [f"{page}: {'wrong' if faults else 'written'}", *faults]
            print("\n".join(rows), flush=True)
            wrong |= bool(faults)
    sys.exit(wrong)


def rewrite(page: Path, home: Path) -> list[str]:
    """Run a page and write what it said into it: what is wrong with it even so.

    Where a command was not done, or says what looks like a fence, the page stays as it is.
    """
    text = page.read_text()
    answers = session(home, [command for command in commands(text) if is_run(command)])
    new = rewritten(text, answers)
    try:
        after = [command for command in commands(new) if is_run(command)]
    except ValueError as error:
        return [f"what a command said would break the page: {error}"]
    if len(after) != len(answers):
        return ["what a command said would be taken for a command: a line of it starts with `$ `"]
    now = [Answer(command, one.said, one.code) for command, one in zip(after, answers, strict=True)]
    if all(one.code is not None for one in now):
        page.write_text(new)
    return [one.fault for one in now if one.fault]


if __name__ == "__main__":
    main()
