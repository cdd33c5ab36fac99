"""A set of variants to make a background of, drawn from a VCF by stated rules."""

from __future__ import annotations

import heapq
import math
from collections.abc import Generator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

import numpy as np

from varscore.errors import VcfError
from varscore.files.atomic import check_target
from varscore.inputs.genome import ReferenceGenome
from varscore.inputs.given import File, opened
from varscore.inputs.lines import VcfWriter, form_of, read_columns, read_meta_lines
from varscore.inputs.vcf import COLUMNS, SUBSTITUTIONS
from varscore.variant import Interval

STRATA = ("rare", "low", "common")
"""AF below 0.01, from there to below 0.05, and from there on."""

_KEPT = ("##fileformat=", "##reference=", "##assembly=", "##contig=", "##INFO=<ID=AF,")
_AF_LINE = '##INFO=<ID=AF,Number=A,Type=Float,Description="Allele frequency">'


class Drawn(NamedTuple):
    """What a sample was drawn from, and what it has.

    Attributes
    ----------
    records, eligible, drawn : int
        Records of the VCF, those that a sample may have, and those that it has.
    strata : dict of str to int
        Drawn of each frequency, where the VCF has frequencies.
    """

    records: int
    eligible: int
    drawn: int
    strata: dict[str, int]

    def __str__(self) -> str:
        strata = ", ".join(f"{count:,} {name}" for name, count in self.strata.items())
        by = f" ({strata})" if strata else ""
        return (
            f"{self.drawn:,} SNVs{by} of {self.eligible:,} that could be drawn, of "
            f"{self.records:,} records"
        )


class _Candidate(NamedTuple):
    """A record that a sample may have; the largest lots come first, as heaps have it."""

    minus_lot: float
    number: int  # of the record
    chrom: str
    pos: int
    line: str


def sample_vcf(
    vcf: str | Path,
    output: str | Path,
    number: int,
    *,
    seed: int = 1,
    genome: str | Path | None = None,
    force: bool = False,
) -> Drawn:
    """Draw SNVs from a VCF, for a background.

    Every record gets a lot, and those with the smallest are drawn, so that contigs have shares
    in proportion to their records. Drawn are substitutions of one base, with one ALT, that
    passed (FILTER is PASS or "."), of consecutive records at a position the first of these.
    Where INFO has AF, rare, low-frequency and common ones are drawn in equal numbers, as far as
    there are enough (records without AF are left out then). The VCF is read once; memory
    depends on `number` alone.

    Parameters
    ----------
    vcf : str or Path
        VCF or BCF; "-" for standard input.
    output : str or Path
        ``.vcf``, ``.vcf.gz`` or ``.bcf``: the first eight columns of the records drawn, of INFO
        AF alone, in the order of the VCF.
    number : int
        How many to draw; all, if there are not so many.
    seed : int
        Not negative. The same VCF, number and seed give the same bytes.
    genome : str or Path, optional
        FASTA: only records whose REF it has.
    force : bool
        Replace an existing output.

    Returns
    -------
    Drawn

    Raises
    ------
    VarscoreError
        If a file cannot be used, or no record of the VCF can be drawn.
    """
    output = Path(output)
    form_of(output)
    check_target(output, force=force)
    lots = np.random.default_rng(seed)
    held: dict[str | None, list[_Candidate]] = {}
    eligible = records = 0
    with ExitStack() as stack:
        inputs = stack.enter_context(opened(vcf, output.parent))
        if len(inputs) != 1 or not isinstance(inputs[0], File):
            raise VcfError(f"{vcf}: expected one VCF or BCF to draw from")
        source = inputs[0]
        reference = None if genome is None else stack.enter_context(ReferenceGenome(genome))
        header = read_meta_lines(source.path, source.name)
        with closing(_eligible(source, reference)) as found:
            for records, candidate in found:
                if candidate is None:
                    continue
                stratum, chrom, pos, line = candidate
                eligible += 1
                heap = held.setdefault(stratum, [])
                entry = _Candidate(-lots.random(), records, chrom, pos, line)
                if len(heap) < number:
                    heapq.heappush(heap, entry)
                else:
                    heapq.heappushpop(heap, entry)
    strata = {name: sorted(held[name], reverse=True) for name in STRATA if name in held}
    counts = _shares({name: len(some) for name, some in strata.items()}, number)
    drawn = [one for name, count in counts.items() for one in strata[name][:count]]
    if not strata:
        drawn = held.get(None, [])
    if not drawn:
        raise VcfError(
            f"{source.name}: no record can be drawn: expected substitutions of one base with "
            "one ALT that passed" + ("" if genome is None else f" and whose REF {genome} has")
        )
    rule = f"##varscore_background_sample={number} of {source.name}, seed {seed}"
    with VcfWriter(output, _header(header, rule)) as writer:
        for one in sorted(drawn, key=lambda one: one.number):
            writer.write(one.chrom, one.pos, one.line)
        writer.commit()
    return Drawn(records, eligible, len(drawn), counts)


