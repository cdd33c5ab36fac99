"""Whatever users give as alleles: files, streams, variants in words, data frames."""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Protocol, cast

from varscore.errors import VcfError
from varscore.inputs.bcf import read_bcf, read_bcf_header
from varscore.inputs.forms import EXPECTED, recognise
from varscore.inputs.streams import STANDARD_INPUT, is_stream, kept, stream_name
from varscore.inputs.tables import (
    FORM,
    DataFrame,
    parse_variant,
    read_frame,
    read_list,
    read_table,
)
from varscore.inputs.vcf import (
    SUBSTITUTIONS,
    Record,
    VcfHeader,
    classify,
    read_header,
    read_vcf,
)
from varscore.options import DEFAULT_MAX_ALLELE_LENGTH
from varscore.variant import Allele, Status

Given = str | Path | DataFrame | Sequence[str | Path]
"""A file, `-` for standard input, a variant such as chr1:12345:A:G, or several; a table."""

_URL = re.compile(r"[a-z][a-z0-9+]*:/{1,2}[^/]", re.IGNORECASE)


class Input(Protocol):
    """One thing that has alleles."""

    @property
    def name(self) -> str:
        """What it is called in messages."""

    def check(self) -> None:
        """Refuse what can be told to be no such thing before its alleles are read."""

    def header(self) -> VcfHeader:
        """Return what its header says, if it has one."""

    def records(self) -> Generator[Record, None, None]:
        """Read it from its beginning to its end."""


@dataclass(frozen=True)
class File:
    """A file, in whichever form.

    Attributes
    ----------
    name : str
        As it was given.
    path : Path
        Where it can be read.
    """

    name: str
    path: Path

    def check(self) -> None:
        """Refuse what can be told to be no such thing before its alleles are read."""
        form = recognise(self.path, self.name)
        if form.kind == "vcf":
            next(read_vcf(self.path, self.name), None)
        elif form.kind == "bcf":
            read_bcf_header(self.path, self.name)

    def header(self) -> VcfHeader:
        """Return what its header says, if it has one."""
        form = recognise(self.path, self.name)
        if form.kind == "bcf":
            return read_bcf_header(self.path, self.name)
        return read_header(self.path, self.name) if form.kind == "vcf" else VcfHeader()

    def records(self) -> Generator[Record, None, None]:
        """Read it from its beginning to its end."""
        form = recognise(self.path, self.name)
        if form.layout is not None:
            return read_table(self.path, self.name, form.layout)
        read = {"vcf": read_vcf, "bcf": read_bcf, "list": read_list}[form.kind]
        return read(self.path, self.name)


@dataclass(frozen=True)
class Words:
    """Variants that were given as such.

    Attributes
    ----------
    variants : tuple of Record
    """

    variants: tuple[Record, ...]

    @property
    def name(self) -> str:
        """The first of them, and how many more there are."""
        chrom, pos, _, ref, alt = self.variants[0]
        more = len(self.variants) - 1
        return f"{chrom}:{pos}:{ref}:{alt}" + (f" and {more} more" if more else "")

    def check(self) -> None:
        """Do nothing: they were read."""

    def header(self) -> VcfHeader:
        """Return an empty one."""
        return VcfHeader()

    def records(self) -> Generator[Record, None, None]:
        """Yield them."""
        yield from self.variants


@dataclass(frozen=True)
class Frame:
    """A data frame.

    Attributes
    ----------
    frame : DataFrame
    name : str
    """

    frame: DataFrame
    name: str = "data frame"

    def check(self) -> None:
        """Read the first row."""
        next(self.records(), None)

    def header(self) -> VcfHeader:
        """Return an empty one."""
        return VcfHeader()

    def records(self) -> Generator[Record, None, None]:
        """Read it from its beginning to its end."""
        return read_frame(self.frame, self.name)


