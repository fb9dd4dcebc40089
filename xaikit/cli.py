"""The command ``xaikit``: data on stdout, progress and messages on stderr.

Exit status: 0 done, 1 findings (the model failed, or the probe has warnings), 2 bad usage.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

DONE, FINDINGS, USAGE = 0, 1, 2
METHODS = {
    "kernel_shap": "xaikit.explainers.shapley.kernel_shap:KernelSHAP",
    "lime": "xaikit.explainers.lime.lime:LIME",
    "occlusion": "xaikit.explainers.occlusion:Occlusion",
    "prediction_difference": "xaikit.explainers.prediction_difference:PredictionDifference",
}
"""Methods of `explain`, by the name of the explainer's file."""
FORMATS = (".json", ".csv", ".parquet", ".html")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit status.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments after the program's name; those of the process by default.
    """
    arguments = _parser().parse_args(argv)
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        return _run(arguments)


def _run(arguments: argparse.Namespace) -> int:
    from sklearn.exceptions import NotFittedError

    from xaikit.errors import ModelError, ProbeError, XaikitError

    try:
        return int(arguments.run(arguments))
    except XaikitError as error:
        print(f"xaikit: {error}", file=sys.stderr)
        return FINDINGS if isinstance(error, ModelError | ProbeError) else USAGE
    except (ValueError, TypeError, KeyError, OSError, ImportError, NotFittedError) as error:
        text = error.args[0] if isinstance(error, KeyError) else error
        print(f"xaikit: {text}", file=sys.stderr)
        return USAGE


def _show_warning(message: Any, *_: Any, **__: Any) -> None:
    print(f"xaikit: warning: {message}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    from xaikit import __version__

    parser = argparse.ArgumentParser(
        prog="xaikit", description="Explain any model, with error bars.")
    parser.add_argument("--version", action="version", version=f"xaikit {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, words, add, run in (
        ("demo", "write a report on a model of data that scikit-learn ships", _add_demo, _demo),
        ("report", "write a report on a model and a table", _add_report, _report),
        ("explain", "explain rows of a table", _add_explain, _explain),
        ("importance", "rank a model's features", _add_importance, _importance),
        ("doctor", "show versions, and what a probe of a model finds", _add_doctor, _doctor),
    ):
        command = commands.add_parser(name, help=words)
        add(command)
        command.set_defaults(run=run)
    return parser


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", default="xaikit-report/report.html", help="path of the report")


def _add_report(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    _add_data(parser, target="column of labels, for performance and permutation importance")
    _add_weights(parser)
    parser.add_argument("--background", help="table whose rows replace hidden features")
    parser.add_argument("--output", default="report.html", help="path of the report")
    parser.add_argument("--class", dest="output_name",
                        help="output to report on; needed if there are more than two")
    parser.add_argument("--title")
    _add_work(parser)


def _add_explain(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    _add_data(parser, target="column to leave out")
    parser.add_argument("--background", required=True,
                        help="table whose rows replace hidden features")
    parser.add_argument("--method", choices=list(METHODS), default="kernel_shap")
    parser.add_argument("--output", help="a folder, or a file ending in .json, .csv, .parquet or "
                                         ".html; CSV on stdout by default")
    _add_work(parser)


def _add_importance(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    _add_data(parser, target="column of labels")
    _add_weights(parser)
    parser.add_argument("--method", choices=["permutation", "mean_impact", "kernel_shap"],
                        default="permutation")
    parser.add_argument("--background", help="for kernel_shap; the data by default")
    parser.add_argument("--scoring", help="a scikit-learn scorer, for permutation")
    parser.add_argument("--output", help="as for explain")
    _add_work(parser)


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    _add_model(parser, required=False)
    _add_data(parser, target="column to leave out", required=False)


def _add_model(parser: argparse.ArgumentParser, required: bool = True) -> None:
    parser.add_argument("--model", required=required,
                        help="package.module:name (runs the module's code), or a file: .onnx, "
                             ".skops, .keras, .ubj or .json (XGBoost), .txt (LightGBM), .cbm "
                             "(CatBoost), .pt2 or .pt (torch), .joblib, .pkl")
    parser.add_argument("--allow-pickle", action="store_true",
                        help="load pickles and torch's files, which can run any code")
    parser.add_argument("--trust", action="append", default=[], metavar="TYPE",
                        help="type that a .skops file may hold; may be repeated")
    parser.add_argument("--task", choices=["classification", "regression"])


def _add_data(parser: argparse.ArgumentParser, target: str, required: bool = True) -> None:
    parser.add_argument("--data", required=required, help="table: .csv, .parquet or .feather")
    parser.add_argument("--target", help=target)
    parser.set_defaults(weights=None)
    parser.add_argument("--drop", action="append", default=[], metavar="COLUMN",
                        help="column to leave out; may be repeated")
    for name, metavar, words in (
        ("--text-columns", "COLUMN", "columns of a CSV to read as text"),
        ("--na-values", "TEXT", "texts of a CSV that mean missing in every column"),
    ):
        parser.add_argument(name, action="extend", nargs="+", default=[], metavar=metavar,
                            help=f"{words}; may be repeated")
    parser.add_argument("--delimiter", help="character between the cells of a CSV; a comma by "
                                            "default, '\\t' is a tab")
    parser.add_argument("--encoding", default="utf-8", help="encoding of a CSV; UTF-8 by default")
    parser.add_argument("--decimal", default=".", help="decimal sign of a CSV's numbers: . or ,")
    parser.add_argument("--limit", type=_positive, metavar="N", help="first N rows only")


def _add_weights(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--weights", metavar="COLUMN", help="column of weights of the rows")


def _add_work(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--budget", type=_positive, metavar="ROWS",
                        help="most model rows per explained row")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--n-jobs", type=int, default=None)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a positive whole number, got {text!r}")
    return int(text)


def _demo(arguments: argparse.Namespace) -> int:
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
    print(Path(arguments.output).resolve())
    return DONE


def _report(arguments: argparse.Namespace) -> int:
    from xaikit.reporting.build import report

    model = _load_model(arguments)
    given = _load_data(arguments, model)
    report(
        model, given.X, given.y, sample_weight=given.weights, background=given.background,
        path=arguments.output, output=arguments.output_name, title=arguments.title,
        random_state=arguments.seed, n_jobs=arguments.n_jobs, budget=arguments.budget or "auto",
        model_name=arguments.model, data_name=arguments.data, data_notes=given.notes,
    )
    print(Path(arguments.output).resolve())
    return DONE


def _explain(arguments: argparse.Namespace) -> int:
    module, _, name = METHODS[arguments.method].partition(":")
    method = getattr(import_module(module), name)
    settings = {"random_state": arguments.seed, "n_jobs": arguments.n_jobs}
    if "budget" in method().get_params():
        settings["budget"] = arguments.budget or "auto"
    elif arguments.budget is not None:
        raise ValueError(f"--budget cannot be used with --method {arguments.method}, whose number "
                         "of questions depends only on the features and background rows.")
    _check_output(arguments.output)
    model = _load_model(arguments)
    given = _load_data(arguments, model)
    made = method(**settings).fit(model, given.background).explain(given.X)
    _write(made, arguments.output, "attributions")
    return DONE


def _importance(arguments: argparse.Namespace) -> int:
    from xaikit.explainers.mean_impact import MeanImpactValue
    from xaikit.explainers.permutation import PermutationImportance
    from xaikit.explainers.shapley.kernel_shap import KernelSHAP

    if arguments.weights is not None and arguments.method == "kernel_shap":
        raise ValueError("--weights cannot be used with --method kernel_shap, whose importance is "
                         "the plain mean over the rows.")
    _check_output(arguments.output)
    model = _load_model(arguments)
    given = _load_data(arguments, model)
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
    _write(made, arguments.output, "importance")
    return DONE


def _doctor(arguments: argparse.Namespace) -> int:
    from xaikit.predictor.checkup import as_read, checkup

    for name, version in _versions():
        print(f"{name} {version}")
    if arguments.model is None:
        return DONE
    predictor = _load_model(arguments)
    print(f"model: {predictor!r}")
    if arguments.data is None:
        print("Pass --data to probe the model.")
        return DONE
    X = _load_data(arguments, predictor).X
    try:
        bound = predictor.bind(X)
    except Exception:
        # The table as it was read helps to find out why.
        print("\n".join(as_read(X)))
        raise
    print("\n".join(checkup(bound, X)))
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


def _load_model(arguments: argparse.Namespace) -> Any:
    from xaikit.predictor.loading import load_model
    from xaikit.predictor.wrapping import wrap

    model = load_model(arguments.model, allow_pickle=arguments.allow_pickle, trust=arguments.trust)
    return wrap(model, task=arguments.task)


@dataclass(frozen=True)
class _Given:
    """The tables of a command line, and sentences on how they were read."""

    X: Any
    y: Any
    weights: Any
    background: Any
    notes: tuple[str, ...]


def _load_data(arguments: argparse.Namespace, model: Any) -> _Given:
    """Return the table and the background without columns that are no features, and those."""
    from xaikit.predictor.fitted_columns import fitted_columns, fitted_labels
    from xaikit.tables.cells import FittedColumn
    from xaikit.tables.csv_files import Options
    from xaikit.tables.reading import read_tables

    background = getattr(arguments, "background", None)
    fitted = dict.fromkeys(arguments.drop, FittedColumn()) | fitted_columns(model)
    if arguments.target is not None:
        fitted[arguments.target] = fitted_labels(model)
    delimiter = {"\\t": "\t"}.get(arguments.delimiter, arguments.delimiter)
    read = read_tables(
        [arguments.data, *([] if background is None else [background])],
        Options(arguments.text_columns, arguments.na_values, delimiter, arguments.encoding,
                arguments.decimal), fitted)
    table, y, weights = _split(arguments, read.frames[0])
    if background is not None:
        background = read.frames[1].drop(columns=_no_features(arguments), errors="ignore")
    for note in read.notes:
        print(f"xaikit: {note}", file=sys.stderr)
    return _Given(table, y, weights, background, read.notes)


def _split(arguments: argparse.Namespace, table: Any) -> tuple[Any, Any, Any]:
    """Return the features of the first rows, the target, and the weights."""
    table = table.head(arguments.limit or len(table))
    if len(table) == 0:
        raise ValueError(f"{arguments.data} has no rows.")
    taken: dict[str, Any] = {}
    for column in _no_features(arguments):
        if column not in table.columns:
            raise ValueError(f"{arguments.data} has no column {column!r}; it has "
                             f"{', '.join(map(str, table.columns))}.")
        taken[column] = table[column]
    return (table.drop(columns=list(taken)), taken.get(arguments.target),
            taken.get(arguments.weights))


def _no_features(arguments: argparse.Namespace) -> list[str]:
    """Return the columns that are no features."""
    named = [arguments.target, arguments.weights, *arguments.drop]
    return [column for column in named if column is not None]


def _check_output(output: str | None) -> None:
    """Raise if a path cannot be written; before any work is done."""
    suffix = "" if output is None else Path(output).suffix
    if suffix and suffix not in FORMATS:
        raise ValueError(f"cannot save as {output!r}: expected a folder, or a file ending in one "
                         f"of {', '.join(FORMATS)}.")
    if suffix and not Path(output or "").resolve().parent.is_dir():
        raise FileNotFoundError(f"the folder of {output!r} does not exist.")


def _write(explanation: Any, output: str | None, name: str) -> None:
    for warning in explanation.warnings:
        print(f"xaikit: {warning}", file=sys.stderr)
    print(f"xaikit: {explanation.cost}", file=sys.stderr)
    if output is None:
        explanation.to_frame().to_csv(sys.stdout, index=False)
    elif Path(output).suffix:
        print(explanation.save(output))
    else:
        folder = Path(output)
        folder.mkdir(parents=True, exist_ok=True)
        print(explanation.save(folder / f"{name}.csv"))
        print(explanation.save(folder / f"{name}.json"))
