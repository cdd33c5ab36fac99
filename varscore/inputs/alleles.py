"""From a VCF to alleles located on a genome, and the guard against another build."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from functools import cached_property
from itertools import chain, islice
from pathlib import Path

from varscore.errors import OptionError, VcfError
from varscore.inputs.builds import Builds
from varscore.inputs.contigs import ContigMatch, ContigNames, read_contig_table
from varscore.inputs.genome import ReferenceGenome, parse_region, some_names
from varscore.inputs.normalise import locate
from varscore.inputs.vcf import declared_lengths, read_alleles
from varscore.options import ScoreOptions
from varscore.variant import Allele, Interval, Status, Variant

_BATCH_ALLELES = 1 << 16  # held as objects, some 500 bytes each
_FEWEST_MISMATCHES = 5  # fewer say nothing about the build, whatever their share


class AlleleSource:
    """The alleles of a VCF that options ask for, located on a genome, in the VCF's order.

    Each iteration reads the VCF anew, to its end. Memory does not depend on its length.

    Parameters
    ----------
    vcf : str or Path
        VCF, bgzipped VCF or BCF; sorted or not.
    genome : ReferenceGenome
    options : ScoreOptions, optional
        Of it count those that are planned, as `region` and `contigs`.

    Attributes
    ----------
    names : ContigNames
        What the VCF's contigs are called in the FASTA file.

    Raises
    ------
    OptionError
        If the region is none of the genome's, or the table of contig names cannot be used.
    VcfError
        If the VCF has no sound header.
    """

    def __init__(
        self, vcf: str | Path, genome: ReferenceGenome, options: ScoreOptions | None = None
    ) -> None:
        self.vcf, self.genome, self.options = Path(vcf), genome, options or ScoreOptions()
        region, table = self.options.region, self.options.contigs
        self._region = None if region is None else parse_region(region, genome)
        self.names = ContigNames(
            genome.lengths,
            declared=declared_lengths(vcf),
            table=None if table is None else read_contig_table(table, genome.lengths),
        )

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
            As `varscore.inputs.vcf.read_alleles`, once the alleles before the damage are
            yielded, but for those of the last list.
        GenomeError
            If the FASTA file cannot be read.
        """
        region, longest = self._region, self.options.max_allele_length
        with closing(read_alleles(self.vcf, max_allele_length=longest)) as alleles:
            wanted: Iterator[Allele] = alleles
            if region is not None:
                wanted = (allele for allele in alleles if self._is_within(allele, region))
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

    def _is_within(self, allele: Allele, region: Interval) -> bool:
        """Tell whether a record's POS, as written, lies in a region of the genome.

        Unlike a query for overlap this cuts a VCF into parts that share no record.
        """
        return (
            region.start < allele.pos <= region.end
            and self.names.match(allele.chrom).contig == region.contig
        )

    def _locate_all(self, alleles: list[Allele]) -> None:
        """Locate alleles in the order of the genome, which is read in pieces; keep theirs."""
        for i in sorted(range(len(alleles)), key=lambda i: (alleles[i].chrom, alleles[i].pos)):
            alleles[i] = locate(alleles[i], self.genome, self.names)


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
        vcf, genome, first = self._source.vcf, self._source.genome, self._first_mismatch
        options = self._source.options
        many = self.mismatches >= _FEWEST_MISMATCHES and 3 * self.mismatches > self.compared
        if many and first is not None and not options.allow_ref_mismatches:
            start, contig = first.pos - 1, self.contigs[first.chrom].contig or ""
            found = genome.fetch(Interval(contig, start, start + len(first.ref)))
            builds = self._source.builds
            raise VcfError(
                f"{vcf}: of {self.compared} REF alleles compared, {self.mismatches} differ "
                f"from {genome.path}; the first is {_shorten(first.ref)} at "
                f"{first.chrom}:{first.pos}, where the genome has {_shorten(found)}: VCF and "
                f"genome are probably of different builds{_aside(builds)}; {builds.remedy}, or "
                "go on with --allow-ref-mismatches"
            )
        missing = [match for match in self.contigs.values() if match.contig is None]
        if missing and (builds := self._source.builds).differ:
            raise VcfError(
                f"{vcf}: made with another genome than {genome.path}: by the lengths of their "
                f"contigs {builds} ({missing[0].name}: {missing[0].why}); {builds.remedy}"
            )
        if missing and len(missing) == len(self.contigs):
            raise VcfError(
                f"{vcf}: none of its contigs ({some_names(self.contigs)}) is in "
                f"{genome.path} ({some_names(genome.lengths)}){_aside(self._source.builds)}; "
                f"{missing[0].name}: {missing[0].why}; {missing[0].remedy}"
            )
        if options.strict and self.warning:
            raise VcfError(f"{vcf}: {self.warning} (--strict)")
        if self._refusal is not None:
            raise self._refusal


def _aside(builds: Builds) -> str:
    return f" ({builds})" if str(builds) else ""


def _shorten(bases: str, most: int = 20) -> str:
    return bases if len(bases) <= most else f"{bases[:most]}... ({len(bases)} bases)"
