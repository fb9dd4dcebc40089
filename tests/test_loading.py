"""Models from files and modules: nothing runs code without being told to."""

from __future__ import annotations

import tracemalloc
import warnings
import zipfile

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

import xaikit as xk
from xaikit.errors import FormatError, TrustError
from xaikit.predictor.loading import load_model

X, Y = load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def fitted():
    return LogisticRegression(max_iter=500).fit(X, Y)


def test_a_name_in_a_module_of_the_working_directory(tmp_path, monkeypatch):
    (tmp_path / "loading_here.py").write_text("def first(X):\n    return X[:, 0]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    model = load_model("loading_here:first")
    np.testing.assert_array_equal(model(X), X[:, 0])
    with pytest.raises(ImportError, match="'loading_here' has no 'second'"):
        load_model("loading_here:second")


def test_a_name_in_a_package():
    assert load_model("numpy.linalg:norm") is np.linalg.norm


def test_a_module_that_is_not_there():
    with pytest.raises(ImportError, match="no_such_module_here"):
        load_model("no_such_module_here:model")


@pytest.mark.parametrize("spec", [
    "model.csv", "model", "model.onnx.gz", "a-b:c", "math:", ":model", "math:two words", "math:a.b",
    "../up:model", "",
])
def test_other_specs_are_refused(spec):
    with pytest.raises(ValueError, match="cannot load a model from .*expected package.module:name"):
        load_model(spec)


@pytest.mark.parametrize("ending", [".joblib", ".pkl", ".pickle", ".PKL", ".skops"])
def test_files_that_are_not_there(tmp_path, ending):
    with pytest.raises(FileNotFoundError, match="there is no model file"):
        load_model(str(tmp_path / f"model{ending}"), allow_pickle=True)


@pytest.mark.parametrize("ending", [".joblib", ".pkl", ".pickle"])
def test_a_pickle_is_loaded_only_where_allowed(tmp_path, ending, fitted):
    path = tmp_path / f"model{ending}"
    joblib.dump(fitted, path)
    with pytest.raises(ValueError, match="is a pickle.*--allow-pickle"):
        load_model(str(path))
    with pytest.warns(UserWarning, match="loading it runs whatever code it holds"):
        model = load_model(str(path), allow_pickle=True)
    np.testing.assert_array_equal(model.predict_proba(X), fitted.predict_proba(X))


def test_a_refused_pickle_runs_no_code(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    joblib.dump(Trap(), tmp_path / "trap.pkl")
    with pytest.raises(ValueError, match="is a pickle"):
        load_model(str(tmp_path / "trap.pkl"))
    assert not (tmp_path / "sprung").exists()


def test_skops(tmp_path, fitted):
    sio = pytest.importorskip("skops.io", reason="skops is not installed")
    path = tmp_path / "model.skops"
    sio.dump(fitted, path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = load_model(str(path))
    np.testing.assert_array_equal(model.predict_proba(X), fitted.predict_proba(X))


def test_types_that_skops_does_not_know_are_named(tmp_path):
    sio = pytest.importorskip("skops.io", reason="skops is not installed")
    path = tmp_path / "odd.skops"
    sio.dump(FunctionTransformer(np.linalg.norm), path)
    unknown = sio.get_untrusted_types(file=path)
    assert unknown
    with pytest.raises(ValueError, match="not known to be safe.*--trust TYPE") as caught:
        load_model(str(path))
    assert all(name in str(caught.value) for name in unknown)
    assert isinstance(load_model(str(path), trust=unknown), FunctionTransformer)


@pytest.mark.parametrize(("name", "kind"), [("junk.skops", ".skops file"), ("junk.pkl", ".pkl file")])
def test_a_damaged_file_is_said(tmp_path, name, kind):
    (tmp_path / name).write_bytes(b"no model")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match=f"{name} cannot be read as a {kind}"):
            load_model(str(tmp_path / name), allow_pickle=True)


def test_every_flipped_byte_of_a_skops_file_is_a_sentence_or_loads(tmp_path, fitted):
    sio = pytest.importorskip("skops.io")
    path, numbers = tmp_path / "model.skops", np.random.default_rng(0)
    sio.dump(fitted, path)
    content, refused = path.read_bytes(), 0
    for at in numbers.integers(len(content), size=150):
        path.write_bytes(content[:at] + bytes([content[at] ^ (1 << int(numbers.integers(8)))]) + content[at + 1:])
        try:
            load_model(str(path))
        except (FormatError, TrustError) as error:
            refused += str(path) in str(error)
    assert refused > 50


def test_a_pickle_that_is_no_model_or_leaves_is_one_sentence(tmp_path):
    joblib.dump(pd.DataFrame({"a": range(500)}), tmp_path / "table.pkl")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(TypeError, match="expected a model") as told:
            xk.wrap(load_model(str(tmp_path / "table.pkl"), allow_pickle=True))
        assert len(str(told.value)) < 500
        (tmp_path / "leaves.pkl").write_bytes(b"csys\nexit\n(I0\ntR.")
        with pytest.raises(FormatError, match="leaves.pkl cannot be read as a .pkl file: SystemExit"):
            load_model(str(tmp_path / "leaves.pkl"), allow_pickle=True)


@pytest.mark.parametrize("ending", ["skops", "keras"])
def test_an_archive_that_would_unpack_to_far_more_is_not_unpacked(tmp_path, ending):
    pytest.importorskip({"skops": "skops.io", "keras": "keras"}[ending])
    path = tmp_path / f"bomb.{ending}"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("schema.json", "w") as part:
        for _ in range(200):
            part.write(bytes(2**20))
    assert path.stat().st_size < 2**18
    tracemalloc.start()
    with pytest.raises(FormatError, match=r"would unpack to 209,715,200, over 100 times its size"):
        load_model(str(path))
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()
