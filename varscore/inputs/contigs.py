"""Which contig of the FASTA file a contig's name in the VCF means.

The same chromosome is 1, chr1, 01, Chr1, NC_000001.11 or CM000663.2, as the VCF's maker
liked it. A name is taken for another only where that cannot be wrong: never where the VCF
declares another length than the FASTA's contig has, nor an accession for a contig that has
not that accession's length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TypeGuard

from varscore.errors import OptionError
from varscore.inputs.assemblies import (
    Identity,
    Sequence,
    chromosome_of,
    identify,
    known_chromosomes,
    sequences_named,
    spelled_chromosome,
)

# PLINK's codes for human chromosomes, where its files know no letters; positions on XY, PAR1
# and PAR2, what X and Y share, are X's.
_PLINK = {"23": "X", "24": "Y", "25": "X", "26": "MT", "XY": "X", "PAR1": "X", "PAR2": "X"}
_UNKNOWN_LENGTH = 2**31 - 1  # what htslib and bcftools write where they know none
_UCSC_MITOCHONDRION = 16_571  # bases of NC_001807.4
_MEND_LENGTHS = (
    "give the VCF's own genome or, if only its ##contig lines are out of date, mend them with "
    "`bcftools reheader --fai`"
)
_NAME_IT = (
    "give the VCF's own genome or, if the contig is there under another name, a table of names "
    "(--contigs)"
)
_FORM = "expected two columns, the name in the VCF and the name in the FASTA file"


class Rule(StrEnum):
    """By which rule a name of the VCF was found in the FASTA file, in the order of trial."""

    TABLE = "the table of names"
    SAME = "the same name"
    PREFIX = "with or without chr"
    MITOCHONDRION = "M for MT"
    SPELLING = "another spelling"
    PLINK = "PLINK's code"
    ASSEMBLY = "a name of the same sequence"


@dataclass(frozen=True)
class ContigMatch:
    """What became of a contig's name in the VCF.

    Attributes
    ----------
    name : str
        In the VCF.
    contig : str or None
        In the FASTA file; None where it has none that this could be.
    rule : Rule or None
        By which it was found.
    why, remedy : str
        Why it was not, and what to do; empty where it was.
    """

    name: str
    contig: str | None
    rule: Rule | None = None
    why: str = ""
    remedy: str = ""


class ContigNames:
    """Finds the FASTA file's contigs under the names that a VCF gives them.

    Parameters
    ----------
    lengths : mapping of str to int
        The FASTA file's contigs and their bases.
    declared : mapping of str to int, optional
        The lengths that the VCF's header declares; `believable_lengths` leaves out those
        that are none.
    table : mapping of str to str, optional
        Names in the FASTA file for names in the VCF, from `read_contig_table`. They come
        before any rule, and there is no other try for a name that stands here.

    Attributes
    ----------
    lengths, declared, table : mapping
    """

    def __init__(
        self,
        lengths: Mapping[str, int],
        *,
        declared: Mapping[str, int] | None = None,
        table: Mapping[str, str] | None = None,
    ) -> None:
        self.lengths, self.declared, self.table = lengths, declared or {}, table or {}
        self._matches: dict[str, ContigMatch] = {}

    def match(self, name: str) -> ContigMatch:
        """Return what a contig's name in the VCF is in the FASTA file, and why."""
        if name not in self._matches:
            self._matches[name] = self._match(name)
        return self._matches[name]

    def _match(self, name: str) -> ContigMatch:
        reason = None
        for contig, rule in self._candidates(name):
            objection = self._objection(name, contig, rule)
            if objection is None:
                return ContigMatch(name, contig, rule)
            reason = reason or objection
        why, remedy = reason or self._absent(name)
        return ContigMatch(name, None, None, why, remedy)

    def _candidates(self, name: str) -> Iterator[tuple[str, Rule]]:
        """Give the FASTA file's contigs that a name could mean, the likeliest first."""
        if name in self.table:
            if self.table[name] in self.lengths:
                yield self.table[name], Rule.TABLE
            return
        bare = name.removeprefix("chr")
        tries = [(name, Rule.SAME), (bare, Rule.PREFIX), (f"chr{bare}", Rule.PREFIX)]
        if other := {"M": "MT", "MT": "M"}.get(bare):
            tries += [(other, Rule.MITOCHONDRION), (f"chr{other}", Rule.MITOCHONDRION)]
        yield from (found for found in tries if found[0] in self.lengths)
        chromosome = spelled_chromosome(name)
        if chromosome is None:
            yield from ((contig, Rule.ASSEMBLY) for contig in self._same_sequence(name))
            return
        yield from ((contig, Rule.SPELLING) for contig in self._spelled.get(chromosome, []))
        yield from ((contig, Rule.ASSEMBLY) for contig in self._accessions(chromosome))
        if chromosome in _PLINK and self._human:
            coded = _PLINK[chromosome]
            for contig in (*self._spelled.get(coded, []), *self._accessions(coded)):
                yield contig, Rule.PLINK

    def _objection(self, name: str, contig: str, rule: Rule) -> tuple[str, str] | None:
        """Say why a name cannot mean a contig, and what to do; None if it can."""
        declared, length = self.declared.get(name), self.lengths[contig]
        if declared is not None:
            if declared == length:
                return None
            why = f"the VCF declares {declared:,} bases, {contig} of the FASTA has {length:,}"
            return why, _MEND_LENGTHS
        if rule in (Rule.TABLE, Rule.SAME) or spelled_chromosome(name) is None:
            return None
        return self._which_mitochondrion(name, contig)

    def _which_mitochondrion(self, name: str, contig: str) -> tuple[str, str] | None:
        """Say why M, MT or 26 of no declared length is not a contig; None if it is.

        hg19 is in use with two mitochondria: UCSC's of 16,571 bases is never called MT, the
        other may be called M or MT.
        """
        length = self.lengths[contig]
        hg19 = self._identity is not None and self._identity.assembly.name == "GRCh37"
        if chromosome_of(contig) != "MT" or not (hg19 or length == _UCSC_MITOCHONDRION):
            return None
        short, mt = name.upper().endswith("M"), name.upper().endswith("MT")
        if (mt and length != _UCSC_MITOCHONDRION) or (
            short and (length == _UCSC_MITOCHONDRION or contig.upper().endswith("M"))
        ):
            return None
        why = (
            f"hg19 is in use with mitochondria of 16,569 and of 16,571 bases, {contig} of the "
            f"FASTA has {length:,}, and the VCF does not declare what {name} has"
        )
        return why, "declare it in a ##contig line, or give a table of names (--contigs)"

    def _absent(self, name: str) -> tuple[str, str]:
        """Say why no contig was tried for a name, and what to do."""
        if name in self.table:
            why = f"the table of names says {self.table[name]}, which the FASTA has not"
            return why, "mend the table"
        if (coded := _PLINK.get(spelled_chromosome(name) or "")) and not self._human:
            why = f"PLINK's code for {coded} in human data, and the FASTA is not human"
            return why, _NAME_IT
        known = sequences_named(name)
        if len({s.accession for s in known}) == 1:
            there = self._spelled.get(known[0].chromosome or "", [])
            has = "".join(f"; {contig} has {self.lengths[contig]:,}" for contig in there[:1])
            return f"it is {known[0]}, which no contig of the FASTA is{has}", _NAME_IT
        return "no contig of the FASTA has this name, or another that is known for it", _NAME_IT

    @cached_property
    def _identity(self) -> Identity | None:
        return identify(self.lengths)

    @cached_property
    def _spelled(self) -> dict[str, list[str]]:
        """The FASTA file's contigs that spell each chromosome."""
        spelled: dict[str, list[str]] = {}
        for contig in self.lengths:
            chromosome = spelled_chromosome(contig)
            if chromosome is not None:
                spelled.setdefault(chromosome, []).append(contig)
        return spelled

    @cached_property
    def _human(self) -> bool:
        """Whether the FASTA file's chromosomes may be human: 1 to 22, X and Y, or some."""
        if self._identity is not None:
            return self._identity.assembly.species == "human"
        numbers = {int(name) for name in self._spelled if name.isdigit()}
        others = {int(name) for name in map(spelled_chromosome, self.declared) if _digits(name)}
        if not numbers or max(numbers) > 22 or max(others, default=0) > 26:
            return False
        # A whole set of another species, as 1 to 19 of the mouse.
        return not 10 <= len(numbers) == max(numbers) < 22

    def _accessions(self, chromosome: str) -> list[str]:
        """Return the FASTA file's contig that is a chromosome under its accession.

        If there are several they are of several assemblies, and no name tells which.
        """
        found = {
            accession
            for s in known_chromosomes(chromosome)
            for accession in (s.refseq, s.genbank)
            if self.lengths.get(accession) == s.length
        }
        return list(found) if len(found) == 1 else []

    def _same_sequence(self, name: str) -> Iterator[str]:
        """Give the FASTA file's contigs that are the sequence of an accession or UCSC name."""
        bare = name.removeprefix("chr")
        known = next(filter(None, map(sequences_named, (name, bare, f"chr{bare}"))), [])
        if self._identity and not any(bare in (s.refseq, s.genbank) for s in known):
            known = [s for s in known if s.assembly == self._identity.assembly] or known
        accessions = {s.accession for s in known}
        if len(accessions) != 1:  # a name that stands for different bases in two assemblies
            return
        for sequence in sequences_named(accessions.pop()):
            spelled = self._spelled.get(sequence.chromosome or "", [])
            yield from (c for c in (*sequence.names, *spelled) if self._is(c, sequence))

    def _is(self, contig: str, sequence: Sequence) -> bool:
        """Tell whether a contig of the FASTA file is a known sequence."""
        if self.lengths.get(contig) != sequence.length:
            return False
        if contig in (sequence.refseq, sequence.genbank):
            return True
        if self._identity is not None:
            return sequence.assembly == self._identity.assembly
        return sequence.chromosome is not None or all(
            other.accession == sequence.accession
            for other in sequences_named(contig)
            if other.length == sequence.length
        )


