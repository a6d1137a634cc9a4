"""One run of fastai, as chapter 5 has it, on a split of ours: `python -m benchmarks.peer JOB.json`.

The job names pictures (a folder), labels (our labels.csv), weights (mobilenet_v2's), seed,
frozen, unfrozen (epochs), batch_size, workers and out. `out` receives the seconds of the two fits,
the history and a prediction for each picture of valid.
"""

import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import torchvision
from torch import nn

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fastai.vision import all as fastai


def learner(job: dict[str, Any], table: pd.DataFrame) -> fastai.Learner:
    """mobilenet_v2 with fastai's head, cut into groups where ours is."""
    held = table.index[table["split"] == "valid"].tolist()
    block = fastai.DataBlock(
        blocks=(fastai.ImageBlock, fastai.CategoryBlock),
        get_x=lambda row: Path(job["pictures"]) / row["name"],
        get_y=lambda row: row["label"],
        splitter=fastai.IndexSplitter(held),
        item_tfms=fastai.Resize(460),
        batch_tfms=[
            *fastai.aug_transforms(size=224, min_scale=0.75),
            fastai.Normalize.from_stats(*fastai.imagenet_stats),
        ],
    )
    loaders = block.dataloaders(table, bs=job["batch_size"], num_workers=job["workers"])
    model = torchvision.models.mobilenet_v2()
    model.load_state_dict(torch.load(job["weights"], weights_only=True))
    network = nn.Sequential(model.features, fastai.create_head(1280, len(loaders.vocab)))
    fastai.apply_init(network[1], nn.init.kaiming_normal_)
    return fastai.Learner(
        loaders,
        network,
        splitter=lambda m: [fastai.params(part) for part in (m[0][:7], m[0][7:], m[1])],
        loss_func=fastai.CrossEntropyLossFlat(),
        metrics=fastai.error_rate,
    )


def main() -> None:
    """Train, predict, write."""
    warnings.filterwarnings("ignore")
    job = json.loads(Path(sys.argv[1]).read_text())
    table = pd.read_csv(job["labels"], dtype="str", keep_default_na=False)
    fastai.set_seed(job["seed"])
    learn = learner(job, table)
    history, began = [], time.perf_counter()
    with learn.no_bar(), learn.no_logging():
        learn.freeze()
        learn.fit_one_cycle(job["frozen"], 3e-3)
        history += [list(row) for row in learn.recorder.values]
        learn.unfreeze()
        learn.fit_one_cycle(job["unfrozen"], slice(1e-5, 1e-3))
        history += [list(row) for row in learn.recorder.values]
    seconds = time.perf_counter() - began
    with learn.no_bar():
        probabilities, _ = learn.get_preds(ds_idx=1)
    predicted = [learn.dls.vocab[i] for i in probabilities.argmax(1).tolist()]
    names = table.loc[table["split"] == "valid", "name"].tolist()
    rows = dict(zip(names, predicted, strict=True))
    found = {"seconds": seconds, "history": history, "predicted": rows}
    Path(job["out"]).write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
