"""One variant, one normal form."""

import random
from collections.abc import Iterator
from pathlib import Path

import pysam
import pysam.bcftools
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from writers import COLUMNS, write_fasta, write_vcf

from varscore.inputs.genome import ReferenceGenome
from varscore.inputs.normalise import locate, normalise
from varscore.variant import Allele, Interval, Reference, Status, Variant

RNG = random.Random(11)


def repetitive(length: int) -> str:
    """Random bases with many repeats, as indels are hard to place in them."""
    bases = ""
    while len(bases) < length:
        unit = "".join(RNG.choices("ACGT", k=RNG.randint(1, 4)))
        bases += unit * RNG.choice((1, 1, 2, 5, 12))
    return bases[:length]


PLAIN = {f"p{i}": repetitive(RNG.randint(5, 60)) for i in range(30)}
WITH_N = {
    f"n{i}": "".join(RNG.choice((base, base, base, "N", "R")) for base in repetitive(30))
    for i in range(10)
}
LONG = {"long": 70_000 * "A" + "C" + 3_000 * "GATTACA"}
CONTIGS = PLAIN | WITH_N | LONG


@pytest.fixture(scope="module")
def genome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReferenceGenome]:
    path = write_fasta(tmp_path_factory.mktemp("normalise") / "genome.fa", CONTIGS)
    with ReferenceGenome(path) as genome:
        yield genome


@st.composite
def spellings(draw: st.DrawFn, contigs: dict[str, str]) -> Variant:
    """Draw a variant, with anything from no to several bases of the genome around it."""
    contig = draw(st.sampled_from(sorted(contigs)))
    bases = contigs[contig]
    start = draw(st.integers(0, len(bases) - 1))
    end = draw(st.integers(start + 1, min(len(bases), start + 12)))
    ref = bases[start:end]
    kept_left = draw(st.integers(0, len(ref)))
    kept_right = draw(st.integers(0, len(ref) - kept_left))
    middle = draw(st.text("ACGT", max_size=8))
    alt = ref[:kept_left] + middle + ref[len(ref) - kept_right :]
    assume(alt and alt != ref and set(ref + alt) <= set("ACGT"))
    return Variant(contig, start + 1, ref, alt)


def haplotype(variant: Variant) -> str:
    bases = CONTIGS[variant.contig]
    assert bases[variant.pos - 1 :].startswith(variant.ref)
    return bases[: variant.pos - 1] + variant.alt + bases[variant.pos - 1 + len(variant.ref) :]


def shortest_then_leftmost(contig: str, changed: str) -> Variant:
    """Find the normal form of a changed contig by trying every place and length."""
    bases = CONTIGS[contig]
    found = []
    for start in range(min(len(bases), len(changed))):
        for tail in range(min(len(bases), len(changed)) - start):
            ref, alt = bases[start : len(bases) - tail], changed[start : len(changed) - tail]
            same = bases[:start] == changed[:start] and (
                bases[len(bases) - tail :] == changed[len(changed) - tail :]
            )
            if same and set(ref + alt) <= set("ACGT"):
                found.append((len(ref), start, ref, alt))
    _, start, ref, alt = min(found)
    return Variant(contig, start + 1, ref, alt)


@settings(max_examples=200)
@given(variant=spellings(PLAIN | WITH_N))
def test_normal_form_is_the_shortest_and_leftmost(
    genome: ReferenceGenome, variant: Variant
) -> None:
    normal = normalise(variant, genome)
    assert haplotype(normal) == haplotype(variant)
    assert normal == shortest_then_leftmost(variant.contig, haplotype(variant))
    assert normalise(normal, genome) == normal


@settings(max_examples=200)
@given(variant=spellings(PLAIN), left=st.integers(0, 9), right=st.integers(0, 9))
def test_more_bases_around_a_variant_do_not_change_it(
    genome: ReferenceGenome, variant: Variant, left: int, right: int
) -> None:
    bases = CONTIGS[variant.contig]
    start = max(0, variant.pos - 1 - left)
    end = variant.pos - 1 + len(variant.ref)
    before, after = bases[start : variant.pos - 1], bases[end : end + right]
    wide = Variant(
        variant.contig, start + 1, before + variant.ref + after, before + variant.alt + after
    )
    assert normalise(wide, genome) == normalise(variant, genome)


