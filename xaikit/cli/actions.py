"""What the commands do: each takes the arguments and the stream for data."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

from xaikit.cli.inputs import load_data, load_model
from xaikit.cli.status import DONE, FINDINGS

METHODS = {
    "kernel_shap": "xaikit.explainers.shapley.kernel_shap:KernelSHAP",
    "lime": "xaikit.explainers.lime.lime:LIME",
    "occlusion": "xaikit.explainers.occlusion:Occlusion",
    "prediction_difference": "xaikit.explainers.prediction_difference:PredictionDifference",
}
"""Methods of `explain`, by the name of the explainer's file."""
FORMATS = (".json", ".csv", ".parquet", ".html")
SETTINGS = {"budget": "--budget", "tol": "--tol", "max_seconds": "--max-seconds", "link": "--link",
            "groups": "--groups", "outputs": "--outputs"}
"""Settings of explainers, and the options that set them."""


def demo(arguments: argparse.Namespace, out: TextIO) -> int:
    """Write a report on a model of data that scikit-learn ships."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import train_test_split

    from xaikit.reporting.build import report

    data = load_breast_cancer(as_frame=True)
    labels = data.target.map(dict(enumerate(data.target_names.tolist()))).astype(str)
    X_train, X_test, y_train, y_test = train_test_split(
        data.data, labels, test_size=0.4, random_state=0, stratify=labels)
    model = HistGradientBoostingClassifier(random_state=0, max_iter=50).fit(X_train, y_train)
    report(
        model, X_test, y_test, background=X_train, path=arguments.output, output="malignant",
        n_explain=60, random_state=0, title="Demo: breast cancer",
        data_name="Breast Cancer Wisconsin, the 40 % of rows not trained on",
    )
    print(Path(arguments.output).resolve(), file=out)
    return DONE


def write_report(arguments: argparse.Namespace, out: TextIO) -> int:
    """Write a report on a model and a table."""
    from xaikit.reporting.build import report

    model = load_model(arguments)
    given = load_data(arguments, model)
    report(
        model, given.X, given.y, sample_weight=given.weights, background=given.background,
        path=arguments.output, output=arguments.output_name, title=arguments.title,
        random_state=arguments.seed, n_jobs=arguments.n_jobs, budget=arguments.budget or "auto",
        model_name=arguments.model, data_name=arguments.data, data_notes=given.notes,
    )
    print(Path(arguments.output).resolve(), file=out)
    return DONE


def explain(arguments: argparse.Namespace, out: TextIO) -> int:
    """Explain rows of a table, after saying what that may ask of the model."""
    module, _, name = METHODS[arguments.method].partition(":")
    method = getattr(import_module(module), name)
    settings = _settings(arguments, method().get_params())
    _check_output(arguments.output)
    model = load_model(arguments)
    given = load_data(arguments, model)
    explainer = method(**settings).fit(model, given.background)
    if hasattr(explainer, "forecast"):
        print(f"xaikit: {str(explainer.forecast(given.X)).strip('<>')}", file=sys.stderr)
    _write(explainer.explain(given.X), arguments.output, "attributions", out)
    return DONE


def _settings(arguments: argparse.Namespace, known: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of an explainer; refuse those that it does not have."""
    found = {"random_state": arguments.seed, "n_jobs": arguments.n_jobs}
    for name, option in SETTINGS.items():
        value = getattr(arguments, name)
        if value is not None and name not in known:
            why = ", whose number of questions depends only on the features and background rows" \
                if name == "budget" else ""
            raise ValueError(f"{option} cannot be used with --method {arguments.method}{why}.")
        if value is not None:
            found[name] = dict(value) if name == "groups" else value
    return found


def importance(arguments: argparse.Namespace, out: TextIO) -> int:
    """Rank the features of a model."""
    from xaikit.explainers.mean_impact import MeanImpactValue
    from xaikit.explainers.permutation import PermutationImportance
    from xaikit.explainers.shapley.kernel_shap import KernelSHAP

    if arguments.weights is not None and arguments.method == "kernel_shap":
        raise ValueError("--weights cannot be used with --method kernel_shap, whose importance is "
                         "the plain mean over the rows.")
    _check_output(arguments.output)
    model = load_model(arguments)
    given = load_data(arguments, model)
    shared = {"random_state": arguments.seed, "n_jobs": arguments.n_jobs}
    made: Any
    if arguments.method == "permutation":
        explainer = PermutationImportance(scoring=arguments.scoring, **shared)
        made = explainer.fit(model).explain(given.X, given.y, given.weights)
    elif arguments.method == "mean_impact":
        made = MeanImpactValue(**shared).fit(model).explain(given.X, sample_weight=given.weights)
    else:
        background = given.X if given.background is None else given.background
        shap = KernelSHAP(budget=arguments.budget or "auto", **shared)
        made = shap.fit(model, background).explain(given.X).importance()
    _write(made, arguments.output, "importance", out)
    return DONE


def doctor(arguments: argparse.Namespace, out: TextIO) -> int:
    """Show versions, and what a probe of a model finds."""
    from xaikit.predictor.checkup import as_read, checkup

    for name, version in _versions():
        print(f"{name} {version}", file=out)
    if arguments.model is None:
        return DONE
    predictor = load_model(arguments)
    print(f"model: {predictor!r}", file=out)
    if arguments.data is None:
        print("Pass --data to probe the model.", file=out)
        return DONE
    X = load_data(arguments, predictor).X
    try:
        bound = predictor.bind(X)
    except Exception:
        # The table as it was read helps to find out why.
        print("\n".join(as_read(X)), file=out)
        raise
    print("\n".join(checkup(bound, X)), file=out)
    return FINDINGS if bound.findings.warnings else DONE


def _versions() -> list[tuple[str, str]]:
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from xaikit import __version__

    found = [("xaikit", __version__), ("python", platform.python_version())]
    for name in ("numpy", "scipy", "scikit-learn", "numba", "pandas", "matplotlib", "joblib",
                 "torch", "keras", "xgboost", "lightgbm", "catboost", "onnxruntime", "polars",
                 "pyarrow", "skops", "scikit-image", "shap"):
        found.append((name, "not installed"))
        for made in (name, f"{name}-cpu", f"{name}-gpu"):  # some have one package per device
            try:
                found[-1] = (name, version(made))
            except PackageNotFoundError:
                continue
            break
    return found


def _check_output(output: str | None) -> None:
    """Raise if a path cannot be written; before any work is done."""
    suffix = "" if output is None else Path(output).suffix
    if suffix and suffix not in FORMATS:
        raise ValueError(f"cannot save as {output!r}: expected a folder, or a file ending in one "
                         f"of {', '.join(FORMATS)}.")
    if suffix and not Path(output or "").resolve().parent.is_dir():
        raise FileNotFoundError(f"the folder of {output!r} does not exist.")


def _write(explanation: Any, output: str | None, name: str, out: TextIO) -> None:
    """Write an explanation to a file or a folder and say where, or as CSV to the stream."""
    from xaikit.explanations.base import save_together

    for warning in explanation.warnings:
        print(f"xaikit: {warning}", file=sys.stderr)
    print(f"xaikit: {explanation.cost}", file=sys.stderr)
    if output is None:
        explanation.to_frame().to_csv(out, index=False, lineterminator="\n")
        return
    paths = [Path(output)]
    if not paths[0].suffix:
        paths[0].mkdir(parents=True, exist_ok=True)
        paths = [paths[0] / f"{name}.csv", paths[0] / f"{name}.json"]
    for path in save_together(explanation, paths):
        print(path, file=out)
