"""Regions that records must lie in: one, as users write it, or those of a BED file."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from varscore.errors import OptionError
from varscore.inputs.contigs import ContigNames
from varscore.inputs.forms import describe
from varscore.inputs.genome import ReferenceGenome, parse_region, some_names
from varscore.inputs.htslib import open_start
from varscore.inputs.text import damage_first, read_lines
from varscore.options import ScoreOptions
from varscore.variant import Interval


class Regions:
    """Intervals of a genome, of which any base can be asked whether it lies in one.

    Parameters
    ----------
    intervals : iterable of Interval
        Under the FASTA's names; in any order, and they may overlap.
    """

    def __init__(self, intervals: Iterable[Interval]) -> None:
        self._ends: dict[str, list[int]] = {}  # start, end, start, end, ... of each contig
        for contig, start, end in sorted(intervals):
            ends = self._ends.setdefault(contig, [])
            if ends and start <= ends[-1]:
                ends[-1] = max(end, ends[-1])
            else:
                ends += (start, end)

    def holds(self, contig: str | None, pos: int) -> bool:
        """Tell whether a base lies in one of them.

        Parameters
        ----------
        contig : str or None
            Under the FASTA's name; None, which it does not have, lies nowhere.
        pos : int
            1-based.
        """
        return contig is not None and bisect_right(self._ends.get(contig, ()), pos - 1) % 2 == 1


def chosen_regions(
    options: ScoreOptions, genome: ReferenceGenome, names: ContigNames
) -> Regions | None:
    """Return the regions that options ask for, None for the whole genome.

    Parameters
    ----------
    options : ScoreOptions
        Of it count `region` and `regions`.
    genome : ReferenceGenome
    names : ContigNames
        Under which a BED file's contigs are found in the genome.

    Raises
    ------
    OptionError
        If the region is none of the genome's, or the BED file cannot be used.
    """
    if options.region is not None:
        return Regions([parse_region(options.region, genome)])
    if options.regions is not None:
        return Regions(read_bed(Path(options.regions), genome, names))
    return None


def read_bed(path: Path, genome: ReferenceGenome, names: ContigNames) -> list[Interval]:
    """Read the intervals of a BED file, plain or compressed with gzip or bgzip.

    Parameters
    ----------
    path : Path
        Lines of contig, start (0-based) and end (exclusive), and perhaps more; lines of
        ``track``, ``browser`` and comments are passed over.
    genome : ReferenceGenome
    names : ContigNames
        Under which its contigs are found; intervals of others are passed over.

    Returns
    -------
    list of Interval
        In the file's order.

    Raises
    ------
    OptionError
        If there is no such file, a line is none of BED, or the genome has none of the
        contigs.
    VcfError
        If the file cannot be read to its end.
    """
    where = f"regions {path}"
    if not path.is_file():
        raise OptionError(f"{where}: no such file; give a BED file")
    with open_start(path) as file:
        if foreign := describe(file.read(1 << 10)):
            raise OptionError(f"{where}: is {foreign[0]}; expected a BED file; {foreign[1]}")
    intervals: list[Interval] = []
    unknown: dict[str, None] = {}
    with closing(read_lines(path, where)) as lines, damage_first(lines):
        for number, line in lines:
            columns = line.split("\t") if "\t" in line else line.split()
            if not line.strip() or line.startswith("#") or columns[0] in ("track", "browser"):
                continue
            digits = [column.strip() for column in columns[1:3]]
            if len(digits) < 2 or not all(text.isdigit() and text.isascii() for text in digits):
                raise OptionError(
                    f"{where}: line {number} is {line.strip()[:80]!r}; expected contig, start "
                    "(0-based) and end, separated by tabs"
                )
            start, end = map(int, digits)
            if end < start:
                raise OptionError(f"{where}: line {number} ends at {end}, before it starts")
            contig = names.match(columns[0]).contig
            if contig is None:
                unknown[columns[0]] = None
            elif start < end:
                intervals.append(Interval(contig, start, end))
    if not intervals:
        found = f"none of its contigs ({some_names(unknown)}) is" if unknown else "nothing is"
        raise OptionError(
            f"{where}: {found} in {genome.path} ({some_names(genome.lengths)}); give intervals "
            "on its contigs"
        )
    return intervals


def target_fasta(target: str, genome: str | Path | None) -> Path:
    """Return the FASTA file of what is to be predicted: the genome, or the target itself.

    Parameters
    ----------
    target : str
        A region or a BED file, or without a genome a FASTA file of sequences.
    genome : str or Path, optional

    Raises
    ------
    OptionError
        If no genome is given, and the target is no file.
    """
    if genome is None and not Path(target).is_file():
        raise OptionError(
            f"{target}: no such file; give a FASTA file of sequences, or with --genome a "
            "region such as chr1:1-300000, or a BED file"
        )
    return Path(target if genome is None else genome)


def target_regions(
    target: str, genome: str | Path | None, fasta: ReferenceGenome
) -> list[Interval]:
    """Return what is to be predicted, as intervals that lie within their contigs.

    Parameters
    ----------
    target, genome
        As for `target_fasta`.
    fasta : ReferenceGenome
        That file.

    Raises
    ------
    OptionError, VcfError
        As `parse_region` and `read_bed`; if a BED file's intervals lie beyond their contigs.
    """
    if genome is None:
        return [Interval(contig, 0, end) for contig, end in fasta.lengths.items() if end]
    if not Path(target).is_file():
        return [parse_region(target, fasta)]
    found = []
    for contig, start, end in read_bed(Path(target), fasta, fasta.names):
        if start >= fasta.lengths[contig]:
            raise OptionError(
                f"regions {target}: {contig}:{start}-{end} lies beyond the end of {contig} in "
                f"{fasta.path}, {fasta.lengths[contig]}; give intervals of the genome's build"
            )
        found.append(Interval(contig, start, min(end, fasta.lengths[contig])))
    return found
