"""Choose the demo's variants: enough of each class for each factor, and some odd ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import simulate
from simulate import FACTOR_NAMES, FACTORS
from variants import FLANK, Change, Effect, Genome, effects, in_normal_form, occupancy, trimmed

Sites = list[tuple[str, int]]

UNKNOWN_CONTIG = "chrC"  # in the VCF, not in the FASTA

# Drawn of each kind, at random; the rarest class that is asked for is one in a thousand.
PROPOSALS = {
    "snv": 15_000,
    "mnv": 5_000,
    "deletion": 6_000,
    "insertion": 2_000,
    "delins": 2_000,
}


class Quota(NamedTuple):
    """How many variants of a kind and class the demo has: for each factor, or in all."""

    kind: str
    name: str
    number: int
    each_factor: bool


NEUTRAL = 3_000  # of the background

QUOTAS = (
    Quota("snv", "breaks", 14, True),
    Quota("snv", "weakens", 4, True),
    Quota("snv", "creates", 5, True),
    Quota("snv", "strengthens", 3, True),
    Quota("snv", "silent", 5, True),
    Quota("snv", "neutral", 100, False),
    Quota("mnv", "breaks", 1, True),
    Quota("mnv", "creates", 6, False),
    Quota("mnv", "neutral", 4, False),
    Quota("deletion", "breaks", 2, True),
    Quota("deletion", "creates", 6, False),
    Quota("deletion", "neutral", 10, False),
    Quota("insertion", "breaks", 2, True),
    Quota("insertion", "creates", 2, True),
    Quota("insertion", "neutral", 10, False),
    Quota("delins", "breaks", 1, True),
    Quota("delins", "neutral", 3, False),
)


@dataclass(frozen=True)
class Record:
    """One line of the VCF; `status` has what is expected of each ALT."""

    chrom: str
    pos: int
    id: str
    ref: str
    alts: tuple[str, ...]
    status: tuple[str, ...]
    info: str = "."

    def line(self) -> str:
        """Return the VCF's data line."""
        alts = ",".join(self.alts)
        return (
            f"{self.chrom}\t{self.pos}\t{self.id}\t{self.ref}\t{alts}\t.\tPASS\t{self.info}\n"
        )


def choose_records(genome: Genome, rng: np.random.Generator) -> list[Record]:
    """Choose the VCF's records, sorted, with unique ids and positions."""
    chosen: dict[tuple[str, int], Record] = {}
    good, weak = _binding_sites(genome, 0.6, 1.0), _binding_sites(genome, 0.0, 0.6)
    for kind in dict.fromkeys(quota.kind for quota in QUOTAS):
        changes = list(_proposals(genome, kind, good, weak, rng))
        pool = list(zip(changes, effects(genome, changes), strict=True))
        for quota in QUOTAS:
            if quota.kind == kind:
                for factor in FACTOR_NAMES if quota.each_factor else (None,):
                    _fill(quota, factor, pool, chosen)
    for record in (*_multiallelic(genome, good, rng), *_unscorable(genome, rng)):
        if (record.chrom, record.pos) in chosen:
            raise RuntimeError(f"{record.id} falls on another record: take another seed")
        chosen[record.chrom, record.pos] = record
    order = [*genome, UNKNOWN_CONTIG]
    return sorted(chosen.values(), key=lambda record: (order.index(record.chrom), record.pos))


def choose_neutral(
    genome: Genome, taken: set[tuple[str, int]], rng: np.random.Generator
) -> list[Record]:
    """Choose SNVs without a site within 20 bp, at places that are not taken, sorted."""
    contigs = list(genome)
    proposed: dict[tuple[str, int], Change] = {}
    for _ in range(4 * NEUTRAL):
        contig = contigs[int(rng.integers(len(contigs)))]
        start = int(rng.integers(FLANK, len(genome[contig]) - FLANK))
        around = genome[contig][start - FLANK : start + FLANK + 1]
        ref, alt = simulate.decode(around[FLANK : FLANK + 1]), _random_dna(1, rng)
        if ref != alt and (around < 4).all() and (contig, start + 1) not in taken:
            proposed[contig, start + 1] = Change(contig, start, ref, alt)
    found = effects(genome, list(proposed.values()))
    neutral = [
        Record(*place, f"background_{number}", change.ref, (change.alt,), ("scored",))
        for number, ((place, change), effect) in enumerate(
            zip(proposed.items(), found, strict=True)
        )
        if effect.name == "neutral"
    ]
    if len(neutral) < NEUTRAL:
        raise RuntimeError(f"found {len(neutral)} neutral SNVs of {NEUTRAL}: draw more")
    return sorted(
        neutral[:NEUTRAL], key=lambda record: (contigs.index(record.chrom), record.pos)
    )


def _fill(
    quota: Quota,
    factor: str | None,
    pool: list[tuple[Change, Effect]],
    chosen: dict[tuple[str, int], Record],
) -> None:
    """Choose from the pool what the quota asks for; of any factor where it is None."""
    taken = 0
    for change, effect in pool:
        place = (change.contig, change.start + 1)
        fits = effect.name == quota.name and factor in (None, effect.factor)
        if taken < quota.number and fits and place not in chosen:
            taken += 1
            words = (quota.kind, effect.name, effect.factor, str(taken))
            identifier = "_".join(word for word in words if word != ".")
            chosen[place] = Record(*place, identifier, change.ref, (change.alt,), ("scored",))
    if taken < quota.number:
        raise RuntimeError(f"found {taken} of {quota} for factor {factor}: draw more proposals")


