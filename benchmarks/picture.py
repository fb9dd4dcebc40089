"""Draw the README's picture: one row of Adult explained, beside the mean over many rows.

    python -m benchmarks.picture
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from sklearn.ensemble import HistGradientBoostingClassifier

import xaikit as xk
from benchmarks.cases import read_adult

mpl.use("Agg")
from matplotlib import pyplot as plt

FILE = Path(__file__).parents[1] / "docs" / "images" / "adult.png"
N_TRAIN, N_BACKGROUND, N_ROWS, SHOWN = 8_000, 50, 100, 8
ROW = 3
"""A row that the model is unsure about, with contributions in both directions."""


def explained() -> xk.Attribution:
    """Explain rows of Adult, the first of them the one that the picture shows alone."""
    X = read_adult().drop(columns=["fnlwgt", "education"]).sample(
        N_TRAIN + N_ROWS, random_state=0)
    y = X.pop("income")
    for column in X.select_dtypes(exclude="number"):
        X[column] = X[column].astype("category")
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0)
    model.fit(X[:N_TRAIN], y[:N_TRAIN])
    explainer = xk.KernelSHAP(outputs=">50K", budget=2_500, random_state=0)
    return explainer.fit(model, X[:N_BACKGROUND]).explain(X[N_TRAIN:])


def draw(explanation: xk.Attribution, row: int, path: Path) -> None:
    """Draw one row beside the mean over all rows, and write both as a PNG."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.2), layout="constrained")
    xk.plots.waterfall(explanation[row], max_display=SHOWN, ax=left)
    xk.plots.bar(explanation, max_display=SHOWN, ax=right)
    left.set_title("One row: from the mean to its prediction", loc="left")
    right.set_title(f"{len(explanation)} rows: mean absolute contribution", loc="left")
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=90)
    plt.close(figure)


if __name__ == "__main__":
    draw(explained(), ROW, FILE)
