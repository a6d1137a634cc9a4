"""One run of fastai, as in chapter 5, on one of our splits: `python -m benchmarks.peer JOB.json`.

The job names pictures (a folder), labels (our labels.csv), weights (mobilenet_v2's), seed,
threads, frozen and unfrozen (epochs), lr, lr_min and lr_max, batch_size, workers and out. `out`
receives the seconds of the two fits, the history and a prediction for each image of valid.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import pandas as pd
import torch

from benchmarks import fastais
from benchmarks.fastais import fastai


def main() -> None:
    """Train, predict, write."""
    warnings.filterwarnings("ignore")
    job = json.loads(Path(sys.argv[1]).read_text())
    torch.set_num_threads(job["threads"])
    table = pd.read_csv(job["labels"], dtype="str", keep_default_na=False)
    fastai.set_seed(job["seed"])
    data = fastais.loaders(Path(job["pictures"]), table, job["batch_size"], job["workers"])
    learn = fastais.learner(data, "mobilenet_v2", len(data.vocab), Path(job["weights"]))
    history, began = [], time.perf_counter()
    with learn.no_bar(), learn.no_logging():
        learn.freeze()
        learn.fit_one_cycle(job["frozen"], job["lr"])
        history += [list(row) for row in learn.recorder.values]
        learn.unfreeze()
        learn.fit_one_cycle(job["unfrozen"], slice(job["lr_min"], job["lr_max"]))
        history += [list(row) for row in learn.recorder.values]
    seconds = time.perf_counter() - began
    with learn.no_bar():
        probabilities, _ = learn.get_preds(ds_idx=1)
    predicted = [data.vocab[i] for i in probabilities.argmax(1).tolist()]
    names = table.loc[table["split"] == "valid", "name"].tolist()
    rows = dict(zip(names, predicted, strict=True))
    measured = {"seconds": seconds, "history": history, "predicted": rows}
    Path(job["out"]).write_text(json.dumps(measured, indent=1))


if __name__ == "__main__":
    main()
