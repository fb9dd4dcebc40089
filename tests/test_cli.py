"""The command line: data on stdout, messages on stderr, and the exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cli_cases import explain, read, run

import xaikit as xk
from xaikit import cli


def test_version(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"xaikit {xk.__version__}\n"


@pytest.mark.parametrize("argv", [
    [], ["explode"], ["explain"], ["explain", "--model", "m:f"], ["importance", "--data", "d.csv"],
    ["doctor", "--limit", "0"], ["doctor", "--limit", "-3"], ["doctor", "--limit", "two"],
    ["importance", "--model", "m:f", "--data", "d.csv", "--method", "magic"],
    ["importance", "--model", "m:f", "--data", "d.csv", "--budget", "0"],
    ["importance", "--model", "m:f", "--data", "d.csv", "--task", "ranking"],
    ["doctor", "--unknown"],
])
def test_bad_usage(capsys, argv):
    with pytest.raises(SystemExit) as stopped:
        cli.main(argv)
    shown = capsys.readouterr()
    assert stopped.value.code == 2
    assert shown.out == ""
    assert "usage: xaikit" in shown.err


def test_doctor_alone_lists_versions(capsys):
    status, out, _ = run(capsys, "doctor")
    assert status == 0
    versions = dict(line.split(" ", 1) for line in out.splitlines())
    assert versions["xaikit"] == xk.__version__
    assert versions["numpy"] == np.__version__
    assert versions["pandas"] == pd.__version__
    assert versions["python"] == ".".join(map(str, sys.version_info[:3]))


def test_doctor_of_a_model(capsys, place):
    status, out, _ = run(capsys, "doctor", "--model", place.model("linear"))
    assert status == 0
    assert "model: <Predictor of a callable" in out
    assert "Pass --data to probe" in out


def test_doctor_of_a_model_and_data(capsys, place):
    status, out, _ = run(capsys, "doctor", "--model", place.model("levels"), "--data", "full.csv",
                         "--drop", "y", "--drop", "note", "--task", "regression")
    assert status == 0
    assert "outputs: output (output); task: regression" in out
    assert "  a: float64 (float)" in out
    assert "  b: int64 (integer)" in out
    assert "  city: str (text)" in out
    assert "answers are the same when asked again: yes" in out
    assert "the model leaves its input as it was: yes" in out
    assert "the model is handed: DataFrame of shape (2, 3) (float64, int64, str)" in out
    assert "warning" not in out


def test_doctor_finds_noise(capsys, place):
    status, out, _ = run(capsys, "doctor", "--model", place.model("noisy"), "--data", "plain.csv")
    assert status == 1
    assert "answers are the same when asked again: no" in out
    assert "warning: The model answers the same rows differently" in out


@pytest.mark.parametrize(("name", "sentence"), [
    ("broken", "the model is on fire"), ("batchy", "depends on the other rows of the batch"),
])
def test_doctor_of_a_model_that_cannot_be_explained_is_a_finding(capsys, place, name, sentence):
    status, _, err = run(capsys, "doctor", "--model", place.model(name), "--data", "plain.csv")
    assert status == 1
    assert sentence in err


def test_doctor_shows_what_was_read_where_the_model_fails(capsys, place):
    status, out, _ = run(capsys, "doctor", "--model", place.model("broken"), "--data", "full.csv")
    assert status == 1
    assert "the table as it was read: DataFrame of shape (12, 5)" in out
    assert "  city: str (text); Ulm, Bonn, ?" in out


def test_explain_writes_csv_to_stdout_and_nothing_else(capsys, place):
    status, out, err = explain(capsys, place, "--limit", 3)
    got = read(out)
    assert status == 0
    assert list(got.columns) == ["row", "feature", "data", "output", "value", "standard_error"]
    assert len(got) == 3 * 2
    # A linear model: 2·(a − mean a) and b − mean b.
    want = 2 * (place.frame["a"] - place.frame["a"].mean())[:3]
    # Written to the last digit; sums of a dozen terms.
    np.testing.assert_allclose(got[got.feature == "a"]["value"], want, rtol=1e-9)
    want = (place.frame["b"] - place.frame["b"].mean())[:3]
    np.testing.assert_allclose(got[got.feature == "b"]["value"], want, rtol=1e-9, atol=1e-12)
    assert "model rows in" in err


@pytest.mark.parametrize("method", ["lime", "occlusion", "prediction_difference"])
def test_explain_by_other_methods(capsys, place, method):
    status, out, err = explain(capsys, place, "--limit", 3, "--method", method)
    assert status == 0
    got = read(out)
    assert len(got) == 3 * 2
    assert got["value"].abs().max() > 0
    assert "model rows in" in err


def test_explain_by_rules(capsys, place):
    status, out, err = explain(capsys, place, "--limit", 3, "--method", "anchors", "--threshold", "0.5",
                               "--precision", "0.8", "--output", "rules")
    assert status == 0
    assert [Path(line) for line in out.splitlines()] == [Path("rules/rules.csv"), Path("rules/rules.json")]
    rules = xk.load_explanation("rules/rules.json")
    assert len(rules) == 3
    assert rules.settings["precision"] == 0.8
    assert rules.meaning["threshold"] == 0.5
    assert read(Path("rules/rules.csv").read_text())["rule"].tolist() == [rule.words() for rule in rules.rules]
    assert "model rows in" in err


@pytest.mark.parametrize(("option", "value", "sentence"), [
    ("--precision", "1.5", "precision must be"), ("--link", "logit", "--link cannot be used with --method anchors"),
    ("--groups", "g=a,b", "--groups cannot be used with --method anchors")])
def test_what_rules_do_not_take(capsys, place, option, value, sentence):
    status, out, err = explain(capsys, place, "--method", "anchors", option, value)
    assert (status, out) == (2, "")
    assert sentence in err


def test_a_budget_where_there_is_nothing_to_bound(capsys, place):
    status, out, err = explain(capsys, place, "--method", "occlusion", "--budget", 50)
    assert (status, out) == (2, "")
    assert "--budget cannot be used with --method occlusion" in err


def test_explain_to_a_folder(capsys, place):
    status, out, _ = explain(capsys, place, "--limit", 2, "--output", "new/folder")
    assert status == 0
    assert [Path(line) for line in out.splitlines()] == [
        Path("new/folder/attributions.csv"), Path("new/folder/attributions.json")]
    table = pd.read_csv("new/folder/attributions.csv")
    loaded = xk.load_explanation("new/folder/attributions.json")
    np.testing.assert_array_equal(loaded.values.ravel(), table["value"])
    assert loaded.random_state == 0


@pytest.mark.parametrize("ending", ["json", "csv", "html"])
def test_explain_to_a_file(capsys, place, ending):
    status, out, _ = explain(capsys, place, "--limit", 2, "--output", f"made.{ending}")
    assert status == 0
    assert out == f"made.{ending}\n"
    text = Path(f"made.{ending}").read_text(encoding="utf8")
    if ending == "json":
        assert json.loads(text)["type"] == "Attribution"
    elif ending == "csv":
        assert len(read(text)) == 4
    else:
        assert text.startswith("<!doctype html>")
        assert "KernelSHAP" in text


def test_the_seed_reproduces_and_the_budget_is_kept(capsys, place):
    wide = pd.DataFrame(np.random.default_rng(1).normal(size=(4, 14)),
                        columns=[*"abcdefghijklmn"])
    wide.to_csv("wide.csv", index=False)

    def explained(seed):
        return run(capsys, "explain", "--model", place.model("chance"), "--data", "wide.csv",
                   "--background", "wide.csv", "--limit", 1, "--budget", 400, "--seed", seed,
                   "--output", f"s{seed}.json")[0]

    assert [explained(s) for s in (1, 2)] == [0, 0]
    one, two = (xk.load_explanation(f"s{s}.json") for s in (1, 2))
    assert explained(1) == 0
    again = xk.load_explanation("s1.json")
    np.testing.assert_array_equal(one.values, again.values)
    assert (one.random_state, two.random_state) == (1, 2)
    assert one.settings["budget"] == 400


@pytest.mark.parametrize(("method", "name"), [
    ("permutation", "PermutationImportance"), ("mean_impact", "MeanImpactValue"),
    ("kernel_shap", "mean |KernelSHAP|"),
])
def test_importance_by_every_method(capsys, place, method, name):
    status, out, err = run(capsys, "importance", "--model", place.model("linear"),
                           "--data", "plain.csv", "--method", method)
    got = read(out)
    assert status == 0
    assert set(got["feature"]) == {"a", "b"}
    assert list(got["rank"]) == [1, 2]
    assert "model rows in" in err
    run(capsys, "importance", "--model", place.model("linear"), "--data", "plain.csv",
        "--method", method, "--output", "made.json")
    loaded = xk.load_explanation("made.json")
    assert loaded.method == name
    np.testing.assert_allclose(loaded.to_frame()["value"], got["value"], rtol=1e-15)


def test_importance_with_a_target_is_a_drop_of_the_score(capsys, place):
    status, out, _ = run(capsys, "importance", "--model", place.model("chance"), "--data", "full.csv",
                         "--target", "y", "--task", "classification", "--scoring", "roc_auc",
                         "--drop", "note", "--drop", "city")
    got = read(out).set_index("feature")
    assert status == 0
    assert set(got["output"]) == {"roc_auc"}
    assert got.loc["a", "value"] > 0.1
    assert got.loc["b", "value"] == 0.0


def test_importance_with_a_background_of_its_own(capsys, place):
    place.frame.head(2).assign(y=0).to_csv("back.csv", index=False)
    status, out, _ = run(
        capsys, "importance", "--model", place.model("linear"), "--data", "full.csv",
        "--method", "kernel_shap", "--background", "back.csv", "--target", "y",
        "--drop", "note", "--drop", "city")
    assert status == 0
    want = (2 * (place.frame["a"] - place.frame["a"][:2].mean())).abs().mean()
    assert read(out).set_index("feature").loc["a", "value"] == pytest.approx(want, rel=1e-9)


@pytest.mark.parametrize(("more", "sentence"), [
    (["--target", "y"], "task='classification' or 'regression'"),
    (["--scoring", "accuracy"], "scoring was given without y"),
    (["--target", "y", "--task", "classification", "--scoring", "acc"], "acc"),
])
def test_importance_that_cannot_be_had(capsys, place, more, sentence):
    status, out, err = run(capsys, "importance", "--model", place.model("chance"),
                           "--data", "full.csv", *more)
    assert (status, out) == (2, "")
    assert sentence in err
    assert "Traceback" not in err


def test_warnings_of_the_result_go_to_stderr(capsys, place):
    pd.DataFrame({"a": [-1.0, 0.0, 1.0], "b": [5, 5, 5]}).to_csv("centred.csv", index=False)
    status, out, err = run(capsys, "importance", "--model", place.model("linear"),
                           "--data", "centred.csv", "--method", "mean_impact")
    assert status == 0
    assert "'a' is centred" in err
    assert "centred" not in out


def test_a_folder_that_cannot_be_made(capsys, place):
    status, out, err = explain(capsys, place, "--limit", 1, "--output", "plain.csv/inside")
    assert (status, out) == (2, "")
    assert err.splitlines()[-1].startswith("xaikit: ")


@pytest.mark.parametrize("name", ["made.txt", "made.xml"])
def test_an_ending_that_cannot_be_written(capsys, place, name):
    status, out, err = explain(capsys, place, "--limit", 1, "--output", name)
    assert (status, out) == (2, "")
    assert "cannot save as" in err


def test_report(capsys, place):
    pytest.importorskip("xaikit.reporting.build")
    status, out, _ = run(capsys, "report", "--model", place.model("chance"), "--data", "full.csv",
                         "--target", "y", "--task", "classification", "--drop", "note",
                         "--drop", "city", "--title", "Chances <of> rain", "--budget", 64,
                         "--output", "made/report.html")
    assert status == 0
    assert out.strip() == str((place.path / "made" / "report.html").resolve())
    page = Path("made/report.html").read_text(encoding="utf8")
    assert "Chances &lt;of&gt; rain" in page
    assert "<of>" not in page


def test_report_of_a_model_that_raises(capsys, place):
    pytest.importorskip("xaikit.reporting.build")
    status, out, err = run(capsys, "report", "--model", place.model("broken"), "--data", "plain.csv")
    assert (status, out) == (1, "")
    assert "the model is on fire" in err
    assert not Path("report.html").exists()


def process(*argv, cwd):
    return subprocess.run([sys.executable, "-m", "xaikit", *argv], cwd=cwd, text=True,
                          capture_output=True, check=False, timeout=120)


def test_a_process_explains_a_module_of_its_working_directory(place):
    done = process("explain", "--model", place.model("linear"), "--data", "plain.csv",
                   "--background", "plain.csv", "--limit", "2", cwd=place.path)
    assert done.returncode == 0, done.stderr
    assert len(read(done.stdout)) == 4
    assert "model rows in" in done.stderr


def test_a_process_reports_a_broken_model_without_a_traceback(place):
    done = process("importance", "--model", place.model("broken"), "--data", "plain.csv",
                   cwd=place.path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "the model is on fire" in done.stderr
    assert "Traceback" not in done.stderr
