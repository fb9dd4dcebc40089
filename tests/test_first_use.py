"""Every public name used first, in a process of its own, and round trips from process to process.

In one test process nearly every module is imported sooner or later, so that a module which leans on an
import made elsewhere is not noticed. See `fresh` for the processes.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from importlib import import_module
from pkgutil import iter_modules

import joblib
import numpy as np
import pandas as pd
import pytest
from joblib.externals.loky import get_reusable_executor
from sklearn.linear_model import LinearRegression

import xaikit as xk
from xaikit import explanations
from xaikit.explanations.base import HOME_OF, Explanation

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3))
MODEL = LinearRegression().fit(X, X @ [1.0, 2.0, 0.0])
FRAME = pd.DataFrame({"age": [3.0, 4.0], "town": pd.Categorical(["Rome", "Oslo"])})
IMAGES = RNG.random((2, 4, 4, 3))

# --- public names

EXPLAIN = """
e = {maker}.fit(lambda X: X @ np.array([1.0, 2.0]), np.zeros((4, 2))).explain(np.ones((3, 2)))
answer = [type(e).__name__, len(e)]
"""
LABELLED = """
answer = xk.{name}(method="m", feature_names=("a",), output_names=("y",), {fields}).to_dict()["type"]
"""
ROWS = "values=[[[2.0]]], base_values=[[0.0]], predictions=[[2.0]]"
IMAGE = f"{ROWS}, images=np.zeros((1, 2, 2)), labels=np.zeros((1, 2, 2))"
USES = {
    "__version__": ("answer = xk.__version__", xk.__version__),
    "Anchors": ("""
maker = xk.Anchors(random_state=0, threshold=0.5)
e = maker.fit(lambda X: X[:, 0], np.random.default_rng(0).random((400, 2))).explain([[0.9, 0.5]])
answer = [type(e).__name__, len(e)]
""", ["RuleSet", 1]),
    "Attribution": (LABELLED.format(name="Attribution", fields=ROWS), "Attribution"),
    "Condition": ("answer = xk.Condition('age', low=28).words()", "age > 28"),
    "Cost": ("answer = (xk.Cost(1) + xk.Cost(2)).model_rows", 3),
    "DenseNetwork": ("answer = xk.DenseNetwork([[[2.0]]]).forward([[3.0]]).tolist()", [[6.0]]),
    "ExtremalMask": (EXPLAIN.format(maker="xk.ExtremalMask(areas=[0.5])"), ["Attribution", 3]),
    **{name: (f"answer = [kind.__name__ for kind in xk.{name}.__mro__][:2]", [name, base])
       for name, base in (("FormatError", "XaikitError"), ("ProbeError", "XaikitError"),
                          ("SettingError", "XaikitError"), ("TrustError", "XaikitError"),
                          ("XaikitError", "Exception"))},
    "Game": ("""
kind = xk.Game
game = kind(xk.wrap(lambda X: X.sum(axis=1)), xk.TabularMasker(np.zeros((1, 2))).rows(np.ones((1, 2)))[0])
answer = game.values(np.array([[True, False]])).tolist()
""", [[1.0]]),
    "ImageAttribution": (LABELLED.format(name="ImageAttribution", fields=IMAGE), "ImageAttribution"),
    "ImageMasker": ("answer = xk.ImageMasker('grid', n_segments=4).rows(np.zeros((4, 4)))[0].n_units", 4),
    "Importance": (LABELLED.format(name="Importance", fields="values=[[1.0]]"), "Importance"),
    "KernelSHAP": (EXPLAIN.format(maker="xk.KernelSHAP()"), ["Attribution", 3]),
    "LIME": (EXPLAIN.format(maker="xk.LIME(discretize=None)"), ["Attribution", 3]),
    "MeanImpactValue": (EXPLAIN.format(maker="xk.MeanImpactValue()"), ["Importance", 2]),
    "ModelError": ("""
try:
    raise xk.ModelError("no answer")
except RuntimeError as error:
    answer = str(error)
""", "no answer"),
    "Occlusion": (EXPLAIN.format(maker="xk.Occlusion()"), ["Attribution", 3]),
    "PermutationImportance": ("""
