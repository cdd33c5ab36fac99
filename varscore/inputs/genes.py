"""Genes of a GTF file: where their transcripts start, their exons, their bodies."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import accumulate
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from varscore.errors import OptionError
from varscore.inputs.contigs import ContigNames, read_contig_table
from varscore.inputs.forms import describe
from varscore.inputs.genome import ReferenceGenome, some_names
from varscore.inputs.gtf import EXPECTED, GtfIds, GtfRow, gtf_rows, read_ids
from varscore.inputs.htslib import bad_end, compression, open_start
from varscore.inputs.text import damage_first, read_lines
from varscore.options import GeneBins, ScoreOptions

Stretch = tuple[int, int]
"""Start and end on a contig, 0-based and half-open."""


class Gene(NamedTuple):
    """A gene, and the stretches of its contig whose bins are its own.

    Attributes
    ----------
    contig : str
        Name in the FASTA file.
    gene_id : str
    gene_name : str
        Empty where the file has none.
    strand : {"+", "-", "."}
        "." where the file knows none, or rows of the gene differ.
    intervals : tuple of Stretch
        In order, with bases of none between them; at least one.
    sites : tuple of int
        0-based positions at which its transcripts start, each once and in order; none for a
        transcript of unknown strand.
    """

    contig: str
    gene_id: str
    gene_name: str
    strand: str
    intervals: tuple[Stretch, ...]
    sites: tuple[int, ...]


class Genes:
    """Genes of a genome, of which those in any stretch can be asked for.

    Parameters
    ----------
    genes : iterable of Gene
        In any order.
    """

    def __init__(self, genes: Iterable[Gene]) -> None:
        by_contig: dict[str, list[Gene]] = {}
        for gene in genes:
            by_contig.setdefault(gene.contig, []).append(gene)
        self._contigs = {contig: _Contig(some) for contig, some in by_contig.items()}

    def __len__(self) -> int:
        return sum(len(contig.genes) for contig in self._contigs.values())

    def __iter__(self) -> Iterator[Gene]:
        for contig in self._contigs.values():
            yield from contig.genes

    def overlapping(self, contig: str, start: int, end: int) -> list[Gene]:
        """Return the genes of which an interval has a base in a stretch.

        Parameters
        ----------
        contig : str
            Under the FASTA's name.
        start, end : int
            0-based, half-open; the stretch may reach past the contig's ends.

        Returns
        -------
        list of Gene
            By the start of their first interval, then the end of their last, then `gene_id`.
        """
        found = self._contigs.get(contig)
        return found.overlapping(start, end) if found is not None and start < end else []


class _Contig:
    """The genes of one contig, in the order of `Genes.overlapping`."""

    def __init__(self, genes: Iterable[Gene]) -> None:
        self.genes = sorted(genes, key=lambda g: (g.intervals[0][0], g.intervals[-1][1], g[1]))
        self._starts = [gene.intervals[0][0] for gene in self.genes]
        # The furthest end so far: a long gene may reach past many that start after it.
        self._ends = list(accumulate((gene.intervals[-1][1] for gene in self.genes), max))

    def overlapping(self, start: int, end: int) -> list[Gene]:
        first, last = bisect_right(self._ends, start), bisect_left(self._starts, end)
        return [gene for gene in self.genes[first:last] if _overlaps(gene, start, end)]


def _overlaps(gene: Gene, start: int, end: int) -> bool:
    """Whether the first interval that ends after a stretch's start begins before its end."""
    place = bisect_right(gene.intervals, start, key=itemgetter(1))
    return place < len(gene.intervals) and gene.intervals[place][0] < end


@dataclass(slots=True)
class _Draft:
    """A gene while its rows are read; their positions are 0-based and half-open."""

    start: int
    end: int
    name: str = ""
    strands: set[str] = field(default_factory=set)
    transcripts: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    exons: set[Stretch] = field(default_factory=set)

    def add(self, row: GtfRow, ids: GtfIds) -> None:
        self.start, self.end = min(self.start, row.start), max(self.end, row.end)
        self.name = self.name or ids.gene_name
        self.strands.add(row.strand)
        if name := ids.transcript_id:
            start, end, strand = self.transcripts.get(name, (row.start, row.end, row.strand))
            self.transcripts[name] = min(start, row.start), max(end, row.end), strand

    def sites(self) -> tuple[int, ...]:
        """Return where transcripts start."""
        whole = (self.start, self.end, self.strand())
        transcripts = self.transcripts.values() or [whole]
        found = {start for start, _, strand in transcripts if strand == "+"}
        found |= {end - 1 for _, end, strand in transcripts if strand == "-"}
        return tuple(sorted(found))

    def strand(self) -> str:
        known = self.strands - {"."}
        return known.pop() if len(known) == 1 else "."


def chosen_genes(options: ScoreOptions, genome: ReferenceGenome) -> Genes | None:
    """Return the genes that options ask for, None where they ask for none.

    Parameters
    ----------
    options : ScoreOptions
    genome : ReferenceGenome

    Raises
    ------
    OptionError, VcfError
        As `read_genes`, and if the table of contig names cannot be used.
    """
    if options.genes is None:
        return None
    names = genome.names
    if options.contigs is not None:
        table = read_contig_table(options.contigs, genome.lengths)
        names = ContigNames(genome.lengths, table=table)
    return read_genes(Path(options.genes), genome, names, options.gene_bins, options.tss_width)


