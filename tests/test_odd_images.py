"""What is odd about images, and what cannot be decoded, where people see it: new to predict."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pawprint.cli import main
from pawprint.core import params
from pawprint.core.findings import Findings
from pawprint.curation import dry_run, new_dataset
from pawprint.inference import predict
from pawprint.models import model_file, network
from pawprint.models.model_file import ModelCard
from pawprint.storage import folders
from pawprint.vision import resample
from stages import presize as stage
from tests.conftest import picture
from tests.imagefiles import save_image
from tests.test_newset import NAMED, folder, word
from tests.test_stages import own_pictures


def ink(seed: int) -> bytes:
    """A black drawing on nothing."""
    pixels = np.zeros((40, 40, 4), np.uint8)
    pixels[5 + seed : 20, 5:30, 3] = 255
    return save_image(Image.fromarray(pixels), "PNG")


def twelve(seed: int) -> bytes:
    values = np.random.default_rng(seed).integers(20, 4096, (40, 40)).astype("<u2")
    return save_image(Image.fromarray(values), "TIFF")


def moving(seed: int) -> bytes:
    images = [Image.open(picture_file(seed)), Image.open(picture_file(seed + 50))]
    return save_image(images[0], "GIF", save_all=True, append_images=images[1:])


def picture_file(seed: int) -> Path:
    path = Path(f"frame{seed}.jpg")
    path.write_bytes(picture(seed=seed))
    return path


def odd_files() -> dict[str, bytes]:
    """Fourteen sound images, and three each of what is odd, under one suffix."""
    contents = {
        f"{n}_{i}.jpg": picture(seed=100 * k + i) for k, n in enumerate("ab") for i in range(7)
    }
    contents |= {f"a_{20 + i}.jpg": ink(i) for i in range(3)}
    contents |= {f"a_{30 + i}.jpg": twelve(i) for i in range(3)}
    contents |= {f"b_{40 + i}.jpg": moving(i) for i in range(3)}
    grey = {
        f"b_{50 + i}.jpg": save_image(Image.new("L", (40, 40 + i), 250), "PNG") for i in range(3)
    }
    return contents | grey


def odd_set(project: Path) -> None:
    """As the data set of the project, fetched."""
    own_pictures(project, odd_files())
    (project / "data/raw/pictures").mkdir(parents=True)
    folders.pack(project / "mine", project / "data/raw/pictures/archive")


NOTES = [
    "3 of 26 images are blank, of one colour or nearly: b_50.jpg (white), b_51.jpg (white), "
    "b_52.jpg",
    "3 of 26 images are nearly black: the values are ",
    "3 of 26 images are the first of several frames or pages in the file, and the others are not "
    "used: b_40.jpg (2), b_41.jpg (2), b_42.jpg (2); ",
    "3 of 26 images are partly transparent, and shown on presize.background white: a_20.jpg",
]


def test_new_tells_what_is_odd(project: Path) -> None:
    folder(odd_files(), "mine")
    lines = word(list(new_dataset.add_dataset("other", "mine", NAMED, None)), "note").splitlines()
    assert all(any(line.startswith(note) for line in lines) for note in NOTES), lines


def test_new_asks_params_for_the_ground_and_works_without_them(project: Path) -> None:
    folder(odd_files(), "mine")
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("background: white", "background: black"))
    notes = word(list(new_dataset.add_dataset("other", "mine", NAMED, None)), "note")
    assert "a_20.jpg (black)" in notes and "3 of them have transparent parts" in notes
    Path("params.yaml").unlink()
    assert "shown on presize.background white" in word(
        list(new_dataset.add_dataset("another", "mine", NAMED, None)), "note"
    )


def test_the_presize_stage_tells_what_is_odd(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd_set(project)
    stage.main()
    first, *notes = capsys.readouterr().out.splitlines()
    assert first == "presize: 26 images, 0 MB"
    assert len(notes) == len(NOTES)
    for line, note in zip(notes, NOTES, strict=True):
        assert line.startswith(f"presize: note: {note}")


def test_summary_tells_what_is_odd_and_does_not_say_that_nothing_is_wrong(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    odd_set(project)
    monkeypatch.setattr("sys.argv", ["pawprint", "summary"])
    main.main()
    lines = capsys.readouterr().out.splitlines()
    for note in NOTES:
        assert any(line.startswith(f"note       {note}") for line in lines), lines
    assert (
        lines[-1] == f"No errors; read the {sum(x.startswith('note') for x in lines)} notes above."
    )


@pytest.mark.parametrize(("on_error", "is_error"), [("stop", True), ("skip", False)])
def test_summary_names_every_image_that_cannot_be_decoded(
    project: Path, on_error: str, is_error: bool
) -> None:
    contents = {
        f"{n}_{i}.jpg": picture(seed=100 * k + i) for k, n in enumerate("ab") for i in range(9)
    }
    own_pictures(project, contents | {"a_0.jpg": b"", "b_8.jpg": b"<!DOCTYPE html><html>"})
    (project / "data/raw/pictures").mkdir(parents=True)
    folders.pack(project / "mine", project / "data/raw/pictures/archive")
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("on_error: stop ", f"on_error: {on_error} "))
    findings = Findings()
    names = [step.name for step in dry_run.dry_run(params.load(), findings)]
    assert names[-1] == "loss"  # the rest is shown with the others
    lines = findings.errors if is_error else findings.notes
    (line,) = [line for line in lines if "cannot be decoded" in line]
    assert line.startswith("2 of 18 images cannot be decoded: a_0.jpg (empty (0 bytes)")
    assert "b_8.jpg (a web page (HTML), not an image" in line and "presize.on_error: skip" in line


def test_predict_tells_what_is_odd_and_what_cannot_be_decoded(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stats = (list(resample.MEAN), list(resample.STD))
    augment = params.load().augment.model_dump()
    asked = {"threads": 1, "augment": augment}
    model_card = ModelCard(
        "resnet18", ["a", "b"], 32, 32, *stats, asked, "", {}, background="black"
    )
    model_file.write(Path("m.safetensors"), network.create_model("resnet18", 2, 0, {}), model_card)
    files = {
        "frames.gif": moving(0),
        "ink.png": ink(0),
        "none.jpg": b"",
        "c.avif": picture(kind="AVIF"),
    }
    for name, data in files.items():
        Path(name).write_bytes(data)
    findings = Findings()
    answers = predict.predict_files(
        Path("m.safetensors"), [Path(n) for n in files], 1, None, findings
    )
    assert [answer.file for answer in answers] == ["frames.gif", "ink.png"]
    assert findings.errors == [
        "none.jpg: empty (0 bytes); the copy or download was interrupted: copy it again",
        "c.avif: AVIF, which is not supported; convert it to JPEG or PNG",
    ]
    plain, first = findings.notes  # the model's ground is as black as the drawing
    assert plain.startswith("1 of 2 images is blank, of one colour or nearly: ink.png (black)")
    assert first.startswith("1 of 2 images is the first of several frames or pages in the file")
    words = ["pawprint", "predict", "--model", "m.safetensors", "frames.gif"]
    monkeypatch.setattr("sys.argv", words)
    main.main()
    assert capsys.readouterr().err.startswith("pawprint: note: 1 of 1 images is the first of ")
