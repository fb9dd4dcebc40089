"""Tests of the text plot: what was drawn, and what the HTML says."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from xaikit.explanations.attribution import Attribution
from xaikit.explanations.text import TextAttribution
from xaikit.plots.style import BLUE, VERMILION
from xaikit.plots.text_plot import text_highlight
from xaikit.sampling.text import TextMasker

pytestmark = pytest.mark.filterwarnings("error")

GOOD = "A good, dull film."


def make(texts=GOOD, values=((0.0, 2.0, -1.0, 0.5),), split="word", **changes):
    """Make an explanation from texts and lists of their units' values, of one output."""
    texts = [texts] if isinstance(texts, str) else texts
    spans = [TextMasker(split).spans(text) for text in texts]
    most = max(own[:, 0].max() for own in spans) + 1
    padded = np.full((len(texts), most, 1), np.nan)
    for row, own in zip(padded, values, strict=True):
        row[: len(own), 0] = own
    fields = {
        "method": "exact", "texts": texts, "spans": spans, "values": padded,
        "base_values": np.full((len(texts), 1), 0.25), "predictions": np.full((len(texts), 1), 1.75),
        "output_names": ("positive",), "standard_errors": np.where(np.isnan(padded), np.nan, 0.0),
    }
    return TextAttribution(**{**fields, **changes})


def drawn(ax):
    """Give the text on every line, from the top."""
    lines = {}
    for text in ax.texts[:-1]:
        lines.setdefault(-text.get_position()[1], []).append((text.get_position()[0], text.get_text()))
    return ["".join(word for _, word in sorted(words)).rstrip() for _, words in sorted(lines.items())]


def notes(ax):
    return ax.texts[-1].get_text()


def boxes(ax):
    """Give left, width, colour and strength of every box."""
    return [(box.get_x(), box.get_width(), to_hex(box.get_facecolor()).upper(), box.get_alpha())
            for box in ax.get_children() if isinstance(box, Rectangle) and box is not ax.patch]


def underlines(ax):
    return [(to_hex(line.get_color()).upper(), line.get_linestyle())
            for line in ax.get_children() if isinstance(line, Line2D)]


class Spans(HTMLParser):
    """Reads the units of a page: text, title and style; and checks that tags close."""

    def __init__(self, html):
        super().__init__()
        self.units, self.open, self.text = [], [], ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        if tag == "br":
            return
        self.open.append(tag)
        if tag == "span":
            self.units.append(["", dict(attrs).get("title"), dict(attrs).get("style", "")])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "p" in self.open:
            self.text += data
        if self.open[-1] == "span":
            self.units[-1][0] += data


# Axes --------------------------------------------------------------------------------------------


def test_words_stand_in_coloured_boxes():
    ax = text_highlight(make())
    assert drawn(ax) == [GOOD]
    strong, weak, weaker = boxes(ax)
    assert [box[2] for box in (strong, weak, weaker)] == [VERMILION, BLUE, VERMILION]
    assert strong[3] > weak[3] > weaker[3] > 0
    assert underlines(ax) == [(VERMILION, "-"), (BLUE, "--"), (VERMILION, "-")]
    # Boxes are behind their words, as wide as these.
    lefts = {text.get_text(): text.get_position()[0] for text in ax.texts[:-1]}
    assert (strong[0], weak[0]) == (lefts["good"], lefts["dull"])
    renderer = ax.figure.canvas.get_renderer()
    (word,) = [text for text in ax.texts if text.get_text() == "good"]
    wide = word.get_window_extent(renderer).width * 72 / ax.figure.dpi
    assert strong[1] == pytest.approx(wide, rel=0.1)


def test_the_caption_says_whether_to_believe_it():
    ax = text_highlight(make())
    assert ax.get_title(loc="left") == "text 0 · positive"
    assert "prediction 1.75 · base value 0.25 · fidelity: not measured" in notes(ax)
    assert "strongest colour: ±2 · solid line: raises the output; dashed: lowers it" in notes(ax)
    assert "no line" not in notes(ax)
    assert "fidelity: R² = 0.90" in notes(text_highlight(make(fidelity=[[0.9]])))


