"""Files that are no explanation, or were damaged, are named as such."""

from __future__ import annotations

import json

import numpy as np
import pytest

import xaikit as xk

X = np.array([[0.0, 1.0], [2.0, 3.0]])


@pytest.fixture
def state():
    return xk.Occlusion().fit(lambda X: X.sum(axis=1), X).explain(X).to_dict()


def without_fields(state):
    del state["fields"]


def without_cost(state):
    del state["fields"]["cost"]


def another_field(state):
    state["fields"]["colour"] = "blue"


def another_shape(state):
    state["fields"]["base_values"] = {**state["fields"]["base_values"], "shape": [1, 2]}


def an_unknown_kind_of_cell(state):
    state["fields"]["values"] = {"__xaikit__": "sorcery"}


@pytest.mark.parametrize("damage", [without_fields, without_cost, another_field, another_shape,
                                    an_unknown_kind_of_cell])
def test_damaged_files_are_format_errors(state, tmp_path, damage):
    damage(state)
    path = tmp_path / "e.json"
    path.write_text(json.dumps(state), encoding="utf8")
    with pytest.raises(xk.FormatError, match="the Attribution is damaged: .*Save it again"):
        xk.load_explanation(path)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"not json", b"[1, 2]"])
def test_other_files_are_format_errors(tmp_path, content):
    path = tmp_path / "e.json"
    path.write_bytes(content)
    with pytest.raises(xk.FormatError):
        xk.load_explanation(path)
