"""LIME and the mask methods beside lime and captum: overhead, memory, errors, stability, scenes."""

from __future__ import annotations

import itertools
import time
import tracemalloc
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from lime.lime_image import LimeImageExplainer
from lime.lime_tabular import LimeTabularExplainer
from lime.lime_text import LimeTextExplainer
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import xaikit as xk
from benchmarks.cases import Counted, adult, read_adult
from benchmarks.scenes import pointing, precision, reader, scenes

REVIEWS = Path(__file__).parents[2] / "shared" / "data" / "movie_reviews.csv"
SAMPLES = 5_000
ROUNDS = 3
TOP = 5


def tables(n_rows: int = 1_000) -> list[dict[str, Any]]:
    """Measure the overhead of 5,000 samples for 1,000 Adult rows; lime explains every twentieth."""
    case = adult(2_000, n_rows)

    def model(Z: np.ndarray) -> np.ndarray:
        return case.predict(Z)

    ours = {
        "xaikit LIME (bins)": xk.LIME(budget=SAMPLES + 1, random_state=0),
        "xaikit LIME (near rows)": xk.LIME(budget=SAMPLES + 1, discretize=None, random_state=0),
    }
    found: dict[str, list[tuple[float, float, int, int]]] = {}
    theirs = LimeTabularExplainer(case.background, mode="regression", random_state=0)
    for turn in range(ROUNDS + 1):
        for name, explainer in ours.items():
            counted = Counted(model)
            fitted = explainer.fit(counted, case.background)
            _note(found, name, turn, counted, len(case.rows),
                  lambda fitted=fitted: fitted.explain(case.rows))
        for features in (10, 5):
            counted, few = Counted(model), case.rows[::20]

            def explain(counted: Counted = counted, few: np.ndarray = few,
                        features: int = features) -> None:
                for row in few:
                    theirs.explain_instance(row, counted, num_samples=SAMPLES,
                                            num_features=features)
            _note(found, f"lime, num_features={features}", turn, counted, len(few), explain)
    return _overheads(found, "lime, num_features=10")


def _note(found: dict[str, list[tuple[float, float, int, int]]], name: str, turn: int,
          counted: Counted, n: int, explain: Callable[[], Any]) -> None:
    counted.rows, counted.seconds = 0, 0.0
    start = time.perf_counter()
    explain()
    total = time.perf_counter() - start
    if turn:  # the first turn warms up
        found.setdefault(name, []).append((total - counted.seconds, counted.seconds,
                                           counted.rows, n))


def _overheads(found: dict[str, list[tuple[float, float, int, int]]], peer: str
               ) -> list[dict[str, Any]]:
    rows = []
    for name, runs in found.items():
        outside, inside, asked, n = np.median(np.array(runs), axis=0)
        ratios = [(a[0] / a[3]) / (b[0] / b[3]) for a, b in zip(runs, found[peer], strict=True)]
        totals = [((a[0] + a[1]) / a[3]) / ((b[0] + b[1]) / b[3])
                  for a, b in zip(runs, found[peer], strict=True)]
        rows.append({
            "method": name, "explained": int(n), "model rows": int(asked),
            "overhead ms each": float(1e3 * outside / n), "model ms each": float(1e3 * inside / n),
            f"overhead / {peer}'s": float(np.median(ratios)),
            f"total / {peer}'s": float(np.median(totals))})
    return rows


@cache
def _reviews() -> tuple[Any, list[str]]:
    """Return a TF-IDF + logistic model of review sentences, and texts of 300 words made of them."""
    table = pd.read_csv(REVIEWS)
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(C=4.0))
    text = table.columns[table.columns != "label"][0]
    model.fit(table[text], table["label"])
    words = " ".join(table[text].sample(200, random_state=0)).split()
    return model, [" ".join(words[i : i + 300]) for i in range(0, 1_500, 300)]


def texts() -> list[dict[str, Any]]:
    """Measure the time of 5,000 samples for texts of 300 words; nothing without the reviews."""
    if not REVIEWS.exists():
        return []
    model, long = _reviews()
    counted = Counted(model.predict_proba)
    theirs = LimeTextExplainer(random_state=0, bow=False)
    found: dict[str, list[tuple[float, float, int, int]]] = {}
    for turn in range(ROUNDS + 1):
        whole = xk.LIME(budget=SAMPLES + 1, random_state=0, outputs=1).fit(model, xk.TextMasker())
        _note(found, "xaikit LIME, the pipeline", turn, counted, len(long),
              lambda whole=whole: whole.explain(long))
        asked = xk.LIME(budget=SAMPLES + 1, random_state=0, outputs=1).fit(
            counted, xk.TextMasker())
        _note(found, "xaikit LIME, a function", turn, counted, len(long),
              lambda asked=asked: asked.explain(long))

        def explain() -> None:
            for text in long:
                theirs.explain_instance(text, counted, num_samples=SAMPLES)
        _note(found, "lime", turn, counted, len(long), explain)
    return _overheads(found, "lime")


