"""Plots as inline SVG: reproducible, with a text alternative, for light and dark pages."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from html import escape
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from xaikit.plots.style import INK, MUTED, axes_for

WIDTH = 7.0  # inches
_VARIABLES = {INK: "var(--ink)", MUTED: "var(--muted)"}


def draw(name: str, alt: str, height: float, plot: Callable[[Axes], Any]) -> str:
    """Draw with `plot(ax)` and return the SVG.

    Parameters
    ----------
    name : str
        Unique in the report; a prefix of all ids in the drawing.
    alt : str
        Description of the drawing for readers who cannot see it.
    height : float
        In inches.
    plot : callable
        Draws on the Axes that it gets.
    """
    canvas = Canvas(figsize=(WIDTH, height), layout="constrained")
    settings: Any = {"svg.fonttype": "none", "svg.hashsalt": name}
    with matplotlib.rc_context(settings):
        plot(axes_for(canvas.add_subplot(), height))
        out = io.StringIO()
        nothing: Any = dict.fromkeys(["Date", "Creator", "Format", "Type"])
        canvas.savefig(out, format="svg", transparent=True, metadata=nothing)
    return _inline(out.getvalue(), name, alt)


def _inline(svg: str, name: str, alt: str) -> str:
    """Return matplotlib's file as an element of a page."""
    body = svg[svg.index("<svg"):].strip()
    box = re.findall(r'viewBox="([^"]+)"', body)[0]
    body = body[body.index(">") + 1:]
    # The style element would apply to the whole page, and metadata contains only web addresses.
    body = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>|<!--.*?-->", "", body,
                  flags=re.DOTALL)
    prefix = re.sub(r"[^a-z0-9]+", "-", name.lower())
    # Only tags change; the text between them is the user's.
    body = re.sub(r"<[^>]*>", lambda tag: _own_tag(tag.group(), prefix), body)
    body = re.sub(r">\s*\n\s*<", "><", body)
    return (f'<svg role="img" aria-label="{escape(alt)}" viewBox="{box}" '
            f'style="stroke-linejoin:round;stroke-linecap:butt">{body}')


def _own_tag(tag: str, prefix: str) -> str:
    """Return a tag with the drawing's own ids, and with the page's font and colours."""
    tag = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', tag)
    tag = re.sub(r'xlink:href="#([^"]+)"', rf'href="#{prefix}-\1"', tag)
    tag = tag.replace("xlink:href=", "href=")
    tag = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", tag)
    tag = re.sub(r"font-family: [^;\"]*", "font-family: sans-serif", tag)
    tag = re.sub(r"(font: [^;\"]*?px) [^;\"]*", r"\1 sans-serif", tag)
    for colour, variable in _VARIABLES.items():
        tag = tag.replace(colour, variable)
    return tag