def _digits(name: str | None) -> TypeGuard[str]:
    return name is not None and name.isdigit()


def believable_lengths(
    declared: Mapping[str, int | None], sources: Iterable[str] = ()
) -> dict[str, int]:
    """Return those lengths of a VCF's header that are the contigs' lengths.

    Parameters
    ----------
    declared : mapping of str to int or None
        What the ``##contig`` lines say.
    sources : iterable of str
        What the ``##source`` lines say. PLINK knows no lengths and writes a number a little
        beyond the last record's position.
    """
    if any(source.startswith("PLINK") for source in sources):
        return {}
    return {
        name: length
        for name, length in declared.items()
        if length is not None and 0 < length < _UNKNOWN_LENGTH
    }


def read_contig_table(path: str | Path, lengths: Mapping[str, int]) -> dict[str, str]:
    """Read a table that says what the VCF's contigs are called in the FASTA file.

    Two columns, separated by a tab or blanks: the name in the VCF, the name in the FASTA
    file. Empty lines and lines that begin with ``#`` are passed over.

    Parameters
    ----------
    path : str or Path
    lengths : mapping of str to int
        The FASTA file's contigs; one of the names at least must be among them.

    Returns
    -------
    dict of str to str
        The names in the FASTA file by those in the VCF.

    Raises
    ------
    OptionError
        If the file cannot be read, a line has not two columns, a name of the VCF stands in
        two lines with different names for it, or no name is one of the FASTA file's.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        found = getattr(error, "strerror", None) or "is not UTF-8 text"
        raise OptionError(
            f"{path}: cannot be read as a table of contig names: {found}; {_FORM}"
        ) from error
    table: dict[str, str] = {}
    first: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        columns = line.split()
        if len(columns) != 2:
            raise OptionError(f"{path}: line {number} has {len(columns)} columns; {_FORM}")
        name, contig = columns
        if table.setdefault(name, contig) != contig:
            raise OptionError(
                f"{path}: line {number} says {contig} for {name}, line {first[name]} "
                f"{table[name]}; expected one name in the FASTA file for each in the VCF"
            )
        first.setdefault(name, number)
    if not table:
        raise OptionError(f"{path}: has no contig names; {_FORM}")
    if not any(contig in lengths for contig in table.values()):
        turned = ", those of its first column are" if any(n in lengths for n in table) else ""
        raise OptionError(
            f"{path}: no name of its second column is in the FASTA file{turned}; {_FORM}"
        )
    return table
