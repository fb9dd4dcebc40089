"""The arguments of the commands, with what each means, its default, and examples."""

from __future__ import annotations

import argparse
import math

from xaikit.cli import actions

EXAMPLES = {
    "demo": ("xaikit demo", "xaikit demo --output demo/cancer.html"),
    "report": ("xaikit report --model model.skops --data test.csv --target income",
               "xaikit report --model models:predict --task regression --data test.parquet "
               "--target price --background train.parquet"),
    "explain": ("xaikit explain --model m.skops --data new.csv --background train.csv > why.csv",
                "xaikit explain --model model.onnx --data new.csv --background train.csv "
                "--outputs yes --groups place=city,zip --tol 0.01 --output why.json"),
    "importance": ("xaikit importance --model model.skops --data test.csv --target income",
                   "xaikit importance --model model.json --data test.csv --method kernel_shap "
                   "--background train.csv --output importance.parquet"),
    "doctor": ("xaikit doctor", "xaikit doctor --model m.skops --data test.csv --target income"),
}
"""Two command lines of each command."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; each sets ``run`` to its action."""
    from xaikit import __version__

    made = argparse.ArgumentParser(prog="xaikit", description="Explain any model, with error bars.",
                                   epilog="xaikit COMMAND --help shows the options of a command.")
    made.add_argument("--version", action="version", version=f"xaikit {__version__}")
    commands = made.add_subparsers(dest="command", required=True, metavar="command")
    for name, words, add, run in (
        ("demo", "write a report on a model of data that scikit-learn ships", _add_demo,
         actions.demo),
        ("report", "write a report on a model and a table", _add_report, actions.write_report),
        ("explain", "explain rows of a table", _add_explain, actions.explain),
        ("importance", "rank a model's features", _add_importance, actions.importance),
        ("doctor", "show versions, and what a probe of a model finds", _add_doctor,
         actions.doctor),
    ):
        command = commands.add_parser(
            name, help=words, description=f"{words[0].upper()}{words[1:]}.",
            epilog="examples:\n  " + "\n  ".join(EXAMPLES[name]),
            formatter_class=argparse.RawDescriptionHelpFormatter)
        add(command)
        command.set_defaults(run=run)
    return made


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", metavar="PATH", default="xaikit-report/report.html",
                        help="path of the report (default: %(default)s)")


