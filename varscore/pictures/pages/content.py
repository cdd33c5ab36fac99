"""What stands on a page: words, tables and figures, ready to be set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Figure:
    """A figure, drawn where the page is opened.

    Attributes
    ----------
    kind : str
        Which of ``page.js``'s drawers draws it.
    title, caption : str
        The caption says what is to be seen, also to those who do not see it.
    data : dict
        JSON-ready, as the drawer takes it.
    """

    kind: str
    title: str
    caption: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """A column of the page's table.

    Attributes
    ----------
    name : str
        In the table that is downloaded.
    head : str or None
        On the page; None if it is only downloaded.
    kind : {"text", "number"}
    values : sequence
        A value a row, None where there is none. Text that repeats itself stands in `texts`.
    texts : sequence of str, optional
        Where it is given, `values` are places in it.
    """

    name: str
    head: str | None
    kind: Literal["text", "number"]
    values: Sequence[Any]
    texts: Sequence[str] | None = None


@dataclass(frozen=True)
class Table:
    """A table to sort, filter, leaf through and download.

    Attributes
    ----------
    columns : tuple of Column
        Of R rows each.
    note : str
        What the rows are, and of how many.
    file : str
        Name of what is downloaded.
    """

    columns: tuple[Column, ...]
    note: str
    file: str

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.columns[0].values)


@dataclass(frozen=True)
class Effects:
    """A small table: effects on some tracks.

    Attributes
    ----------
    title : str
    heads : tuple of str
    rows : tuple of tuple of str
    numbers : int
        How many of the last columns are numbers.
    """

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: int


@dataclass(frozen=True)
class Card:
    """What is said of one variant.

    Attributes
    ----------
    title : str
    facts : tuple of (str, str)
        What it is, each with its name.
    notes : tuple of str
        What is out of the ordinary.
    effects : tuple of Effects
    figures : tuple of Figure
    links : tuple of (str, str)
        Text and address. Nothing is asked from there unless a reader follows it.
    """

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    effects: tuple[Effects, ...] = ()
    figures: tuple[Figure, ...] = ()
    links: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class OutcomeRow:
    """How many rows have a status: name, meaning in words, number and examples."""

    status: str
    meaning: str
    rows: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes
    ----------
    title : str
    warnings : tuple of str
        They come first.
    story : tuple of str
        How the numbers came about, in sentences.
    command : str or None
        What repeats that.
    outcomes : tuple of OutcomeRow
    table : Table, optional
    figures : tuple of Figure
    cards : tuple of Card
    cards_title : str
    glossary : tuple of (str, str)
        Terms, and what they mean.
    cite : tuple of str
    """

    title: str
    warnings: tuple[str, ...] = ()
    story: tuple[str, ...] = ()
    command: str | None = None
    outcomes: tuple[OutcomeRow, ...] = ()
    table: Table | None = None
    figures: tuple[Figure, ...] = ()
    cards: tuple[Card, ...] = ()
    cards_title: str = "The strongest variants"
    glossary: tuple[tuple[str, str], ...] = ()
    cite: tuple[str, ...] = field(default=())
