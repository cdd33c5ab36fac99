"""Assemblies of the human and mouse genome that are known by their sequences' lengths.

The facts are in ``assemblies.tsv``: for each sequence of an assembly its names at UCSC, at
NCBI and Ensembl (plain), its RefSeq and GenBank accession, and its length.
``resources/assemblies`` says where they come from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

# A chromosome's number or letter, as it is often written: 1, chr1, Chr1, CHR01, chrx, 0X, mt;
# XY, PAR1 and PAR2 are PLINK's for what chromosomes X and Y share.
_SPELLED = re.compile(r"(?:chr)?0?([1-9]\d?|x|y|m|mt|xy|par[12])", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Assembly:
    """A build of a genome.

    Attributes
    ----------
    name : str
        As its makers call it, GRCh38.
    ucsc : str
        As UCSC calls it, hg38.
    species : str
    """

    name: str
    ucsc: str
    species: str

    def __str__(self) -> str:
        return f"{self.name} ({self.ucsc})"


ASSEMBLIES = {
    assembly.name: assembly
    for assembly in (
        Assembly("GRCh37", "hg19", "human"),
        Assembly("GRCh38", "hg38", "human"),
        Assembly("T2T-CHM13v2.0", "hs1", "human"),
        Assembly("GRCm38", "mm10", "mouse"),
        Assembly("GRCm39", "mm39", "mouse"),
    )
}


@dataclass(frozen=True)
class Sequence:
    """A sequence of an assembly; a name that it has not, or that none knows, is empty.

    Attributes
    ----------
    assembly : Assembly
    role : str
        chromosome, mitochondrion, unlocalized, unplaced, alt, fix or novel (patches), decoy.
    ucsc, plain : str
        Its names within the assembly: chr1 and 1, chr1_KI270706v1_random and
        HSCHR1_CTG1_UNLOCALIZED.
    refseq, genbank : str
        Its accessions, which name these bases in whichever assembly they are.
    length : int
        Bases.
    """

    assembly: Assembly
    role: str
    ucsc: str
    plain: str
    refseq: str
    genbank: str
    length: int

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that it has, UCSC's first."""
        return tuple(filter(None, (self.ucsc, self.plain, self.refseq, self.genbank)))

    @property
    def accession(self) -> str:
        """What tells its bases from any other's."""
        return self.genbank or self.refseq

    @property
    def chromosome(self) -> str | None:
        """1, X or MT, where it is a chromosome or the mitochondrion; otherwise None."""
        if self.role == "mitochondrion":
            return "MT"
        return self.plain if self.role == "chromosome" else None

    def __str__(self) -> str:
        return f"{self.ucsc or self.plain} of {self.assembly}, {self.length:,} bases"


@cache
def known_sequences() -> tuple[Sequence, ...]:
    """Return the sequences of all known assemblies."""
    text = files("varscore.inputs").joinpath("assemblies.tsv").read_text(encoding="utf-8")
    return tuple(
        Sequence(ASSEMBLIES[assembly], role, ucsc, plain, refseq, genbank, int(length))
        for assembly, role, ucsc, plain, refseq, genbank, length in (
            line.split("\t") for line in text.splitlines()[1:]
        )
    )


@cache
def _by_name() -> dict[str, list[Sequence]]:
    named: dict[str, list[Sequence]] = {}
    for sequence in known_sequences():
        for name in sequence.names:
            named.setdefault(name, []).append(sequence)
    return named


def sequences_named(name: str) -> list[Sequence]:
    """Return the sequences, of any assembly, that have a name or accession."""
    return _by_name().get(name, [])


@cache
def _by_chromosome() -> dict[str, list[Sequence]]:
    chromosomes: dict[str, list[Sequence]] = {}
    for sequence in known_sequences():
        if sequence.chromosome is not None:
            chromosomes.setdefault(sequence.chromosome, []).append(sequence)
    return chromosomes


def known_chromosomes(chromosome: str) -> list[Sequence]:
    """Return what a chromosome, 1, X or MT, is in each assembly."""
    return _by_chromosome().get(chromosome, [])


def spelled_chromosome(name: str) -> str | None:
    """Return the chromosome that a name spells: 1 for chr01, X for CHRx, MT for chrM.

    None for any other name. It may be a number that the genome at hand has not, and PLINK's
    XY, PAR1 or PAR2.
    """
    spelled = _SPELLED.fullmatch(name)
    if spelled is None:
        return None
    chromosome = spelled[1].upper()
    return "MT" if chromosome == "M" else chromosome


@dataclass(frozen=True)
class Identity:
    """Which assembly a set of contigs is of.

    Attributes
    ----------
    assembly : Assembly
    mitochondria : tuple of Sequence
        Those of the assembly's mitochondria whose length a contig has. GRCh37 is in use with
        two: NC_012920.1 of 16,569 bases and, as hg19 of UCSC, NC_001807.4 of 16,571.
    """

    assembly: Assembly
    mitochondria: tuple[Sequence, ...] = ()

    def __str__(self) -> str:
        return str(self.assembly)


def identify(lengths: Mapping[str, int]) -> Identity | None:
    """Tell which known assembly contigs are of.

    Chromosomes decide, under any usual name or accession; one is enough, for no two of the
    known assemblies share a chromosome's length. Other contigs, and mitochondria, which
    several share, may be there and do not count, but for the one of hg19.

    Parameters
    ----------
    lengths : mapping of str to int
        Bases of each contig.

    Returns
    -------
    Identity or None
        None where no chromosome is among the contigs, or one has another length than the
        assembly's that the others are of.
    """
    candidates, others = set(ASSEMBLIES.values()), set[Assembly]()
    mitochondria = set()
    found = False
    for name, length in lengths.items():
        chromosome = chromosome_of(name)
        if chromosome is None:
            continue
        assemblies = {s.assembly for s in _chromosomes(name, chromosome) if s.length == length}
        if chromosome == "MT":
            mitochondria.add(length)
            others |= assemblies
        else:
            found = True
            candidates &= assemblies
    if not found:
        candidates = others
    if len(candidates) != 1:
        return None
    (assembly,) = candidates
    own = [s for s in known_chromosomes("MT") if s.assembly == assembly]
    return Identity(assembly, tuple(s for s in own if s.length in mitochondria))


def chromosome_of(name: str) -> str | None:
    """Return 1, X or MT for a chromosome under any spelling or accession; otherwise None."""
    known = sequences_named(name)  # of a name within an assembly, all are the same
    return known[0].chromosome if known else spelled_chromosome(name)


def _chromosomes(name: str, chromosome: str) -> list[Sequence]:
    """Return what a chromosome's name means: one sequence an assembly, or an accession's."""
    if spelled_chromosome(name) is None:
        return sequences_named(name)
    return known_chromosomes(chromosome)
