"""What REF alleles say about the build, and what is said where they mismatch."""

import json
import math
import random
from collections import Counter
from pathlib import Path

import pytest
from writers import write_fasta, write_vcf

from varscore.inputs.alleles import AlleleSource
from varscore.inputs.genome import ReferenceGenome
from varscore.inputs.guard import BuildEvidence
from varscore.inputs.normalise import locate
from varscore.options import ScoreOptions
from varscore.variant import Allele, Reason, Reference, Status, Variant

DATA = Path(__file__).parent / "data"
HUMAN = "".join((DATA / "oracle" / "genome.fa").read_text().split(">")[1].split("\n")[1:])
TRANSITION = dict(zip("ACGT", "GTAC", strict=True))
COMPLEMENT = dict(zip("ACGT", "TGCA", strict=True))
LISTS = 2000


def snv(genome, pos, ref, alt):
    allele = Allele("chr1", pos, ".", ref, alt, 0, 1, Status.SCORED)
    return locate(allele, genome)


def evidence(genome, snvs):
    """Judge a list of (pos, ref, alt) as a survey does; return it, and whether any scores."""
    found, scored = BuildEvidence(), False
    for pos, ref, alt in snvs:
        located = snv(genome, pos, ref, alt)
        found.add(located.reason, ref, alt)
        scored |= located.status is Status.SCORED
    return found, scored


@pytest.fixture(scope="module")
def genomes(tmp_path_factory):
    """The human sequence, and another build of it, in which everything lies elsewhere."""
    folder = tmp_path_factory.mktemp("guard")
    shifted = HUMAN[1001:] + HUMAN[:1001]
    paths = [
        write_fasta(folder / f"{name}.fa", {"chr1": bases})
        for name, bases in (("right", HUMAN), ("wrong", shifted))
    ]
    with ReferenceGenome(paths[0]) as right, ReferenceGenome(paths[1]) as wrong:
        yield right, wrong


def draw(rng, n):
    """Draw SNVs of the human sequence: two transitions for each transversion."""
    snvs = []
    for _ in range(n):
        pos = rng.randint(2000, len(HUMAN) - 2000)
        ref = HUMAN[pos - 1]
        others = [base for base in "ACGT" if base not in (ref, TRANSITION[ref])]
        snvs.append((pos, ref, rng.choice([TRANSITION[ref]] * 4 + others)))
    return snvs


@pytest.mark.parametrize(
    ("n", "most"),
    [(1, 0.30), (2, 0.08), (4, 0.01), (5, 0.01), (8, 0.01), (20, 0.0), (200, 0.0)],
)
def test_chance_to_score_an_allele_of_another_build(genomes, n, most):
    """Of 1 and 2 alleles, a fourth and a sixteenth match by chance: nothing can tell."""
    rng, passed = random.Random(n), 0
    for _ in range(LISTS if n < 100 else 200):
        found, scored = evidence(genomes[1], draw(rng, n))
        passed += scored and found.log_odds >= 0
    assert passed / LISTS <= most


@pytest.mark.parametrize("n", [1, 2, 4, 5, 8, 20, 200])
@pytest.mark.parametrize("masked", [False, True])
def test_the_right_build_is_never_refused_for_a_fifth_that_is_swapped(genomes, n, masked):
    rng = random.Random(n)
    for share in (0.05, 0.1, 0.2):
        for _ in range(20):
            snvs = draw(rng, n)
            for i in rng.sample(range(n), int(share * n)):
                pos, ref, alt = snvs[i]
                snvs[i] = (pos, alt, ref)
            found, _ = evidence(genomes[0], snvs)
            if masked:  # as many again, which tell nothing
                found.add(Reason.MASKED, "A", "C", n)
            assert found.log_odds >= 0, str(found)


@pytest.mark.parametrize("reason", [Reason.SWAPPED, Reason.COMPLEMENT])
def test_a_long_list_of_one_fault_is_of_the_right_build(reason):
    """An association study that states effect alleles first; a chip's other strand."""
    found = BuildEvidence()
    found.add(reason, "A", "G", 200)
    assert found.log_odds > 0
    assert str(found) == f"0 of 200 REF alleles match (200 {reason}): of the genome's build"


def test_the_odds_are_those_of_a_sum_by_hand():
    """Two match and one of three bases is something else; priors 5, 0.01, 0.001 of 5.011."""
    found = BuildEvidence()
    found.add(None, "A", "G", 2)
    found.add(Reason.OTHER, "ACG", "A")
    right = (5 / 5.011) * (6 / 6.011) * (1 - 5e-4) ** 2 * 5e-4
    wrong = (1 / 4) ** 2 * (1 - 1 / 64 - 1 / 4 - 1 / 64)
    assert found.log_odds == pytest.approx(math.log(right / wrong))
    found.add(Reason.OTHER, "ACG", "A", -1)
    assert math.exp(found.log_odds) == pytest.approx(right / 5e-4 * 16)
    assert (
        str(found)
        == "2 of 2 REF alleles match: 16 times likelier under the genome's build than another"
    )


