"""Files of explanations that were damaged, changed or made by an enemy: the same result or a sentence."""

from __future__ import annotations

import base64
import json
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xaikit as xk
from xaikit.explanations.arrow_streams import arrow_column, arrow_text
from xaikit.explanations.decoding import checksum

FRAME = pd.DataFrame({
    "number": [1.5, np.nan, -0.0], "text": ["a", "b", None], "level": pd.Categorical(["x", "y", "x"]),
    "day": pd.to_datetime(["2024-01-01", "2024-05-01", None]), "whole": pd.array([1, None, 3], dtype="Int64"),
    "month": pd.period_range("2024-01", periods=3, freq="M"), "mixed": pd.Series([1, "1", 2.5], dtype=object)},
    index=["p", "q", "r"])


def explanation():
    return xk.Occlusion().fit(lambda X: X["number"].fillna(0) + X["text"].isna(), FRAME).explain(FRAME)


MADE = explanation()
TEXT = MADE.to_json()
STATE = json.loads(TEXT)


def loaded(path, text):
    path.write_text(text, encoding="utf8", errors="surrogatepass")
    return xk.load_explanation(path)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("files") / "e.json"


def same(e):
    assert e.to_json() == TEXT


def test_a_file_comes_back(path):
    same(loaded(path, TEXT))
    same(loaded(path, json.dumps(STATE, indent=2)))  # as another program may write it


# --- bytes: cut, flipped, put in, turned

@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_a_changed_text_is_the_same_explanation_or_refused(data, path):
    at = data.draw(st.integers(0, len(TEXT)))
    cut = data.draw(st.integers(0, 40))
    new = data.draw(st.one_of(st.just(""), st.text("0123456789eE.-+\",:[]{}tfnaN \n", max_size=12),
                              st.sampled_from(["NaN", "Infinity", "null", "true", "1e999", '"a": 1, '])))
    text = TEXT[:at] + new + TEXT[at + cut:]
    try:
        e = loaded(path, text)
    except xk.FormatError:
        return
    same(e)


@pytest.mark.parametrize(("change", "words"), [
    (lambda t: t[: len(t) // 2], "not JSON"),
    (lambda t: t.replace('"method"', '"method": "a", "method"', 1), "names 'method' twice"),
    (lambda t: t.replace("1.5", "NaN", 1), "holds NaN, which JSON does not know"),
    (lambda t: t.replace("1.5", "1.25", 1), "its checksum differs"),
    (lambda t: "[" * 100_000 + "]" * 100_000, "nested too deeply|recursion"),
    (lambda t: t.replace('"sha256"', '"sha1"'), "damaged: KeyError"),
])
def test_changes_are_named(path, change, words):
    with pytest.raises(xk.FormatError, match=words):
        loaded(path, change(TEXT))


# --- fields, with a checksum that fits

def nodes(value, place=()):
    yield place
    if isinstance(value, dict | list):
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            yield from nodes(child, (*place, key))


PLACES = [place for place in nodes(STATE["fields"]) if place]
JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(-2**70, 2**70), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=6), st.sampled_from([
        "<U500000000", "<f8", "|O", "<i8", "<c16", "|V9", "O,O", "<M8[ns]", "float64", "nan:zz", "category",
        [-1], [10**12], [10**12, 0], [3, 10**9], {"__xaikit__": "array"}, {"__xaikit__": "sorcery"}, [], {}]),
    st.lists(st.integers(-3, 3), max_size=3))


def with_node(place, junk):
    state = json.loads(TEXT)
    parent = state["fields"]
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = junk
    state["sha256"] = checksum(state["fields"])
    return state


@given(st.sampled_from(PLACES), JUNK)
@settings(max_examples=400, deadline=None)
def test_fields_that_do_not_fit_are_refused_or_make_an_explanation(place, junk):
    """Of an enemy's file no more is promised than this, and that it takes little memory."""
    state = with_node(place, junk)
    tracemalloc.start()
    try:
        xk.Attribution.from_dict(state)
    except xk.FormatError:
        pass
    finally:
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert most < 60 * 2**20


def arrays(fields):
    return [place for place in PLACES if isinstance(at(fields, place), dict)
            and at(fields, place).get("__xaikit__") == "array"]


def at(fields, place):
    for key in place:
        fields = fields[key]
    return fields


@pytest.mark.parametrize("part", [
    {"dtype": "<U500000000"}, {"dtype": "|S900000000"}, {"dtype": "<U1"}, {"dtype": "|b1"}, {"dtype": "<i8"},
    {"dtype": "|V400000000"}, {"shape": [-1]}, {"shape": [10**15]}, {"shape": [True]}, {"shape": "12"},
    {"data": None}, {"data": 7}, {"dtype": "<f8,<f8"}], ids=str)
