"""Networks with several inputs, exported programs and Keras models: what they are handed."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import numpy as np
import pandas as pd
import pytest

import xaikit as xk

torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")
nn = torch.nn

RNG = np.random.default_rng(1)
ROWS = RNG.normal(size=(11, 3)).astype(np.float32)
PEOPLE = pd.DataFrame({
    "age": RNG.normal(size=11), "income": RNG.normal(size=11),
    "town": pd.Categorical(RNG.choice(["Rome", "Oslo"], 11), ["Rome", "none", "Oslo"]),
})
SPLIT = {"numbers": ["age", "income"], "codes": (["town"], "int64")}


class Towns(nn.Module):
    """A module with two inputs: numbers, and the code of a town."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.table, self.last = nn.Embedding(3, 2), nn.Linear(4, 1)

    def forward(self, numbers, codes):
        return self.last(torch.cat([numbers, self.table(codes[:, 0])], dim=1))


def towns_keras(dtype="int64"):
    keras.utils.set_random_seed(0)
    numbers, codes = keras.Input((2,), name="numbers"), keras.Input((1,), name="codes", dtype=dtype)
    joined = [numbers, keras.layers.Flatten()(keras.layers.Embedding(3, 2)(codes))]
    return keras.Model([numbers, codes], keras.layers.Dense(1)(keras.layers.Concatenate()(joined)))


def linear(n=3, outputs=1, **layer):
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((n,), **layer), keras.layers.Dense(outputs)])


# --- several inputs

@pytest.mark.parametrize("make", [Towns, towns_keras])
def test_inputs_by_name_and_in_order_are_the_same(make):
    model = make()
    by_name = xk.wrap(model, inputs=SPLIT).bind(PEOPLE)(PEOPLE)
    in_order = xk.wrap(model, inputs=list(SPLIT.values())).bind(PEOPLE)(PEOPLE)
    np.testing.assert_array_equal(by_name, in_order)


@pytest.mark.parametrize("make", [Towns, towns_keras])
def test_arrays_are_split_by_position(make):
    table = np.column_stack([PEOPLE[["age", "income"]], PEOPLE["town"].cat.codes])
    split = {"numbers": [0, 1], "codes": ([2], "int64")}
    model = make()
    np.testing.assert_allclose(xk.wrap(model, inputs=split)(table),
                               xk.wrap(model, inputs=SPLIT)(PEOPLE), rtol=1e-5)


def test_keras_says_the_dtype_of_its_inputs_itself():
    model = towns_keras("int32")
    handed = xk.wrap(model, inputs={"numbers": ["age", "income"], "codes": "town"}).handed(PEOPLE)
    assert {name: cells.dtype.name for name, cells in handed.items()} == {
        "numbers": "float32", "codes": "int32"}


def test_kernel_shap_of_several_inputs_adds_up():
    predictor = xk.wrap(Towns(), inputs=SPLIT)
    explanation = xk.KernelSHAP().fit(predictor, PEOPLE.iloc[:6]).explain(PEOPLE.iloc[6:])
    total = explanation.values.sum(axis=1) + explanation.base_values
    np.testing.assert_allclose(total, predictor(PEOPLE.iloc[6:]), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("inputs", "words"), [
    ({}, "names no input"),
    ({"numbers": []}, "names no column"),
])
def test_a_split_of_nothing_is_refused(inputs, words):
    with pytest.raises(ValueError, match=words):
        xk.wrap(Towns(), inputs=inputs)


@pytest.mark.parametrize(("inputs", "words"), [
    ({"numbers": ["age", "weight"]}, "names the column 'weight', which is not one of age, income"),
    ({"numbers": ["age", "town"]}, "these columns hold none: town"),
    ({"numbers": (["age"], "int64")}, "takes int64, but was given fractions"),
])
def test_a_split_that_does_not_fit_says_where(inputs, words):
    with pytest.raises(xk.ModelError, match=words):
        xk.wrap(Towns(), inputs=inputs)(PEOPLE)


def test_a_split_must_name_the_models_inputs():
    with pytest.raises(ValueError, match="names numbers and code, but the model's inputs are numbers"):
        xk.wrap(towns_keras(), inputs={"numbers": ["age", "income"], "code": ["town"]})