def _eligible(
    source: File, genome: ReferenceGenome | None
) -> Generator[tuple[int, tuple[str | None, str, int, str] | None], None, None]:
    """Yield each record's number and, if a sample may have it, stratum, place and line."""
    before = ("", 0)
    for number, (line, columns) in enumerate(read_columns(source.path, source.name), 1):
        chrom, digits, identifier, ref, alt, _, passed, info = columns[: len(COLUMNS)]
        pos = int(digits)
        if (
            (ref + alt).upper() not in SUBSTITUTIONS
            or passed not in ("PASS", ".")
            or before == (chrom, pos)
            or (genome is not None and not _fits(genome, chrom, pos, ref))
        ):
            yield number, None
            continue
        before = chrom, pos
        frequency = _frequency(info, f"{source.name}: line {line}")
        text = "." if frequency is None else f"AF={frequency}"
        written = (chrom, digits, identifier or ".", ref, alt, ".", passed, text)
        yield number, (_stratum(frequency), chrom, pos, "\t".join(written))


def _fits(genome: ReferenceGenome, chrom: str, pos: int, ref: str) -> bool:
    contig = genome.resolve(chrom)
    if contig is None or not 0 < pos <= genome.lengths[contig]:
        return False
    return genome.fetch(Interval(contig, pos - 1, pos)).upper() == ref.upper()


def _frequency(info: str, where: str) -> str | None:
    """Return AF as INFO has it, None where it has none."""
    for entry in info.split(";"):
        if entry.startswith("AF=") and entry != "AF=.":
            text = entry.removeprefix("AF=")
            try:
                if 0 <= float(text) <= 1:
                    return text
            except ValueError:
                pass
            raise VcfError(
                f"{where} has AF {text[:80]!r}; expected a number from 0 to 1, for its one ALT"
            )
    return None


def _stratum(frequency: str | None) -> str | None:
    if frequency is None:
        return None
    size = float(frequency)
    return "rare" if size < 0.01 else "low" if size < 0.05 else "common"


def _shares(there: dict[str, int], number: int) -> dict[str, int]:
    """Return how many to take of each stratum: equal numbers, as far as there are enough."""
    taken = dict.fromkeys(there, 0)
    left = min(number, sum(there.values()))
    for place, name in enumerate(sorted(there, key=lambda name: there[name])):
        taken[name] = min(there[name], math.ceil(left / (len(there) - place)))
        left -= taken[name]
    return taken


def _header(header: list[str], rule: str) -> list[str]:
    kept = [line for line in header[:-1] if line.startswith(_KEPT)]
    if not any(line.startswith(_AF_LINE[:13]) for line in kept):
        kept.append(_AF_LINE)
    return [*kept, rule, "\t".join(COLUMNS)]
