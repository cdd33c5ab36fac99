"""From what a user gave to alleles located on a genome, and the guard against another build."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import Self

from varscore.errors import OptionError, VcfError
from varscore.inputs.builds import Builds
from varscore.inputs.contigs import (
    ContigMatch,
    ContigNames,
    believable_lengths,
    read_contig_table,
)
from varscore.inputs.genome import ReferenceGenome, some_names
from varscore.inputs.given import Given, Input, opened, read_alleles
from varscore.inputs.normalise import locate
from varscore.inputs.regions import chosen_regions
from varscore.options import ScoreOptions
from varscore.variant import Allele, Interval, Status, Variant

_BATCH_ALLELES = 1 << 16  # held as objects, some 500 bytes each
_FEWEST_MISMATCHES = 5  # fewer say nothing about the build, whatever their share


class AlleleSource:
    """The alleles that a user gave and options ask for, located on a genome, in their order.

    Each iteration reads them anew, to their end. Memory does not depend on their number. A
    context manager, which on leaving forgets what came from a stream.

    Parameters
    ----------
    given : Given
        Files (VCF, BCF, tables and lists of variants, `-` for standard input), variants such as
        chr1:12345:A:G, several of these, or a data frame. Sorted or not.
    genome : ReferenceGenome
    options : ScoreOptions, optional
        Of it count those that are planned, as `region` and `contigs`.
    folder : Path, optional
        Where there is room for what comes from a stream; default: the folder for temporary
        files.

    Attributes
    ----------
    given : str
        What was given, for messages.
    name : str
        The same without folders, for the record of how a result came about.
    names : ContigNames
        What the contigs are called in the FASTA file.

    Raises
    ------
    OptionError
        If the regions are none of the genome's, or the table of contig names cannot be used.
    VcfError
        If a file is not there, has no sound header, or is of another build than the others.
    """

    def __init__(
        self,
        given: Given,
        genome: ReferenceGenome,
        options: ScoreOptions | None = None,
        *,
        folder: Path | None = None,
    ) -> None:
        self.genome, self.options = genome, options or ScoreOptions()
        table = self.options.contigs
        with ExitStack() as stack:
            self._inputs = stack.enter_context(opened(given, folder))
            self.names = ContigNames(
                genome.lengths,
                declared=_declared_lengths(self._inputs),
                table=None if table is None else read_contig_table(table, genome.lengths),
            )
            self._regions = chosen_regions(self.options, genome, self.names)
            self._streams = stack.pop_all()
        names = [one.name for one in self._inputs]
        self.given = some_names(names)
        self.name = ", ".join(n if n.startswith("/dev/") else Path(n).name for n in names)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._streams.close()

    def __iter__(self) -> Generator[Allele, None, None]:
        """Yield the alleles one by one; raises what `batches` raises."""
        with closing(self.batches()) as batches:
            yield from chain.from_iterable(batches)

    def batches(self) -> Generator[list[Allele], None, None]:
        """Yield the alleles in lists of bounded length, none of them empty.

        The VCF is closed at its end, or with the generator.

        Raises
        ------
        VcfError
            As `varscore.inputs.given.read_alleles`, once the alleles before the damage are
            yielded, but for those of the last list.
        GenomeError
            If the FASTA file cannot be read.
        """
        longest = self.options.max_allele_length
        with closing(read_alleles(self._inputs, max_allele_length=longest)) as alleles:
            wanted: Iterator[Allele] = alleles
            if self._regions is not None:
                wanted = filter(self._is_within, alleles)
            while batch := list(islice(wanted, _BATCH_ALLELES)):
                self._locate_all(batch)
                yield batch
                del batch  # before the next one is read

    def survey(self, refuse: Callable[[Variant], None] | None = None) -> Survey:
        """Read the VCF to its end, and return what is in it; raises what `batches` raises.

        Parameters
        ----------
        refuse : callable, optional
            As in `Survey`.
        """
        survey = Survey(self, refuse)
        with closing(self.batches()) as batches:
            for batch in batches:
                survey.see(batch)
        return survey

    @cached_property
    def builds(self) -> Builds:
        """Which known assemblies the VCF and the genome are of."""
        return Builds.of(self.names.declared, self.genome.lengths)

    def _is_within(self, allele: Allele) -> bool:
        """Tell whether a record's POS, as written, lies in one of the regions.

        Unlike a query for overlap this cuts a VCF into parts that share no record.
        """
        contig = self.names.match(allele.chrom).contig
        return self._regions is None or self._regions.holds(contig, allele.pos)

    def _locate_all(self, alleles: list[Allele]) -> None:
        """Locate alleles in the order of the genome, which is read in pieces; keep theirs."""
        for i in sorted(range(len(alleles)), key=lambda i: (alleles[i].chrom, alleles[i].pos)):
            alleles[i] = locate(alleles[i], self.genome, self.names)


def _declared_lengths(inputs: Sequence[Input]) -> dict[str, int]:
    """Return the lengths of contigs that headers declare, where they are lengths."""
    lengths: dict[str, int] = {}
    said: dict[str, str] = {}  # by which input
    for one in inputs:
        header = one.header()
        for name, length in believable_lengths(header.contigs, header.sources).items():
            if lengths.setdefault(name, length) != length:
                raise VcfError(
                    f"{one.name}: declares {length:,} bases of contig {name}, {said[name]} "
                    f"declares {lengths[name]:,}: they are of different builds; give them one "
                    "by one"
                )
            said.setdefault(name, one.name)
    return lengths


class Survey:
    """What a VCF holds, counted as its alleles pass, and whether genome and VCF fit together.

    The verdict is one on all alleles: neither their order nor the pieces in which they are
    read, planned or scored can change it.

    Parameters
    ----------
    source : AlleleSource
    refuse : callable, optional
        Raises an `OptionError` for a variant that whoever is to score it does not score.

    Attributes
    ----------
    statuses : Counter of Status
        Alleles of each status.
    contigs : dict of str to ContigMatch
        The VCF's contigs, in order of appearance, and what became of them.
    records : Counter of str
        Records of each contig.
    compared, mismatches : int
        REF alleles, one a record, that were compared with the genome and that differed.
    """

    def __init__(
        self, source: AlleleSource, refuse: Callable[[Variant], None] | None = None
    ) -> None:
        self._source, self._refuse = source, refuse
        self._refusal: OptionError | None = None
        self.statuses: Counter[Status] = Counter()
        self.contigs: dict[str, ContigMatch] = {}
        self.records: Counter[str] = Counter()
        self.compared = self.mismatches = 0
        self._first_mismatch: Allele | None = None
        self._last_record = -1

    @property
    def rows(self) -> int:
        """Alleles in all."""
        return self.statuses.total()

    def see(self, alleles: Sequence[Allele]) -> None:
        """Count located alleles, which come in the VCF's order."""
        self.statuses.update(allele.status for allele in alleles)
        self.records.update(allele.chrom for allele in alleles if allele.allele == 1)
        for chrom in dict.fromkeys(allele.chrom for allele in alleles):
            self.contigs.setdefault(chrom, self._source.names.match(chrom))
        for allele in alleles:
            differs = allele.status is Status.REF_MISMATCH
            if not (differs or allele.status is Status.SCORED):
                continue
            if allele.record != self._last_record:  # a record's ALTs share its REF
                self._last_record = allele.record
                self.compared += 1
                self.mismatches += differs
                if differs and self._first_mismatch is None:
                    self._first_mismatch = allele
        if self._refuse is not None and self._refusal is None:
            try:
                for allele in alleles:
                    if allele.variant is not None:
                        self._refuse(allele.variant)
            except OptionError as error:
                self._refusal = error

    @property
    def warning(self) -> str | None:
        """Which contigs with more than a hundredth of the records are not in the FASTA file."""
        total = self.records.total()
        lost = {
            name: count
            for name, count in self.records.most_common()
            if self.contigs[name].contig is None and 100 * count > total
        }
        if not lost:
            return None
        named = some_names(f"{name} ({count:,})" for name, count in lost.items())
        first = self.contigs[next(iter(lost))]
        return (
            f"{sum(lost.values()):,} of {total:,} records are on contigs that are not in "
            f"{self._source.genome.path.name}: {named}; {first.name}: {first.why}; "
            f"{first.remedy}"
        )

    def judge(self) -> None:
        """Judge the VCF, when all of its alleles were seen.

        Raises
        ------
        VcfError
            If five or more of the REF alleles that were compared, and more than a third of
            them, differ from the genome, and options do not allow it; if contigs are missing
            in the FASTA file and lengths say that it is of another build; if there were
            alleles and the FASTA file has none of their contigs; if there is a warning and
            options are strict.
        OptionError
            If a variant was refused: for the first.
        """
        given, genome, first = self._source.given, self._source.genome, self._first_mismatch
        options = self._source.options
        many = self.mismatches >= _FEWEST_MISMATCHES and 3 * self.mismatches > self.compared
        if many and first is not None and not options.allow_ref_mismatches:
            start, contig = first.pos - 1, self.contigs[first.chrom].contig or ""
            found = genome.fetch(Interval(contig, start, start + len(first.ref)))
            builds = self._source.builds
            raise VcfError(
                f"{given}: of {self.compared} REF alleles compared, {self.mismatches} differ "
                f"from {genome.path}; the first is {_shorten(first.ref)} at "
                f"{first.chrom}:{first.pos}, where the genome has {_shorten(found)}: VCF and "
                f"genome are probably of different builds{_aside(builds)}; {builds.remedy}, or "
                "go on with --allow-ref-mismatches"
            )
        missing = [match for match in self.contigs.values() if match.contig is None]
        if missing and (builds := self._source.builds).differ:
            raise VcfError(
                f"{given}: made with another genome than {genome.path}: by the lengths of "
                f"their contigs {builds} ({missing[0].name}: {missing[0].why}); {builds.remedy}"
            )
        if missing and len(missing) == len(self.contigs):
            raise VcfError(
                f"{given}: none of its contigs ({some_names(self.contigs)}) is in "
                f"{genome.path} ({some_names(genome.lengths)}){_aside(self._source.builds)}; "
                f"{missing[0].name}: {missing[0].why}; {missing[0].remedy}"
            )
        if options.strict and self.warning:
            raise VcfError(f"{given}: {self.warning} (--strict)")
        if self._refusal is not None:
            raise self._refusal


def _aside(builds: Builds) -> str:
    return f" ({builds})" if str(builds) else ""


def _shorten(bases: str, most: int = 20) -> str:
    return bases if len(bases) <= most else f"{bases[:most]}... ({len(bases)} bases)"