def test_wide_inputs_without_a_split_are_refused():
    with pytest.raises(ValueError, match=r"has 2 inputs \(numbers and codes\); say which columns"):
        xk.wrap(towns_keras())


def test_inputs_are_no_use_to_a_function():
    with pytest.raises(ValueError, match="for models with several inputs"):
        xk.wrap(lambda X: X[:, 0], inputs=SPLIT)


def test_an_embedding_says_how_it_can_be_given_whole_numbers():
    module = nn.Sequential(nn.Embedding(5, 2), nn.Flatten(), nn.Linear(4, 1))
    codes = np.array([[0, 4], [2, 1]])
    with pytest.raises(xk.ModelError, match=r"inputs=\[\(\[0, 1\], 'int64'\)\]"):
        xk.wrap(module)(codes)
    got = xk.wrap(module, inputs=[([0, 1], "int64")])(codes)
    np.testing.assert_allclose(got, module(torch.tensor(codes)).detach().numpy(), rtol=1e-6)


# --- exported programs

def exported(module, *example, dynamic=True):
    rows = {0: torch.export.Dim("rows")}
    shapes = tuple(rows for _ in example) if dynamic else None
    return torch.export.export(module.eval(), example, dynamic_shapes=shapes)


@pytest.mark.parametrize("dynamic", [True, False])
@pytest.mark.parametrize("of", [lambda program: program, lambda program: program.module()])
def test_a_program_and_its_module_answer_alike(dynamic, of):
    module = nn.Linear(3, 2)
    program = exported(module, torch.zeros(4, 3), dynamic=dynamic)
    want = module(torch.tensor(ROWS)).detach().numpy()
    np.testing.assert_allclose(xk.wrap(of(program))(ROWS), want, rtol=1e-5, atol=1e-6)


def test_a_fixed_number_of_rows_is_filled_up_and_counted_as_asked():
    program = exported(nn.Linear(3, 1), torch.zeros(4, 3), dynamic=False)
    predictor = xk.wrap(program)
    assert predictor(ROWS).shape == (11, 1)
    assert (predictor.ledger.rows, predictor.ledger.calls) == (11, 3)


def test_a_program_gets_the_dtype_it_was_exported_with():
    program = exported(nn.Linear(3, 1).double(), torch.zeros(4, 3, dtype=torch.float64))
    (handed,), _ = xk.wrap(program).handed(ROWS)
    assert handed.dtype == torch.float64


@pytest.mark.parametrize("inputs", [SPLIT, list(SPLIT.values())])
def test_a_program_of_several_inputs(inputs):
    module = Towns()
    program = exported(module, torch.zeros(4, 2), torch.zeros(4, 1, dtype=torch.int64))
    np.testing.assert_allclose(xk.wrap(program, inputs=inputs)(PEOPLE),
                               xk.wrap(module, inputs=SPLIT)(PEOPLE), rtol=1e-6)


def test_a_program_that_was_exported_with_keywords_is_called_with_them():
    module = Towns()
    example = torch.zeros(4, 2), torch.zeros(4, 1, dtype=torch.int64)
    rows = {0: torch.export.Dim("rows")}
    program = torch.export.export(module.eval(), example[:1], {"codes": example[1]},
                                  dynamic_shapes={"numbers": rows, "codes": rows})
    np.testing.assert_allclose(xk.wrap(program, inputs=SPLIT)(PEOPLE),
                               xk.wrap(module, inputs=SPLIT)(PEOPLE), rtol=1e-6)


def test_a_traced_graph_is_a_module_as_any_other():
    module = torch.fx.symbolic_trace(nn.Sequential(nn.Linear(3, 1), nn.Dropout()))
    module.train()
    predictor = xk.wrap(module)
    np.testing.assert_array_equal(predictor(ROWS), predictor(ROWS))
    assert predictor.kind == "torch module"
    assert module.training


def test_a_frozen_script_is_asked():
    module = nn.Linear(3, 1)
    frozen = torch.jit.freeze(torch.jit.script(module.eval()))
    np.testing.assert_allclose(xk.wrap(frozen)(ROWS), xk.wrap(module)(ROWS), rtol=1e-6)


# --- Keras

