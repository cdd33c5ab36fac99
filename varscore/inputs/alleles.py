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
from varscore.inputs.guard import BuildEvidence, counted
from varscore.inputs.normalise import locate
from varscore.inputs.regions import chosen_regions
from varscore.options import ScoreOptions
from varscore.variant import Allele, Interval, Reason, Reference, Status, Variant

_BATCH_ALLELES = 1 << 16  # held as objects, some 500 bytes each


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
    inputs : list of Input
        The same as what can be read, streams too.
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
            self.inputs = stack.enter_context(opened(given, folder))
            self.names = ContigNames(
                genome.lengths,
                declared=_declared_lengths(self.inputs),
                table=None if table is None else read_contig_table(table, genome.lengths),
            )
            self._regions = chosen_regions(self.options, genome, self.names)
            self._streams = stack.pop_all()
        names = [one.name for one in self.inputs]
        self.given = some_names(names)
        self.name = ", ".join(n if n.startswith("/dev/fd/") else Path(n).name for n in names)

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
        with closing(read_alleles(self.inputs, max_allele_length=longest)) as alleles:
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
        score = self.options.swapped == "score"
        for i in sorted(range(len(alleles)), key=lambda i: (alleles[i].chrom, alleles[i].pos)):
            alleles[i] = locate(alleles[i], self.genome, self.names, score_swapped=score)


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
    reasons : Counter of Reason
        Alleles whose REF mismatches, by what the genome has.
    swapped : int
        Alleles that are scored as a change from ALT to REF.
    contigs : dict of str to ContigMatch
        The VCF's contigs, in order of appearance, and what became of them.
    records : Counter of str
        Records of each contig.
    evidence : BuildEvidence
        REF alleles, one a record, that were compared with the genome.
    """

    def __init__(
        self, source: AlleleSource, refuse: Callable[[Variant], None] | None = None
    ) -> None:
        self._source, self._refuse = source, refuse
        self._refusal: OptionError | None = None
        self.statuses: Counter[Status] = Counter()
        self.contigs: dict[str, ContigMatch] = {}
        self.records: Counter[str] = Counter()
        self.reasons: Counter[Reason] = Counter()
        self.swapped = 0
        self.evidence = BuildEvidence()
        self._first_mismatch: Allele | None = None
        self._last: tuple[int, Reason | None, Allele] | None = None  # record that was compared

    @property
    def counts(self) -> dict[str, int]:
        """Alleles of each status, the most frequent first."""
        return {status.value: n for status, n in self.statuses.most_common()}

    @property
    def reason_counts(self) -> dict[str, int]:
        """Mismatches of each reason, the most frequent first."""
        return {reason.value: n for reason, n in self.reasons.most_common()}

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
            variant = allele.variant
            if variant is None and allele.reason is None:
                continue
            reason = allele.reason
            if reason is not None:
                self.reasons[reason] += 1
            elif variant is not None and variant.reference is Reference.SWAPPED:
                reason = Reason.SWAPPED
                self.swapped += 1
            self._compare(allele, reason)
        if self._refuse is not None and self._refusal is None:
            try:
                for allele in alleles:
                    if allele.variant is not None:
                        self._refuse(allele.variant)
            except OptionError as error:
                self._refusal = error

    def _compare(self, allele: Allele, reason: Reason | None) -> None:
        """Count a record once, as swapped if one of its ALTs is: they share its REF."""
        if reason is not None and self._first_mismatch is None:
            self._first_mismatch = allele
        if self._last is not None and self._last[0] == allele.record:
            if reason is not Reason.SWAPPED or self._last[1] is Reason.SWAPPED:
                return
            _, former, first = self._last
            self.evidence.add(former, first.ref, first.alt, -1)
        self.evidence.add(reason, allele.ref, allele.alt)
        self._last = allele.record, reason, allele

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
            If another build than the genome's explains the REF alleles better, and options
            do not allow it; if contigs are missing
            in the FASTA file and lengths say that it is of another build; if there were
            alleles and the FASTA file has none of their contigs; if there is a warning and
            options are strict.
        OptionError
            If a variant was refused: for the first.
        """
        given, genome, first = self._source.given, self._source.genome, self._first_mismatch
        options = self._source.options
        doubtful = self.evidence.log_odds < 0 and not options.allow_ref_mismatches
        if doubtful and first is not None:
            start, contig = first.pos - 1, self.contigs[first.chrom].contig or ""
            found = genome.fetch(Interval(contig, start, start + len(first.ref)))
            builds = self._source.builds
            raise VcfError(
                f"{given}: of {self.evidence.compared} REF alleles compared, "
                f"{self.evidence.mismatches} differ from {genome.path} "
                f"({counted(self.evidence.reasons)}); the first is {shorten(first.ref)} at "
                f"{first.chrom}:{first.pos}, where the genome has {shorten(found)}: VCF and "
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


def shorten(bases: str, most: int = 20) -> str:
    """Return bases for a message: of many the first ones, and how many there are."""
    return bases if len(bases) <= most else f"{bases[:most]}... ({len(bases)} bases)"
