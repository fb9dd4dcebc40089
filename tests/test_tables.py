"""The room at the bottom: what it needs, what it reads and writes, and its numbers."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import xaikit
from xaikit.tables.dtypes import kind_of
from xaikit.tables.files import write_all, write_whole
from xaikit.tables.numeric import float_column, image_array, number_array, numbers_or_ranks
from xaikit.tables.schema import Schema
from xaikit.tables.wording import digits_apart, listed, significant

HERE = Path(xaikit.__file__).parent / "tables"


def files_run(call):
    """Return the files of tables/ that a call executes something of."""
    seen = set()

    def trace(frame, event, _):
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.parent == HERE:
            seen.add(path.name)

    before = sys.getprofile()
    sys.setprofile(trace)
    try:
        call()
    finally:
        sys.setprofile(before)
    return seen


def test_a_frame_that_fits_passes_three_files():
    frame = pd.DataFrame({"a": [1, 2], "c": pd.Categorical(["x", None]), "t": ["u", "v"],
                          "d": pd.to_datetime(["2024-05-01", None])})
    schema = Schema.of(frame)
    assert schema.conform(frame) is frame
    assert files_run(lambda: schema.conform(frame)) == {"schema.py", "containers.py", "dtypes.py"}


@pytest.mark.parametrize("name", ["schema", "conditions", "reading", "files", "numbering", "wording"])
def test_tables_need_no_other_room(name):
    code = f"""
import sys
import xaikit.tables.{name}
import pandas as pd
from xaikit.tables.schema import Schema
frame = pd.DataFrame({{"a": [1, 2], "t": ["u", "v"]}})
Schema.of(frame).conform(frame[["t", "a"]].astype(object))
rooms = {{m.split(".")[1] for m in sys.modules if m.startswith("xaikit.")}}
assert rooms - {{"settings", "errors"}} == {{"tables"}}, rooms
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=HERE.parents[1])


# --- files

@pytest.mark.parametrize("content", ["äöü\n", b"\x00\xff"])
def test_files_are_written_whole(tmp_path, content):
    path = tmp_path / "file"
    write_whole(path, content)
    assert path.read_bytes() == (content if isinstance(content, bytes) else content.encode("utf8"))
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_followed_and_permissions_stay(tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("old")
    real.chmod(0o600)
    link.symlink_to(real)
    write_whole(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert real.stat().st_mode & 0o777 == 0o600


def test_new_files_have_the_permissions_of_any_new_file(tmp_path):
    (tmp_path / "plain").write_text("")
    write_whole(tmp_path / "whole", "")
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_what_replaces_a_secret_is_secret_from_the_first_byte(tmp_path, monkeypatch):
    path, seen, sync = tmp_path / "e.json", [], os.fsync
    path.write_text("old")
    path.chmod(0o600)
    monkeypatch.setattr(os, "fsync", lambda number: seen.append(os.fstat(number).st_mode & 0o777) or sync(number))
    write_whole(path, "new")
    assert seen == [0o600]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_written_into_and_stays(tmp_path):
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    with ThreadPoolExecutor(1) as other:
        read = other.submit(pipe.read_text)
        write_all({tmp_path / "file": "a", link: "new"})
        assert read.result(timeout=60) == "new"
    assert pipe.is_fifo()
    assert (tmp_path / "file").read_text() == "a"


def test_a_path_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match="folder'"):
        write_whole(tmp_path / "folder", "")
    with pytest.raises(FileNotFoundError, match="missing'"):
        write_whole(tmp_path / "missing" / "file", "")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_a_file_that_may_not_be_written_is_not_replaced(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o400)
    if os.access(path, os.W_OK):  # root may
        monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PermissionError, match="file'"):
        write_whole(path, "new")
    assert path.read_text() == "old"


@pytest.mark.parametrize("ending", ["json", "csv", "parquet", "html"])
def test_a_save_that_fails_leaves_the_old_file(tmp_path, monkeypatch, ending):
    if ending == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")

    def fail(*_):
        raise OSError("disk full")

    path = tmp_path / f"e.{ending}"
    path.write_text("old")
    made = xaikit.Importance(method="m", feature_names=("a",), output_names=("y",), values=np.ones((1, 1)))
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        made.save(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


# --- numbers

@pytest.mark.parametrize(("column", "numbers", "ranks"), [
    (pd.Series([3, None], dtype="Int64"), [3, np.nan], [3, np.nan]),
    (pd.Series([True, False]), [1, 0], [1, 0]),
    (pd.Series(pd.to_datetime(["1970-01-02", None, "1970-01-01"])).astype("M8[s]"),
     [86400, np.nan, 0], [1, np.nan, 0]),
    (pd.Series(pd.to_timedelta(["10D", "2D", None])).astype("m8[s]"), [864000, 172800, np.nan], [1, 0, np.nan]),
    (pd.Series(pd.Categorical(["a", None, "b"], categories=["b", "a"])), None, [1, np.nan, 0]),
    (pd.Series(["b", None, "a"]), None, [1, np.nan, 0]),
])
def test_columns_as_numbers_and_as_ranks(column, numbers, ranks):
    if numbers is not None:
        np.testing.assert_array_equal(float_column(column), numbers)
    np.testing.assert_array_equal(numbers_or_ranks(column), ranks)


def test_what_is_no_array_of_numbers():
    with pytest.raises(TypeError, match=r"a model takes numbers, but these columns hold none: t"):
        number_array(pd.DataFrame({"t": ["a"]}), "a model")
    with pytest.raises(TypeError, match="got an array of <U1"):
        number_array(np.array([["a"]]), "a model")
    with pytest.raises(TypeError, match="whole numbers or floats"):
        image_array(np.array([[1j]]))
    with pytest.raises(ValueError, match="of one shape"):
        image_array([np.zeros((2, 2)), np.zeros((3, 3))])


@pytest.mark.parametrize("dtype", ["date32[pyarrow]", "date64[pyarrow]"])
def test_dates_of_arrow_are_levels_to_all(dtype):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from xaikit.plots.columns import axis_numbers, axis_unit

    column = pd.Series([pd.Timestamp("2024-05-01").date(), None]).astype(dtype)
    assert kind_of(column.dtype) == "text"
    assert axis_unit(column) == ""
    assert axis_numbers(column) is None


# --- words

def test_numbers_in_sentences():
    assert [significant(v, 4) for v in (28.0, 1e-9, 123456.7, 2e20, -0.0)] == \
        ["28", "1e-09", "123457", "2e+20", "0"]
    assert digits_apart([1.0, np.nextafter(1.0, 2.0)]) == 17
    assert digits_apart([0.1, 0.1]) == 4
    assert listed(["a"]) == "a"
    assert listed([]) == ""
