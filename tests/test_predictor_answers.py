"""Predictor: answers of every form, and answers that cannot be used."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from predictor_cases import IRIS_X, mixed_people

from xaikit.errors import ModelError
from xaikit.predictor.answers import as_answers
from xaikit.predictor.wrapping import wrap

# --- answers of every form

class Tensor:
    """As much of a tensor with a gradient as the adapter needs, for where torch is absent."""

    dtype = "float64"

    def __init__(self, array):
        self.array = array
        self.steps = []

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("call detach first")

    def detach(self):
        self.steps.append("detach")
        return self

    def cpu(self):
        self.steps.append("cpu")
        return self

    def numpy(self):
        assert self.steps == ["detach", "cpu"]
        return self.array


@pytest.mark.parametrize(("shape", "n_outputs"), [
    (lambda s: s.tolist(), 1),
    (lambda s: tuple(s), 1),
    (lambda s: s, 1),
    (lambda s: s[:, None], 1),
    (lambda s: np.column_stack([s, s, s]), 3),
    (lambda s: [[v, v] for v in s], 2),
    (lambda s: pd.Series(s, index=range(5, 5 + len(s))), 1),
    (lambda s: pd.DataFrame({"a": s, "b": s}), 2),
    (lambda s: s.astype(object), 1),
    (lambda s: Tensor(s), 1),
    (lambda s: np.asarray(s, dtype=np.float32), 1),
    (lambda s: s > 5, 1),
])
def test_answers_of_every_form(shape, n_outputs):
    sums = IRIS_X.sum(axis=1)
    got = wrap(lambda X: shape(X.sum(axis=1)))(IRIS_X)
    raw = np.asarray(shape(sums).array if isinstance(shape(sums), Tensor) else shape(sums), float)
    want = raw.reshape(len(IRIS_X), n_outputs)
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, want)


def test_answers_are_never_the_models_own_array():
    own = np.arange(3.0)
    got = as_answers(own, 3)
    got[:] = -1
    np.testing.assert_array_equal(own, [0, 1, 2])


def test_a_torch_tensor_with_a_gradient_is_an_answer():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    weights = torch.ones(4, dtype=torch.float64, requires_grad=True)
    got = wrap(lambda X: torch.from_numpy(X) @ weights)(IRIS_X)
    np.testing.assert_allclose(got[:, 0], IRIS_X.sum(axis=1), rtol=1e-12)
    assert weights.grad is None


# --- answers that cannot be used

def answer(value):
    """A model whose answer does not depend on its input."""
    return lambda X: value


BAD_ANSWERS = [
    pytest.param(lambda X: np.where(X[:, 0] > 1, np.nan, 0.0), "2 of 3 rows .* NaN .*rows 1, 2 of",
                 id="NaN"),
    pytest.param(lambda X: np.where(X[:, 0] > 1, np.inf, 0.0), "rows 1, 2 of", id="inf"),
    pytest.param(lambda X: np.where(X[:, 0] > 1, -2e150, 1e150),
                 "2 of 3 rows .* beyond ±1e\\+150 \\(rows 1, 2 of .* overflow", id="huge"),
    pytest.param(answer(["a", "b", "c"]), "answered with <U1.*expected numbers", id="text"),
    pytest.param(lambda X: np.array(["a", 1, None], object), "answered with text", id="objects"),
    pytest.param(answer(np.zeros(2)), "asked 3 rows and answered with shape \\(2,\\)",
                 id="two answers"),
    pytest.param(answer(1.0), "answered with shape \\(\\)", id="scalar"),
    pytest.param(answer(np.zeros((3, 2, 2))), "shape \\(3, 2, 2\\)", id="three dimensions"),
    pytest.param(answer(np.zeros((3, 0))), "shape \\(3, 0\\)", id="no outputs"),
    pytest.param(answer(None), "not numbers|shape \\(\\)", id="None"),
    pytest.param(answer([[1.0], [1.0, 2.0], [3.0]]), "do not form an array", id="ragged"),
    pytest.param(lambda X: 1 / 0, "division by zero", id="raises"),
]


@pytest.mark.parametrize(("model", "sentence"), BAD_ANSWERS)
def test_bad_answers_name_the_batch(model, sentence):
    with pytest.raises(ModelError, match=sentence) as caught:
        wrap(model)(np.array([[1.0, 0], [2.0, 0], [3.0, 0]]))
    assert "ndarray of shape (3, 2) (float64)" in str(caught.value)
    assert caught.value.__cause__ is not None


def test_a_model_that_raises_on_a_frame_names_shape_and_dtypes():
    frame, _ = mixed_people()

    def model(X):
        raise KeyError("colour")

    with pytest.raises(ModelError, match=r"DataFrame of shape \(60, 9\)") as caught:
        wrap(model)(frame)
    for dtype in ("int64", "float32", "category", "Int64"):
        assert dtype in str(caught.value)
    assert isinstance(caught.value.__cause__, KeyError)


def test_five_of_many_bad_rows_are_named():
    with pytest.raises(ModelError, match="150 of 150 rows .*rows 0, 1, 2, 3, 4, … of"):
        wrap(lambda X: X[:, 0] * np.nan)(IRIS_X)


def test_a_changing_number_of_outputs_is_an_error():
    predictor = wrap(lambda X: np.zeros((len(X), len(X))))
    predictor(IRIS_X[:3])
    with pytest.raises(ModelError, match="2 outputs, where 3 were expected"):
        predictor(IRIS_X[:2])
    with pytest.raises(ModelError, match="outputs, where"):
        wrap(lambda X: np.zeros((len(X), len(X)))).bind(IRIS_X)
