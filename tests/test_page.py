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
    result = small.dataset(n=400)
    names = {"class 0": "cat", "class 1": HOSTILE, "class 2": "=1+1"}
    parts = {
        split: replace(part, cells=[names[label] for label in part.cells])
        for split, part in result.splits.items()
    }
    return replace(result, splits=parts, classes=list(names.values()))


def tables(result: Dataset) -> figures.Tables:
    """Every eighth cat is taken for the hostile class."""
    part, rows = result.splits["valid"], []
    for i, (name, label) in enumerate(zip(part.names, part.cells, strict=True)):
        message = HOSTILE if label == "cat" and i % 8 == 0 else label
        rows.append(
            (name, label, message, 0.9 if message == label else 0.6, 0.1 if message == label else i)
        )
    columns = ["name", "actual", "predicted", "probability", "loss"]
    predictions = pd.DataFrame(rows, columns=columns)
    wrong = predictions[predictions["actual"] != predictions["predicted"]]
    pairs = pd.DataFrame([("cat", HOSTILE, len(wrong))], columns=["actual", "predicted", "count"])
    scores = pd.DataFrame(
        [(label, 0.5 + i / 10, 0.5, 0.5, 20 + i) for i, label in enumerate(result.classes)],
        columns=["label", "precision", "recall", "f1", "n"],
    )
    return figures.Tables(predictions, pairs, wrong, scores, pd.DataFrame())


def render_folder(folder: Path) -> str:
    result = data()
    table = tables(result)
    blank = contact_sheet.draw_sheet(contact_sheet.denormalize(small_batch()), ["x"], 1)
    for name in (*page.CHARTS, *page.SHEETS):
        contact_sheet.write(folder / f"{name}.png", blank)
    wrong = len(table.losses)
    n = len(table.predictions)
    metrics: dict[str, float | int] = {"error_rate": wrong / n, "n": n}
    params = {"dataset": HOSTILE, "arch": "resnet18", "augment": {"flip": 0.5}, "lr": 1e-3}
    return page.render_page(result, InputSpec(32), table, metrics, params, folder)


def small_batch() -> Any:
    import torch

    return torch.zeros(1, 3, 32, 32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    result = tmp_path_factory.mktemp("page")
    (result / "report.html").write_text(render_folder(result), encoding="utf-8")
    return result


def test_equal_runs_give_equal_bytes(folder: Path) -> None:
    assert render_folder(folder) == (folder / "report.html").read_text(encoding="utf-8")


def test_the_cells_are_the_counts() -> None:
    table = tables(data())
    matrix, order = page.matrix_cells(
        figures.confusion_counts(table.predictions, data()), data().classes
    )
    counted = {
        (order[i], order[j]): cell["count"]
        for i, row in enumerate(matrix)
        for j, cell in enumerate(row)
        if cell["count"]
    }
    assert counted[("cat", HOSTILE)] == len(table.losses)
    assert sum(counted.values()) == len(table.predictions)


def test_of_too_many_pictures_the_mistakes_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    table = tables(data())
    monkeypatch.setattr(page, "MAX_IMAGES", len(table.losses) + 2)
    kept = page.choose_rows(table.predictions)
    assert len(kept) == len(table.losses) + 2
    assert set(table.losses["name"]) <= set(kept["name"])


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
    with pytest.raises(
        SystemExit, match="is from other params, data or code .*no run of stage rep"
    ):
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
def show(browser: Any, folder: Path) -> Iterator[Any]:
    """The page, and at the end that it said nothing and asked for nothing."""
    tab, output, asked = browser.new_page(), [], []
    tab.on("console", lambda message: output.append(message.text))
    tab.on("pageerror", lambda error: output.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    url = (folder / "report.html").as_uri()
    tab.goto(url)
    yield tab
    assert output == []
    assert [one for one in asked if not one.startswith("data:")] == [url]
    tab.close()


def test_hostile_names_are_text(show: Any) -> None:
    assert show.title() == f"{HOSTILE}, resnet18: error 5.00 %"
    assert show.inner_text("h1") == f"{HOSTILE}, resnet18: error 5.00 %"


def test_a_cell_opens_its_pictures(show: Any) -> None:
    count = len(tables(data()).losses)
    show.click(f"#matrix button:text-is('{count}')")
    assert show.inner_text("#shown") == f"{count} pictures"
    texts = show.eval_on_selector_all("#grid li div", "all => all.map(x => x.textContent)")
    assert texts == [f"0.60 {HOSTILE}, is cat"] * count
    names = show.eval_on_selector_all("#grid img", "all => all.map(x => x.alt)")
    worst_first = tables(data()).losses.sort_values("loss", ascending=False)["name"].tolist()
    assert names == worst_first
    assert show.evaluate("document.activeElement.textContent") == "Pictures"


def test_the_filters_filter_and_more_shows_more(show: Any) -> None:
    table = tables(data())
    assert show.inner_text("#shown") == f"{len(table.predictions)} pictures"
    assert show.locator("#grid li").count() == 60
    show.click("#more")
    assert show.locator("#grid li").count() == 80
    assert not show.locator("#more").is_visible()
    show.select_option("#kind", "wrong")
    assert show.inner_text("#shown") == f"{len(table.losses)} pictures"
    show.select_option("#kind", "right")
    show.select_option("#actual", "=1+1")
    right = (table.predictions["actual"] == "=1+1").sum()
    assert show.inner_text("#shown") == f"{right} pictures"
    show.select_option("#by", "name")
    names = show.eval_on_selector_all("#grid img", "all => all.map(x => x.alt)")
    assert names == sorted(names)


def test_a_table_is_sorted_either_way_numbers_as_numbers(show: Any) -> None:
    column = "#classes tbody td:nth-child(2)"
    heading = "#classes th:nth-child(2) button"
    read = "all => all.map(x => Number(x.textContent))"
    show.click(heading)
    assert show.eval_on_selector_all(column, read) == [0.5, 0.6, 0.7]
    show.click(heading)
    assert show.eval_on_selector_all(column, read) == [0.7, 0.6, 0.5]
    assert show.get_attribute("#classes th:nth-child(2)", "aria-sort") == "descending"


def test_it_works_by_keyboard(show: Any) -> None:
    show.focus("#mixups button[data-actual]")
    show.keyboard.press("Enter")
    assert show.input_value("#actual") == "cat"
    assert show.input_value("#predicted") == HOSTILE


def test_it_fits_a_phone(show: Any) -> None:
    show.set_viewport_size({"width": 360, "height": 740})
    assert show.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_pictures_are_in_the_page(folder: Path) -> None:
    text = (folder / "report.html").read_text(encoding="utf-8")
    body = text.partition('<script type="application/json" id="data">')[2].partition("</script>")[0]
    content = json.loads(body)
    assert len(content) == len(tables(data()).predictions)
    assert set(content[0]) == {"name", "actual", "predicted", "probability", "loss", "image"}