def test_every_training_flag_of_keras_is_restored():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Dropout(0.5),
                              keras.layers.BatchNormalization()])
    model.train()
    parts = [*model.modules(), *model.layers]
    parts[1].training = False
    before = [part.training for part in parts]
    xk.wrap(model)(ROWS)
    assert [part.training for part in parts] == before
    assert len(set(before)) == 2


def test_a_keras_model_can_be_trained_after_it_was_asked():
    model = keras.Sequential([keras.layers.Dense(2), keras.layers.Dropout(0.5),
                              keras.layers.Dense(1)])
    xk.wrap(model)(ROWS)
    model.compile("sgd", "mse")
    before = [w.numpy().copy() for w in model.weights]
    model.fit(ROWS, ROWS[:, :1], verbose=0)
    assert any((a != b.numpy()).any() for a, b in zip(before, model.weights, strict=True))


def test_a_model_written_as_a_class_is_handed_float32():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)

        def call(self, x):
            assert str(x.dtype).endswith("float32")
            return self.dense(x)

    model = Own()
    got = xk.wrap(model)(ROWS.astype(np.float64))
    np.testing.assert_allclose(got, model.predict(ROWS, verbose=0), rtol=1e-6)


def test_whole_numbers_reach_an_embedding_as_such():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2,), dtype="int32"), keras.layers.Embedding(5, 2),
                              keras.layers.Flatten(), keras.layers.Dense(1)])
    predictor = xk.wrap(model)
    assert predictor.handed(np.array([[1.0, 2.0]])).dtype == np.int32
    with pytest.raises(xk.ModelError, match="takes int32, but was given fractions, missing"):
        predictor(np.array([[1.5, 2.0]]))


def test_a_keras_model_of_a_fixed_batch_gets_that_many_rows():
    model = linear(batch_size=4)
    got = xk.wrap(model)(ROWS)
    np.testing.assert_allclose(got, linear().predict(ROWS, verbose=0), rtol=1e-5, atol=1e-6)


def test_another_width_is_said_before_keras_is_asked():
    with pytest.raises(xk.ModelError, match="fitted on 3 columns, got 2"):
        xk.wrap(linear())(ROWS[:, :2])


def test_numbers_too_large_for_the_input_are_an_error():
    with pytest.raises(xk.ModelError, match="takes float32, but was given numbers too large"):
        xk.wrap(linear())(np.full((2, 3), 1e300))


def test_documents_are_refused_with_what_to_do():
    with pytest.raises(xk.ModelError, match="Wrap a function that encodes them"):
        xk.wrap(linear())(["a text"])


def test_several_outputs_of_keras_are_refused_with_a_sentence():
    x = keras.Input((3,))
    model = keras.Model(x, {"p": keras.layers.Dense(1)(x), "q": keras.layers.Dense(1)(x)})
    with pytest.raises(xk.ModelError, match="dict of 'p', 'q'; wrap a function"):
        xk.wrap(model)(ROWS)


def test_the_users_word_for_keras_is_shown():
    assert xk.wrap(linear(), output="logits").scale == "logits"
    with pytest.raises(ValueError, match="output of a Keras model must be"):
        xk.wrap(linear(), output="softmax")


def test_one_input_a_column_refuses_other_columns():
    inputs = {name: keras.Input((1,), name=name) for name in ("age", "income")}
    joined = keras.layers.Concatenate()(list(inputs.values()))
    predictor = xk.wrap(keras.Model(inputs, keras.layers.Dense(1)(joined)))
    with pytest.raises(xk.ModelError, match="'income', which is not one of age, town"):
        predictor(PEOPLE[["age", "town"]])
    assert predictor.bind(ROWS[:, :2]).columns.names == ("age", "income")


def test_an_input_of_rank_one_is_handed_one_axis():
    x, y = keras.Input((), name="x"), keras.Input((), name="y")
    model = keras.Model([x, y], keras.ops.concatenate([x[:, None], y[:, None]], 1))
    handed = xk.wrap(model).handed(pd.DataFrame({"y": [1.0], "x": [2.0]}))
    assert {n: c.tolist() for n, c in handed.items()} == {"x": [2.0], "y": [1.0]}
    np.testing.assert_array_equal(xk.wrap(model)(pd.DataFrame({"y": [1.0], "x": [2.0]})), [[2, 1]])