def test_values_that_could_be_0_have_no_line():
    errors = np.array([0.0, 0.5, 1.0, np.nan]).reshape(1, 4, 1)
    e = make(standard_errors=errors)
    ax = text_highlight(e)
    assert len(boxes(ax)) == 3
    assert underlines(ax) == [(VERMILION, "-"), (VERMILION, "-")]
    assert "no line: the 95 % interval holds 0" in notes(ax)
    styles = {text: style for text, _, style in Spans(text_highlight(e, as_html=True)).units}
    assert "solid transparent" in styles["dull"]


def test_rounding_is_not_highlighted():
    ax = text_highlight(make(values=[[1e-17, 2.0, np.nan, -0.5]]))
    assert len(boxes(ax)) == 2
    ax = text_highlight(make(values=[[0.0, 0.0, 0.0, 0.0]]))
    assert boxes(ax) == []
    assert "strongest colour: ±0" in notes(ax)


def test_max_display():
    e = make()
    ax = text_highlight(e, max_display=1)
    assert [box[2] for box in boxes(ax)] == [VERMILION]
    assert "2 smaller units not highlighted" in notes(ax)
    assert "not highlighted" not in notes(text_highlight(e, max_display=3))
    html = text_highlight(e, max_display=1, as_html=True)
    assert "2 smaller units not highlighted" in html
    assert [bool(style) for _, _, style in Spans(html).units] == [False, True, False, False]


def test_rows_and_outputs_are_chosen():
    e = make(["bad film", GOOD], [[-1.0, 0.0], [0.0, 2.0, -1.0, 0.5]], row_names=("x", "y"))
    assert drawn(text_highlight(e)) == ["bad film"]
    ax = text_highlight(e, row="y")
    assert drawn(ax) == [GOOD]
    assert ax.get_title(loc="left") == "text y · positive"
    assert drawn(text_highlight(e, row=-1, output="positive")) == [GOOD]
    two = make(values=[[0.0, 2.0, -1.0, 0.5]])
    two = TextAttribution(
        method="exact", texts=two.texts, spans=two.spans,
        values=np.concatenate([two.values, -two.values], axis=2), base_values=[[0.0, 1.0]],
        predictions=[[1.0, 0.0]], output_names=("no", "yes"))
    assert boxes(text_highlight(two))[0][2] == BLUE
    assert boxes(text_highlight(two, output=0))[0][2] == VERMILION


def long(n_words, sentence=False):
    words = [f"word{i}" for i in range(n_words)]
    return make(" ".join(words), [np.linspace(-1, 1, n_words)])


def test_lines_wrap_at_the_width():
    e = long(60)
    ax = text_highlight(e)
    lines = drawn(ax)
    assert len(lines) > 2
    assert " ".join(lines) == e.texts[0]
    ax.figure.canvas.draw()
    right = ax.get_window_extent().x1
    for text in ax.texts:
        assert text.get_window_extent().x1 <= right + 2
    # The next word would not have had room.
    assert all(len(line) > 60 for line in lines[:-1])


def test_long_texts_are_cut_and_say_so():
    e = long(3000)
    ax = text_highlight(e)
    n = len(" ".join(drawn(ax)).split())
    assert len(drawn(ax)) == 40
    assert f"{3000 - n:,} more words not shown" in notes(ax)
    assert "not shown" not in notes(text_highlight(long(60)))


def test_an_axes_of_one_s_own():
    fig, axes = plt.subplots(1, 2, figsize=(9, 2))
    e = long(100)
    assert text_highlight(e, ax=axes[1]) is axes[1]
    lines = drawn(axes[1])
    n = len(" ".join(lines).split())
    assert f"{100 - n} more words not shown" in notes(axes[1])
    fig.canvas.draw()
    room = axes[1].get_window_extent()
    for text in axes[1].texts:
        box = text.get_window_extent()
        assert box.x0 >= room.x0 - 2
        assert box.x1 <= room.x1 + 2
        assert box.y0 >= room.y0 - 2


