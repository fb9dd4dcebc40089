"""The first calls of texts and images are small, and each later one may be twice as large."""

from __future__ import annotations

import joblib
import numpy as np
import pytest

import xaikit as xk

TEXTS = [f"text {i}" for i in range(1000)]
IMAGES = np.zeros((300, 2, 2))


class Sized:
    """A model of texts or images that keeps the sizes of its calls."""

    def __init__(self, most=10**9):
        self.most, self.sizes = most, []

    def __call__(self, batch):
        self.sizes.append(len(batch))
        if len(batch) > self.most:
            raise MemoryError("no room")
        return np.array([float(len(one)) for one in batch])


@pytest.mark.parametrize(("batch", "settings", "sizes"), [
    (TEXTS, {}, [64, 128, 256, 512, 40]),
    (IMAGES, {}, [64, 128, 108]),
    (TEXTS, {"batch_size": 700}, [700, 300]),
    (np.zeros((1000, 2)), {}, [1000]),
], ids=["texts", "images", "as it was told", "table"])
def test_first_calls_of_texts_and_images_are_small_and_grow(batch, settings, sizes):
    model = Sized()
    predictor = xk.wrap(model, **settings)
    answers = predictor(batch)
    assert model.sizes == sizes
    np.testing.assert_array_equal(answers, xk.wrap(Sized(), batch_size=1000)(batch))


def test_calls_go_on_growing_and_copies_for_workers_begin_anew():
    model = Sized()
    predictor = xk.wrap(model).bind(TEXTS)
    model.sizes.clear()
    for _ in range(3):
        predictor.ask(TEXTS[:200])
    predictor.spawn().ask(TEXTS[:200])
    assert model.sizes == [64, 128, 8, 200, 200, 64, 128, 8]


def test_texts_that_exhaust_the_memory_halve_the_call_as_before():
    model = Sized(most=100)
    with pytest.warns(RuntimeWarning, match="on 128 rows; it is asked 64 rows"):
        xk.wrap(model)(TEXTS[:300])
    assert model.sizes == [64, 128, 64, 64, 64, 44]


def test_the_same_bytes_and_calls_for_any_number_of_workers():
    texts = [f"one two three four five six {'x' * i}." for i in range(1, 35)]
    with joblib.parallel_config(backend="threading"):
        found = [xk.KernelSHAP(n_jobs=n).fit(Sized(), xk.TextMasker()).explain(texts)
                 for n in (1, 2)]
    assert found[0].values.tobytes() == found[1].values.tobytes()
    assert found[0].cost.calls == found[1].cost.calls
