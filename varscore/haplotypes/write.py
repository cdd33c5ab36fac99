"""Haplotypes as a VCF that `varscore score` takes as any other."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from varscore.errors import VcfError
from varscore.files.atomic import check_target
from varscore.haplotypes.changes import spelled
from varscore.haplotypes.combine import Combiner
from varscore.haplotypes.genotypes import GenotypeFile
from varscore.haplotypes.window import Haplotype, Member
from varscore.inputs.alleles import AlleleSource, Survey
from varscore.inputs.genome import ReferenceGenome
from varscore.inputs.given import File
from varscore.inputs.lines import VcfWriter, form_of
from varscore.inputs.vcf import COLUMNS
from varscore.options import DEFAULT_MAX_ALLELE_LENGTH, Option, ScoreOptions
from varscore.version import __version__

MAX_SPAN = Option(
    "max_span",
    int,
    DEFAULT_MAX_ALLELE_LENGTH,
    "Bases from the first changed base of a haplotype to the last.",
    minimum=1,
)
_MOST_NAMES = 10  # of samples, in INFO
_ESCAPED = str.maketrans({letter: f"%{ord(letter):02X}" for letter in "%;=, "})
_INFO = (
    ("MEMBERS", ".", "String", "Alleles that are carried together, in order, as "
     "chrom:pos:ref:alt in normal form"),
    ("NMEMBERS", "1", "Integer", "Number of these alleles"),
    ("AC", "A", "Integer", "Copies of the chromosome that carry it"),
    ("AN", "1", "Integer", "Copies of which it is known whether they do"),
    ("NCARRIERS", "1", "Integer", "Samples that carry it"),
    ("CARRIERS", ".", "String", f"The first {_MOST_NAMES} of them"),
    ("PART_OF", ".", "String", "IDs of the haplotypes that this allele is a member of"),
)  # fmt: skip


@dataclass(frozen=True)
class HaplotypeSummary:
    """What became of a VCF's records.

    Attributes
    ----------
    samples, records, used : int
        Samples, data lines, and those with an allele that can be part of a haplotype.
    left_out : dict of str to int
        Alleles that cannot, by status.
    gaps : dict of str to int
        What cut haplotypes: genotypes that are ``missing``, ``unphased`` or ``polyploid``;
        carried alleles that are ``overlapping`` another one of the same copy.
    unwritten : dict of str to int
        Haplotypes that are no allele: ``undone``, whose changes undo each other, and
        ``masked``, with an N of the genome.
    haplotypes, parts : int
        Records written.
    index : Path or None
    warning : str or None
        Contigs with more than a hundredth of the records that are not in the FASTA.
    """

    samples: int
    records: int
    used: int
    left_out: dict[str, int]
    gaps: dict[str, int]
    unwritten: dict[str, int]
    haplotypes: int
    parts: int
    index: Path | None
    warning: str | None

    def __str__(self) -> str:
        parts = f" and {self.parts:,} parts" if self.parts else ""
        words = [
            f"{self.haplotypes:,} haplotypes{parts} of {self.samples:,} samples",
            f"{self.used:,} of {self.records:,} records used",
        ]
        for what, counts in (
            ("alleles left out", self.left_out),
            ("genotypes that cut", self.gaps),
            ("haplotypes not written", self.unwritten),
        ):
            if said := ", ".join(f"{n:,} {name}" for name, n in counts.items()):
                words.append(f"{what}: {said}")
        if self.index:
            words.append(f"index {self.index.name}")
        if self.warning:
            words.append(f"warning: {self.warning}")
        return "; ".join(words)


def write_haplotypes(
    vcf: str | Path,
    genome: str | Path,
    output: str | Path,
    *,
    max_span: int = DEFAULT_MAX_ALLELE_LENGTH,
    with_parts: bool = False,
    force: bool = False,
    options: ScoreOptions | None = None,
    **option: Any,
) -> HaplotypeSummary:
    """Write the alleles that samples carry together on one copy of a chromosome as one each.

    A haplotype is what a copy has from one changed base to another, at most `max_span` bases
    apart, with all that it carries between, two alleles at least. Of a longer row of alleles
    all such pieces are written that lie within no other, so that any two alleles within the
    span stand together in one, whatever else the copy carries. Copies with the same alleles
    are counted.

    Genotypes count where they are phased (``0|1``), homozygous or of one copy. Phased ones are
    in phase with those of the same phase set (PS; those without it make up one) and of as many
    copies; homozygous ones with all.

    What a copy has must be known from the first changed base to the last. So a haplotype is cut

    - where the genotype is missing, heterozygous and not phased, or of more than two copies;
      but what is missing, or ``*``, does not cut a copy that carries another allele over the
      record's first base, as where a multiallelic record was split;
    - where the copy carries an allele that cannot be written: symbolic, with other letters than
      ACGT, or longer than `max_span`;
    - where it carries two that overlap, of which neither is taken;
    - for all copies, where a record's REF is not the genome's.

    Memory depends on the samples and on the records within the span.

    Parameters
    ----------
    vcf : str or Path
        A VCF or BCF with samples, sorted; ``"-"`` for standard input.
    genome : str or Path
        FASTA, plain or bgzipped, of the build that the VCF was made with.
    output : str or Path
        Its suffix says what is written: ``.vcf``, ``.vcf.gz`` (bgzipped) or ``.bcf``; the two
        get an index.
    max_span : int
        In bases, on the genome and on the copy: neither REF nor ALT is longer.
    with_parts : bool
        Write each member of a haplotype as a record, too.
    force : bool
        Replace an existing output.
    options : ScoreOptions, optional
    **option
        Single fields of `ScoreOptions`, in place of `options`. Of them count `region`,
        `regions`, `contigs`, `strict` and `allow_ref_mismatches`.

    Returns
    -------
    HaplotypeSummary

    Raises
    ------
    VarscoreError
        If the VCF is not sorted, has no samples, or is of another build than the genome, or a
        file cannot be used; there is no output then.

    Examples
    --------
    >>> import varscore
    >>> made = varscore.write_haplotypes("phased.vcf.gz", "hg38.fa", "pairs.vcf", max_span=50)
    >>> made.samples
    2
    """
    if options is not None and option:
        raise TypeError("write_haplotypes: give `options` or single options, not both")
    span: int = MAX_SPAN.read(max_span)
    options = replace(options or ScoreOptions(**option), max_allele_length=span, swapped="skip")
    output = Path(output)
    form_of(output)
    check_target(output, force=force)
    with (
        ReferenceGenome(genome) as reference,
        AlleleSource(vcf, reference, options, folder=output.parent) as alleles,
    ):
        if len(alleles.inputs) != 1 or not isinstance(source := alleles.inputs[0], File):
            raise VcfError(f"{vcf}: expected one VCF or BCF with phased genotypes")
        with GenotypeFile(source.path, source.name) as genotypes:
            survey = alleles.survey()
            survey.judge()
            combiner = Combiner(alleles, genotypes, span)
            naming = _Naming(reference, genotypes.samples, with_parts=with_parts)
            comment = f"##varscore_haplotypes=max_span {span}, {alleles.name}"
            with VcfWriter(output, [*_header(survey, reference), comment, _COLUMNS]) as writer:
                with closing(combiner.found()) as found:
                    for record in _in_order(naming.records(found)):
                        writer.write(record.chrom, record.pos, record.line)
                index = writer.commit()
    return HaplotypeSummary(
        len(genotypes.samples),
        combiner.records,
        combiner.used,
        dict(combiner.left_out.most_common()),
        {name: count for name, count in combiner.gaps.items() if count},
        dict(sorted(naming.unwritten.items())),
        naming.haplotypes,
        naming.parts,
        index,
        survey.warning,
    )


_COLUMNS = "\t".join(COLUMNS)


def _header(survey: Survey, genome: ReferenceGenome) -> list[str]:
    """Return the lines before that of the columns; contigs are called as in the VCF."""
    return [
        "##fileformat=VCFv4.3",
        f"##source=varscore {__version__}",
        *(
            f"##contig=<ID={name},length={genome.lengths[match.contig]}>"
            for name, match in survey.contigs.items()
            if match.contig is not None
        ),
        *(
            f'##INFO=<ID={name},Number={number},Type={kind},Description="{description}">'
            for name, number, kind, description in _INFO
        ),
    ]


class _Record(NamedTuple):
    """A line to be written; `start`, 0-based, is where its first change begins."""

    chrom: str
    start: int
    pos: int
    line: str


class _Naming:
    """Spells haplotypes and their parts as lines, and counts them."""

    def __init__(
        self, genome: ReferenceGenome, samples: list[str], *, with_parts: bool
    ) -> None:
        self._genome, self._samples, self._with_parts = genome, samples, with_parts
        self.haplotypes = self.parts = 0
        self.unwritten: Counter[str] = Counter()

    def records(self, found: Iterable[Haplotype | Member]) -> Iterator[_Record]:
        """Yield lines by where their first change begins."""
        for one in found:
            if isinstance(one, Haplotype):
                record = self._haplotype(one)
                if record is not None:
                    self.haplotypes += 1
                    yield record
            elif self._with_parts and one.part_of:
                info = f"AC={one.ac};AN={one.an};PART_OF={','.join(one.part_of)}"
                record = self._record([one], one.id, info)
                if record is not None:
                    self.parts += 1
                    yield record

    def _haplotype(self, found: Haplotype) -> _Record | None:
        keys = ",".join(member.key.translate(_ESCAPED) for member in found.members)
        name = f"HAP_{blake2b(keys.encode(), digest_size=8).hexdigest()}"
        carriers = [self._samples[i].translate(_ESCAPED) for i in found.samples[:_MOST_NAMES]]
        info = (
            f"MEMBERS={keys};NMEMBERS={len(found.members)};AC={found.ac};AN={found.an};"
            f"NCARRIERS={len(found.samples)};CARRIERS={','.join(carriers)}"
        )
        record = self._record(found.members, name, info)
        if record is not None:
            for member in found.members:
                member.part_of.append(name)
        return record

    def _record(self, members: Iterable[Member], name: str, info: str) -> _Record | None:
        """Return the line of an allele; None, and counted, if there is none."""
        members = list(members)
        made = spelled([member.change for member in members], self._genome)
        if made is None or made[1] == made[2]:
            self.unwritten["masked" if made is None else "undone"] += 1
            return None
        pos, ref, alt = made
        chrom = members[0].chrom
        line = "\t".join((chrom, str(pos), name, ref, alt, ".", ".", info))
        return _Record(chrom, members[0].change.start, pos, line)


def _in_order(records: Iterable[_Record]) -> Iterator[_Record]:
    """Sort lines by POS, which anchors and shared letters move a little from the start."""
    held: list[tuple[int, int, _Record]] = []
    for number, record in enumerate(records):
        while held and (held[0][2].chrom != record.chrom or held[0][0] < record.start):
            yield heapq.heappop(held)[2]
        heapq.heappush(held, (record.pos, number, record))
    while held:
        yield heapq.heappop(held)[2]
