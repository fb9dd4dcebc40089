"""Write sections as an HTML page or a Markdown file, by jinja2, with all text escaped."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from xaikit.reporting.document import Section

_FOLDER = Path(__file__).parent / "templates"


@cache
def _environment() -> Environment:
    environment = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True,
                              undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
                              keep_trailing_newline=True)
    environment.filters["md"] = markdown
    environment.filters["svg"] = Markup  # our own drawings, whose text matplotlib escapes
    environment.filters["slug"] = slug
    return environment


def slug(text: str) -> str:
    """Return text as part of an id.

    Examples
    --------
    >>> slug("top-5 overlap")
    'top-5-overlap'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def markdown(text: Any) -> Markup:
    """Return text with everything escaped that Markdown or HTML would interpret.

    Examples
    --------
    >>> str(markdown("a|b <i>"))
    'a&#124;b &lt;i&gt;'
    """
    out = str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    out = out.replace("|", "&#124;").replace("`", "&#96;").replace("\n", " ")
    # An underscore inside a word is plain text; at the edge of a word it would start italics.
    out = re.sub(r"(?<!\w)_|_(?!\w)|[*\[\]\\]", lambda m: "\\" + m.group(), out)
    return Markup(out)


def page(title: str, summary: tuple[str, ...], sections: tuple[Section, ...]) -> str:
    """Return the HTML page."""
    script = (_FOLDER / "table-sort.js").read_text(encoding="utf8").strip()
    style = (_FOLDER / "style.css").read_text(encoding="utf8").strip()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    template = _environment().get_template("report.html.j2")
    return template.render(
        title=title, summary=summary, sections=sections, style=Markup(style),
        script=Markup(script), script_hash=digest)


def document(title: str, summary: tuple[str, ...], sections: tuple[Section, ...]) -> str:
    """Return the Markdown file: all sentences and tables, without figures."""
    return _environment().get_template("report.md.j2").render(
        title=title, summary=summary, sections=sections)
