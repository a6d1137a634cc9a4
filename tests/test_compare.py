"""Runs that lie in git as DVC leaves them: read, grouped, set against one another."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.serialize import dumps_yaml

from pawprint.core import yaml_file
from pawprint.experiments import compare, runs
from tests.copies import ENVIRONMENT

NAMES = [f"{i}.jpg" for i in range(200)]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty git repository, as the working folder."""
    monkeypatch.chdir(tmp_path)
    output_of("init", "-q")
    return tmp_path


def output_of(*words: str) -> str:
    process = subprocess.run(
        ["git", *words], env=ENVIRONMENT, check=True, capture_output=True, text=True
    )
    return process.stdout.strip()


def md5(path: str) -> str:
    return hashlib.md5(Path(path).read_bytes()).hexdigest()


def put(path: str, text: str) -> dict[str, str]:
    """A file, and how dvc.lock names it."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)
    return {"path": path, "md5": md5(path)}


def write_files(
    lr: float,
    seed: int,
    mistakes: set[str],
    names: list[str] = NAMES,
    code: str = "a",
    more: Mapping[str, Any] | None = None,
) -> None:
    """The files of a run, as stages and DVC write them."""
    rows = [f"{name},cat,{'dog' if name in mistakes else 'cat'},0.9,0.1" for name in names]
    text = "\n".join(["name,actual,predicted,probability,loss", *rows]) + "\n"
    params = {"lr": lr, "seed": seed, "frozen": {"epochs": 3}, **(more or {})}
    put("params.yaml", dumps_yaml({**params, "colour": seed}))
    block = {"mine": {"pictures": {"url": f"elsewhere/{seed}"}}}
    put("datasets.yaml", dumps_yaml(block))
    pictures = {"path": "data/raw/pictures", "md5": "p"}
    model = {"path": "models/unfrozen.safetensors", "md5": f"model {lr} {seed} {code} {more}"}
    loader, trainer = put("src/downloads.py", code), put("src/training.py", code)
    judged = put("reports/evaluate.json", json.dumps({"error_rate": len(mistakes) / len(names)}))
    stages = {
        "fetch": {"deps": [loader], "params": {"datasets.yaml": block}, "outs": [pictures]},
        "train_frozen": {
            "deps": [trainer, pictures],
            "params": {"params.yaml": params},
            "outs": [model],
        },
        "evaluate": {"deps": [model], "outs": [put("reports/predictions.csv", text), judged]},
        "report": {"params": {"params.yaml": {"colour": seed}}},
    }
    put("dvc.lock", dumps_yaml({"schema": "2.0", "stages": stages}))


def commit_files(*given: Any, **more: Any) -> str:
    write_files(*given, **more)
    output_of("add", "-A")
    output_of("commit", "-qm", "a run", "--allow-empty")
    return output_of("rev-parse", "HEAD")


def experiment(name: str, *given: Any, **more: Any) -> None:
    """A ref as DVC keeps an experiment, from the commit that we are at."""
    base = output_of("rev-parse", "HEAD")
    result = commit_files(*given, **more)
    output_of("update-ref", f"refs/exps/{base[:2]}/{base[2:]}/{name}", result)
    output_of("reset", "-q", "--hard", base)


def wrong(first: int, last: int) -> set[str]:
    return {f"{i}.jpg" for i in range(first, last)}


def test_a_run_is_read_from_its_lock(repository: Path) -> None:
    commit = commit_files(0.003, 1, wrong(0, 5))
    run = runs.read_run("HEAD", commit)
    assert {**run.settings} | {"pictures": 0, "code": 0} == {
        **{"lr": 0.003, "seed": 1, "frozen.epochs": 3, "pictures": 0, "code": 0}
    }
    assert run.wrong.sum() == 5 and len(run.wrong) == 200


def test_by_default_the_last_commit_and_all_experiments_from_it(repository: Path) -> None:
    commit_files(0.1, 0, wrong(0, 9))
    experiment("old", 0.2, 0, wrong(0, 9))
    commit_files(0.003, 0, wrong(0, 5))
    experiment("b", 0.003, 1, wrong(0, 5))
    experiment("a", 0.004, 0, wrong(0, 5))
    output_of("update-ref", "refs/exps/stash", "HEAD")
    assert [run.name for run in runs.select_runs([])[0]] == ["HEAD", "a", "b"]
    assert [run.name for run in runs.select_runs(["old", "HEAD~1"])[0]] == ["old", "HEAD~1"]


def test_runs_are_grouped_by_all_but_the_seed(repository: Path) -> None:
    commit_files(0.003, 0, wrong(0, 10))
    for seed, mistakes in ((0, 10), (1, 14), (2, 12)):
        experiment(f"low-{seed}", 0.003, seed, wrong(0, mistakes))
        experiment(f"high-{seed}", 0.01, seed, wrong(0, mistakes + 30))
    table = compare.compare_runs(runs.select_runs([])[0])
    assert [sorted(group.runs) for group in table.groups] == [[(0,), (1,), (2,)]] * 2
    assert table.groups[0].mean == pytest.approx(0.06)
    head, low, high = compare.cells(table)
    assert head[4:6] == ["minus A", "95 % interval"]
    assert low == ["A", "3", "6.00", "1.00", "-", "-", "-", "lr 0.003"]
    assert high[:5] == ["B", "3", "21.00", "1.00", "+15.00"] and high[7] == "lr 0.01"
    assert "A beats B." in compare.verdict(table)
    assert table.notes == ["low-0: equal to another run, so left out"]


def test_a_difference_that_chance_may_make_is_not_called_one(repository: Path) -> None:
    commit_files(0.003, 0, wrong(0, 10))
    experiment("other", 0.01, 0, wrong(6, 18))
    words = compare.verdict(compare.compare_runs(runs.select_runs([])[0]))
    assert "A is not clearly different from B." in words
    assert any("One run says nothing about the effect of the seed" in one for one in words)


def test_against_a_run_that_is_named(repository: Path) -> None:
    commit_files(0.003, 0, wrong(0, 50))
    experiment("better", 0.01, 0, wrong(0, 10))
    table = compare.compare_runs(runs.select_runs([])[0], against="HEAD")
    assert compare.sentence(table) == "B is beaten by A."
    with pytest.raises(ValueError, match="--against nothing: not one of the compared"):
        compare.compare_runs(runs.select_runs([])[0], against="nothing")


def test_three_recipes_have_wider_intervals_and_a_word_of_warning(repository: Path) -> None:
    commit_files(0.003, 0, wrong(0, 5))
    experiment("b", 0.01, 0, wrong(0, 60))
    experiment("c", 0.1, 0, wrong(0, 90))
    table = compare.compare_runs(runs.select_runs([])[0])
    assert table.level == pytest.approx(0.975)
    assert any("was chosen on these same images" in line for line in compare.verdict(table))


def test_other_pictures_are_not_paired(repository: Path) -> None:
    commit_files(0.003, 0, wrong(0, 5), more={"label": {"seed": 1}})
    experiment("b", 0.003, 0, set(), names=NAMES[:150], more={"label": {"seed": 2}})
    table = compare.compare_runs(runs.select_runs([])[0])
    assert "were evaluated on different images" in table.notes[0]
    assert compare.sentence(table) == "A is not paired with B."
    both = compare.compare_runs(runs.select_runs([])[0], ["seed", "label.seed"])
    assert len(both.groups) == 1 and len(both.groups[0].runs) == 2


def test_splits_are_paired_split_by_split(repository: Path) -> None:
    commit_files(0.003, 0, wrong(0, 5), more={"split": 1})
    experiment("a2", 0.003, 0, wrong(100, 105), names=NAMES[100:], more={"split": 2})
    experiment("b1", 0.01, 0, wrong(0, 45), more={"split": 1})
    experiment("b2", 0.01, 0, wrong(100, 145), names=NAMES[100:], more={"split": 2})
    table = compare.compare_runs(runs.select_runs([])[0], ["seed", "split"])
    assert table.differences[1].mean == pytest.approx(80 / 300)
    assert compare.sentence(table) == "A beats B."


def test_seeds_without_a_partner_are_told(repository: Path) -> None:
    commit_files(0.003, 0, wrong(0, 5))
    experiment("more", 0.003, 1, wrong(0, 6))
    experiment("b", 0.01, 1, wrong(0, 50))
    experiment("c", 0.1, 7, wrong(0, 60))
    table = compare.compare_runs(runs.select_runs([])[0])
    assert table.notes[0] == "B minus A: from the 1 pair of runs of the same seed"
    assert "C minus A: no run of one group has the same seed" in table.notes[1]


def test_other_code_is_another_recipe(repository: Path) -> None:
    commit_files(0.003, 0, wrong(0, 5))
    experiment("b", 0.003, 0, wrong(0, 5), code="b")
    table = compare.compare_runs(runs.select_runs([])[0])
    assert [list(own) for own in compare.differing_settings(table.groups)] == [["code"], ["code"]]


def test_equal_settings_with_other_predictions_are_refused(repository: Path) -> None:
    commit_files(0.003, 0, wrong(0, 5))
    experiment("b", 0.003, 0, wrong(0, 6))
    with pytest.raises(ValueError, match="HEAD and b have equal settings.*leave one out"):
        compare.compare_runs(runs.select_runs([])[0])


def test_markdown_keeps_its_columns(repository: Path) -> None:
    commit_files(0.003, 0, wrong(0, 5), more={"pattern": "a|b"})
    experiment("b", 0.003, 0, wrong(0, 5), more={"pattern": "c"})
    lines = compare.format_markdown(compare.cells(compare.compare_runs(runs.select_runs([])[0])))
    assert lines[1] == "|---" * 8 + "|"
    assert r"pattern a\|b |" in lines[2]


def test_what_is_missing_is_said_in_one_line(repository: Path) -> None:
    with pytest.raises(ValueError, match="no git commit here"):
        runs.select_runs([])
    commit_files(0.003, 0, wrong(0, 5))
    with pytest.raises(ValueError, match="nope: neither an experiment nor a commit"):
        runs.select_runs(["nope"])
    with pytest.raises(ValueError, match="--exec: neither an experiment"):
        runs.select_runs(["--exec"])
    with pytest.raises(ValueError, match="--over sed: no such param in HEAD"):
        compare.compare_runs(runs.select_runs([])[0], ["sed"])
    Path("reports/predictions.csv").write_text("name,actual,predicted,probability,loss\n")
    output_of("commit", "-qam", "reports of another run")
    with pytest.raises(ValueError, match="is not the one in its dvc.lock; run `dvc repro`"):
        runs.select_runs([])
    output_of("rm", "-q", "dvc.lock")
    output_of("commit", "-qm", "no lock")
    with pytest.raises(ValueError, match="HEAD: no dvc.lock in it"):
        runs.select_runs(["HEAD"])


def test_one_name_at_two_commits_must_be_told_apart(repository: Path) -> None:
    for lr in (0.1, 0.2, 0.3):
        commit_files(lr, 0, wrong(0, 5))
        if lr < 0.3:
            experiment("twin", lr, 1, wrong(0, 5))
    with pytest.raises(ValueError, match="experiments of 2 commits have this name"):
        runs.select_runs(["twin"])


@pytest.mark.parametrize("lock", ["stages: 3", "other: 1", "stages: {a: {outs: [{md5: b}]}}"])
def test_a_lock_of_another_kind_is_told(repository: Path, lock: str) -> None:
    commit_files(0.003, 0, wrong(0, 5))
    Path("dvc.lock").write_text(lock)
    output_of("commit", "-qam", "another lock")
    with pytest.raises(
        ValueError, match="HEAD: its dvc.lock is not in the format that DVC 3 writes"
    ):
        runs.select_runs(["HEAD"])


def test_nothing_to_compare_is_told(repository: Path) -> None:
    Path("a").write_text("b")
    output_of("add", "a")
    output_of("commit", "-qm", "no run")
    with pytest.raises(ValueError, match="nothing to compare: the last commit has no reports"):
        runs.select_runs([])


def relock(stage: str, **keys: Any) -> None:
    """As if DVC had run this stage alone: its part of dvc.lock is another."""
    whole = yaml_file.load(Path("dvc.lock"))
    whole["stages"][stage] |= keys
    Path("dvc.lock").write_text(dumps_yaml(whole))


def set_lr(value: float) -> None:
    Path("params.yaml").write_text(Path("params.yaml").read_text().replace("0.003", f"{value}"))


def trained_alone() -> None:
    """`dvc exp run -S lr=0.5 train_frozen`: another model, which nothing has judged."""
    set_lr(0.5)
    relock(
        "train_frozen",
        params={"params.yaml": {"lr": 0.5, "seed": 0, "frozen": {"epochs": 3}}},
        outs=[{"path": "models/unfrozen.safetensors", "md5": "another"}],
    )


def judged_alone() -> None:
    """A stage that ends with equal bytes, under params that another one did not have."""
    whole = yaml_file.load(Path("dvc.lock"))["stages"]
    relock("fetch", params=whole["fetch"]["params"] | {"params.yaml": {"seed": 7}})


def coded_later() -> None:
    Path("src/training.py").write_text("another way")


def scored_by_hand() -> None:
    Path("reports/evaluate.json").write_text('{"error_rate": 0.0}')


def predicted_by_hand() -> None:
    path = Path("reports/predictions.csv")
    path.write_text(path.read_text().replace("dog", "cat"))


def never_judged() -> None:
    whole = yaml_file.load(Path("dvc.lock"))
    del whole["stages"]["evaluate"]
    Path("dvc.lock").write_text(dumps_yaml(whole))


def other_code_at_one_stage() -> None:
    relock("evaluate", deps=[{"path": "src/training.py", "md5": "older"}, MODEL])


def of_no_stage() -> None:
    relock("fetch", outs=[])


MODEL = {"path": "models/unfrozen.safetensors", "md5": "model 0.003 0 a None"}
NO_RUNS = [
    (
        trained_alone,
        "evaluate read another version of models/unfrozen.safetensors than train_frozen",
    ),
    (lambda: set_lr(0.5), "lr is 0.5 in params.yaml, but the run used 0.003"),
    (judged_alone, "seed was 7 in fetch, 0 in train_frozen"),
    (coded_later, "its src/training.py is not the one that ran"),
    (scored_by_hand, "its reports/evaluate.json is not the one in its dvc.lock"),
    (predicted_by_hand, "its reports/predictions.csv is not the one in its dvc.lock"),
    (never_judged, "dvc.lock has no run of stage evaluate"),
    (
        other_code_at_one_stage,
        "src/training.py had another version in train_frozen than in evaluate",
    ),
    (of_no_stage, "train_frozen read data/raw/pictures, which no stage in dvc.lock wrote"),
]


@pytest.mark.parametrize(("change", "reason"), NO_RUNS, ids=lambda x: getattr(x, "__name__", ""))
def test_what_nothing_has_judged_has_no_figure_and_the_others_keep_theirs(
    repository: Path, change: Callable[[], None], reason: str
) -> None:
    commit_files(0.003, 0, wrong(0, 5))
    base = output_of("rev-parse", "HEAD")
    change()
    output_of("commit", "-qam", "a part of the graph")
    output_of("update-ref", f"refs/exps/{base[:2]}/{base[2:]}/part", "HEAD")
    output_of("reset", "-q", "--hard", base)
    shown, left_out = runs.select_runs([])
    assert [run.name for run in shown] == ["HEAD"]
    (line,) = left_out
    assert line.startswith(f"part has no valid result: {reason}")
    assert line.endswith("`dvc exp apply part`, then `dvc exp run` without a stage's name")
    with pytest.raises(ValueError, match="part has no valid result"):
        runs.select_runs(["HEAD", "part"], needed=["part"])


def test_a_commit_without_a_figure_leaves_the_experiments_theirs(repository: Path) -> None:
    commit_files(0.003, 0, wrong(0, 5))
    scored_by_hand()
    output_of("commit", "-qam", "a better error")
    experiment("b", 0.01, 0, wrong(0, 6))
    shown, left_out = runs.select_runs([])
    assert [run.name for run in shown] == ["b"]
    assert left_out[0].endswith("run `dvc repro` there and commit dvc.lock and reports/ together")
    with pytest.raises(ValueError, match="HEAD has no valid result"):
        runs.select_runs(["HEAD"])


def test_a_stage_that_only_draws_decides_no_figure(repository: Path) -> None:
    commit_files(0.003, 0, wrong(0, 5))
    relock("report", params={"params.yaml": {"colour": 9}})
    output_of("commit", "-qam", "another colour")
    assert [run.name for run in runs.select_runs([])[0]] == ["HEAD"]


def test_a_folder_of_code_has_the_hash_that_dvc_gives_it(repository: Path) -> None:
    for name in ("part.py", "part/inner.py", "part/z.py"):  # by name: a dot is before a slash
        put(f"src/package/{name}", name)
    put("stages/one.py", "one")
    put(
        "dvc.yaml", "stages: {s: {cmd: touch out, deps: [src/package, stages/one.py], outs: [out]}}"
    )
    for words in (["init", "-q"], ["repro", "-q"]):
        subprocess.run([sys.executable, "-m", "dvc", *words], env=ENVIRONMENT, check=True)
    output_of("add", "-A")
    output_of("commit", "-qm", "run")
    stage = yaml_file.load(Path("dvc.lock"))["stages"]["s"]
    known = {dep["path"]: dep["md5"] for dep in stage["deps"]}
    assert known["src/package"].endswith(".dir")
    assert runs.code_hashes("HEAD", [*known, "src/gone"]) == known

    put("src/package/part/inner.py", "another")
    output_of("commit", "-qam", "later")
    now = runs.code_hashes("HEAD", known)
    assert {path for path in known if now[path] != known[path]} == {"src/package"}