def test_arrays_that_are_not_what_they_say_are_refused(part):
    for place in arrays(STATE["fields"]):
        own = at(STATE["fields"], place)
        if own["dtype"] == part.get("dtype") or not own["data"] or own["dtype"][1] == "M":
            continue
        state = with_node(place, own | part)
        with pytest.raises(xk.FormatError, match="damaged"):
            xk.Attribution.from_dict(state)


def tagged(kind, **parts):
    return {"__xaikit__": kind, **parts}


def frame_of(dtype, cells):
    axis = {"names": [None], "range": [0, len(cells), 1]}
    return tagged("frame", columns=[{"kind": "extension", "dtype": dtype, "data": cells}], axes=[axis, axis])


BOMBS = {
    "many wide texts": [tagged("array", dtype="<U4194304", shape=[1], data=["a"])] * 60,
    "an array of nothing": tagged("array", dtype="<f8", shape=[3 * 10**9, 0], data=[]),
    **{f"{n} levels of a range": tagged("frame", columns=[], axes=[
        {"names": [None] * n, "levels": [{"names": [None], "range": [0, size, 1]}] * n, "codes": [[]] * n},
        {"names": [None], "range": [0, 0, 1]}]) for n, size in ((2, 10**9), (40, 10**6))},
    "a fraction": tagged("fraction", data=["1e99999999"]),
    "a wide dtype": frame_of("S500000000", ["a"]), "a sparse dtype": frame_of("Sparse[int, 0]", ["1"]),
    "a folder of zones": tagged("timestamp", data=tagged("scalar", dtype="<M8[ns]", data=0), zone="Europe", fold=0),
    "the machine's zone": tagged("timestamp", data=tagged("scalar", dtype="<M8[ns]", data=0), zone="tzlocal()", fold=0),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_small_file_takes_little_memory(name):
    state = json.loads(TEXT)
    state["fields"]["settings"]["a"] = BOMBS[name]
    state["sha256"] = checksum(state["fields"])
    tracemalloc.start()
    with pytest.raises(xk.FormatError, match="damaged"):
        xk.Attribution.from_dict(state)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 40 * 2**20


def test_sentences_on_files_are_short(path):
    names = ", ".join(f'"{k}": 0' for k in range(40_000))
    for text in (f'{{{names}, "{"k" * 9000}": 1, "{"k" * 9000}": 2}}', json.dumps({"type": "Q" * 10**6}),
                 json.dumps({"type": "Report"}), json.dumps({"type": "Report", "explanations": 5})):
        with pytest.raises(xk.FormatError) as told:
            loaded(path, text)
        assert len(str(told.value)) < 500 + len(str(path))


# --- other files of ours

@pytest.mark.parametrize("ending", [".csv", ".parquet", ".html"])
def test_other_files_of_an_explanation_name_the_one_to_save(tmp_path, ending):
    if ending == ".parquet":
        pytest.importorskip("pyarrow")
    saved = MADE.save(tmp_path / f"why{ending}")
    with pytest.raises(xk.FormatError, match=rf"why\{ending} is for other programs.*save it as why.json too"):
        xk.load_explanation(saved)


def test_the_record_of_a_report_says_where_its_explanations_are(tmp_path):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 2)), columns=["a", "b"])
    xk.report(lambda X: X["a"], X, path=tmp_path / "r.html", methods=["mean_impact"], verbose=False)
    with pytest.raises(xk.FormatError, match=r"record of a report. Pass one of its \['explanations'\]"):
        xk.load_explanation(tmp_path / "r.json")
    record = json.loads((tmp_path / "r.json").read_text())
    kind, state = next(iter(record["explanations"].items()))
    assert xk.Importance.from_dict(state).feature_names == ("a", "b"), kind


@pytest.mark.parametrize("column", ["cells", "levels"])
@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_compressed_columns_are_refused_before_they_are_unpacked(column, codec):
    pa = pytest.importorskip("pyarrow")
    cells = pa.array(np.zeros(10**7, dtype=np.int64)) if column == "cells" else \
        pa.array(["x" * 10**7]).dictionary_encode()
    batch = pa.record_batch({"cells": cells})

    def stream(compression):
        sink = pa.BufferOutputStream()
        options = pa.ipc.IpcWriteOptions(compression=compression)
        with pa.ipc.new_stream(sink, batch.schema, options=options) as out:
            out.write_batch(batch)
        return base64.b64encode(sink.getvalue()).decode()

    assert len(stream(codec)) < 10**6 < len(stream(None))
    before = pa.total_allocated_bytes()
    with pytest.raises(ValueError, match="an Arrow column is compressed, which xaikit does not write"):
        arrow_column(stream(codec))
    assert pa.total_allocated_bytes() - before < 10**7
    assert len(arrow_column(stream(None))) == len(cells)


def test_a_column_of_arrow_comes_back():
    pa = pytest.importorskip("pyarrow")
    for cells in (pa.array([1, None, 3]), pa.array(["a", "b", "a"]).dictionary_encode(), pa.array([[1], None, [2, 3]])):
        own = pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([cells])))
        pd.testing.assert_series_equal(arrow_column(arrow_text(own)), own)