@pytest.mark.parametrize(
    ("spellings", "normal", "reference"),
    [
        # M stands for A or C. What does not change it is what it is beside it, and no reference
        # of its own; at a contig's start alike: anchored on the base after.
        (["4 ACTGAGC A", "5 CTGAGCC C", "3 GACTGAGCC GAC"], "5 CTGAGCC C", "genome"),
        (["4 A AGG", "5 C GGC", "3 GACT GAGGCT"], "5 C GGC", "genome"),
        (["4 AC AG", "5 C G", "3 GACT GAGT"], "5 C G", "genome"),
        # Of a run with an M at its end, or in it, what leaves the M.
        (["12 AAA AA", "13 AA A", "13 AAC AC"], "13 AA A", "genome"),
        # What changes it.
        (["4 A G", "4 AC GC", "3 GA GG"], "4 A G", "reduced"),
        (["4 AC G", "3 GAC GG"], "4 AC G", "reduced"),
        (["3 GAC GC", "3 GACT GCT"], "3 GA G", "reduced"),
        # A letter on either side, or none behind: no base to anchor on.
        (["20 A AC"], "20 A AC", "reduced"),
        (["24 A AC"], "24 A AC", "reduced"),
    ],
)
def test_an_ambiguity_letter_is_spelled_where_it_changes_only(
    tmp_path: Path, spellings: list[str], normal: str, reference: str
) -> None:
    #        123456789.123456789.1234
    bases = "TGGMCTGAGCCMAACTTMGMRCGM"
    path = write_fasta(tmp_path / "genome.fa", {"c": bases})
    with ReferenceGenome(path) as genome:
        for spelling in spellings:
            pos, ref, alt = spelling.split()
            found = locate(Allele("c", int(pos), ".", ref, alt, 0, 1, Status.SCORED), genome)
            assert found.variant is not None, spelling
            place, short_ref, short_alt = normal.split()
            assert found.variant == Variant(
                "c", int(place), short_ref, short_alt, Reference(reference)
            ), spelling


def test_normal_form_is_that_of_bcftools(genome: ReferenceGenome, tmp_path: Path) -> None:
    variants: list[Variant] = []
    while len(variants) < 1000:
        contig = RNG.choice(sorted(PLAIN))
        bases = PLAIN[contig]
        start = RNG.randrange(len(bases))
        ref = bases[start : start + RNG.choice((1, 1, 2, 3, 8))]
        alt = RNG.choice((ref[:1], ref[-1:])) + "".join(
            RNG.choices(bases, k=RNG.choice((0, 0, 1, 2, 4)))
        )
        if alt != ref:
            variants.append(Variant(contig, start + 1, ref, alt))
    contigs = "".join(f"##contig=<ID={c},length={len(b)}>\n" for c, b in PLAIN.items())
    rows = ((v.contig, v.pos, i, v.ref, v.alt) for i, v in enumerate(variants))
    header = f"##fileformat=VCFv4.2\n{contigs}{COLUMNS}"
    vcf = write_vcf(tmp_path / "random.vcf", rows, header)
    expected = {}
    for line in str(pysam.bcftools.norm("-f", str(genome.path), str(vcf))).splitlines():
        if not line.startswith("#"):
            contig, pos, number, ref, alt = line.split("\t")[:5]
            expected[int(number)] = Variant(contig, int(pos), ref, alt)
    assert [normalise(variant, genome) for variant in variants] == [
        expected[i] for i in range(len(variants))
    ]


class _CountingGenome(ReferenceGenome):
    fetched = 0

    def fetch(self, interval: Interval) -> str:
        self.fetched += 1
        return super().fetch(interval)


def test_a_long_repeat_is_walked_in_strides(genome: ReferenceGenome) -> None:
    bases = LONG["long"]
    with _CountingGenome(genome.path) as counting:
        # What ends differently has its place: nothing more of the genome is read.
        for alt in ("A", "G", "CA"):
            variant = Variant("long", 70_001, "C", alt)
            assert normalise(variant, counting) == variant
        assert counting.fetched == 0
        # The last A of 70,000 less; with no base before the first, the A after is the anchor.
        found = normalise(Variant("long", 69_999, "AA", "A"), counting)
        assert found == Variant("long", 1, "AA", "A")
        # The last of 3,000 GATTACA less: anchored on the C before the first.
        end = len(bases)
        last = Variant("long", end - 7, bases[end - 8 :], bases[end - 8])
        assert normalise(last, counting) == Variant("long", 70_001, "CGATTACA", "C")
        # Strides of 32, 64, ... 131,072 bases over 70,000; ... 32,768 over 24,000.
        assert counting.fetched == 13 + 11