maker = xk.PermutationImportance(scoring="r2", random_state=0)
e = maker.fit(xk.wrap(lambda X: X[:, 0], task="regression")).explain(np.eye(4), np.arange(4.0))
answer = len(e)
""", 4),
    "PredictionDifference": (EXPLAIN.format(maker="xk.PredictionDifference()"), ["Attribution", 3]),
    "Predictor": ("answer = isinstance(1, xk.Predictor)", False),
    "RISE": ("""
e = xk.RISE(budget=22, grid=2).fit(lambda Z: Z.mean(axis=(1, 2, 3)), xk.ImageMasker("grid")).explain(
    np.ones((1, 8, 8, 3)))
answer = type(e).__name__
""", "ImageAttribution"),
    "Report": ("""
kind = xk.Report
made = xk.report(lambda X: X[:, 0], np.eye(30), path=None, methods=("permutation",))
answer = isinstance(made, kind)
""", True),
    "Rule": ("answer = xk.Rule([xk.Condition('age', low=28)]).to_sql()", '("age" IS NOT NULL AND "age" > 28)'),
    "RuleSet": ("answer = [base.__name__ for base in xk.RuleSet.__mro__][:2]", ["RuleSet", "Explanation"]),
    "ImageRules": ("answer = [base.__name__ for base in xk.ImageRules.__mro__][:2]", ["ImageRules", "RuleSet"]),
    "TextRules": ("answer = [base.__name__ for base in xk.TextRules.__mro__][:2]", ["TextRules", "RuleSet"]),
    "Schema": ("answer = xk.Schema.of(pd.DataFrame({'a': [1]})).names", ["a"]),
    "TabularMasker": ("answer = len(xk.TabularMasker(np.eye(3)).rows(np.eye(3)))", 3),
    "TextAttribution": ("""
e = xk.TextAttribution(method="m", values=[[[1.0]]], base_values=[[0.0]], predictions=[[1.0]],
                       output_names=("y",), texts=["good"], spans=[[[0, 0, 4]]])
answer = e.feature_names
""", ["good"]),
    "TextMasker": ("answer = xk.TextMasker().rows(['so good'])[0].n_units", 2),
    "explain": ("answer = xk.explain(lambda X: X.sum(axis=1), np.eye(2)).values[:, :, 0].round(9).tolist()",
                [[0.5, -0.5], [-0.5, 0.5]]),
    "kmeans_background": ("answer = len(xk.kmeans_background(np.eye(9), k=3, random_state=0).weights)", 3),
    "load_explanation": ("answer = len(xk.load_explanation({saved!r}))", 2),
    "load_model": ("answer = xk.load_model('math:hypot')(3.0, 4.0)", 5.0),
    "plots": ("""
draw = xk.plots.bar
answer = type(draw(xk.load_explanation({saved!r})[0])).__name__
""", "Axes"),
    "regions": (f"""
cut = xk.regions
e = xk.ImageAttribution(method="m", output_names=("y",), {IMAGE})
answer = len(cut(e, segmenter=[np.array([[0, 0], [1, 1]])]).feature_names)
""", 2),
    "report": ("""
made = xk.report(lambda X: X[:, 0], np.eye(30), path=None, methods=("mean_impact",))
answer = list(made.explanations)
""", ["mean_impact"]),
    "submodular_pick": ("""
