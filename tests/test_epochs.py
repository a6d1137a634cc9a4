"""Whether a table of epochs tells of overfitting; the book's own tables among them."""

import json
import sys
from pathlib import Path

import pytest

from pawprint.cli import main
from pawprint.experiments import overfitting
from pawprint.experiments.overfitting import Phase

# fastbook, chapter 5, resnet34 after unfreezing, 12 epochs at slice(1e-6, 1e-4), 1,478 pictures
BOOK = Phase(
    "unfrozen",
    [0.258, 0.247, 0.241, 0.21, 0.195, 0.17, 0.153, 0.141, 0.129, 0.127, 0.13, 0.124],
    [0.205, 0.205, 0.194, 0.198, 0.193, 0.188, 0.186, 0.185, 0.181, 0.186, 0.182, 0.182],
    [100 / 1478, *(n / 1478 for n in (98, 92, 93, 95, 83, 87, 79, 76, 80, 80, 80))],
)  # fmt: skip


def phase(errors: list[float], losses: list[float] | None = None) -> Phase:
    return Phase("unfrozen", [1.0] * len(errors), losses or [1.0] * len(errors), errors)


def test_four_pictures_of_the_book_are_chance() -> None:
    message = overfitting.diagnose(BOOK, 1478)
    assert (
        "12 epochs, error 0.0541 at the end, worse than its best (epoch 9) only by chance"
        in message
    )


def test_a_risen_error_names_the_epochs_to_train_with() -> None:
    """0.10 to 0.14 of 1,000: 40 pictures, and the standard error of 0.14 is 0.011."""
    message = overfitting.diagnose(phase([0.3, 0.2, 0.1, 0.12, 0.14]), 1000)
    assert "40 of 1000 images more than after epoch 3: it overfits" in message
    assert message.endswith("train again with -S unfrozen.epochs=3")


def test_the_same_rise_of_few_pictures_is_chance() -> None:
    """Of 50 pictures two; the standard error of 0.14 is 0.049."""
    assert "no sign of overfitting" in overfitting.diagnose(phase([0.3, 0.2, 0.1, 0.12, 0.14]), 50)


def test_a_loss_that_rises_alone_is_no_reason_to_train_less() -> None:
    message = overfitting.diagnose(phase([0.2, 0.1, 0.1], [0.5, 0.3, 0.4]), 1000)
    assert "the loss on valid rises since epoch 2" in message and "keep the epochs" in message


def test_an_error_that_still_falls_asks_for_more() -> None:
    assert overfitting.diagnose(phase([0.4, 0.3, 0.2]), 1000).endswith("try -S unfrozen.epochs=6")


@pytest.mark.parametrize("errors", [[], [0.1]])
def test_less_than_two_epochs_tell_nothing(errors: list[float]) -> None:
    assert overfitting.diagnose(phase(errors), 100).endswith("too few to judge")


def test_no_mistake_at_all_is_fine() -> None:
    assert "its best" in overfitting.diagnose(phase([0.1, 0.0, 0.0]), 10)


def test_the_table_of_a_stage_is_read(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_text("epoch,train_loss,valid_loss,error_rate\n0,2.5,1.5,0.5\n1,1.5,0.5,0.25\n")
    assert overfitting.read_phase(path, "frozen") == Phase(
        "frozen", [2.5, 1.5], [1.5, 0.5], [0.5, 0.25]
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a table of epochs; delete it, then `dvc repro`"),
        ("epoch,train_loss\n0,1.0\n", "not a table of epochs"),
        ("train_loss,valid_loss,error_rate\na,b,c\n", "not a table of epochs"),
        ("train_loss,valid_loss,error_rate\n1.0,nan,0.5\n", "figures that are not finite"),
    ],
)
def test_a_damaged_table_is_told(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "train.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        overfitting.read_phase(path, "frozen")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"valid": "x"}', '{"valid": 0}'])
def test_a_damaged_summary_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "labels.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="labels.json: .* delete it, then `dvc repro`"):
        overfitting.judged_images(path)


def test_a_run_that_was_broken_off_is_not_judged() -> None:
    message = overfitting.diagnose(phase([0.3, 0.2, 0.1]), 1000, planned=6)
    assert "only 3 of the 6 epochs in params.yaml" in message and "overfit" not in message
    assert "3 epochs, error" in overfitting.diagnose(phase([0.3, 0.2, 0.1]), 1000, planned=3)


def test_after_a_part_of_the_graph_only_what_has_run_is_judged(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `dvc repro train_frozen` leaves it: the second phase went on from another model."""
    (project / "reports").mkdir()
    (project / "reports/labels.json").write_text('{"valid": 100}')
    for name in ("frozen", "unfrozen"):
        rows = [f"{i},1.0,1.0,0.1" for i in range(10)]
        text = "\n".join(["epoch,train_loss,valid_loss,error_rate", *rows])
        (project / f"reports/train_{name}.csv").write_text(f"{text}\n")
    stages = {
        "train_frozen": {"outs": [{"path": "models/frozen.safetensors", "md5": "new"}]},
        "train_unfrozen": {"deps": [{"path": "models/frozen.safetensors", "md5": "old"}]},
    }
    (project / "dvc.lock").write_text(json.dumps({"stages": stages}))
    monkeypatch.setattr(sys, "argv", ["pawprint", "epochs"])
    main.main()
    frozen, unfrozen, note = capsys.readouterr().out.splitlines()
    assert frozen.startswith("frozen: 10 epochs, error 0.1000 at the end")
    assert unfrozen == (
        "unfrozen: not judged, because reports/train_unfrozen.csv is from other params, data or "
        "code "
        "than the current ones: train_unfrozen read another version of models/frozen.safetensors "
        "than "
        "train_frozen wrote; `dvc repro` makes it again"
    )
    assert "data and code: you are not inside of a DVC repository" in note
