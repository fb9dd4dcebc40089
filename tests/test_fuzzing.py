"""Random attacks on the command and the report: a result that holds, or one sentence. Never a traceback."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import warnings
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from report_cases import undrawn

import xaikit as xk
from xaikit.cli.command import main

MODULE = """
import numpy as np

def tolerant(X):
    numbers = X.apply(lambda column: __import__("pandas").to_numeric(column, errors="coerce")).fillna(0.0)
    return np.tanh(numbers.to_numpy(dtype=float)).sum(axis=1)
"""
TABLE = b"a,b,city\n1.5,2,Ulm\n-3,4,Bonn\n,6,Ulm\n5,8,\n7,10,Ulm\n9,1,Bonn\n"
JUNK = st.one_of(st.text("0123456789abü-. ", max_size=4).map(str.encode), st.binary(max_size=6), st.sampled_from([
    b'"', b",", b"\n", b"\r", b"\0", b";", b"\t", b"\xef\xbb\xbf", b"\xff\xfe", b"\xe4", b"NA", b"1e999", b"007", b"=1+1", b"1,5"]))
OPTIONS = st.lists(st.sampled_from([
    ["--limit", "2"], ["--limit", "3"], ["--seed", "7"], ["--limit", "0"], ["--budget", "30"], ["--budget", "1"], ["--method", "lime"], ["--method", "occlusion"],
    ["--drop", "city"], ["--drop", "nothing"], ["--groups", "g=a,b"], ["--groups", "g=a,x"], ["--outputs", "output"],
    ["--outputs", "none"], ["--encoding", "latin-1"], ["--encoding", "utf-16"], ["--delimiter", ";"], ["--decimal", ","],
    ["--link", "logit"], ["--tol", "0.1"], ["--seed", "-1"], ["--na-values", "Ulm"], ["--output", "why.json"], ["--output", "t.csv"],
    ["--output", "no/where.csv"], ["--text-columns", "a"]]), max_size=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("attacked")
    (place / "attacked.py").write_text(MODULE)
    with contextlib.chdir(place), pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(place))
        yield place


def ran(argv):
    """Return the status of a command, what it wrote and what it said."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(argv)
        except SystemExit as left:  # of argparse
            status = left.code
    return status, out.getvalue(), err.getvalue()


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_command_on_a_damaged_table_ends_well_or_says_why(data, folder):
    content = TABLE
    for _ in range(data.draw(st.integers(0, 2))):
        at, cut = data.draw(st.integers(0, len(content))), data.draw(st.integers(0, 5))
        content = content[:at] + data.draw(JUNK) + content[at + cut:]
    (folder / "t.csv").write_bytes(content)
    (folder / "b.csv").write_bytes(TABLE)
    options = [word for pair in data.draw(OPTIONS) for word in pair]
    status, out, err = ran(["explain", "--model", "attacked:tolerant", "--data", "t.csv", "--background", "b.csv", *options])
    said = err.splitlines()
    assert status in (0, 1, 2), err
    assert "Traceback" not in err
    assert not list(folder.glob(".xaikit-*"))
    assert (folder / "t.csv").read_bytes() == content
    if status == 0 and "--output" not in options:
        got = pd.read_csv(io.StringIO(out), keep_default_na=False, na_values=[""])
        assert np.isfinite(got["value"].astype(float)).all()
    elif status == 0:
        assert len(xk.load_explanation(folder / "why.json"))
    else:
        assert out == ""
        assert said[-1].startswith(("xaikit", "xaikit explain: error: "))


NAMES = st.one_of(st.text(max_size=12), st.sampled_from([
    "<script>alert(1)</script>", "a\"b'c&", "\u202eabc", "\x1b[31m", "x" * 3000, "", " ", "=1+1", "$x_{1}$", "%s {0}", "\u0000"]))
CELLS = {
    "floats": lambda n: st.lists(st.floats(-1e6, 1e6), min_size=n, max_size=n),
    "texts": lambda n: st.lists(NAMES, min_size=n, max_size=n),
    "levels": lambda n: st.lists(st.sampled_from(["<b>", "b", None, "b "]), min_size=n, max_size=n).map(pd.Categorical),
    "gaps": lambda n: st.lists(st.sampled_from([1.0, np.nan, -2.5]), min_size=n, max_size=n),
    "truth": lambda n: st.lists(st.booleans(), min_size=n, max_size=n),
    "days": lambda n: st.lists(st.dates(min_value=pd.Timestamp("1990-01-01").date()), min_size=n, max_size=n).map(pd.to_datetime),
}


class Page(HTMLParser):
    """Collects the tags of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, sorted(name for name, _ in attrs)))


@given(data=st.data())
@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_a_report_of_hostile_names_and_cells_is_a_page_or_a_sentence(data):
    n = data.draw(st.integers(3, 8))
    names = data.draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    columns = [data.draw(CELLS[data.draw(st.sampled_from(sorted(CELLS)))](n)) for _ in names]
    X = pd.DataFrame(dict(enumerate(columns))).set_axis(names, axis=1)
    y = data.draw(st.sampled_from([None, [i % 2 for i in range(n)], [f"<i>{i % 2}" for i in range(n)], list(range(n))]))
    title = data.draw(NAMES)

    def model(Z):
        return np.array([len(str(tuple(row))) % 7 / 7.0 for row in Z.itertuples(index=False)])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            r = undrawn(model, X, y, methods=["mean_impact", "permutation"][:1 + (y is not None)], title=title)
        except (xk.XaikitError, ValueError, TypeError):  # a sentence, as a person could make sense of
            return
    page = Page(r.to_html())
    own = Page(undrawn(lambda Z: Z[:, 0], np.eye(3), methods=["mean_impact"]).to_html())
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in own.tags} | {"svg", "ul", "li", "p", "em", "strong", "details", "summary"}
    assert [tag for tag, _ in page.tags].count("script") == [tag for tag, _ in own.tags].count("script")
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    json.dumps(r.to_dict(), allow_nan=False)


WRITER = """
import sys
import numpy as np
from xaikit import Attribution
values = np.full((500, 20, 1), float(sys.argv[2]))
e = Attribution(method="exact", feature_names=[f"f{j}" for j in range(20)], output_names=["y"], values=values,
                base_values=np.zeros((500, 1)), predictions=values.sum(axis=1))
for _ in range(40):
    e.save(sys.argv[1])
"""


def test_two_processes_that_save_to_one_path_leave_whole_files(tmp_path):
    path = tmp_path / "e.json"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(k)]) for k in (1, 2)]
    seen = set()
    try:
        while any(writer.poll() is None for writer in writers):
            if path.exists():
                seen |= set(xk.load_explanation(path).values.ravel())
    finally:
        for writer in writers:
            writer.wait(timeout=120)
    assert [writer.returncode for writer in writers] == [0, 0]
    assert seen <= {1.0, 2.0}
    assert [p.name for p in tmp_path.iterdir()] == ["e.json"]
