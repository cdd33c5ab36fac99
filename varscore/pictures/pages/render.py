"""A page as HTML: one file with its data, its style and its scripts.

It asks for nothing: its Content-Security-Policy lets nothing be fetched, and runs no script
but those that stand in it, named by their digests. Text is text wherever it stands: what a VCF
says is escaped in HTML, and the page's script sets text, never markup. Numbers and names of
figures and tables are JSON, compressed with gzip, in base64, which has no letter that means
anything in HTML.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from varscore.files.atomic import write_bytes
from varscore.pictures.pages.content import Figure, Page, Table
from varscore.version import __version__

_FOLDER = "varscore.pictures.pages"
_SCRIPTS = ("vendor/d3.min.js", "vendor/plot.min.js", "page.js")
_POLICY = (
    "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'"
)


def write_page(path: str | Path, page: Page) -> None:
    """Write a page.

    Parameters
    ----------
    path : str or Path
        What is there is replaced. The same page makes the same bytes.
    page : Page

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    write_bytes(path, to_html(page).encode())


def to_html(page: Page) -> str:
    """Return a page as HTML."""
    figures = [*page.figures, *(figure for card in page.cards for figure in card.figures)]
    scripts = [_read(name) for name in _SCRIPTS]
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            page=page,
            numbers={id(figure): number for number, figure in enumerate(figures)},
            policy=_POLICY.format(scripts=" ".join(map(_digest, scripts))),
            style=_read("page.css"),
            scripts=scripts,
            data=_packed(page.table, figures),
            version=__version__,
        )
    )


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["id"] = id
    return made


@cache
def _read(name: str) -> str:
    return files(_FOLDER).joinpath(name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    """Return a script as a policy names it: by the digest of what stands in the element."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _packed(table: Table | None, figures: list[Figure]) -> str:
    content: dict[str, Any] = {
        "figures": [{"kind": one.kind, "title": one.title, **one.data} for one in figures],
        "table": None,
    }
    if table is not None:
        columns = [
            {
                "name": column.name,
                "head": column.head,
                "kind": column.kind,
                "values": column.values,
                "texts": column.texts,
            }
            for column in table.columns
        ]
        content["table"] = {"columns": columns, "rows": table.rows, "file": table.file}
    text = json.dumps(content, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    # Without a date: the same page is the same file.
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