def _binding_sites(genome: Genome, lowest: float, highest: float) -> list[Sites]:
    """Return each factor's sites of an occupancy in this range: contig and first base."""
    found: list[Sites] = [[] for _ in FACTORS]
    for contig, codes in genome.items():
        bound = occupancy(codes[None])[0]
        for row, factor in enumerate(FACTORS):
            fits = (bound[row] > lowest) & (bound[row] <= highest)
            half = len(factor.motif) // 2
            found[row] += [(contig, middle - half) for middle in fits.nonzero()[:, 0].tolist()]
    return found


def _random_dna(length: int, rng: np.random.Generator) -> str:
    return simulate.decode(rng.integers(0, 4, length).astype(np.uint8))


def _proposals(
    genome: Genome,
    kind: str,
    good: list[Sites],
    weak: list[Sites],
    rng: np.random.Generator,
) -> Iterator[Change]:
    """Draw alleles of a kind: a third each in good sites, in weak sites, and anywhere."""
    contigs = list(genome)
    for number in range(PROPOSALS[kind]):
        row = number // 3 % len(FACTORS)
        if number % 3:
            places = (good if number % 3 == 1 else weak)[row]
            contig, start = places[int(rng.integers(len(places)))]
            start += int(rng.integers(len(FACTORS[row].motif)))
        else:
            contig = contigs[int(rng.integers(len(contigs)))]
            start = int(rng.integers(len(genome[contig])))
        removed, added = {
            "snv": (1, 1),
            "mnv": (size := int(rng.integers(2, 5)), size),
            "deletion": (1 + int(rng.geometric(0.15)), 1),
            "insertion": (1, 1 + int(rng.geometric(0.15))),
            "delins": (int(rng.integers(2, 9)), int(rng.integers(2, 9))),
        }[kind]
        around = genome[contig][max(start - FLANK, 0) : start + removed + FLANK]
        if len(around) < removed + 2 * FLANK or (around == 4).any():
            continue
        ref = simulate.decode(around[FLANK : FLANK + removed])
        alt = _random_dna(added, rng)
        if kind == "deletion":
            alt = ref[0]
        elif kind == "insertion":
            site = simulate.decode(simulate.draw_site(FACTOR_NAMES[row], rng))
            alt = ref + (site if number % 2 else alt[1:])
        change = Change(contig, start, ref, alt)
        if change.kind == kind and in_normal_form(change):
            yield change


def _multiallelic(
    genome: Genome, good: list[Sites], rng: np.random.Generator
) -> Iterator[Record]:
    """Yield records with several ALTs: at each factor's sites, SNVs, deletions, insertions."""
    for number, (factor, places) in enumerate(zip(FACTORS * 2, good * 2, strict=True)):
        while True:
            contig, start = places[int(rng.integers(len(places)))]
            start += int(rng.integers(len(factor.motif)))
            ref = simulate.decode(genome[contig][start : start + 1 + int(rng.integers(2, 6))])
            others = [base for base in "ACGT" if base != ref[0]]
            alts = {
                0: others,
                1: [ref[0], others[0] + ref[1:]],
                2: [ref[0] + _random_dna(4, rng) + ref[1:], ref[:-1]],
            }[number % 3]
            ref = ref[:1] if number % 3 == 0 else ref
            changes = [trimmed(contig, start + 1, ref, alt) for alt in alts]
            if "N" not in ref and all(map(in_normal_form, changes)):
                break
        status = ("scored",) * len(alts)
        identifier = f"multiallelic_{number + 1}"
        yield Record(contig, start + 1, identifier, ref, tuple(alts), status)


def _unscorable(genome: Genome, rng: np.random.Generator) -> Iterator[Record]:
    """Yield records of which an allele cannot be scored, each status that a VCF can show."""
    first, *_, last = genome
    codes = genome[first]

    def place() -> tuple[int, str, str]:
        """Return a position, its base and another base."""
        pos = int(rng.integers(FLANK, len(codes) - FLANK))
        base = simulate.decode(codes[pos - 1 : pos])
        return pos, base, "ACGT"[("ACGT".index(base) + 1) % 4]

    pos, base, _ = place()
    info = f"SVTYPE=DEL;END={pos + 500}"
    yield Record(
        first, pos, "unscorable_deletion", base, ("<DEL>",), ("symbolic_allele",), info
    )
    pos, base, _ = place()
    alt = f"{base}[{last}:1000["
    yield Record(
        first, pos, "unscorable_breakend", base, (alt,), ("symbolic_allele",), "SVTYPE=BND"
    )
    pos, base, other = place()
    status = ("scored", "spanning_deletion")
    yield Record(first, pos, "unscorable_second_allele", base, (other, "*"), status)
    pos, base, _ = place()
    yield Record(first, pos, "unscorable_missing_alt", base, (".",), ("missing_alt",))
    pos, base, _ = place()
    yield Record(first, pos, "unscorable_ambiguous_alt", base, ("N",), ("ambiguous_allele",))
    gap = int(np.flatnonzero(genome[last] == 4)[0])
    yield Record(last, gap + 1, "unscorable_ambiguous_ref", "N", ("A",), ("ambiguous_allele",))
    for number in (1, 2):
        pos, base, other = place()
        identifier = f"unscorable_ref_mismatch_{number}"
        yield Record(first, pos, identifier, other, (base,), ("ref_mismatch",))
    pos, base, _ = place()
    yield Record(first, pos, "unscorable_no_change", base, (base,), ("no_change",))
    pos = len(codes) + 100
    yield Record(first, pos, "unscorable_outside_contig", "A", ("G",), ("outside_contig",))
    yield Record(
        UNKNOWN_CONTIG, 1000, "unscorable_unknown_contig", "A", ("G",), ("unknown_contig",)
    )