def read_genes(
    path: Path,
    genome: ReferenceGenome,
    names: ContigNames,
    bins: GeneBins = "tss",
    tss_width: int = 0,
) -> Genes:
    """Read the genes of a GTF file, plain or compressed with gzip or bgzip.

    Of its rows count those of genes, transcripts (also ``mRNA``) and exons. A transcript
    spans its row and its exons, a gene its row and its transcripts: any of these rows may be
    missing. A gene without transcripts is taken for one itself. Rows of one `gene_id` on one
    contig are one gene; on two contigs, as X and Y where they share it, they are two.

    Parameters
    ----------
    path : Path
        As of GENCODE or Ensembl; memory grows with its genes, transcripts and, for "exons",
        exons.
    genome : ReferenceGenome
    names : ContigNames
        Under which its contigs are found; genes of others are passed over.
    bins : {"tss", "exons", "body"}
        What a gene's intervals are: the bases at which its transcripts start, its exons, or
        all from its first base to its last. A gene that has none, for want of a strand or of
        rows of exons, is left out.
    tss_width : int
        Bases by which an interval of "tss" reaches further to either side, as far as the
        contig goes; at least 0.

    Returns
    -------
    Genes

    Raises
    ------
    OptionError
        If there is no such file, it is no GTF file, a gene reaches past the end of its contig
        (so it is of another build: its genes would lie elsewhere), or no gene is left.
    VcfError
        If the file cannot be read to its end.
    """
    where = f"genes {path}"
    check_genes(path)
    drafts = _drafts(path, where, genome, names, with_exons=bins == "exons")
    genes: list[Gene] = []
    for (contig, gene_id), draft in drafts.items():
        sites = draft.sites()
        intervals = {
            "tss": [(site - tss_width, site + tss_width + 1) for site in sites],
            "exons": draft.exons,
            "body": [(draft.start, draft.end)],
        }
        if merged := _merged(intervals[bins], genome.lengths[contig]):
            genes.append(Gene(contig, gene_id, draft.name, draft.strand(), merged, sites))
    if not genes:
        lacking = "rows of exons" if bins == "exons" else "a strand"
        raise OptionError(
            f"{where}: none of its {len(drafts)} genes has {lacking}, which gene bins {bins} "
            "need; give a file with them (`score` has --gene-bins body, which needs none)"
        )
    return Genes(genes)


def check_genes(path: Path) -> None:
    """Refuse what can be told to be no GTF file, or not whole, before its lines are read.

    Parameters
    ----------
    path : Path

    Raises
    ------
    OptionError
        If there is no such file, or it is another form's or cut short.
    """
    where = f"genes {path}"
    if not path.is_file():
        raise OptionError(f"{where}: no such file; give a GTF file")
    with open_start(path) as file:
        if foreign := describe(file.read(1 << 10)):
            raise OptionError(f"{where}: is {foreign[0]}; {EXPECTED}")
    if compression(path) == "bgzf" and (fault := bad_end(path)):
        raise OptionError(f"{where}: compressed with bgzip, but {fault}")


def _drafts(
    path: Path, where: str, genome: ReferenceGenome, names: ContigNames, *, with_exons: bool
) -> dict[tuple[str, str], _Draft]:
    """Return what the rows say of each gene, by contig and `gene_id`."""
    drafts: dict[tuple[str, str], _Draft] = {}
    unknown: dict[str, None] = {}
    with closing(read_lines(path, where)) as lines, damage_first(lines):
        for row in gtf_rows(lines, where):
            contig = names.match(row.contig).contig
            if contig is None:
                unknown[row.contig] = None
                continue
            ids = read_ids(row, where)
            if row.end > (length := genome.lengths[contig]):
                raise OptionError(
                    f"{where}: line {row.number}: gene {ids.gene_id} ends at {row.end}, and "
                    f"{contig} of {genome.path} at {length}: they are of different builds; "
                    "give the genes of the genome's build"
                )
            draft = drafts.get((contig, ids.gene_id))
            if draft is None:
                draft = drafts[contig, ids.gene_id] = _Draft(row.start, row.end)
            draft.add(row, ids)
            if with_exons and row.feature == "exon":
                draft.exons.add((row.start, row.end))
    if not drafts:
        found = f"none of its contigs ({some_names(unknown)})" if unknown else "no gene"
        raise OptionError(
            f"{where}: {found} is in {genome.path} ({some_names(genome.lengths)}); give genes, "
            "transcripts or exons on its contigs"
        )
    return drafts


def _merged(stretches: Iterable[Stretch], length: int) -> tuple[Stretch, ...]:
    """Return stretches of a contig in order, those that overlap or touch as one, within it."""
    merged: list[Stretch] = []
    for start, end in sorted(stretches):
        start, end = max(start, 0), min(end, length)
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return tuple(merged)