def test_the_room_is_measured_after_the_layout():
    figure = plt.figure(figsize=(6, 3), layout="constrained")
    ax = text_highlight(long(100), ax=figure.add_subplot())
    figure.canvas.draw()
    room = ax.get_window_extent()
    assert room.width > 0.95 * figure.bbox.width
    assert max(text.get_window_extent().x1 for text in ax.texts) > room.x0 + 0.85 * room.width


def test_a_tiny_axes_still_shows_a_line():
    ax = plt.subplots(figsize=(2, 1))[1]
    assert len(drawn(text_highlight(long(20), ax=ax))) == 1


def test_other_backends_and_layouts():
    for layout in (None, "constrained", "tight"):
        figure = Figure(figsize=(6, 3), layout=layout)
        text_highlight(make(), ax=figure.add_subplot())
        out = io.StringIO()
        figure.savefig(out, format="svg")
        assert "}svg" in ElementTree.fromstring(out.getvalue()).tag


def test_line_breaks():
    assert drawn(text_highlight(make("one\r\n\r\ntwo\nthree", [[1.0, 2.0, 3.0]]))) == ["one", "two", "three"]
    assert drawn(text_highlight(make("one \u2028 two", [[1.0, 2.0]]))) == ["one", "two"]


def test_a_sentence_s_box_has_no_gaps():
    ax = text_highlight(make("It is good. So dull.", [[1.0, -1.0]], split="sentence"))
    found = [box for box in boxes(ax) if box[2] == VERMILION]
    assert len(found) == 3
    for (left, width, *_), (after, *_) in pairwise(found):
        assert left + width <= after + 4  # points: the width of a space
    assert len([box for box in boxes(ax) if box[2] == BLUE]) == 2


@pytest.mark.parametrize("n", [200, 5000])
def test_very_long_words_are_cut(n):
    e = make("x" * n + " end", [[1.0, -1.0]])
    ax = text_highlight(e)
    lines = drawn(ax)
    if n == 200:
        assert "".join(lines) == e.texts[0]
    else:
        assert len(lines) == 40
        assert "2 more words not shown" in notes(ax)
    ax.figure.canvas.draw()
    assert max(text.get_window_extent().x1 for text in ax.texts) <= ax.get_window_extent().x1 + 2


def test_signs_that_mean_something_to_matplotlib():
    text = r"$5 \alpha_1^2 $ & <b> % {x}"
    e = make(text, [np.ones(len(TextMasker().spans(text)))], output_names=("$y$",))
    ax = text_highlight(e)
    assert drawn(ax) == [text]
    assert ax.get_title(loc="left") == r"text 0 · \$y\$"


def test_two_dollars_are_no_formula():
    ax = text_highlight(make("a $^$ b", [[1.0, 1.0]]))
    ax.figure.canvas.draw()  # as a formula it could not be read
    assert len(drawn(ax)) == 1


def test_control_characters_are_replaced_and_joiners_left_out():
    ax = text_highlight(make("a\x00b co\u00adop", [[1.0, 1.0, 1.0]]))
    assert drawn(ax) == ["a\ufffdb coop"]
    out = io.StringIO()
    ax.figure.savefig(out, format="svg")
    ElementTree.fromstring(out.getvalue())


# HTML --------------------------------------------------------------------------------------------


def test_html_holds_the_text_and_the_numbers():
    html = text_highlight(make(standard_errors=np.full((1, 4, 1), 0.125)), as_html=True)
    page = Spans(html)
    assert page.text == GOOD
    assert [(text, title) for text, title, _ in page.units] == [
        ("A", "0 ± 0.125"), ("good", "+2 ± 0.125"), ("dull", "−1 ± 0.125"), ("film", "+0.5 ± 0.125")]
    assert "<strong>text 0 · positive</strong>" in html
    assert "prediction 1.75 · base value 0.25 · fidelity: not measured" in html
    assert "<script" not in html


