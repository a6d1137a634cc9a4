"""report.html in a real browser: nothing asked of a network, nothing hostile run, all usable."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pawprint.cli import main
from pawprint.reporting import contact_sheet, figures, page
from pawprint.vision.dataset import Dataset
from pawprint.vision.resample import InputSpec
from tests import small

HOSTILE = "<script>document.title = 'taken'</script>"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def data() -> Dataset:
    """Small pictures of three classes, one of which is named by an enemy."""
    made = small.dataset(n=400)
    names = {"class 0": "cat", "class 1": HOSTILE, "class 2": "=1+1"}
    parts = {
        split: replace(part, labels=[names[label] for label in part.labels])
        for split, part in made.parts.items()
    }
    return replace(made, splits=parts, classes=list(names.values()))


def tables(made: Dataset) -> figures.Tables:
    """Every eighth cat is taken for the hostile class."""
    part, rows = made.parts["valid"], []
    for i, (name, label) in enumerate(zip(part.names, part.labels, strict=True)):
        said = HOSTILE if label == "cat" and i % 8 == 0 else label
        rows.append((name, label, said, 0.9 if said == label else 0.6, 0.1 if said == label else i))
    columns = ["name", "actual", "predicted", "probability", "loss"]
    predictions = pd.DataFrame(rows, columns=columns)
    wrong = predictions[predictions["actual"] != predictions["predicted"]]
    pairs = pd.DataFrame([("cat", HOSTILE, len(wrong))], columns=["actual", "predicted", "count"])
    scores = pd.DataFrame(
        [(label, 0.5 + i / 10, 0.5, 0.5, 20 + i) for i, label in enumerate(made.classes)],
        columns=["label", "precision", "recall", "f1", "n"],
    )
    return figures.Tables(predictions, pairs, wrong, scores, pd.DataFrame())


def rendered(folder: Path) -> str:
    made = data()
    found = tables(made)
    blank = contact_sheet.draw_sheet(contact_sheet.denormalize(small_batch()), ["x"], 1)
    for name in (*page.CHARTS, *page.SHEETS):
        contact_sheet.write(folder / f"{name}.png", blank)
    wrong = len(found.losses)
    n = len(found.predictions)
    metrics: dict[str, float | int] = {"error_rate": wrong / n, "n": n}
    params = {"dataset": HOSTILE, "arch": "resnet18", "augment": {"flip": 0.5}, "lr": 1e-3}
    return page.render_page(made, InputSpec(32), found, metrics, params, folder)


def small_batch() -> Any:
    import torch

    return torch.zeros(1, 3, 32, 32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("page")
    (made / "report.html").write_text(rendered(made), encoding="utf-8")
    return made


def test_equal_runs_give_equal_bytes(folder: Path) -> None:
    assert rendered(folder) == (folder / "report.html").read_text(encoding="utf-8")


def test_the_cells_are_the_counts() -> None:
    found = tables(data())
    matrix, order = page.matrix_cells(
        figures.confusion_counts(found.predictions, data()), data().classes
    )
    counted = {
        (order[i], order[j]): cell["count"]
        for i, row in enumerate(matrix)
        for j, cell in enumerate(row)
        if cell["count"]
    }
    assert counted[("cat", HOSTILE)] == len(found.losses)
    assert sum(counted.values()) == len(found.predictions)


def test_of_too_many_pictures_the_mistakes_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    found = tables(data())
    monkeypatch.setattr(page, "MAX_IMAGES", len(found.losses) + 2)
    kept = page.choose_rows(found.predictions)
    assert len(kept) == len(found.losses) + 2
    assert set(found.losses["name"]) <= set(kept["name"])


def test_a_stamped_copy_says_its_commit_and_leaves_the_report_alone(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    lock = {"stages": {"report": {"cmd": "python -m stages.report"}}}
    texts = {"params.yaml": "{}", "datasets.yaml": "{}", "dvc.lock": json.dumps(lock)}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "reports").mkdir()
    shutil.copy(folder / "report.html", tmp_path / "reports")
    before = (tmp_path / "reports/report.html").read_bytes()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["pawprint", "report", "--stamp", "--to", "copy.html"])
    main.main()
    assert capsys.readouterr().out.startswith("copy.html: commit no commit, 20")
    assert "<p>commit no commit, 20" in (tmp_path / "copy.html").read_text()
    assert (tmp_path / "reports/report.html").read_bytes() == before
    (tmp_path / "dvc.lock").unlink()
    (tmp_path / "copy.html").unlink()
    with pytest.raises(SystemExit, match="is of other params, data or code .*no run of stage rep"):
        main.main()
    assert not (tmp_path / "copy.html").exists()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium, which .ci/run installs")
        pytest.skip("no Chromium on this machine")
    sync_api = pytest.importorskip("playwright.sync_api")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_api.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield opened
        opened.close()


@pytest.fixture
def shown(browser: Any, folder: Path) -> Iterator[Any]:
    """The page, and at the end that it said nothing and asked for nothing."""
    tab, said, asked = browser.new_page(), [], []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    url = (folder / "report.html").as_uri()
    tab.goto(url)
    yield tab
    assert said == []
    assert [one for one in asked if not one.startswith("data:")] == [url]
    tab.close()


def test_hostile_names_are_text(shown: Any) -> None:
    assert shown.title() == f"{HOSTILE}, resnet18: error 5.00 %"
    assert shown.inner_text("h1") == f"{HOSTILE}, resnet18: error 5.00 %"


def test_a_cell_opens_its_pictures(shown: Any) -> None:
    count = len(tables(data()).losses)
    shown.click(f"#matrix button:text-is('{count}')")
    assert shown.inner_text("#shown") == f"{count} pictures"
    texts = shown.eval_on_selector_all("#grid li div", "all => all.map(x => x.textContent)")
    assert texts == [f"0.60 {HOSTILE}, is cat"] * count
    names = shown.eval_on_selector_all("#grid img", "all => all.map(x => x.alt)")
    worst_first = tables(data()).losses.sort_values("loss", ascending=False)["name"].tolist()
    assert names == worst_first
    assert shown.evaluate("document.activeElement.textContent") == "Pictures"


def test_the_filters_filter_and_more_shows_more(shown: Any) -> None:
    found = tables(data())
    assert shown.inner_text("#shown") == f"{len(found.predictions)} pictures"
    assert shown.locator("#grid li").count() == 60
    shown.click("#more")
    assert shown.locator("#grid li").count() == 80
    assert not shown.locator("#more").is_visible()
    shown.select_option("#kind", "wrong")
    assert shown.inner_text("#shown") == f"{len(found.losses)} pictures"
    shown.select_option("#kind", "right")
    shown.select_option("#actual", "=1+1")
    right = (found.predictions["actual"] == "=1+1").sum()
    assert shown.inner_text("#shown") == f"{right} pictures"
    shown.select_option("#by", "name")
    names = shown.eval_on_selector_all("#grid img", "all => all.map(x => x.alt)")
    assert names == sorted(names)


def test_a_table_is_sorted_either_way_numbers_as_numbers(shown: Any) -> None:
    column = "#classes tbody td:nth-child(2)"
    heading = "#classes th:nth-child(2) button"
    read = "all => all.map(x => Number(x.textContent))"
    shown.click(heading)
    assert shown.eval_on_selector_all(column, read) == [0.5, 0.6, 0.7]
    shown.click(heading)
    assert shown.eval_on_selector_all(column, read) == [0.7, 0.6, 0.5]
    assert shown.get_attribute("#classes th:nth-child(2)", "aria-sort") == "descending"


def test_it_works_by_keyboard(shown: Any) -> None:
    shown.focus("#mixups button[data-actual]")
    shown.keyboard.press("Enter")
    assert shown.input_value("#actual") == "cat"
    assert shown.input_value("#predicted") == HOSTILE


def test_it_fits_a_phone(shown: Any) -> None:
    shown.set_viewport_size({"width": 360, "height": 740})
    assert shown.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_pictures_are_in_the_page(folder: Path) -> None:
    text = (folder / "report.html").read_text(encoding="utf-8")
    body = text.partition('<script type="application/json" id="data">')[2].partition("</script>")[0]
    found = json.loads(body)
    assert len(found) == len(tables(data()).predictions)
    assert set(found[0]) == {"name", "actual", "predicted", "probability", "loss", "image"}
