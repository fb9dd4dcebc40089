"""What the commands do: each takes the arguments and the stream for data."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

from xaikit.cli.inputs import check_budget, load_data, load_model
from xaikit.cli.status import DONE, FINDINGS
from xaikit.cli.streams import check_stopped

METHODS = {
    "anchors": "xaikit.explainers.anchors.anchors:Anchors",
    "kernel_shap": "xaikit.explainers.shapley.kernel_shap:KernelSHAP",
    "lime": "xaikit.explainers.lime.lime:LIME",
    "occlusion": "xaikit.explainers.occlusion:Occlusion",
    "prediction_difference": "xaikit.explainers.prediction_difference:PredictionDifference",
}
"""Methods of `explain`, by the name of the explainer's file."""
FORMATS = (".json", ".csv", ".parquet", ".html")
SETTINGS = {"budget": "--budget", "tol": "--tol", "max_seconds": "--max-seconds", "link": "--link",
            "groups": "--groups", "outputs": "--outputs", "precision": "--precision",
            "threshold": "--threshold"}
"""Settings of explainers, and the options that set them."""


def demo(arguments: argparse.Namespace, out: TextIO) -> int:
    """Write a report on a model of data that scikit-learn ships."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import train_test_split

    from xaikit.reporting.build import report

    path = Path(arguments.output).resolve()
    data = load_breast_cancer(as_frame=True)
    labels = data.target.map(dict(enumerate(data.target_names.tolist()))).astype(str)
    X_train, X_test, y_train, y_test = train_test_split(
        data.data, labels, test_size=0.4, random_state=0, stratify=labels)
    model = HistGradientBoostingClassifier(random_state=0, max_iter=50).fit(X_train, y_train)
    report(
        model, X_test, y_test, background=X_train, path=path, output="malignant",
        n_explain=60, random_state=0, title="Demo: breast cancer",
        data_name="Breast Cancer Wisconsin, the 40 % of rows not trained on",
    )
    print(path, file=out)
    return DONE


def write_report(arguments: argparse.Namespace, out: TextIO) -> int:
    """Write a report on a model and a table."""
    from xaikit.reporting.build import report

    path = Path(arguments.output).resolve()  # the model may change the working directory
    model = load_model(arguments)
    given = load_data(arguments, model)
    report(
        model, given.X, given.y, sample_weight=given.weights, background=given.background,
        path=path, output=arguments.output_name, title=arguments.title,
        random_state=arguments.seed, n_jobs=arguments.n_jobs, budget=arguments.budget or "auto",
        model_name=_shown(arguments.model), data_name=_shown(arguments.data),
        data_notes=given.notes,
    )
    print(path, file=out)
    return DONE


def _shown(path: str) -> str:
    """Return a path that pages can show: bytes that are no text are escaped."""
    return path.encode("utf8", "backslashreplace").decode("utf8")


def explain(arguments: argparse.Namespace, out: TextIO) -> int:
    """Explain rows of a table, after saying what that may ask of the model."""
    module, _, name = METHODS[arguments.method].partition(":")
    method = getattr(import_module(module), name)
    settings = _settings(arguments, method().get_params())
    method(**settings).check_settings()
    targets = _targets(arguments, "rules" if arguments.method == "anchors" else "attributions")
    check_budget(arguments, method)
    model = load_model(arguments)
    given = load_data(arguments, model)
    explainer = method(**settings).fit(model, given.background)
    if hasattr(explainer, "forecast"):
        print(f"xaikit: {str(explainer.forecast(given.X)).strip('<>')}", file=sys.stderr)
    _write(explainer.explain(given.X), targets, out)
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
            found[name] = _groups(value) if name == "groups" else value
    return found


def _groups(pairs: list[tuple[str, list[str]]]) -> dict[str, list[str]]:
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"--groups names {twice!r} twice; list all of its columns once.")
    return dict(pairs)


def importance(arguments: argparse.Namespace, out: TextIO) -> int:
    """Rank the features of a model."""
    from xaikit.explainers.mean_impact import MeanImpactValue
    from xaikit.explainers.permutation import PermutationImportance
    from xaikit.explainers.shapley.kernel_shap import KernelSHAP

    if arguments.weights is not None and arguments.method == "kernel_shap":
        raise ValueError("--weights cannot be used with --method kernel_shap, whose importance is "
                         "the plain mean over the rows.")
    targets = _targets(arguments, "importance")
    shared = {"random_state": arguments.seed, "n_jobs": arguments.n_jobs}
    explainer: Any = {
        "permutation": lambda: PermutationImportance(scoring=arguments.scoring, **shared),
        "mean_impact": lambda: MeanImpactValue(**shared),
        "kernel_shap": lambda: KernelSHAP(budget=arguments.budget or "auto", **shared),
    }[arguments.method]()
    explainer.check_settings()
    if arguments.method == "kernel_shap":
        check_budget(arguments, KernelSHAP)
    model = load_model(arguments)
    given = load_data(arguments, model)
    if arguments.method == "permutation":
        made = explainer.fit(model).explain(given.X, given.y, given.weights)
    elif arguments.method == "mean_impact":
        made = explainer.fit(model).explain(given.X, sample_weight=given.weights)
    else:
        background = given.X if given.background is None else given.background
        made = explainer.fit(model, background).explain(given.X).importance()
    _write(made, targets, out)
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


def _targets(arguments: argparse.Namespace, name: str) -> list[tuple[str, Path]]:
    """Return the files to write, as they are shown and as absolute paths, before any work is done.

    None for stdout. The model may change the working directory.

    Raises
    ------
    OSError, ValueError
        If they cannot be written.
    """
    from xaikit.tables.files import check_target

    output = arguments.output
    if output is None:
        return []
    path = Path(output)
    if path.suffix not in ("", *FORMATS) or (not path.suffix and path.exists() > path.is_dir()):
        raise ValueError(f"cannot save as {output!r}: expected a folder, or a file ending in one "
                         f"of {', '.join(FORMATS)}.")
    paths = [path] if path.suffix else [path / f"{name}.csv", path / f"{name}.json"]
    if not path.suffix:
        path.mkdir(parents=True, exist_ok=True)
    for target in paths:
        check_target(target.resolve())
        _check_not_read(arguments, target)
    return [(str(target), target.absolute()) for target in paths]


def _check_not_read(arguments: argparse.Namespace, target: Path) -> None:
    """Raise ValueError if a file to write is one that is read."""
    for option in ("model", "data", "background"):
        read = getattr(arguments, option, None)
        if read is not None and target.exists() and Path(read).exists() and target.samefile(read):
            raise ValueError(f"--output {target} would overwrite --{option}; choose another file.")


def _write(explanation: Any, targets: list[tuple[str, Path]], out: TextIO) -> None:
    """Write an explanation to files and say where, or as CSV to the stream."""
    from xaikit.explanations.base import save_together

    check_stopped()
    for warning in explanation.warnings:
        print(f"xaikit: {warning}", file=sys.stderr)
    print(f"xaikit: {explanation.cost}", file=sys.stderr)
    if not targets:
        explanation.to_frame().to_csv(out, index=False, lineterminator="\n")
        return
    save_together(explanation, [path for _, path in targets])
    for shown, _ in targets:
        print(shown, file=out)
