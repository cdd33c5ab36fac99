"""Windows are what splicing plain strings gives."""

import csv
import hashlib
import math
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from writers import read_alleles, write_fasta

from varscore.errors import OptionError
from varscore.inputs.genome import ReferenceGenome
from varscore.models.config import BasenjiConfig
from varscore.options import ScoreOptions
from varscore.variant import Reference, Variant
from varscore.windows import Windowing, window_sequences, windowing_for

SHARED = Path(__file__).parents[2] / "shared"

BIN = 8
LENGTH = 64
PAD = 1000  # more N on either side than any window here reaches
RNG = random.Random(5)
CONTIGS = {f"c{n}": "".join(RNG.choices("ACGT", k=n)) for n in (1, 9, 40, 65, 300)}
CONTIGS["ambiguous"] = "".join(RNG.choices("ACGTRYK", k=90))
FIRST_BASE = str.maketrans("RYK", "ACG")  # A or G, C or T, G or T


@pytest.fixture(scope="module")
def genome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReferenceGenome]:
    path = write_fasta(tmp_path_factory.mktemp("windows") / "genome.fa", CONTIGS)
    with ReferenceGenome(path) as genome:
        yield genome


@st.composite
def variants(draw: st.DrawFn) -> Variant:
    contig = draw(st.sampled_from(sorted(CONTIGS)))
    bases = CONTIGS[contig]
    start = draw(st.integers(0, len(bases) - 1))
    end = draw(st.integers(start + 1, min(len(bases), start + 2 * LENGTH)))
    alt = draw(st.text("ACGT", min_size=1, max_size=2 * LENGTH))
    ref = bases[start:end].translate(FIRST_BASE)
    reference = Reference.GENOME if ref == bases[start:end] else Reference.REDUCED
    return Variant(contig, start + 1, ref, alt, reference)


def spliced(variant: Variant) -> tuple[str, str]:
    """Return the contig with either allele, N before and after; base p is at PAD + p - 1."""
    bases = CONTIGS[variant.contig]
    before, after = bases[: variant.pos - 1], bases[variant.pos - 1 + len(variant.ref) :]
    return (
        "N" * PAD + before + variant.ref + after + "N" * PAD,
        "N" * PAD + before + variant.alt + after + "N" * PAD,
    )


def fitted(sequence: str) -> str:
    """Drop half of what is too long, rounded down, on the left, and the rest on the right."""
    left = math.floor((len(sequence) - LENGTH) / 2)
    return sequence[left:][:LENGTH]