pick = xk.submodular_pick
answer = pick(xk.load_explanation({saved!r}), n_picks=1).tolist()
""", [0]),
    "wrap": ("answer = xk.wrap(lambda X: X.sum(axis=1))(np.ones((1, 2))).tolist()", [[2.0]]),
}
"""For each public name, code that uses it before any other, and its answer."""


@pytest.fixture(scope="module")
def made():
    """Return an explanation of every kind, by the name of its class."""
    texts = ["so good", "bad"]
    return {
        "Attribution": xk.KernelSHAP(random_state=0).fit(
            lambda Z: Z["age"] * (Z["town"] == "Rome"), FRAME).explain(FRAME),
        "Importance": xk.MeanImpactValue(random_state=0).fit(MODEL).explain(X),
        "TextAttribution": xk.Occlusion().fit(
            lambda Z: [float(len(text)) for text in Z], xk.TextMasker()).explain(texts),
        "ImageAttribution": xk.Occlusion().fit(
            lambda Z: Z.mean(axis=(1, 2, 3)), xk.ImageMasker("grid", n_segments=4)).explain(IMAGES),
        "RuleSet": xk.Anchors(random_state=0, threshold=0.0).fit(MODEL, X).explain(X[:3]),
        "TextRules": xk.Anchors(random_state=0, threshold=3.0).fit(
            lambda Z: [float(len(text)) for text in Z], xk.TextMasker()).explain(texts),
        "ImageRules": xk.Anchors(random_state=0, threshold=0.5).fit(
            lambda Z: Z.mean(axis=(1, 2, 3)), xk.ImageMasker("grid", n_segments=4)).explain(IMAGES),
    }


@pytest.fixture(scope="module")
def saved(made, tmp_path_factory):
    """Return the paths of the saved explanations, by the names of their classes."""
    folder = tmp_path_factory.mktemp("saved")
    return {name: str(e.save(folder / f"{name}.json")) for name, e in made.items()}


def test_a_fresh_process_knows_the_root_alone(fresh):
    assert fresh("import sys; answer = [m for m in sys.modules if m.startswith('xaikit')]") == ["xaikit"]


def test_a_fresh_process_tells_what_failed(fresh):
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        fresh("1 / 0")
    with pytest.raises(AssertionError, match="the process died"):
        fresh("import os; os._exit(1)")
    assert fresh("answer = 1") == 1


@pytest.mark.parametrize("name", xk.__all__)
def test_a_public_name_used_first(fresh, saved, name):
    code, want = USES[name]
    assert code.split("xk.")[1].startswith(name), "another name is used before it"
    assert fresh(code.replace("{saved!r}", repr(saved["Attribution"]))) == want


def test_the_first_command_of_a_process(fresh, tmp_path):
    (tmp_path / "first_model.py").write_text("def total(X):\n    return X.sum(axis=1)\n")
    pd.DataFrame(X, columns=list("abc")).to_csv(tmp_path / "rows.csv", index=False)
    answer = fresh(f"""
import os
from xaikit.cli import main
os.chdir({str(tmp_path)!r})
status = main(["explain", "--model", "first_model:total", "--data", "rows.csv", "--background", "rows.csv",
               "--limit", "2", "--output", "e.json"])
answer = [status, xk.load_explanation("e.json").settings["solver"]]
""")
    assert answer == [0, "auto"]
    # And back: what that process saved is read here.
    assert len(xk.load_explanation(tmp_path / "e.json")) == 2


# --- explanations from process to process

def test_every_type_of_explanation_has_a_home():
    def below(kind):
        return {kind, *(found for child in kind.__subclasses__() for found in below(child))}

    for module in iter_modules(explanations.__path__, "xaikit.explanations."):
        import_module(module.name)
    ours = {kind for kind in below(Explanation) if kind.__module__.startswith("xaikit.")}
    assert {kind.__name__: kind.__module__ for kind in ours - {Explanation}} == HOME_OF


def test_a_saved_explanation_is_loaded_by_the_first_line_of_a_new_interpreter(saved):
    code = f"import xaikit as xk; print(xk.load_explanation({saved['Attribution']!r}).to_json())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    with open(saved["Attribution"], encoding="utf8") as file:
        assert done.stdout.strip() == file.read()


@pytest.mark.parametrize("name", HOME_OF)
def test_saved_here_and_loaded_there(fresh, made, saved, name):
    assert fresh(f"answer = xk.load_explanation({saved[name]!r}).to_json()") == made[name].to_json()


ARRAYS = """
import pickle
with open({path!r}, "rb") as file:
    e = pickle.load(file)
