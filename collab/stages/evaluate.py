"""Evaluate models/factors.safetensors on valid, and show what it has learned -> reports/."""

from pathlib import Path

from pawprint.core import files
from pawprint.ratings import config, dataset, factor_map, models, ranking, recommend, training
from pawprint.ratings.table import read_noise
from pawprint.reporting import charts
from pawprint.runtime.device import setup_device
from pawprint.terminal import console

RATINGS, TABLE = Path("data/raw/ratings"), Path("data/ratings.csv")
MODEL, SUMMARY = Path("models/factors.safetensors"), Path("reports/evaluate.json")
RANKING, BIASES = Path("reports/ranking.json"), Path("reports/biases.csv")
SIMILAR, PLANE = Path("reports/similar.csv"), Path("reports/factors.png")


def main() -> None:
    p = config.load()
    chosen, (model, model_card) = p.evaluate, models.read(MODEL)
    device = setup_device(p.runtime.device, model_card.params["threads"])
    data = dataset.load_ratings(TABLE, device)
    model, counts = model.to(device), ranking.popularity(data).cpu()
    metrics = training.metrics(model, data, read_noise(RATINGS))
    ranked = ranking.summary(model, data, chosen.k, chosen.relevant)
    biases = recommend.biases(model, model_card, counts)
    near = recommend.neighbours(model, model_card, counts, chosen.shown)
    files.write_csv(BIASES, list(biases.columns), biases.itertuples(index=False))
    files.write_csv(SIMILAR, list(near.columns), near.itertuples(index=False))
    charts.write(PLANE, factor_map.draw_map(model, model_card, counts, chosen.shown))
    files.write_json(RANKING, ranked)
    files.write_json(SUMMARY, metrics)
    noise = f", planted noise {metrics['noise']:.4f}" if "noise" in metrics else ""
    print(
        f"evaluate: rmse {metrics['rmse']:.4f}, mae {metrics['mae']:.4f}, n {metrics['n']:,}{noise}"
    )
    print(
        f"evaluate: of {p.evaluate.k} recommended: recall {ranked['recall']:.4f}, ndcg "
        f"{ranked['ndcg']:.4f}; by popularity {ranked['popular_recall']:.4f}, "
        f"{ranked['popular_ndcg']:.4f}; cold {ranked['cold']:.4f} of valid"
    )


if __name__ == "__main__":
    console.run_stage(main, "evaluate")
