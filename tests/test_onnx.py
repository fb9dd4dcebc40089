"""ONNX sessions: every input as it is declared, and the output that is meant."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import xaikit as xk

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
convert = pytest.importorskip("skl2onnx")
helper, Kind = onnx.helper, onnx.TensorProto

RNG = np.random.default_rng(2)
ROWS = RNG.normal(size=(10, 3)).astype(np.float32)
LABELS = np.array(["no", "yes"])[(ROWS[:, 0] > 0).astype(int)]


def session(proto):
    return runtime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])


def graph(nodes, inputs, outputs):
    """Write a model down by hand: inputs and outputs are (name, type, shape)."""
    values = [[helper.make_tensor_value_info(*v) for v in group] for group in (inputs, outputs)]
    proto = helper.make_model(helper.make_graph(nodes, "g", *values),
                              opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(proto)
    return session(proto)


def row_sums(kind, shape=(None, 3)):
    """Cast the rows of one input of any type to float and add them up."""
    axes = onnx.numpy_helper.from_array(np.array([1]), "axes")
    nodes = [helper.make_node("Constant", [], ["axes"], value=axes),
             helper.make_node("Cast", ["X"], ["floats"], to=Kind.FLOAT),
             helper.make_node("ReduceSum", ["floats", "axes"], ["sums"], keepdims=0)]
    return graph(nodes, [("X", kind, shape)], [("sums", Kind.FLOAT, [shape[0]])])


def classifier(zipmap=False):
    model = LogisticRegression().fit(ROWS, LABELS)
    return model, session(convert.to_onnx(model, ROWS[:1], options={"zipmap": zipmap}))


@pytest.mark.parametrize(("kind", "dtype"), [
    (Kind.FLOAT, "float32"), (Kind.DOUBLE, "float64"), (Kind.FLOAT16, "float16"),
    (Kind.INT64, "int64"), (Kind.INT32, "int32"), (Kind.UINT8, "uint8"), (Kind.BOOL, "bool"),
])
def test_the_input_is_cast_to_its_declared_type(kind, dtype):
    predictor = xk.wrap(row_sums(kind))
    rows = np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0]])
    assert predictor.handed(rows)["X"].dtype == dtype
    np.testing.assert_array_equal(predictor(rows), [[2.0], [1.0]])


@pytest.mark.parametrize("bad", [0.5, np.nan, 300.0, -1.0])
def test_a_cast_that_would_change_a_value_is_an_error(bad):
    with pytest.raises(xk.ModelError, match="takes uint8, but was given fractions, missing"):
        xk.wrap(row_sums(Kind.UINT8))(np.array([[bad, 0.0, 1.0]]))


def test_columns_of_all_kinds_of_numbers_become_one_matrix():
    frame = pd.DataFrame({"a": [1, 2], "b": [True, False], "c": pd.array([1, None], "Int64")})
    handed = xk.wrap(row_sums(Kind.FLOAT)).handed(frame)["X"]
    np.testing.assert_array_equal(handed, np.array([[1, 1, 1], [2, 0, np.nan]], np.float32))


def test_text_for_an_input_of_numbers_names_the_columns():
    frame = pd.DataFrame({"a": [1.0], "b": ["x"], "c": [1.0]})
    with pytest.raises(xk.ModelError, match=r"these columns hold none: b \(str\)"):
        xk.wrap(row_sums(Kind.FLOAT))(frame)


def test_numbers_for_an_input_of_text_are_refused():
    model = graph([helper.make_node("Cast", ["X"], ["Y"], to=Kind.FLOAT)],
                  [("X", Kind.STRING, [None, 1])], [("Y", Kind.FLOAT, [None, 1])])
    np.testing.assert_array_equal(xk.wrap(model)(["1.5", "2"]), [[1.5], [2.0]])
    with pytest.raises(xk.ModelError, match="takes text, got 1.5"):
        xk.wrap(model)(np.array([[1.5]]))


def test_text_of_one_axis_and_columns_of_text():
    flat = graph([helper.make_node("Cast", ["X"], ["Y"], to=Kind.FLOAT)],
                 [("X", Kind.STRING, [None])], [("Y", Kind.FLOAT, [None])])
    assert xk.wrap(flat).handed(["1", "2"])["X"].shape == (2,)
    np.testing.assert_array_equal(xk.wrap(flat)(["1", "2"]), [[1.0], [2.0]])
    np.testing.assert_array_equal(xk.wrap(flat)(pd.DataFrame({"t": ["3", "4"]})), [[3.0], [4.0]])


def test_another_width_is_said_before_the_session_is_asked():
    with pytest.raises(xk.ModelError, match="fitted on 3 columns, got 2"):
        xk.wrap(row_sums(Kind.FLOAT))(ROWS[:, :2])


@pytest.mark.parametrize("rows", [1, 4])
def test_a_session_of_a_fixed_number_of_rows_gets_that_many(rows):
    predictor = xk.wrap(row_sums(Kind.FLOAT, (rows, 3)))
    np.testing.assert_allclose(predictor(ROWS)[:, 0], ROWS.sum(axis=1), rtol=1e-5, atol=1e-6)
    assert predictor.ledger.calls == -(-len(ROWS) // rows)


def test_images_reach_the_session_as_a_stack():
    images = RNG.integers(0, 255, (5, 4, 4)).astype(np.uint8)
    nodes = [helper.make_node("Cast", ["X"], ["floats"], to=Kind.FLOAT),
             helper.make_node("ReduceMean", ["floats"], ["means"], axes=[1, 2], keepdims=0)]
    model = graph(nodes, [("X", Kind.UINT8, [None, 4, 4])], [("means", Kind.FLOAT, [None])])
    np.testing.assert_allclose(xk.wrap(model)(images)[:, 0], images.mean(axis=(1, 2)), rtol=1e-6)


# --- outputs

@pytest.mark.parametrize("zipmap", [True, False])
def test_probabilities_are_preferred_to_labels(zipmap):
    model, made = classifier(zipmap)
    predictor = xk.wrap(made)
    np.testing.assert_allclose(predictor(ROWS), model.predict_proba(ROWS), atol=1e-6)
    assert (predictor.scale, predictor.task) == ("proba", "classification")
    assert predictor.output_names == (("no", "yes") if zipmap else ("output 0", "output 1"))


def test_columns_zipped_with_whole_numbers_are_named_by_them():
    model = LogisticRegression().fit(ROWS, (ROWS[:, 0] > 0) * 3 - 1)
    predictor = xk.wrap(session(convert.to_onnx(model, ROWS[:1])))
    predictor(ROWS)
    assert predictor.output_names == ("-1", "2")


def test_an_output_is_had_by_its_name():
    model = LinearRegression().fit(ROWS, ROWS[:, :2])
    predictor = xk.wrap(session(convert.to_onnx(model, ROWS[:1])), output="variable")
    np.testing.assert_allclose(predictor(ROWS), ROWS[:, :2], atol=1e-5)
    assert predictor.scale == "variable"


def test_the_users_word_is_shown_and_others_are_refused():
    made = row_sums(Kind.FLOAT)
    assert xk.wrap(made, output="logits").scale == "logits"
    assert xk.wrap(made).scale == "model output"
    with pytest.raises(ValueError, match=r"one of the session's \(sums\) or your word"):
        xk.wrap(made, output="softmax")


def test_a_session_of_labels_only_is_refused():
    labels = helper.make_node("Cast", ["X"], ["label"], to=Kind.STRING)
    model = graph([labels], [("X", Kind.FLOAT, [None, 1])], [("label", Kind.STRING, [None, 1])])
    with pytest.raises(TypeError, match=r"are numbers \(label: tensor\(string\)\)"):
        xk.wrap(model)


def test_an_input_that_is_no_tensor_is_refused():
    value = helper.make_value_info("X", helper.make_sequence_type_proto(
        helper.make_tensor_type_proto(Kind.FLOAT, [None, 3])))
    out = helper.make_tensor_value_info("Y", Kind.FLOAT, [None, 3])
    node = helper.make_node("ConcatFromSequence", ["X"], ["Y"], axis=0)
    proto = helper.make_model(helper.make_graph([node], "g", [value], [out]),
                              opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with pytest.raises(TypeError, match=r"takes seq\(tensor\(float\)\), which NumPy cannot make"):
        xk.wrap(session(proto))


# --- several inputs

def two_inputs(widths=(1, 1)):
    """Give a + b, as floats."""
    nodes = [helper.make_node("Cast", ["b"], ["floats"], to=Kind.FLOAT),
             helper.make_node("Add", ["a", "floats"], ["sums"])]
    return graph(nodes, [("a", Kind.FLOAT, [None, widths[0]]), ("b", Kind.INT64, [None, widths[1]])],
                 [("sums", Kind.FLOAT, [None, None])])


def test_one_input_a_column_by_name():
    frame = pd.DataFrame({"b": [1, 2], "a": [0.5, 0.25]})
    predictor = xk.wrap(two_inputs())
    np.testing.assert_array_equal(predictor(frame), [[1.5], [2.25]])
    assert {n: c.dtype.name for n, c in predictor.handed(frame).items()} == {
        "a": "float32", "b": "int64"}


def test_one_input_a_column_of_an_array():
    predictor = xk.wrap(two_inputs()).bind(np.array([[0.5, 1.0], [0.25, 2.0]]))
    assert predictor.columns.names == ("a", "b")
    np.testing.assert_array_equal(predictor(np.array([[0.5, 1.0]])), [[1.5]])


def test_columns_that_no_input_is_named_after_are_an_error():
    with pytest.raises(xk.ModelError, match="'b', which is not one of a, c"):
        xk.wrap(two_inputs())(pd.DataFrame({"a": [0.5], "c": [1]}))


@pytest.mark.parametrize("inputs", [
    {"a": ["u", "v"], "b": ["w", "x"]},
    {"b": ["w", "x"], "a": ["u", "v"]},
    [["u", "v"], ["w", "x"]],
])
def test_wide_inputs_are_split_as_the_user_says(inputs):
    frame = pd.DataFrame([[1, 0.5, 0.25, 2]], columns=["w", "u", "v", "x"])
    predictor = xk.wrap(two_inputs((2, 2)), inputs=inputs)
    np.testing.assert_array_equal(predictor(frame), [[1.5, 2.25]])


def test_categories_reach_an_input_of_whole_numbers_as_codes():
    frame = pd.DataFrame({"a": [0.0, 0.0], "b": pd.Categorical(["y", "x"], ["x", "y"])})
    np.testing.assert_array_equal(xk.wrap(two_inputs())(frame), [[1.0], [0.0]])


def test_kernel_shap_of_one_input_a_column_adds_up():
    frame = pd.DataFrame({"a": ROWS[:, 0], "b": np.arange(10)})
    predictor = xk.wrap(two_inputs())
    explanation = xk.KernelSHAP().fit(predictor, frame.iloc[:5]).explain(frame.iloc[5:])
    total = explanation.values.sum(axis=1) + explanation.base_values
    np.testing.assert_allclose(total, predictor(frame.iloc[5:]), rtol=1e-6, atol=1e-6)


def test_doctor_shows_what_each_column_becomes(tmp_path, capsys):
    from xaikit.cli import main

    proto = convert.to_onnx(LinearRegression().fit(ROWS, ROWS[:, 0]), ROWS[:1])
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    pd.DataFrame(ROWS, columns=["a", "b", "c"]).astype({"a": float}).to_csv(tmp_path / "x.csv",
                                                                           index=False)
    assert main(["doctor", "--model", str(tmp_path / "m.onnx"), "--data",
                 str(tmp_path / "x.csv")]) == 0
    shown = capsys.readouterr().out
    assert "<Predictor of an ONNX session" in shown
    assert "a: float64, handed over as float32 (float)" in shown