def _add_report(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    _add_data(parser, target="column of labels, for performance and permutation importance "
                             "(default: none, and neither is measured)")
    _add_weights(parser)
    _add_background(parser, required=False)
    parser.add_argument("--output", metavar="PATH", default="report.html",
                        help="path of the report; its Markdown, JSON and CSV files go beside it "
                             "(default: %(default)s)")
    parser.add_argument("--class", dest="output_name", metavar="OUTPUT",
                        help="output to report on; needed if there are more than two (default: the "
                             "only one, or the second of two)")
    parser.add_argument("--title", help="title of the page (default: a general one)")
    _add_work(parser)


def _add_explain(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    _add_data(parser, target="column to leave out (default: none)")
    _add_background(parser, required=True)
    parser.add_argument("--method", choices=list(actions.METHODS), default="kernel_shap",
                        help="how to explain (default: %(default)s)")
    _add_output(parser)
    _add_work(parser)
    parser.add_argument("--outputs", nargs="+", metavar="OUTPUT",
                        help="outputs of the model to explain, by name (default: all)")
    parser.add_argument("--groups", nargs="+", type=_group, action="extend",
                        metavar="NAME=COLUMN,...",
                        help="columns that are explained as one feature; may be repeated "
                             "(default: every column on its own)")
    parser.add_argument("--link", choices=["identity", "logit"],
                        help="scale on which contributions add up (default: identity)")
    parser.add_argument("--tol", type=_above_zero, metavar="ERROR",
                        help="stop a row when all standard errors are below this (default: the "
                             "budget decides)")
    parser.add_argument("--precision", type=_above_zero, metavar="SHARE",
                        help="share of the rows under a rule of --method anchors for which the "
                             "model must say the same (default: 0.95)")
    parser.add_argument("--threshold", type=float, metavar="VALUE",
                        help="for --method anchors: rules say on which side of this value a "
                             "number is (default: near which number)")
    parser.add_argument("--max-seconds", type=_above_zero, metavar="SECONDS",
                        help="stop after this time with what was asked until then (default: no "
                             "limit)")


def _add_importance(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    _add_data(parser, target="column of labels; without it, permutation measures how far the "
                             "output moves (default: none)")
    _add_weights(parser)
    parser.add_argument("--method", choices=["permutation", "mean_impact", "kernel_shap"],
                        default="permutation", help="how to rank (default: %(default)s)")
    _add_background(parser, required=False)
    parser.add_argument("--scoring", metavar="SCORER",
                        help="a scikit-learn scorer, for permutation (default: accuracy, or r2 of "
                             "a regression)")
    _add_output(parser)
    _add_work(parser)


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    _add_model(parser, required=False)
    _add_data(parser, target="column to leave out (default: none)", required=False)


def _add_model(parser: argparse.ArgumentParser, required: bool = True) -> None:
    parser.add_argument("--model", required=required,
                        help="package.module:name (runs the module's code), or a file: .onnx, "
                             ".skops, .keras, .ubj or .json (XGBoost), .txt (LightGBM), .cbm "
                             "(CatBoost), .pt2 or .pt (torch), .joblib, .pkl"
                             + ("" if required else " (default: none; shows versions)"))
    parser.add_argument("--allow-pickle", action="store_true",
                        help="load pickles and torch's files, which can run any code (default: "
                             "refuse them)")
    parser.add_argument("--trust", action="append", default=[], metavar="TYPE",
                        help="type that a .skops file may hold; may be repeated (default: none "
                             "beyond those of scikit-learn)")
    parser.add_argument("--task", choices=["classification", "regression"],
                        help="what the model does (default: what it says of itself)")


def _add_data(parser: argparse.ArgumentParser, target: str, required: bool = True) -> None:
    parser.add_argument("--data", required=required, metavar="TABLE",
                        help="table: .csv, .parquet or .feather"
                             + ("" if required else " (default: none, and no model is probed)"))
    parser.add_argument("--target", metavar="COLUMN", help=target)
    parser.set_defaults(weights=None)
    parser.add_argument("--drop", action="append", default=[], metavar="COLUMN",
                        help="column to leave out; may be repeated (default: none)")
    for name, metavar, words, default in (
        ("--text-columns", "COLUMN", "columns of a CSV to read as text", "as the model was fitted"),
        ("--na-values", "TEXT", "texts of a CSV that mean missing in every column",
         "empty cells, unless they are a level of the fit"),
    ):
        parser.add_argument(name, action="extend", nargs="+", default=[], metavar=metavar,
                            help=f"{words}; may be repeated (default: {default})")
    parser.add_argument("--delimiter", metavar="SIGN",
                        help="character between the cells of a CSV, '\\t' is a tab (default: a "
                             "comma)")
    parser.add_argument("--encoding", default="utf-8",
                        help="encoding of a CSV (default: %(default)s)")
    parser.add_argument("--decimal", default=".", metavar="SIGN",
                        help="decimal sign of a CSV's numbers, . or , (default: %(default)s)")
    parser.add_argument("--limit", type=_positive, metavar="N",
                        help="first N rows only (default: all)")


def _add_background(parser: argparse.ArgumentParser, required: bool) -> None:
    parser.add_argument("--background", required=required, metavar="TABLE",
                        help="table whose rows replace hidden features"
                             + ("" if required else " (default: the data)"))


def _add_weights(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--weights", metavar="COLUMN",
                        help="column of weights of the rows (default: all count alike)")


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", metavar="PATH",
                        help="a folder, or a file ending in .json, .csv, .parquet or .html "
                             "(default: CSV on stdout)")


def _add_work(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--budget", type=_positive, metavar="ROWS",
                        help="most model rows per explained row (default: chosen by the method)")
    parser.add_argument("--seed", type=int, default=0,
                        help="seed of all that is random (default: %(default)s)")
    parser.add_argument("--n-jobs", type=int, metavar="N",
                        help="processes to work with, -1 for all cores (default: 1)")


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a positive whole number, got {text!r}")
    return int(text)


def _above_zero(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return number


def _group(text: str) -> tuple[str, list[str]]:
    name, found, columns = text.partition("=")
    members = columns.split(",")
    if not found or not name or not all(members):
        raise argparse.ArgumentTypeError(
            f"expected a name and its columns, such as place=city,zip, got {text!r}")
    return name, members


