"""Networks and other callables with names, wrapped and explained like any model."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from network_cases import CLOSE, FRAME, X, Y, fitted, mlp, torch_or_skip
from scipy import sparse
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import xaikit as xk

SHUFFLED = FRAME[["rate", "age", "income"]]
CLASSES = np.digitize(Y, [-5.0, 5.0])


@pytest.fixture(scope="module")
def network():
    return xk.DenseNetwork.from_model(fitted(mlp(activation="tanh"), FRAME))


# --- tables and names

def test_calling_is_forward(network):
    np.testing.assert_array_equal(network(FRAME), network.forward(FRAME))


def test_a_network_can_be_wrapped(network):
    predictor = xk.wrap(network)
    assert predictor(X).shape == (40, 1)
    np.testing.assert_array_equal(predictor(X), network.forward(X))
    np.testing.assert_array_equal(predictor(FRAME), network.forward(X))
    np.testing.assert_array_equal(predictor(SHUFFLED), network.forward(X))
    assert predictor.output_names == ("output",)
    assert predictor.bind(X).columns.names == ("age", "income", "rate")
    assert repr(predictor) == "<Predictor of a callable: output (output)>"


@pytest.mark.parametrize("bound_to", [X, FRAME, SHUFFLED], ids=["array", "frame", "shuffled frame"])
def test_a_bound_predictor_puts_columns_in_order(network, bound_to):
    predictor = xk.wrap(network).bind(bound_to)
    for rows in (FRAME, SHUFFLED):
        np.testing.assert_allclose(predictor(rows), network.forward(X), **CLOSE)
    handed = predictor.handed(bound_to)
    if isinstance(handed, pd.DataFrame):
        assert list(handed.columns) == ["age", "income", "rate"]


def test_output_names_choose_outputs():
    network = xk.DenseNetwork.from_model(fitted(mlp(MLPClassifier), FRAME, CLASSES))
    predictor = xk.wrap(network, outputs=["2", "0"])
    assert predictor.output_names == ("2", "0")
    np.testing.assert_array_equal(predictor(FRAME), network.forward(FRAME)[:, [2, 0]])
    assert xk.wrap(network, output_names=["low", "mid", "high"]).output_names == ("low", "mid", "high")
    assert xk.wrap(network, output="proba").scale == "proba"


@pytest.mark.parametrize(("rows", "sentence"), [
    (FRAME.rename(columns={"rate": "speed"}), "missing: rate; not known to it: speed"),
    (FRAME.assign(more=1.0), "not known to it: more"), (X[:, :2], "on 3 columns, got 2"),
    (FRAME.assign(age="old"), "the network's inputs should be numbers"),
    (FRAME.assign(age=pd.array([None, *range(39)], dtype="Int64")), "the network's inputs should be numbers"),
])
def test_tables_that_do_not_fit(network, rows, sentence):
    with pytest.raises(xk.ModelError, match=sentence):
        xk.wrap(network)(rows)


def test_a_network_without_names_takes_columns_by_position():
    network = xk.DenseNetwork.from_model(fitted(mlp()))
    predictor = xk.wrap(network)
    np.testing.assert_array_equal(predictor(FRAME), network.forward(X))
    assert predictor.bind(FRAME).columns.names == ("age", "income", "rate")
    with pytest.raises(xk.ModelError, match="on 3 columns, got 2"):
        predictor(FRAME[["age", "income"]])


def polars_frame():
    polars = pytest.importorskip("polars", reason="polars is not installed")
    return polars.DataFrame({"b": [2, 4], "a": [1, 3]})


@pytest.mark.parametrize("make", [
    lambda: pd.DataFrame({"b": [2, 4], "a": [1, 3]}), polars_frame,
    lambda: sparse.csr_array(np.array([[1, 2], [3, 4]])),
    lambda: torch_or_skip().tensor([[1.0, 2.0], [3.0, 4.0]]),
], ids=["whole numbers", "polars", "sparse", "tensor"])
def test_tables_of_other_kinds(make):
    network = xk.DenseNetwork([[[1.0], [10.0]]], feature_names=["a", "b"])
    table = make()
    assert xk.wrap(network)(table).tolist() == [[21.0], [43.0]]
    assert xk.wrap(network).bind(table)(table).tolist() == [[21.0], [43.0]]


def test_a_wrapped_network_is_pickled(network):
    predictor = pickle.loads(pickle.dumps(xk.wrap(network).bind(FRAME)))
    np.testing.assert_array_equal(predictor(SHUFFLED), network.forward(X))
    assert not predictor.model.weights[0].flags.writeable


def test_the_network_of_a_wrapped_network(network):
    for model in (network, xk.wrap(network), xk.wrap(network).bind(SHUFFLED)):
        again = xk.DenseNetwork.from_model(model)
        assert (again.feature_names, again.output_names) == (network.feature_names, network.output_names)
        np.testing.assert_array_equal(again.forward(FRAME), network.forward(FRAME))
    renamed = xk.DenseNetwork.from_model(xk.wrap(network, feature_names=["a", "b", "c"]))
    assert renamed.feature_names == ("a", "b", "c")
    unnamed = xk.DenseNetwork.from_model(fitted(mlp()))
    assert xk.DenseNetwork.from_model(xk.wrap(unnamed).bind(FRAME)).feature_names == ("age", "income", "rate")
    scaled = xk.DenseNetwork.from_model(network, scale_by=SHUFFLED)
    np.testing.assert_allclose(scaled.weights[0], network.weights[0] * X.std(axis=0)[:, None], rtol=1e-12)


# --- the same answers and explanations as the model it was read from

def assert_same_values(explainers, network, model, rows, background, output=slice(None)):
    for make in explainers:
        of_network = make().fit(network, background).explain(rows)
        of_model = make().fit(model, background).explain(rows)
        assert of_network.feature_names == of_model.feature_names
        np.testing.assert_allclose(of_network.values, of_model.values[:, :, output], rtol=1e-8, atol=1e-10)


EXPLAINERS = [lambda: xk.KernelSHAP(random_state=0), lambda: xk.LIME(budget=200, random_state=0)]


def test_explanations_of_a_regressor_and_its_network():
    model = fitted(mlp(activation="tanh"), FRAME)
    network = xk.DenseNetwork.from_model(model)
    np.testing.assert_allclose(xk.wrap(network)(SHUFFLED), xk.wrap(model)(SHUFFLED), **CLOSE)
    assert xk.wrap(network).output_names == xk.wrap(model).bind(FRAME).output_names
    assert_same_values(EXPLAINERS, network, model, SHUFFLED[:3], FRAME[5:15])
    ours, theirs = (xk.MeanImpactValue(delta=0.1, random_state=0).fit(m).explain(FRAME) for m in (network, model))
    np.testing.assert_allclose(ours.values, theirs.values, rtol=1e-8, atol=1e-10)
    assert ours.feature_names == theirs.feature_names == ("age", "income", "rate")


def test_explanations_of_a_classifier_and_its_network():
    model = fitted(mlp(MLPClassifier), X, CLASSES)
    network = xk.DenseNetwork.from_model(model)
    assert xk.wrap(network).output_names == xk.wrap(model).output_names == ("0", "1", "2")
    assert_same_values(EXPLAINERS, network, model, X[:3], X[5:15])


def test_a_binary_classifiers_network_is_its_second_output():
    model = fitted(mlp(MLPClassifier), X, Y > 0)
    assert_same_values(EXPLAINERS[:1], xk.DenseNetwork.from_model(model), model, X[:3], X[5:15], slice(1, 2))


def test_the_network_of_a_pipeline_takes_what_its_transformers_give():
    model = fitted(make_pipeline(StandardScaler(), mlp()), FRAME)
    network = xk.DenseNetwork.from_model(model)
    whole = lambda rows: network(model[0].transform(rows))  # noqa: E731
    np.testing.assert_allclose(xk.wrap(whole)(FRAME), xk.wrap(model)(FRAME), **CLOSE)


def test_explanations_of_a_torch_module_and_its_network():
    torch = torch_or_skip()
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.GELU(), torch.nn.Linear(4, 2)).double()
    network = xk.DenseNetwork.from_model(model)
    np.testing.assert_allclose(xk.wrap(network)(X), xk.wrap(model)(X), **CLOSE)
    assert_same_values(EXPLAINERS, network, model, X[:3], X[5:15])


def test_exact_shap_values_of_a_linear_network_are_its_weights_times_the_distance():
    network = xk.DenseNetwork([[[2.0], [-3.0]]], [[1.0]], feature_names=["a", "b"], output_names=["score"])
    background = pd.DataFrame({"b": [0.0, 2.0], "a": [1.0, 3.0]})
    found = xk.KernelSHAP().fit(network, background).explain(pd.DataFrame({"a": [4.0], "b": [5.0]}))
    values = dict(zip(found.feature_names, found.values[0, :, 0], strict=True))
    assert values == pytest.approx({"a": 2.0 * (4 - 2), "b": -3.0 * (5 - 1)}, rel=1e-12)
    assert found.output_names == ("score",)


# --- other callables with names

class Named:
    """A function of a frame that says the names of its columns and outputs."""

    def __init__(self, **names):
        vars(self).update(names)

    def __call__(self, rows):
        self.seen = list(getattr(rows, "columns", ()))
        return np.asarray(rows, dtype=float) @ [[1.0, 0.0], [10.0, 1.0]]


@pytest.mark.parametrize("kind", [list, tuple, np.array, pd.Index])
def test_names_of_any_callable(kind):
    model = Named(feature_names=kind(["a", "b"]), output_names=kind(["sum", "b"]))
    predictor = xk.wrap(model)
    assert predictor.output_names == ("sum", "b")
    assert predictor(pd.DataFrame({"b": [2.0], "a": [1.0]})).tolist() == [[21.0, 2.0]]
    assert model.seen == ["a", "b"]
    assert predictor.bind(np.array([[1.0, 2.0], [3.0, 4.0]])).columns.names == ("a", "b")
    assert xk.wrap(model, outputs="b")(np.array([[1.0, 2.0]])).tolist() == [[2.0]]


def test_either_names_may_be_missing():
    table = pd.DataFrame({"b": [2.0], "a": [1.0]})
    assert xk.wrap(Named(feature_names=["a", "b"]))(table).tolist() == [[21.0, 2.0]]
    inputs_unknown = xk.wrap(Named(output_names=["p", "q"]))
    assert inputs_unknown(table).tolist() == [[12.0, 1.0]]
    assert inputs_unknown.output_names == ("p", "q")


@pytest.mark.parametrize("other", ["ab", (), None, lambda: ["a", "b"]], ids=["text", "empty", "none", "function"])
def test_attributes_that_are_no_names(other):
    predictor = xk.wrap(Named(feature_names=other, output_names=other))
    assert predictor.bind(np.eye(2)).output_names == ("output 0", "output 1")


def test_another_number_of_outputs_than_names():
    with pytest.raises(xk.ModelError, match="with 2 outputs, where 1 were expected"):
        xk.wrap(Named(output_names=["p"]))(np.eye(2))


def test_texts_reach_a_callable_with_names():
    class Lengths(Named):
        def __call__(self, texts):
            return [float(len(text)) for text in texts]

    assert xk.wrap(Lengths(output_names=["length"], feature_names=["text"]))(["a", "bcd"]).tolist() == [[1.0], [3.0]]