arrays = [v for v in vars(e).values() if isinstance(v, np.ndarray)]
answer = [e.to_json(), len(arrays) > 0, any(array.flags.writeable for array in arrays)]
"""


@pytest.mark.parametrize("name", HOME_OF)
def test_pickled_here_and_unpickled_there(fresh, made, tmp_path, name):
    (tmp_path / "e.pickle").write_bytes(pickle.dumps(made[name]))
    # Its arrays are read-only there as well.
    assert fresh(ARRAYS.format(path=str(tmp_path / "e.pickle"))) == [made[name].to_json(), True, False]


def test_a_file_of_another_type_is_named(tmp_path, made):
    for kind in ("Sorcery", "Explanation", ["Attribution"], None):
        state = made["Importance"].to_dict() | {"type": kind}
        with pytest.raises(ValueError, match="one of the types .'Attribution', 'ImageAttribution'"):
            Explanation.from_dict(state)


# --- explainers and models from process to process

EXPLAINERS = {
    "KernelSHAP": xk.KernelSHAP(random_state=0), "LIME": xk.LIME(random_state=0, budget=100),
    "Occlusion": xk.Occlusion(), "ExtremalMask": xk.ExtremalMask(random_state=0),
    "PredictionDifference": xk.PredictionDifference(n_neighbours=5, random_state=0),
    "MeanImpactValue": xk.MeanImpactValue(random_state=0),
}
ASK = """
import pickle
from sklearn.base import clone
with open({path!r}, "rb") as file:
    explainer, X = pickle.load(file)
again = clone(explainer)
answer = [explainer.explain(X).values.tolist(), repr(again), sorted(vars(again)) == sorted(again.get_params())]
"""


@pytest.mark.parametrize("name", EXPLAINERS)
def test_a_fitted_explainer_explains_the_same_there(fresh, tmp_path, name):
    settings = EXPLAINERS[name]
    explainer = settings.fit(MODEL) if name == "MeanImpactValue" else settings.fit(MODEL, X)
    (tmp_path / "it.pickle").write_bytes(pickle.dumps((explainer, X[:2])))
    values, cloned, unfitted = fresh(ASK.format(path=str(tmp_path / "it.pickle")))
    assert values == explainer.explain(X[:2]).values.tolist()
    assert cloned == repr(EXPLAINERS[name])
    assert unfitted


THINGS = {
    "Predictor": (xk.wrap(MODEL).bind(X), "it(X).tolist()"),
    "TabularMasker": (xk.TabularMasker(X), "[len(it.rows(X)), it.rows(X)[1].n_units]"),
    "TextMasker": (xk.TextMasker(), "it.rows(['so good'])[0].n_units"),
    "ImageMasker": (xk.ImageMasker("grid", n_segments=4), "it.rows(np.zeros((4, 4)))[0].n_units"),
    "Schema": (xk.Schema.of(FRAME), "[it.names, [str(dtype) for dtype in it.dtypes]]"),
    "DenseNetwork": (xk.DenseNetwork([[[2.0], [1.0], [0.0]]]), "it.forward(X).tolist()"),
    "Condition": (xk.Condition("x0", low=0.5), "it.mask(X).tolist()"),
    "Cost": (xk.Cost(3), "it.model_rows"),
}


@pytest.mark.parametrize("name", THINGS)
def test_what_users_hold_can_be_unpickled_there(fresh, tmp_path, name):
    it, asked = THINGS[name]
    (tmp_path / "it.pickle").write_bytes(pickle.dumps((it, X)))
    got = fresh(f"""
import pickle
with open({str(tmp_path / "it.pickle")!r}, "rb") as file:
    it, X = pickle.load(file)
answer = {asked}
""")
    want = eval(asked, {"it": it, "X": X, "np": np})
    assert got == json.loads(json.dumps(want))


def test_new_workers_load_and_explain(saved, made):
    """A worker of joblib is a new interpreter that imports only what its task refers to."""
    get_reusable_executor().shutdown(wait=True, kill_workers=True)
    explainer = xk.KernelSHAP(random_state=0).fit(MODEL, X)
    tasks = [joblib.delayed(xk.load_explanation)(path) for path in saved.values()]
    tasks.append(joblib.delayed(explainer.explain)(X[:2]))
    *loaded, e = joblib.Parallel(n_jobs=2, backend="loky")(tasks)
    assert [one.to_json() for one in loaded] == [made[name].to_json() for name in saved]
    np.testing.assert_array_equal(e.values, explainer.explain(X[:2]).values)
    assert not e.values.flags.writeable
