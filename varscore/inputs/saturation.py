"""Every change of one base of an interval, as located alleles: what a saturation scores."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from varscore.errors import OptionError
from varscore.inputs.genome import ReferenceGenome, parse_region
from varscore.inputs.normalise import locate
from varscore.sequence import BASES
from varscore.variant import Allele, Interval, Status

DELETION = "deletion"
"""The change that takes a base away; any other is called by the base that it puts there."""

MOST_BASES = 10_000

_NAME = re.compile(r"every (substitution|change) of (.+)")


@dataclass(frozen=True)
class Saturated:
    """The changes of an interval.

    Attributes
    ----------
    interval : Interval
        0-based and half-open, inside its contig: P bases.
    bases : str
        What the genome has there, in upper case.
    changes : tuple of str
        The bases that are put in place of each, A, C, G and T, and perhaps `DELETION`.
    alleles : tuple of Allele
        B of them, in the order of `pos`. The substitutions of a base are one record.
    cells : tuple of (int, int)
        Of each allele the place of its base in `bases` and of its change in `changes`.
    notes : tuple of str
        Which bases have no changes, and why.
    """

    interval: Interval
    bases: str
    changes: tuple[str, ...]
    alleles: tuple[Allele, ...]
    cells: tuple[tuple[int, int], ...]
    notes: tuple[str, ...]


def read_interval(region: str, genome: ReferenceGenome) -> tuple[Interval, int]:
    """Read which interval is to be saturated.

    Parameters
    ----------
    region : str
        Such as ``chr1:12000-12200``: 1-based, both ends included.
    genome : ReferenceGenome

    Returns
    -------
    interval : Interval
        0-based and half-open, clipped to the contig's end.
    beyond : int
        Bases that were asked for beyond that end.

    Raises
    ------
    OptionError
        If it is no region of the genome, or longer than `MOST_BASES`.
    """
    asked = parse_region(region, genome, clip=False)
    interval = asked._replace(end=min(asked.end, genome.lengths[asked.contig]))
    length = interval.end - interval.start
    if length > MOST_BASES:
        raise OptionError(
            f"region {region!r}: has {length:,} bases, and {3 * length:,} substitutions; give "
            f"at most {MOST_BASES:,} bases, such as those of one promoter or enhancer"
        )
    return interval, asked.end - interval.end


def name_of(region: str, *, deletions: bool) -> str:
    """Return what a saturation is called in the record of how its scores came about."""
    return f"every {'change' if deletions else 'substitution'} of {region}"


def named(text: str) -> tuple[str, bool] | None:
    """Return of which region a record's saturation is, and whether with deletions.

    Parameters
    ----------
    text : str
        What the record says its alleles are from; None if that is no saturation.
    """
    match = _NAME.fullmatch(text)
    return None if match is None else (match[2], match[1] == "change")


def saturated(region: str, genome: ReferenceGenome, *, deletions: bool = False) -> Saturated:
    """Return every substitution of an interval and, if asked, every deletion of one base.

    A deletion is spelled as in a VCF, with the base before it, or the one behind where there
    is none before. In a row of equal bases all deletions are one variant, with one score.

    Parameters
    ----------
    region : str
        Such as ``chr1:12000-12200``: 1-based, both ends included.
    genome : ReferenceGenome
    deletions : bool

    Raises
    ------
    OptionError
        As `read_interval`; if not one of its bases is A, C, G or T.
    """
    interval, beyond = read_interval(region, genome)
    contig, start, end = interval
    around = genome.fetch(Interval(contig, start - 1, end + 1))
    bases = around[1:-1]
    changes = (*BASES, DELETION) if deletions else tuple(BASES)
    alleles, cells = list[Allele](), list[tuple[int, int]]()
    records = 0
    for place, base in enumerate(bases):
        if base not in BASES:
            continue
        for pos, ref, alts in _records(start + 1, place, around, deletions=deletions):
            for number, alt in enumerate(alts, 1):
                row = Allele(contig, pos, ".", ref, alt, records, number, Status.SCORED)
                alleles.append(locate(row, genome))
                change = alt if len(ref) == 1 else DELETION
                cells.append((place, changes.index(change)))
            records += 1
    if not alleles:
        raise OptionError(
            f"region {region!r}: not one of its {len(bases):,} bases in {genome.path} is A, C, "
            "G or T; there is nothing to change"
        )
    notes = tuple(_notes(bases, contig, beyond))
    return Saturated(interval, bases, changes, tuple(alleles), tuple(cells), notes)


def _records(
    first: int, place: int, around: str, *, deletions: bool
) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Yield POS, REF and ALTs of a base's records; `around` has a base more at either end."""
    before, base, after = around[place], around[place + 1], around[place + 2]
    pos = first + place
    if deletions and before in BASES:
        yield pos - 1, before + base, (before,)
    yield pos, base, tuple(alt for alt in BASES if alt != base)
    if deletions and before not in BASES and after in BASES:
        yield pos, base + after, (after,)


def _notes(bases: str, contig: str, beyond: int) -> Iterator[str]:
    if beyond:
        yield f"{beyond:,} bases of the region lie beyond the end of {contig}"
    unknown = Counter(base for base in bases if base not in BASES)
    if unknown:
        letters = ", ".join(f"{count:,} {letter}" for letter, count in sorted(unknown.items()))
        yield (
            f"{unknown.total():,} of {len(bases):,} bases are none of A, C, G and T in the "
            f"genome ({letters}) and are left out"
        )