def test_html_shows_sign_by_line_and_size_by_strength():
    styles = [style for *_, style in Spans(text_highlight(make(), as_html=True)).units]
    assert styles[0] == ""
    assert "rgba(213,94,0,0.55)" in styles[1]
    assert f"solid {VERMILION}" in styles[1]
    assert "rgba(0,114,178," in styles[2]
    assert f"dashed {BLUE}" in styles[2]
    strength = [float(re.search(r",([\d.]+)\)", style)[1]) for style in styles[1:]]
    assert strength[0] > strength[1] > strength[2]
    # The page's own ink is used: dark on light, light on dark.
    assert not any(re.search(r"(^|;)color:", style) for style in styles)


def test_html_without_errors_or_values():
    e = make(values=[[np.nan, 2.0, -1.0, 0.5]], standard_errors=np.full((1, 4, 1), np.nan))
    assert [title for _, title, _ in Spans(text_highlight(e, as_html=True)).units] == \
        ["n/a", "+2", "−1", "+0.5"]


def test_html_is_escaped():
    text = '<script>alert("1")</script> & \'x\''
    n = len(TextMasker().spans(text))
    html = text_highlight(make(text, [np.ones(n)], output_names=("<i>$",), row_names=('"><b>',)),
                          as_html=True)
    assert "<script" not in html
    assert "<i>" not in html
    assert "<b>" not in html
    assert "&lt;i&gt;$" in html
    assert Spans(html).text == text


def test_html_of_signs_that_no_page_can_hold():
    html = text_highlight(make("a\x00b \ud800c\n\td", [[1.0] * 4]), as_html=True)
    assert Spans(html).text == "a\ufffdb \ufffdc\n\td"
    html.encode("utf8")


def test_html_of_long_texts_and_emoji_is_whole():
    e = long(3000)
    assert Spans(text_highlight(e, as_html=True)).text == e.texts[0]
    e = make("👨‍👩‍👧 ok", [[1.0, -1.0]])
    assert Spans(text_highlight(e, as_html=True)).units[0][0] == "👨‍👩‍👧"


def test_pieces_of_one_unit_look_alike():
    text = "so, so good"
    e = TextAttribution(method="exact", texts=[text], spans=[TextMasker(by_word=True).spans(text)],
                        values=[[[1.0], [-2.0]]], base_values=[[0.0]], predictions=[[-1.0]],
                        output_names=("o",))
    first, second, _ = Spans(text_highlight(e, as_html=True)).units
    assert first == second
    assert len(boxes(text_highlight(e))) == 3


# Bad input ---------------------------------------------------------------------------------------


def test_what_cannot_be_shown():
    table = Attribution(method="exact", feature_names=("a",), output_names=("o",), values=[[[1.0]]],
                        base_values=[[0.0]], predictions=[[1.0]])
    with pytest.raises(TypeError, match="needs a TextAttribution, got Attribution; pass what an explainer"):
        text_highlight(table)
    e = make()
    with pytest.raises(ValueError, match="nothing to draw"):
        text_highlight(e[:0])
    with pytest.raises(IndexError, match="row 1 is out of range"):
        text_highlight(e, row=1)
    with pytest.raises(TypeError, match="row must be one position or name"):
        text_highlight(e, row=[0, 0])
    with pytest.raises(KeyError, match="no output named 'x'"):
        text_highlight(e, output="x")
    with pytest.raises(TypeError, match="ax must be a matplotlib Axes, got Figure"):
        text_highlight(e, ax=plt.figure())
    with pytest.raises(ValueError, match="HTML is not drawn on an Axes"):
        text_highlight(e, ax=plt.subplots()[1], as_html=True)
