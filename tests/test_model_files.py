"""Model files of every format, written by the real libraries: read back, refused, damaged."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import warnings
import zipfile
from contextlib import suppress
from importlib.util import find_spec

os.environ.setdefault("KERAS_BACKEND", "torch")

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import xaikit as xk

catboost = pytest.importorskip("catboost")
lightgbm = pytest.importorskip("lightgbm")
convert = pytest.importorskip("skl2onnx")
xgboost = pytest.importorskip("xgboost")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 2)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
SILENT = {"iterations": 3, "verbose": 0, "allow_writing_files": False}
FORMATS = (".onnx", ".keras", ".ubj", ".json", ".txt", ".cbm", ".pt2", ".pt", ".pth", ".ts",
           ".torchscript")


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def keras():
    return pytest.importorskip("keras")


def saved(folder, suffix):
    """Write a model of the format; return its path and its answers for `X`."""
    path = folder / f"model{suffix}"
    if suffix == ".onnx":
        model = LogisticRegression().fit(X, Y)
        path.write_bytes(convert.to_onnx(model, X[:1]).SerializeToString())
        return path, model.predict_proba(X)
    if suffix == ".keras":
        keras = pytest.importorskip("keras")
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, "softmax")])
        model.save(path)
        return path, model.predict(X, verbose=0)
    if suffix in (".ubj", ".json"):
        booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(X, label=Y), 3)
        booster.save_model(path)
        return path, booster.predict(xgboost.DMatrix(X))
    if suffix == ".txt":
        booster = lightgbm.train({"objective": "binary", "verbose": -1}, lightgbm.Dataset(X, Y), 3)
        booster.save_model(path)
        return path, booster.predict(X)
    if suffix == ".cbm":
        model = catboost.CatBoostClassifier(**SILENT).fit(X, Y)
        model.save_model(str(path))
        return path, model.predict_proba(X)
    torch = pytest.importorskip("torch")
    module = torch.nn.Linear(2, 3)
    if suffix == ".pt2":
        rows = ({0: torch.export.Dim("rows")},)
        torch.export.save(torch.export.export(module, (torch.zeros(4, 2),), dynamic_shapes=rows),
                          path)
    else:
        torch.jit.script(module).save(path)
    return path, module(torch.tensor(X)).detach().numpy()


def load(path):
    """Load, with permission for all, which torch's files need and warn about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return xk.load_model(str(path), allow_pickle=True)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_model_answers_as_the_one_that_was_saved(tmp_path, suffix):
    path, want = saved(tmp_path, suffix)
    np.testing.assert_allclose(xk.wrap(load(path))(X), np.reshape(want, (len(X), -1)), atol=1e-6)


@pytest.mark.parametrize("suffix", [s for s in FORMATS if s != ".keras"])
def test_the_ending_may_be_in_capitals(tmp_path, suffix):
    path, _ = saved(tmp_path, suffix)
    assert load(path.rename(path.with_suffix(suffix.upper()))) is not None


@pytest.mark.parametrize("suffix", [*FORMATS, ".skops", ".joblib", ".pkl"])
@pytest.mark.parametrize("content", [b"", b"{}", b'{"a": 1}', b"junk " * 40, bytes(range(256))])
def test_what_is_no_model_is_an_error_that_names_the_file(tmp_path, suffix, content):
    if suffix in (".pt2", ".keras"):  # refused by their own libraries alone
        pytest.importorskip("torch" if suffix == ".pt2" else "keras")
    path = tmp_path / f"odd{suffix}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"odd\{suffix}"):
        load(path)


LOADER = """
import sys, warnings
warnings.simplefilter("ignore")
import xaikit as xk
for path in sys.argv[1:]:
    try:
        xk.load_model(path, allow_pickle=True)
        print("loaded")
    except ValueError as error:
        print("refused" if path in str(error) else error)
"""


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_that_was_cut_off_never_ends_the_process(tmp_path, suffix):
    """LightGBM's own reader crashes on such files: asked in a process of its own."""
    whole = saved(tmp_path, suffix)[0].read_bytes()
    paths = []
    for part in (0.02, 0.1, 0.3, 0.5, 0.7, 0.9):
        paths.append(tmp_path / f"cut{part}{suffix}")
        paths[-1].write_bytes(whole[:int(part * len(whole))])
    done = subprocess.run([sys.executable, "-c", LOADER, *map(str, paths)], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line in ("loaded", "refused")] == \
        ["refused"] * len(paths)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_folder_is_no_file(tmp_path, suffix):
    (tmp_path / f"folder{suffix}").mkdir()
    with pytest.raises(FileNotFoundError, match="there is no model file"):
        load(tmp_path / f"folder{suffix}")