def read_alleles(
    inputs: Iterable[Input], *, max_allele_length: int = DEFAULT_MAX_ALLELE_LENGTH
) -> Generator[Allele, None, None]:
    """Read the alleles of some inputs one by one, one input after the other.

    Memory does not depend on their length. A file is closed at its end, or with the generator.

    Parameters
    ----------
    inputs : iterable of Input
    max_allele_length : int
        As in `varscore.inputs.vcf.classify`.

    Yields
    ------
    Allele
        One for every (record, ALT), one for a record without ALT. `record` counts on from one
        input to the next. Its status is what `classify` says;
        `varscore.inputs.normalise.locate` completes it.

    Raises
    ------
    VcfError
        If an input is not whole, or something in it cannot be read. The alleles before the
        damage have been yielded by then, except where a bgzipped file was cut: that is seen
        before the first.
    """
    numbers = count()
    new = tuple.__new__  # a named tuple's own takes a tenth of the time of all that is here
    scored, unknown = Status.SCORED, (None, None, None)  # variant, reason, gene
    for one in inputs:
        with closing(one.records()) as records:
            for record, number in zip(records, numbers, strict=False):
                chrom, pos, identifier, ref, alts = record
                if ref + alts in SUBSTITUTIONS:  # most are
                    row = (chrom, pos, identifier, ref, alts, number, 1, scored, *unknown)
                    yield new(Allele, row)
                    continue
                for allele, alt in enumerate(alts.split(","), 1):
                    status = classify(ref, alt, max_allele_length)
                    alt = alt or "."
                    yield Allele(chrom, pos, identifier, ref, alt, number, allele, status)


@contextmanager
def opened(given: Given, folder: Path | None = None) -> Iterator[list[Input]]:
    """Make of what a user gave inputs that can be read again and again.

    Parameters
    ----------
    given : Given
    folder : Path, optional
        Where there is room for what comes from a stream; default: the folder for temporary
        files.

    Yields
    ------
    list of Input

    Raises
    ------
    VcfError
        If a file is not there, or a word is no variant.
    OutputError
        If a stream cannot be kept.
    """
    with ExitStack() as stack:
        inputs = _inputs(given)
        for place, one in enumerate(inputs):
            if isinstance(one, File) and is_stream(one.path):
                path = stack.enter_context(kept(one.path, folder))
                inputs[place] = File(stream_name(one.path), path)
        yield inputs


def check_given(given: Given) -> None:
    """Refuse at once what cannot be read; streams are left alone.

    Raises
    ------
    VcfError
        If a file is not there, is not whole as far as its end tells, or is in no form that
        holds alleles; if a word is no variant.
    """
    for one in _inputs(given):
        if not (isinstance(one, File) and is_stream(one.path)):
            one.check()


def check_one(variant: str) -> None:
    """Refuse what is not one variant in words.

    Raises
    ------
    VcfError
        If it is a file, or the name of a record.
    """
    if os.path.lexists(variant):
        raise VcfError(
            f"{variant}: is a file, expected a variant such as chr1:12345:A:G; to explain one "
            "of its records give --vcf and the ID that it has there"
        )
    if parse_variant(variant) is None:
        raise VcfError(
            f"{variant}: is no variant such as {FORM}; if it is the ID of a record, give its "
            "file, too (--vcf)"
        )


def _inputs(given: Given) -> list[Input]:
    """Return inputs; streams among them are not kept yet."""
    if not isinstance(given, str | Path | Sequence) and hasattr(given, "columns"):
        return [Frame(given)]
    # A column of a data frame, or an array, is a list, too.
    many = cast("Iterable[str | Path]", given)
    words = [given] if isinstance(given, str | Path) else list(many)
    if not words:
        raise VcfError(f"nothing to read was given; {EXPECTED}")
    inputs: list[Input] = []
    for word in words:
        if not isinstance(word, str | os.PathLike):
            raise VcfError(f"{word!r}: is neither a file nor text such as {FORM}; {EXPECTED}")
        variant = _variant(word)
        if variant is None:
            inputs.append(File(str(word), Path(word)))
        elif inputs and isinstance(inputs[-1], Words):
            inputs[-1] = Words((*inputs[-1].variants, variant))
        else:
            inputs.append(Words((variant,)))
    return inputs


def _variant(word: str | Path) -> Record | None:
    """Return the variant that a word is; None for a file."""
    if str(word) == STANDARD_INPUT or os.path.lexists(word):
        return None
    if _URL.match(str(word)):
        raise VcfError(
            f"{word}: is a URL, and nothing is fetched unasked; download it first, then give "
            "the file"
        )
    if (variant := parse_variant(str(word))) is not None:
        return variant
    raise VcfError(f"{word}: no such file, nor a variant such as {FORM}; {EXPECTED}")
