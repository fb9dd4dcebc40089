"""The model and the tables that a command line names."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from typing import Any


def load_model(arguments: argparse.Namespace) -> Any:
    """Return the wrapped model of a command line."""
    from xaikit.predictor.loading import load_model as load
    from xaikit.predictor.wrapping import wrap

    model = load(arguments.model, allow_pickle=arguments.allow_pickle, trust=arguments.trust)
    return wrap(model, task=arguments.task)


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
        named = set(_no_features(arguments))
        background = read.frames[1][[c for c in read.frames[1].columns if str(c) not in named]]
    for note in read.notes:
        print(f"xaikit: {note}", file=sys.stderr)
    return Given(table, y, weights, background, read.notes)


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
