"""How Sphinx makes the site: `make docs`. Nothing is fetched, and no page asks for anything."""

import sys
from pathlib import Path
from typing import Any

from varscore.version import __version__

sys.path.insert(0, str(Path(__file__).parent))

from sections import filled

project = "varscore"
copyright = "the authors of varscore"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"varscore {version}"
html_copy_source = False
html_show_sphinx = False
html_show_search_summary = False  # browsers let no page read others from a disk

myst_heading_anchors = 3
myst_links_external_new_tab = False
napoleon_google_docstring = False
napoleon_use_rtype = False
autodoc_typehints = "none"  # docstrings say what each parameter is
autodoc_member_order = "bysource"
highlight_language = "none"


def take_in(app: Any, name: str, text: list[str]) -> None:
    """Put sections of other files into a page; `docs/sections.py` tells how."""
    path = f"{name}.md"
    if (app.srcdir / path).exists():
        text[0] = filled(path)


def setup(app: Any) -> None:
    """Have Sphinx call `take_in` for each page that it reads."""
    app.connect("source-read", take_in)