CONTIGS = {
    # 1-based: 1-8 ACGTACGT, 9-11 NNN, 12 R, 13 Y, 14-21 CCCCATTG
    "chr1": "ACGTACGTNNNRYCCCCATTG" + 40 * "GATTACA",
}
SEEN = [  # pos, ref, alt, status, reason, key
    (1, "A", "C", "scored", None, "chr1:1:A:C"),
    (2, "G", "C", "ref_mismatch", "swapped", "chr1:2:G:C"),  # and the other strand, too
    (2, "T", "C", "ref_mismatch", "swapped", "chr1:2:T:C"),
    (2, "g", "c", "ref_mismatch", "swapped", "chr1:2:g:c"),
    (2, "G", "A", "ref_mismatch", "complement", "chr1:2:G:A"),
    (2, "T", "A", "ref_mismatch", "other", "chr1:2:T:A"),
    (1, "AC", "A", "scored", None, "chr1:1:AC:A"),
    (2, "TC", "T", "ref_mismatch", "other", "chr1:2:TC:T"),
    (1, "ACGA", "T", "ref_mismatch", "other", "chr1:1:ACGA:T"),  # each of the four is there
    (14, "GG", "G", "ref_mismatch", "complement", "chr1:14:GG:G"),
    (17, "CA", "CAT", "scored", None, "chr1:18:A:AT"),
    (14, "CG", "CC", "ref_mismatch", "swapped", "chr1:14:CG:CC"),
    (18, "AG", "A", "ref_mismatch", "swapped", "chr1:18:AG:A"),
    (18, "A", "AT", "scored", None, "chr1:18:A:AT"),
    (18, "C", "AT", "ref_mismatch", "swapped", "chr1:18:C:AT"),
    (9, "A", "C", "ref_mismatch", "masked", "chr1:9:A:C"),
    (8, "TA", "T", "ref_mismatch", "masked", "chr1:8:TA:T"),  # T is there, A unknown
    (12, "A", "G", "scored", None, "chr1:12:A:G"),  # R is A or G
    (12, "G", "A", "ref_mismatch", "ambiguity", "chr1:12:G:A"),
    (13, "C", "T", "scored", None, "chr1:13:C:T"),  # Y is C or T
    (13, "T", "C", "ref_mismatch", "ambiguity", "chr1:13:T:C"),
    (12, "AC", "A", "scored", None, "chr1:12:AC:A"),
    (12, "R", "A", "ambiguous_allele", None, "chr1:12:R:A"),
    (300, "A", "G", "ref_mismatch", "other", "chr1:300:A:G"),
    (302, "A", "C", "outside_contig", None, "chr1:302:A:C"),
]  # fmt: skip


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    with ReferenceGenome(
        write_fasta(tmp_path_factory.mktemp("odd") / "odd.fa", CONTIGS)
    ) as genome:
        yield genome


def located(odd, folder, **options):
    vcf = write_vcf(folder / "seen.vcf", [("chr1", *row[:3]) for row in SEEN])
    return list(AlleleSource(vcf, odd, ScoreOptions(**options)))


def test_each_mismatch_has_its_reason(odd, tmp_path):
    found = [(a.pos, a.ref, a.alt, a.status, a.reason, a.key) for a in located(odd, tmp_path)]
    assert found == SEEN
    reduced = [
        a.pos for a in located(odd, tmp_path) if a.variant and a.variant.reference == "reduced"
    ]
    assert reduced == [12, 13, 12]


def test_swapped_alleles_are_scored_if_asked_for(odd, tmp_path):
    rows = located(odd, tmp_path, swapped="score")
    for row, (_, _, _, status, reason, _) in zip(rows, SEEN, strict=True):
        if reason != "swapped":
            assert (row.status, row.reason) == (status, reason)
            continue
        assert (row.status, row.reason) == ("scored", None)
        assert row.variant.reference is Reference.SWAPPED
        assert odd.fetch(("chr1", row.variant.start, row.variant.end)) == row.variant.ref
    swapped = [a for a in rows if a.variant and a.variant.reference is Reference.SWAPPED]
    assert [a.key for a in swapped] == [
        "chr1:2:G:C", "chr1:2:T:C", "chr1:2:G:C", "chr1:15:G:C", "chr1:18:AG:A", "chr1:18:C:AT",
    ]  # fmt: skip
    assert swapped[4].variant == Variant("chr1", 18, "A", "AG", Reference.SWAPPED)


def test_the_commands_count_reasons(odd, varscore, tmp_path):
    vcf = write_vcf(tmp_path / "seen.vcf", [("chr1", *row[:3]) for row in SEEN])
    words = [vcf, "--genome", odd.path, "--allow-ref-mismatches"]
    expected = Counter(row[4] for row in SEEN if row[4])
    code, out, _ = varscore("check", *words, "--json")
    assert (code, json.loads(out)["reasons"]) == (0, expected)
    code, out, _ = varscore("check", *words)
    assert "\n    swapped  6 (--swapped score scores them)\n" in out
    assert "7 of 23 REF alleles match (6 swapped, 2 complement, 2 masked, 2 ambiguity" in out
    code, _, err = varscore("plan", *words, "--shards", 2, "-o", tmp_path / "plan")
    assert "16 ref_mismatch: 6 swapped, " in err
    assert "; --swapped score would score 6 more" in err
    plan = json.loads((tmp_path / "plan" / "plan.json").read_text())
    assert plan["reasons"] == expected
    code, out, _ = varscore("check", *words, "--swapped", "score")
    assert "(6 of them from ALT, which the genome has, to REF)" in out
    assert "swapped  6" not in out
    code, _, err = varscore("check", *words[:-1])
    assert code == 1
    assert "(6 swapped, 2 complement, 2 masked, 2 ambiguity, " in err