# --- nothing runs code unasked

class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, mark):
        self.mark = str(mark)

    def __reduce__(self):
        return (open, (self.mark, "w"))


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ts", ".torchscript", ".pt2", ".pkl"])
@pytest.mark.parametrize("write", [
    lambda trap, path: path.write_bytes(pickle.dumps(trap)),
    lambda trap, path: pytest.importorskip("torch").save(trap, path),
    lambda trap, path: pytest.importorskip("torch").save(
        {"weight": trap}, path, _use_new_zipfile_serialization=False),
])
def test_a_trap_is_not_sprung(tmp_path, suffix, write):
    path = tmp_path / f"trap{suffix}"
    write(Trap(tmp_path / "sprung"), path)
    with pytest.raises(ValueError, match=f"trap{suffix}"):
        xk.load_model(str(path))
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("content", ["state", "module"])
def test_plain_torch_files_are_refused_even_with_permission(torch, tmp_path, content):
    module = torch.nn.Linear(2, 1)
    torch.save(module.state_dict() if content == "state" else module, tmp_path / "plain.pt")
    with pytest.raises(ValueError, match=r"no TorchScript: .* torch.export.save"):
        load(tmp_path / "plain.pt")


def test_torch_would_spring_a_trap_in_an_exported_program(torch, tmp_path):
    """Why .pt2 needs permission: torch falls back to full pickles."""
    path, _ = saved(tmp_path, ".pt2")
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sample = next(name for name in parts if "sample_inputs" in name)
    torch.save((Trap(tmp_path / "sprung"),), tmp_path / "trap")
    parts[sample] = (tmp_path / "trap").read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    with pytest.raises(ValueError, match=r"model.pt2 is read by torch with pickle.*--allow-pickle"):
        xk.load_model(str(path))
    assert not (tmp_path / "sprung").exists()
    with suppress(ValueError):
        load(path)
    assert (tmp_path / "sprung").exists()


def test_code_in_a_keras_file_is_refused(keras, tmp_path):
    layers = [keras.Input((2,)), keras.layers.Lambda(lambda x: 2 * x)]
    keras.Sequential(layers).save(tmp_path / "lambda.keras")
    with pytest.raises(ValueError, match=r"lambda.keras cannot be read .*Lambda"):
        load(tmp_path / "lambda.keras")


@pytest.mark.parametrize("suffix", [".pt2", ".pt"])
def test_permission_is_followed_by_a_warning(tmp_path, suffix):
    path, _ = saved(tmp_path, suffix)
    with pytest.warns(UserWarning, match="loading it runs whatever code it holds"):
        xk.load_model(str(path), allow_pickle=True)


# --- what comes out

@pytest.mark.parametrize(("model", "label"), [
    (catboost.CatBoostClassifier(**SILENT), np.array(["no", "yes"])[Y]),
    (catboost.CatBoostRegressor(**SILENT), X[:, 0]),
    (catboost.CatBoostRegressor(loss_function="Poisson", **SILENT), np.abs(X[:, 0])),
])
def test_catboost_answers_as_what_it_was_trained_for(tmp_path, model, label):
    model.fit(X, label).save_model(str(tmp_path / "m.cbm"))
    np.testing.assert_array_equal(xk.wrap(load(tmp_path / "m.cbm"))(X), xk.wrap(model)(X))


@pytest.mark.parametrize(("module", "path"), [
    ("onnxruntime", "m.onnx"), ("xgboost", "m.ubj"), ("lightgbm", "m.txt"), ("catboost", "m.cbm"),
    ("keras", "m.keras"), ("torch", "m.pt2"),
])
def test_a_library_that_is_missing_is_named(tmp_path, monkeypatch, module, path):
    (tmp_path / path).write_text("tree\n")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=f"needs {module}: pip install {module}"):
        load(tmp_path / path)


@pytest.mark.parametrize("backend", ["jax", "no such"])
def test_keras_without_its_back_end_says_what_to_set(tmp_path, backend):
    if find_spec(backend):
        pytest.skip(f"{backend} is installed")
    path, _ = saved(tmp_path, ".keras")
    code = f"import xaikit as xk; xk.load_model({str(path)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False,
                          env={**os.environ, "KERAS_BACKEND": backend})
    assert "set KERAS_BACKEND" in done.stderr.splitlines()[-1]
