"""Judge models/factors.safetensors on valid, and say what it has learned -> reports/."""

from pathlib import Path

from pawprint import (
    charts,
    collab,
    console,
    devices,
    factors,
    files,
    plane,
    ranking,
    rated,
    ratings,
    recommend,
)

RATINGS, TABLE = Path("data/raw/ratings"), Path("data/ratings.csv")
MODEL, SUMMARY = Path("models/factors.safetensors"), Path("reports/evaluate.json")
RANKING, BIASES = Path("reports/ranking.json"), Path("reports/biases.csv")
SIMILAR, PLANE = Path("reports/similar.csv"), Path("reports/factors.png")


def main() -> None:
    p = collab.load()
    chosen, (network, card) = p.evaluate, factors.read(MODEL)
    device = devices.prepared(p.runtime.device, card.params["threads"])
    data = rated.opened(TABLE, device)
    network, counts = network.to(device), ranking.popularity(data).cpu()
    found = rated.summary(network, data, ratings.noise(RATINGS))
    ranked = ranking.summary(network, data, chosen.k, chosen.relevant)
    biases = recommend.biases(network, card, counts)
    near = recommend.neighbours(network, card, counts, chosen.shown)
    files.write_csv(BIASES, list(biases.columns), biases.itertuples(index=False))
    files.write_csv(SIMILAR, list(near.columns), near.itertuples(index=False))
    charts.write(PLANE, plane.drawn(network, card, counts, chosen.shown))
    files.write_json(RANKING, ranked)
    files.write_json(SUMMARY, found)
    noise = f", planted noise {found['noise']:.4f}" if "noise" in found else ""
    print(f"evaluate: rmse {found['rmse']:.4f}, mae {found['mae']:.4f}, n {found['n']:,}{noise}")
    print(
        f"evaluate: of {p.evaluate.k} recommended: recall {ranked['recall']:.4f}, ndcg "
        f"{ranked['ndcg']:.4f}; by popularity {ranked['popular_recall']:.4f}, "
        f"{ranked['popular_ndcg']:.4f}; cold {ranked['cold']:.4f} of valid"
    )


if __name__ == "__main__":
    console.run(main, "evaluate")