def first_base(variant: Variant, kind: str, shift: int) -> int:
    """Return where in a spliced contig the window starts."""
    first = variant.pos - 1 - (LENGTH // 2 - 1)
    while kind == "binned" and first % BIN:
        first += 1
    return PAD + first - shift


@settings(max_examples=200)
@given(
    variant=variants(),
    kind=st.sampled_from(["centred", "binned"]),
    indels=st.sampled_from(["stitch", "trim"]),
    shift=st.integers(-20, 20),
)
def test_windows_equal_spliced_strings(
    genome: ReferenceGenome, variant: Variant, kind: str, indels: str, shift: int
) -> None:
    windowing = Windowing(LENGTH, BIN, kind=kind, indels=indels)  # type: ignore[arg-type]
    windows = window_sequences(genome, variant, windowing, shift)
    ref, alt = spliced(variant)
    start = first_base(variant, kind, shift)
    longer = len(variant.ref) - len(variant.alt)
    if indels == "trim" or longer == 0:
        end = start + LENGTH + max(0, longer)
        assert windows.ref == fitted(ref[start:end])
        assert windows.alts == (fitted(alt[start : end - longer]),)
        assert windows.seam is None
    else:
        end = start + LENGTH
        to_the_end = len(ref) - end  # bases from the window to the end of the spliced contig
        assert windows.ref == ref[start:end]
        assert windows.alts[0] == alt[start:end]
        assert windows.alts[1] == alt[: len(alt) - to_the_end][-LENGTH:]
        assert windows.seam is not None
        # The last bin that is read in the left register is the one that holds the variant.
        seam = start + windows.seam * BIN
        assert seam - BIN <= PAD + variant.pos - 1 < seam


@settings(max_examples=100)
@given(variant=variants())
def test_first_base_is_at_the_centre_and_stays_in_its_bin(variant: Variant) -> None:
    centred = Windowing(LENGTH, BIN)
    binned = Windowing(LENGTH, BIN, kind="binned")
    assert variant.start - centred.start(variant) == LENGTH // 2 - 1
    assert binned.start(variant) % BIN == 0
    assert 0 <= binned.start(variant) - centred.start(variant) < BIN
    assert centred.variant_bin(variant) == binned.variant_bin(variant) == 3  # 31 // 8


def test_windows_of_small_cases(genome: ReferenceGenome) -> None:
    """c9 in windows of 8 bases and bins of 2: base 4 of the contig is window base 3."""
    bases = CONTIGS["c9"]
    a, b, c, d, e, f, g, h, i = tuple(bases)

    def windows(ref: str, alt: str, indels: str = "stitch", shift: int = 0) -> tuple[str, ...]:
        windowing = Windowing(8, 2, indels=indels)  # type: ignore[arg-type]
        found = window_sequences(genome, Variant("c9", 4, ref, alt), windowing, shift)
        return found.ref, *found.alts

    assert windows(d, "T") == (a + b + c + d + e + f + g + h, a + b + c + "T" + e + f + g + h)
    unshifted = window_sequences(genome, Variant("c9", 4, d, "T"), Windowing(8, 2))
    assert unshifted.ref == bases[:8]
    # Shifted by two, the window starts two bases before the contig.
    assert windows(d, "T", shift=2) == ("NN" + bases[:6], "NN" + a + b + c + "T" + e + f)
    # Two bases more: on the left in register, then on the right; trimmed, one of each side.
    assert windows(d, d + "TT") == (
        bases[:8],
        a + b + c + d + "TT" + e + f,
        c + d + "TT" + e + f + g + h,
    )
    assert windows(d, d + "TT", "trim") == (bases[:8], b + c + d + "TT" + e + f + g)
    # Two bases less: the left register reads past the window's end (and the contig's, by
    # one N), the right one past its start; trimmed, the reference moves right by one.
    assert windows(d + e + f, d) == (
        bases[:8],
        a + b + c + d + g + h + i + "N",
        "NN" + a + b + c + d + g + h,
    )
    assert windows(d + e + f, d, "trim") == (bases[1:], a + b + c + d + g + h + i + "N")


@pytest.mark.parametrize("predicted", [(0, 8), (2, 6)])
def test_bins_around_a_variant_hold_a_base_near_it(predicted: tuple[int, int]) -> None:
    widths = (0, 1, 7, 8, 20)
    windowing = Windowing(LENGTH, BIN, around=(*widths, "window"))
    for offset in range(20, 40):
        for length in (1, 2, 9, 17):
            *found, whole = windowing.chosen_bins(offset, length, predicted)
            assert [list(range(*bins)) for (bins,) in found] == [
                sorted(
                    {base // BIN for base in range(offset - width, offset + length + width)}
                    & set(range(*predicted))
                )
                for width in widths
            ]
            assert whole == (predicted,)


@pytest.mark.parametrize("kind", ["centred", "binned"])
@pytest.mark.parametrize("indels", ["stitch", "trim"])
def test_bins_of_a_gene_hold_a_base_of_it(kind: str, indels: str) -> None:
    windowing = Windowing(LENGTH, BIN, kind=kind, indels=indels)  # type: ignore[arg-type]
    rng = random.Random(9)
    for _ in range(200):
        variant = Variant("c300", rng.randint(1, 290), "ACGTACG"[: rng.randint(1, 7)], "A")
        # Of a trimmed deletion half of what is too long is dropped on the left.
        dropped = (len(variant.ref) - 1) // 2 if indels == "trim" else 0
        origin = first_base(variant, kind, 0) - PAD + dropped
        starts = sorted(rng.randint(origin - 20, origin + LENGTH) for _ in range(4))
        stretches = [(start, start + rng.choice((1, 8, 30))) for start in starts]
        predicted = rng.choice(((0, 8), (2, 6)))
        held = {(base - origin) // BIN for piece in stretches for base in range(*piece)}
        found = windowing.bins_holding(variant, stretches, predicted)
        expected = sorted(held & set(range(*predicted)))
        assert [number for piece in found for number in range(*piece)] == expected
        assert all(first < end for first, end in found)
        # Pieces that touch are one.
        assert all(a[1] < b[0] for a, b in pairwise(found))


def test_a_quarter_of_the_window_is_the_most() -> None:
    config = BasenjiConfig(window_length=4096, tower_channels=(3, 3), crop_bins=128)
    options = ScoreOptions(
        windows="binned", indels="trim", shifts=(0, 1024, -1024), reverse_complement=True,
        max_allele_length=1024, around=(7, "window"),
    )  # fmt: skip
    made = windowing_for(options, config)
    assert made == Windowing(4096, 8, "binned", "trim", (0, 1024, -1024), True, (7, "window"))
    assert windowing_for(ScoreOptions(), config) == Windowing(4096, 8)
    for name, value in (("shifts", (1025,)), ("shifts", (0, -1025))):
        with pytest.raises(OptionError, match=f"{name}: 1025 is more than a quarter"):
            windowing_for(ScoreOptions(**{name: value}), config)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="max_allele_length: 1025 is more than a quarter"):
        windowing_for(ScoreOptions(max_allele_length=1025), config)


@pytest.mark.parametrize("kind", ["centred", "binned"])
def test_the_longest_trimmed_deletion_lies_in_what_is_predicted(kind: str) -> None:
    """The model predicts 8 bins of 8 bases; a deletion may take up all but two of them."""
    config = BasenjiConfig(window_length=4096, tower_channels=(3, 3), crop_bins=252)
    options = ScoreOptions(
        windows=kind, indels="trim", around=(0,), max_allele_length=48  # type: ignore[arg-type]
    )  # fmt: skip
    windowing = windowing_for(options, config)
    for start in range(BIN):
        variant = Variant("c300", 101 + start, 48 * "A", "A")
        offset = variant.start - windowing.frame_start(variant)
        (((first, end),),) = windowing.chosen_bins(offset, 48, (252, 260))
        assert 252 <= first < end <= 260
    with pytest.raises(OptionError, match="around: a deletion of 49 bases"):
        windowing_for(replace(options, max_allele_length=49), config)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data folder is not here")
@pytest.mark.parametrize(("name", "agree", "differ"), [("small300", 295, 5), ("edge", 172, 24)])
def test_windows_are_those_of_the_original_scorer(
    name: str, agree: int, differ: int, tmp_path: Path
) -> None:
    """The REF and ALT strings that the TensorFlow scorer fed to its model, by their SHA-1.

    They differ just where the original pads one base too little past the contig's right end,
    which moves indels of even length.
    """
    oracle = SHARED / "data" / "oracle" / "tensorflow"
    fasta = tmp_path / "genome.fa"
    fasta.write_bytes((SHARED / "data" / "human" / "chr20_1Mb.fa").read_bytes())
    with open(oracle / f"{name}_windows.tsv", newline="") as lines:
        expected = {row["id"]: row for row in csv.DictReader(lines, delimiter="\t")}
    windowing = Windowing(16_384, 128, indels="trim")
    found: Counter[bool] = Counter()
    with ReferenceGenome(fasta) as genome:
        for allele in read_alleles(oracle / f"{name}.vcf"):
            # As spelled: the original neither trims nor shifts.
            variant = Variant(allele.chrom, allele.pos, allele.ref, allele.alt)
            windows = window_sequences(genome, variant, windowing)
            row = expected[allele.id]
            same = (
                hashlib.sha1(windows.ref.encode()).hexdigest() == row["ref_sha1"]
                and hashlib.sha1(windows.alts[0].encode()).hexdigest() == row["alt_sha1"]
            )
            change = variant.length_change
            raw_end = windowing.start(variant) + windowing.length + max(0, -change)
            past_end = raw_end > genome.lengths[allele.chrom]
            assert same != (past_end and change != 0 and change % 2 == 0), allele.id
            found[same] += 1
    assert found == {True: agree, False: differ}