class _Cells:
    """A cheap model of images: the mean and the maximum of some of their pixels."""

    def __init__(self, side: int, channels_first: bool) -> None:
        self.side, self.axes = side, (1, 2, 4) if not channels_first else (1, 3, 5)
        self.first = channels_first

    def __call__(self, images: np.ndarray) -> np.ndarray:
        small = images[:, :, ::28, ::28] if self.first else images[:, ::28, ::28]
        flat = small.reshape(len(images), -1).astype(np.float64)
        return np.stack([np.tanh(flat.mean(axis=1)), flat.max(axis=1)], axis=1)


def images() -> list[dict[str, Any]]:
    """Measure the overhead of 1,000 masks on an image of 224 × 224 × 3 with 49 segments."""
    import torch
    from captum.attr import Lime

    image = np.random.default_rng(0).random((224, 224, 3)).astype(np.float32)
    labels = (np.arange(224)[:, None] // 32) * 7 + np.arange(224) // 32
    last, first = Counted(_Cells(224, False)), Counted(_Cells(224, True))

    def in_torch(batch: Any) -> Any:
        return torch.tensor(first(batch.numpy())[:, 0])

    captum, lime = Lime(in_torch), LimeImageExplainer(random_state=0)
    tensor = torch.tensor(image).permute(2, 0, 1)[None]
    mask = torch.tensor(labels)[None, None].expand(1, 3, 224, 224)
    found: dict[str, list[tuple[float, float, int, int]]] = {}
    for turn in range(ROUNDS + 1):
        ours = xk.LIME(budget=1_001, random_state=0).fit(last, xk.ImageMasker(labels, baseline=0))
        _note(found, "xaikit LIME", turn, last, 1, lambda ours=ours: ours.explain(image))
        _note(found, "lime", turn, last, 1, lambda: lime.explain_instance(
            image, last, num_samples=1_000, segmentation_fn=lambda _: labels, hide_color=0,
            batch_size=64))
        _note(found, "captum Lime", turn, first, 1, lambda: captum.attribute(
            tensor, feature_mask=mask, n_samples=1_000, perturbations_per_eval=64))
    rows = _overheads(found, "lime")
    theirs = next(row for row in rows if row["method"] == "captum Lime")
    for row in rows:
        row["overhead / captum's"] = row["overhead ms each"] / theirs["overhead ms each"]
    return rows


def image_memory() -> list[dict[str, Any]]:
    """Measure the peak of what Python and NumPy allocate for 1,000 and 10,000 masks of an image."""
    image = np.random.default_rng(0).random((224, 224, 3)).astype(np.float32)
    rows = []
    for n in (1_000, 10_000):
        ours = xk.LIME(budget=n + 1, random_state=0).fit(
            _Cells(224, False), xk.ImageMasker("grid", n_segments=49, baseline=0))
        ours.explain(image)
        tracemalloc.start()
        ours.explain(image)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        rows.append({"masks": n, "peak MB": peak / 1e6,
                     "all masked images at once, MB": n * image.nbytes / 1e6})
    return rows


def rise_accumulation(n_masks: int = 8_000, side: int = 224) -> list[dict[str, Any]]:
    """Measure the time from answers to a map, with 8,000 masks of 224 × 224.

    xaikit computes means, variances and errors on the coarse grids. Beside it stand the plain sum
    of answer times mask, which is what the paper adds up, and the same sums over full-size masks.
    """
    from xaikit.solvers.rise import correlate, draw_masks

    masks = draw_masks(np.random.default_rng(0), n_masks, (side, side), 8, 0.5)
    answers = np.random.default_rng(1).normal(size=(n_masks, 1))
    weights = np.column_stack([np.ones(n_masks), answers, (answers - answers.mean())**2])
    times: dict[str, list[float]] = {}
    for turn in range(ROUNDS + 1):
        took = {"xaikit: map, variance, errors": 0.0, "full-size masks: the plain sum": 0.0,
                "full-size masks: the same sums": 0.0}
        start = time.perf_counter()
        correlate(answers, masks)
        took["xaikit: map, variance, errors"] = time.perf_counter() - start
        for first in range(0, n_masks, 500):
            full = masks.full(first, first + 500).reshape(500, -1)
            start = time.perf_counter()
            answers[first : first + 500, 0] @ full
            middle = time.perf_counter()
            weights[first : first + 500].T @ full
            weights[first : first + 500, ::2].T @ full**2
            took["full-size masks: the plain sum"] += middle - start
            took["full-size masks: the same sums"] += time.perf_counter() - middle
        if turn:
            for name, seconds in took.items():
                times.setdefault(name, []).append(seconds)
    ours = times["xaikit: map, variance, errors"]
    return [{"way": name, "masks": n_masks, "s (median)": float(np.median(runs)),
             "times xaikit's (median of pairs)": float(np.median(
                 [a / b for a, b in zip(runs, ours, strict=True)]))}
            for name, runs in times.items()]


def closed_forms(n: int = 500, n_seeds: int = 20) -> list[dict[str, Any]]:
    """Measure the root mean squared error to known coefficients: equal samples, flat kernels."""
    rows = []
    for n_regions, p in ((5, 2), (6, 3), (10, 3)):
        truth = np.where(np.arange(n_regions) < p, 2.0 ** (1 - p), 0.0)
        rows += _beside_lime(f"image, all {p} of {n_regions} regions shown", n, {
            "xaikit LIME": [_image_form(n_regions, p, n, seed) - truth
                            for seed in range(n_seeds)],
            "lime": [_lime_image_form(n_regions, p, n, seed) - truth for seed in range(n_seeds)]})
    for n_words, p, inside, outside in ((10, 2, 0.48888889, -0.01111111),
                                        (12, 3, 0.28636364, -0.01363636)):
        truth = np.where(np.arange(n_words) < p, inside, outside)
        rows += _beside_lime(f"text, all {p} of {n_words} words there", n, {
            "xaikit LIME": [_text_form(n_words, p, n, seed) - truth for seed in range(n_seeds)],
            "lime": [_lime_text_form(n_words, p, n, seed) - truth for seed in range(n_seeds)]})
    return rows


def _beside_lime(game: str, n: int, errors: dict[str, list[np.ndarray]]) -> list[dict[str, Any]]:
    sizes = {name: float(np.sqrt(np.mean(np.square(own)))) for name, own in errors.items()}
    return [{"game": game, "method": name, "samples": n, "root mean squared error": size,
             "ratio to lime": size / sizes["lime"]} for name, size in sizes.items()]


def _all_shown(images: np.ndarray, p: int) -> np.ndarray:
    return images[:, 0, :p, 0].astype(np.float64).prod(axis=1)


def _image_form(n_regions: int, p: int, n: int, seed: int) -> np.ndarray:
    image = np.ones((2, n_regions, 3))
    labels = np.arange(n_regions)[None].repeat(2, 0)
    explainer = xk.LIME(budget=n + 1, kernel_width=np.inf, random_state=seed)
    explainer.fit(lambda X: _all_shown(X, p), xk.ImageMasker(labels, baseline=0))
    return explainer.explain(image).values[0, :, 0]


def _lime_image_form(n_regions: int, p: int, n: int, seed: int) -> np.ndarray:
    labels = np.arange(n_regions)[None].repeat(2, 0)

    def both(images: np.ndarray) -> np.ndarray:
        answer = _all_shown(images, p)
        return np.stack([answer, 1.0 - answer], axis=1)

    found = LimeImageExplainer(kernel_width=1e6, random_state=seed).explain_instance(
        np.ones((2, n_regions, 3)), both, labels=(0,), top_labels=None, num_samples=n,
        hide_color=0, segmentation_fn=lambda _: labels, num_features=n_regions, random_seed=seed)
    values = np.zeros(n_regions)
    for place, value in found.local_exp[0]:
        values[place] = value
    return values


def _all_there(n_words: int, p: int) -> tuple[str, Callable[[list[str]], np.ndarray]]:
    wanted = {f"w{i}" for i in range(p)}

    def model(documents: list[str]) -> np.ndarray:
        answer = np.array([float(wanted <= set(d.split())) for d in documents])
        return np.stack([1.0 - answer, answer], axis=1)

    return " ".join(f"w{i}" for i in range(n_words)), model


def _text_form(n_words: int, p: int, n: int, seed: int) -> np.ndarray:
    text, model = _all_there(n_words, p)
    explainer = xk.LIME(budget=n + 1, kernel_width=np.inf, random_state=seed, outputs=1)
    return explainer.fit(model, xk.TextMasker()).explain(text).values[0, :, 0]


def _lime_text_form(n_words: int, p: int, n: int, seed: int) -> np.ndarray:
    text, model = _all_there(n_words, p)
    lime = LimeTextExplainer(kernel_width=1e6, random_state=seed, bow=False)
    explained = lime.explain_instance(text, model, num_samples=n, num_features=n_words)
    found = dict(explained.as_map()[1])
    return np.array([found.get(i, 0.0) for i in range(n_words)])


def stability(n: int = 2_000, n_rows: int = 30, n_seeds: int = 5) -> list[dict[str, Any]]:
    """Measure the mean Jaccard similarity of the five largest coefficients over seeds, on Adult."""
    case = adult(10_000, n_rows)
    tops: dict[str, list[list[set[int]]]] = {}
    for seed in range(n_seeds):
        for name, way in (("xaikit LIME (bins)", "auto"), ("xaikit LIME (quartiles)", "quartile"),
                          ("xaikit LIME (near rows)", None)):
            e = xk.LIME(budget=n + 1, discretize=way, random_state=seed).fit(
                case.predict, case.background).explain(case.rows)
            tops.setdefault(name, []).append(
                [set(np.argsort(-np.abs(own))[:TOP].tolist()) for own in e.values[:, :, 0]])
        theirs = LimeTabularExplainer(case.background, mode="regression", random_state=seed)
        tops.setdefault("lime", []).append([
            {place for place, _ in next(iter(theirs.explain_instance(
                row, case.predict, num_samples=n, num_features=TOP).as_map().values()))}
            for row in case.rows])
    return [{"method": name, "samples": n, "rows": n_rows, "seeds": n_seeds,
             f"Jaccard of the top {TOP}": float(np.mean([
                 len(a & b) / len(a | b) for one, other in itertools.combinations(runs, 2)
                 for a, b in zip(one, other, strict=True)]))}
            for name, runs in tops.items()]


def forms(n: int = 2_000, n_rows: int = 20, n_seeds: int = 4) -> list[dict[str, Any]]:
    """Measure the local fidelity and stability of the forms for tables, on three data sets."""
    rows = []
    for name, model, X in _three_tables():
        explained = X.sample(n_rows, random_state=1)
        for way in (None, "quartile", "decile", "tree"):
            runs = [xk.LIME(budget=n + 1, discretize=way, outputs=-1, random_state=seed).fit(
                model, X).explain(explained) for seed in range(n_seeds)]
            tops = [[set(np.argsort(-np.abs(own))[:TOP].tolist()) for own in e.values[:, :, 0]]
                    for e in runs]
            rows.append({
                "table": name, "discretize": str(way),
                "leave-one-out R² (mean)": float(np.nanmean(runs[0].fidelity)),
                f"Jaccard of the top {TOP}": float(np.mean([
                    len(a & b) / len(a | b) for one, other in itertools.combinations(tops, 2)
                    for a, b in zip(one, other, strict=True)])),
                "stated error / spread over seeds": float(
                    np.mean([e.standard_errors for e in runs])
                    / np.mean(np.std([e.values for e in runs], axis=0, ddof=1)))})
    return rows


def _three_tables() -> Any:
    table = read_adult().sample(8_000, random_state=0).reset_index(drop=True)
    y = table.pop("income") == ">50K"
    for column in table.select_dtypes(exclude="number"):
        table[column] = table[column].astype("category")
    yield "Adult", HistGradientBoostingClassifier(
        random_state=0, categorical_features="from_dtype").fit(table, y), table
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    yield "breast cancer", HistGradientBoostingClassifier(random_state=0).fit(X, y), X
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    yield "diabetes", HistGradientBoostingRegressor(random_state=0).fit(X, y), X


def on_scenes(n: int = 40) -> list[dict[str, Any]]:
    """Measure whether explanations point at the digit: each method, and a random map."""
    network, accuracy = reader()
    predictor = xk.wrap(network, output="proba", channels="first")
    test = scenes(n, 2)
    named = predictor(test.images).argmax(axis=1)
    right = named == test.digits
    shown, truth, digits = test.images[right], test.truth[right], named[right]
    segments = xk.ImageMasker(n_segments=64, baseline="mean")
    methods = {
        "LIME": (xk.LIME(budget=1_001, random_state=0), segments),
        "Kernel SHAP": (xk.KernelSHAP(solver="wls", budget=1_001, random_state=0), segments),
        "Occlusion, 12 × 12 windows": (xk.Occlusion(window=12, stride=4), segments),
        "RISE": (xk.RISE(budget=2002, random_state=0), segments),
    }
    rows = []
    for name, (explainer, masker) in methods.items():
        e = explainer.fit(predictor, masker).explain(shown)
        pixels = e.pixels()
        maps = np.stack([pixels[i, :, :, k] for i, k in enumerate(digits)])
        rows.append(_scene_row(name, maps, truth, e.cost.model_rows // len(shown), accuracy))
    noise = np.random.default_rng(0).random(truth.shape)
    return [*rows, _scene_row("a random map", noise, truth, 0, accuracy)]


def _scene_row(name: str, maps: np.ndarray, truth: np.ndarray, rows: int, accuracy: float
               ) -> dict[str, Any]:
    return {"method": name, "scenes": len(maps), "model rows each": rows,
            "pointing game": pointing(maps, truth),
            "area under precision-recall": precision(maps, truth),
            "the network's accuracy": accuracy}
