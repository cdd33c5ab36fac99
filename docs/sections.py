"""Sections that other files of the project have, taken into the pages of the site.

A line of a page that has nothing but a link to a section of a Markdown file outside this
folder, such as ``[Groups](../README.md#groups)``, is that section on the site: from its heading
to the next one, whatever their levels. Without an anchor it is the whole file. So no sentence
stands twice, and who reads the pages where the project is kept finds the link.

Links in what is taken in lead to where the site has what they point at.
"""

import os
import re
from pathlib import Path, PurePosixPath
from typing import NamedTuple

DOCS = Path(__file__).parent
ROOT = DOCS.parent
ALONE = re.compile(r"^\[[^]]*\]\((\.\./[^)#\s]+\.md)(?:#([\w-]+))?\)$", re.MULTILINE)
LINK = re.compile(r"(?<!!)\[((?:[^]`]|`[^`]*`)+)\]\(([^)#\s]*)(?:#([\w-]+))?\)")


class Section(NamedTuple):
    """A heading and what follows it, up to the next heading."""

    anchor: str
    level: int
    title: str
    text: str


def slug(title: str) -> str:
    """Return a heading's anchor, as GitHub and MyST make it."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


def sections(text: str) -> list[Section]:
    """Cut a Markdown text at its headings; lines of code that begin with # are none."""
    found: list[Section] = []
    fenced = False
    for line in text.splitlines(keepends=True):
        fenced ^= line.startswith("```")
        heading = None if fenced else re.match(r"(#+) (.+)\n", line)
        if heading:
            title = heading[2]
            found.append(Section(slug(title), len(heading[1]), title, ""))
        elif found:
            found[-1] = found[-1]._replace(text=found[-1].text + line)
    return found


def source(link: str) -> str:
    """Return a link's file, from a page's folder, as a path in the project."""
    return os.path.normpath(PurePosixPath("docs", link))


def anchors(text: str) -> list[str | None]:
    """Return what a link may point at in a file: all of it (None), and each heading."""
    return [None, *(section.anchor for section in sections(text))]


def homes() -> dict[tuple[str, str | None], str]:
    """Return the page that has each file, and each section of one: of (path, anchor)."""
    found: dict[tuple[str, str | None], str] = {}
    for page in sorted(DOCS.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        had = [(f"docs/{page.name}", anchor) for anchor in anchors(text)]
        for link, anchor in ALONE.findall(text):
            path = source(link)
            whole = (ROOT / path).read_text(encoding="utf-8")
            had += [(path, x) for x in ([anchor] if anchor else anchors(whole))]
        for path, part in had:
            if (path, part) in found:
                raise ValueError(f"{path}#{part} is on {found[path, part]} and {page.name}")
            found[path, part] = page.name
    return found


def relinked(text: str, path: str, places: dict[tuple[str, str | None], str]) -> str:
    """Return a file's text with its links as the site has them.

    What the site has not, such as a licence, is named and not linked.
    """

    def link(match: re.Match[str]) -> str:
        words, target, anchor = match[1], match[2], match[3]
        if "://" in target:
            return match[0]
        aim = os.path.normpath(PurePosixPath(path).parent / target) if target else path
        if not (ROOT / aim).exists():
            raise ValueError(f"{path}: the link to {target} leads nowhere")
        if (aim, anchor) in places:
            page = places[aim, anchor]
            return f"[{words}]({page}#{anchor})" if anchor else f"[{words}]({page})"
        if anchor:
            raise ValueError(f"{path}: no page has {aim}#{anchor}")
        return words

    return LINK.sub(link, text)


def taken(path: str, anchor: str | None, places: dict[tuple[str, str | None], str]) -> str:
    """Return a section as it stands on a page, or a whole file."""
    text = (ROOT / path).read_text(encoding="utf-8")
    if not anchor:
        return relinked(text, path, places)
    for section in sections(text):
        if section.anchor == anchor:
            heading = "" if section.level == 1 else f"## {section.title}\n"
            return heading + relinked(section.text.rstrip(), path, places)
    raise ValueError(f"{path} has no section {anchor}")


def filled(page: str) -> str:
    """Return a page's text with the sections that its lone links name.

    Parameters
    ----------
    page : str
        Its file's name.

    Raises
    ------
    ValueError
        If a link leads to nothing, or a section is on two pages.
    """
    places = homes()
    text = (DOCS / page).read_text(encoding="utf-8")
    parts, end = [], 0
    for link in ALONE.finditer(text):
        own = relinked(text[end : link.start()], f"docs/{page}", places)
        parts += [own, taken(source(link[1]), link[2], places)]
        end = link.end()
    return "".join([*parts, relinked(text[end:], f"docs/{page}", places)])
