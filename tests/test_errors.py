"""The error tree: what a program can catch apart, in this process and from another one."""

from __future__ import annotations

import argparse
import inspect
import pickle
import sys

import joblib
import numpy as np
import pytest

import xaikit as xk
from xaikit import errors
from xaikit.cli.command import _run as run_command
from xaikit.cli.status import FINDINGS, USAGE

X = np.arange(12.0).reshape(4, 3)
BUILT_IN = {
    xk.XaikitError: Exception, xk.ModelError: RuntimeError, xk.ProbeError: ValueError,
    xk.SettingError: ValueError, xk.TrustError: ValueError, xk.FormatError: ValueError,
}


def refused(error):
    raise error("the sentence")


def test_every_error_is_public_in_the_tree_and_of_a_built_in_kind():
    own = {kind for _, kind in inspect.getmembers(errors, inspect.isclass)}
    assert own == set(BUILT_IN)
    for kind, built_in in BUILT_IN.items():
        assert getattr(xk, kind.__name__) is kind
        assert kind.__name__ in xk.__all__
        assert issubclass(kind, xk.XaikitError)
        assert issubclass(kind, built_in)


@pytest.mark.parametrize("kind", BUILT_IN)
def test_errors_survive_a_pickle(kind):
    again = pickle.loads(pickle.dumps(kind("the sentence")))
    assert type(again) is kind
    assert str(again) == "the sentence"


def test_errors_come_back_from_another_process():
    for kind in BUILT_IN:
        with pytest.raises(kind, match="^the sentence$") as caught:
            joblib.Parallel(n_jobs=2, backend="loky")(
                joblib.delayed(refused)(each) for each in (kind, kind))
        assert type(caught.value) is kind


def test_a_model_error_comes_back_whatever_the_model_raised():
    def model(batch):
        class NoAnswer(Exception):
            """Does not unpickle: its argument has no default and is a keyword."""

            def __init__(self, *, code):
                super().__init__(f"code {code}")

        if len(batch) > 4:
            raise NoAnswer(code=7)
        return batch.sum(axis=1)

    explainer = xk.KernelSHAP(n_jobs=2, random_state=0).fit(model, X)
    with joblib.parallel_config(backend="loky"), \
            pytest.raises(xk.ModelError, match="NoAnswer: code 7$"):
        explainer.explain(X)


def whole_batch(batch):
    return np.full(len(batch), batch.sum())


@pytest.mark.parametrize(("kind", "ask"), [
    (xk.ModelError, lambda _: xk.wrap(lambda X: X[:, 9])(X)),
    (xk.ModelError, lambda _: xk.wrap(lambda X: X * np.nan)(X)),
    (xk.ProbeError, lambda _: xk.wrap(whole_batch).bind(X)),
    (xk.SettingError, lambda _: xk.wrap(whole_batch, batch_size=0)),
    (xk.SettingError, lambda _: xk.wrap(whole_batch, task="guessing")),
    (xk.TrustError, lambda folder: xk.load_model(str(folder / "model.pkl"))),
    (xk.FormatError, lambda folder: xk.load_model(str(folder / "model.pkl"), allow_pickle=True)),
    (xk.FormatError, lambda folder: xk.load_explanation(folder / "model.pkl")),
    (xk.FormatError, lambda folder: xk.load_explanation(folder / "list.json")),
    (xk.FormatError, lambda folder: xk.load_explanation(folder / "other.json")),
])
@pytest.mark.filterwarnings("ignore:.*is a pickle")
def test_what_raises_which(kind, ask, tmp_path):
    (tmp_path / "model.pkl").write_text("not a pickle")
    (tmp_path / "list.json").write_text("[1, 2]")
    (tmp_path / "other.json").write_text('{"type": "Attribution", "format": -1}')
    with pytest.raises(kind) as caught:
        ask(tmp_path)
    assert type(caught.value) is kind


@pytest.mark.parametrize(("error", "status"), [
    (xk.ModelError, FINDINGS), (xk.ProbeError, FINDINGS), (xk.SettingError, USAGE),
    (xk.TrustError, USAGE), (xk.FormatError, USAGE), (xk.XaikitError, USAGE),
    (ValueError, USAGE), (KeyError, USAGE),
])
def test_the_command_line_says_the_sentence_and_sets_its_status(error, status, capsys):
    assert run_command(argparse.Namespace(run=lambda *_: refused(error)), sys.stdout) == status
    assert capsys.readouterr().err == "xaikit: the sentence\n"


def test_the_command_line_hides_no_bug():
    with pytest.raises(ZeroDivisionError):
        run_command(argparse.Namespace(run=lambda *_: 1 / 0), sys.stdout)
