"""The model and the tables that a command line names."""

from __future__ import annotations

import argparse
import sys
import warnings
from dataclasses import dataclass
from typing import Any

from xaikit.cli.streams import check_stopped


def load_model(arguments: argparse.Namespace) -> Any:
    """Return the wrapped model of a command line."""
    from xaikit.predictor.loading import load_model as load
    from xaikit.predictor.wrapping import wrap

    if hasattr(arguments, "delimiter"):
        _options(arguments)  # a mistake there is said before the model's code runs
    model = load(arguments.model, allow_pickle=arguments.allow_pickle, trust=arguments.trust)
    check_stopped()
    return wrap(model, task=arguments.task)


def check_budget(arguments: argparse.Namespace, method: Any) -> None:
    """Raise ValueError if a budget is too small for the rows, before the model is loaded.

    How many rows it takes depends on the columns and the background rows: a background row is
    explained for a model that always says 0, on the table as it reads without the model.
    """
    from xaikit.errors import XaikitError

    path = getattr(arguments, "background", None) or arguments.data
    if arguments.budget is None:
        return
    settings = {"budget": arguments.budget, "random_state": 0, "verbose": False}
    if getattr(arguments, "groups", None):
        settings["groups"] = dict(arguments.groups)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = _read(arguments, [path], {}).frames[0]
            named = set(_no_features(arguments))
            table = table[[c for c in table.columns if str(c) not in named]]
            method(**settings).fit(lambda X: [0.0] * len(X), table).explain(table.head(1))
    except (XaikitError, ValueError, TypeError, KeyError, OSError) as error:
        if str(error).startswith("budget="):
            raise  # of all else the model may know better


@dataclass(frozen=True)
class Given:
    """The tables of a command line, and sentences on how they were read."""

    X: Any
    y: Any
    weights: Any
    background: Any
    notes: tuple[str, ...]


def load_data(arguments: argparse.Namespace, model: Any) -> Given:
    """Return the table and the background without columns that are no features, and those."""
    from xaikit.predictor.fitted_columns import fitted_columns, fitted_labels
    from xaikit.tables.cells import FittedColumn

    background = getattr(arguments, "background", None)
    fitted = dict.fromkeys(arguments.drop, FittedColumn()) | fitted_columns(model)
    if arguments.target is not None:
        fitted[arguments.target] = fitted_labels(model)
    read = _read(arguments, [arguments.data, *([] if background is None else [background])],
                 fitted)
    table, y, weights = _split(arguments, read.frames[0])
    if background is not None:
        named = set(_no_features(arguments))
        background = read.frames[1][[c for c in read.frames[1].columns if str(c) not in named]]
    check_stopped()
    for note in read.notes:
        print(f"xaikit: {note}", file=sys.stderr)
    return Given(table, y, weights, background, read.notes)


def _read(arguments: argparse.Namespace, paths: list[str], fitted: dict[str, Any]) -> Any:
    """Read tables as the options of a command line say."""
    from xaikit.tables.reading import read_tables

    return read_tables(paths, _options(arguments), fitted)


def _options(arguments: argparse.Namespace) -> Any:
    from xaikit.tables.csv_files import Options

    delimiter = {"\\t": "\t"}.get(arguments.delimiter, arguments.delimiter)
    return Options(arguments.text_columns, arguments.na_values, delimiter, arguments.encoding,
                   arguments.decimal)


def _split(arguments: argparse.Namespace, table: Any) -> tuple[Any, Any, Any]:
    """Return the features of the first rows, the target, and the weights."""
    from xaikit.tables.wording import listed

    table = table.head(arguments.limit or len(table))
    if len(table) == 0:
        raise ValueError(f"{arguments.data} has no rows.")
    taken: dict[str, Any] = {}
    named = _no_features(arguments)
    twice = next((name for name in named if named.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"column {twice!r} is named by two of --target, --weights and --drop.")
    for name in named:
        # A command line has text alone; names in Parquet files may be numbers, or pairs.
        found = [k for k, label in enumerate(table.columns) if str(label) == name]
        if len(found) != 1:
            number = f"{len(found)} columns" if found else "no column"
            raise ValueError(f"{arguments.data} has {number} {name!r}; it has "
                             f"{listed(table.columns)}.")
        taken[name] = table.iloc[:, found[0]]
    features = table[[label for label in table.columns if str(label) not in taken]]
    return features, taken.get(arguments.target), taken.get(arguments.weights)


def _no_features(arguments: argparse.Namespace) -> list[str]:
    """Return the columns that are no features."""
    named = [arguments.target, arguments.weights, *arguments.drop]
    return [column for column in named if column is not None]
