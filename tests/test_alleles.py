"""From a VCF to located alleles: which, in which order, and whether the genome is theirs."""

import random
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest
from writers import read_alleles, write_fasta, write_vcf

import varscore.inputs.alleles
from varscore.errors import OptionError, VcfError
from varscore.inputs.alleles import AlleleSource
from varscore.inputs.genome import ReferenceGenome
from varscore.inputs.normalise import locate
from varscore.options import ScoreOptions
from varscore.variant import Reason, Status

RNG = random.Random(12)
CONTIGS = {f"p{i}": "".join(RNG.choices("ACGT", k=50_000)) for i in range(7)}
FIRST = CONTIGS["p0"][0]
OTHER = next(base for base in "ACGT" if base != FIRST)


@pytest.fixture(scope="module")
def genome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReferenceGenome]:
    path = write_fasta(tmp_path_factory.mktemp("alleles") / "genome.fa", CONTIGS)
    with ReferenceGenome(path) as genome:
        yield genome


@pytest.fixture
def source(genome: ReferenceGenome, tmp_path: Path) -> Callable[..., AlleleSource]:
    """Return a function that writes records such as "p0 1 A C" and gives their source."""

    def make(*records: str, **options: object) -> AlleleSource:
        path = write_vcf(tmp_path / "some.vcf", (record.split() for record in records))
        return AlleleSource(path, genome, ScoreOptions(**options))  # type: ignore[arg-type]

    return make


def records(right: int, wrong: int) -> list[str]:
    """Make records whose REF agrees with p0, then some whose REF does not."""
    return right * [f"p0 1 {FIRST} {FIRST}T"] + wrong * [f"p0 1 {OTHER} {OTHER}T"]


@pytest.mark.parametrize(("right", "wrong"), [(9, 1), (30, 4), (1000, 90), (3, 0), (0, 0)])
def test_few_mismatches_pass(
    source: Callable[..., AlleleSource], right: int, wrong: int
) -> None:
    survey = source(*records(right, wrong)).survey()
    survey.judge()
    assert (survey.evidence.compared, survey.evidence.mismatches) == (right + wrong, wrong)
    assert survey.rows == right + wrong


@pytest.mark.parametrize(("right", "wrong"), [(0, 1), (2, 1), (9, 5), (1000, 501)])
def test_many_mismatches_are_another_build(
    source: Callable[..., AlleleSource], right: int, wrong: int
) -> None:
    with pytest.raises(VcfError) as caught:
        source(*records(right, wrong)).survey().judge()
    message = str(caught.value)
    assert f"of {right + wrong} REF alleles compared, {wrong} differ" in message
    assert f"({wrong} other)" in message
    assert f"the first is {OTHER} at p0:1, where the genome has {FIRST}" in message
    assert "builds" in message
    assert "--allow-ref-mismatches" in message
    assert "\n" not in message


def test_mismatches_may_be_allowed(source: Callable[..., AlleleSource]) -> None:
    survey = source(*records(0, 9), allow_ref_mismatches=True).survey()
    survey.judge()
    assert survey.statuses == {Status.REF_MISMATCH: 9}


def test_the_verdict_is_on_all_records(source: Callable[..., AlleleSource]) -> None:
    """Many mismatches at the start, few in all: whoever judged too early would stop."""
    rows = records(right=2_000, wrong=300)
    for order in (rows, rows[::-1], random.Random(5).sample(rows, len(rows))):
        source(*order).survey().judge()
    with pytest.raises(VcfError, match="of 3300 REF alleles compared, 1300 differ"):
        source(*rows, *records(right=0, wrong=1000)).survey().judge()


def test_a_records_ref_counts_once(source: Callable[..., AlleleSource]) -> None:
    survey = source(*2 * [f"p0 1 {OTHER} {OTHER}T,{OTHER}TT,{OTHER}TTT"]).survey()
    assert (survey.evidence.compared, survey.evidence.mismatches) == (2, 2)  # not 6
    assert survey.statuses == {Status.REF_MISMATCH: 6}
    assert survey.reasons == {Reason.OTHER: 6}


def test_a_record_is_swapped_if_one_of_its_alts_is(source: Callable[..., AlleleSource]) -> None:
    survey = source(f"p0 1 {OTHER} {OTHER}T,{FIRST}", f"p0 1 {OTHER} {FIRST},<DEL>").survey()
    assert survey.reasons == {Reason.SWAPPED: 2, Reason.OTHER: 1}
    assert survey.evidence.reasons == {Reason.SWAPPED: 2}


def test_a_genome_without_any_of_the_contigs(source: Callable[..., AlleleSource]) -> None:
    with pytest.raises(VcfError) as caught:
        source("chr7 5 A C", "chr8 5 A <DEL>").survey().judge()
    assert "none of its contigs (chr7, chr8) is in" in str(caught.value)
    assert "(p0, p1, p2, p3, p4, ... (7 in all))" in str(caught.value)


def test_one_known_contig_is_enough(source: Callable[..., AlleleSource]) -> None:
    survey = source("chr7 5 A C", "chrp0 1 A <DEL>").survey()
    survey.judge()
    found = {name: match.contig for name, match in survey.contigs.items()}
    assert found == {"chr7": None, "chrp0": "p0"}


def test_no_records_are_no_mistake(source: Callable[..., AlleleSource]) -> None:
    survey = source().survey()
    survey.judge()
    assert (survey.rows, survey.contigs) == (0, {})


def test_a_region_has_the_records_whose_pos_it_has(
    source: Callable[..., AlleleSource],
) -> None:
    rows = {
        "p0 1 A <DEL>": False,
        "p0 1 ACG <DEL>": False,  # overlaps the region, but its POS is before it
        "p0 2 A <DEL>": True,
        "chrp0 4 A <DEL>": True,
        "p0 4 ACG <DEL>": True,  # reaches out of it
        "p0 5 A <DEL>": False,
        "p1 3 A <DEL>": False,
        "chr9 3 A <DEL>": False,
    }
    found = [allele.record for allele in source(*rows, region="p0:2-4")]
    assert found == [record for record, inside in enumerate(rows.values()) if inside]


def test_a_region_of_another_genome(source: Callable[..., AlleleSource]) -> None:
    with pytest.raises(OptionError, match="chr99"):
        source("p0 1 A C", region="chr99:1-5")


def unsorted_records(n: int) -> list[str]:
    rng, rows = random.Random(6), []
    for _ in range(n):
        contig = rng.choice([*CONTIGS, "chrp1", "none"])
        bases = CONTIGS.get(contig.removeprefix("chr"), CONTIGS["p0"])
        start = rng.randrange(len(bases) - 3)
        ref = bases[start : start + rng.randint(1, 3)]
        alt = rng.choice((OTHER + ref, ref + "A,<DEL>", "*", "A", "NN", ref))
        rows.append(f"{contig} {start + 1} {ref} {alt}")
    return rows


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_pieces_change_nothing(
    size: int, source: Callable[..., AlleleSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    alleles = source(*unsorted_records(500))
    genome = alleles.genome
    expected = [locate(allele, genome) for allele in read_alleles(Path(alleles.given))]
    whole = alleles.survey()
    monkeypatch.setattr(varscore.inputs.alleles, "_BATCH_ALLELES", size)
    assert list(alleles) == expected
    assert list(alleles) == expected  # a source can be read again
    assert all(0 < len(batch) <= size for batch in alleles.batches())
    pieces = alleles.survey()
    assert len(pieces.statuses) >= 5
    for name in ("rows", "statuses", "reasons", "contigs"):
        assert getattr(pieces, name) == getattr(whole, name)
    assert pieces.evidence.reasons == whole.evidence.reasons


class _CountingGenome(ReferenceGenome):
    read = 0

    def _read_file(self, contig: str, start: int, end: int) -> str:
        self.read += 1
        return super()._read_file(contig, start, end)


def test_neighbours_of_an_unsorted_vcf_are_read_together(
    source: Callable[..., AlleleSource],
) -> None:
    """Seven contigs of 50,000 bases each are some 14 pieces of 32,768, not 2,000."""
    alleles = source(*unsorted_records(2000))
    with _CountingGenome(alleles.genome.path) as counting:
        assert AlleleSource(Path(alleles.given), counting).survey().rows > 2000
        # Indels are shifted to the left of a piece's start now and then.
        assert counting.read < 100


def test_damage_is_an_error_of_every_reading(
    source: Callable[..., AlleleSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(varscore.inputs.alleles, "_BATCH_ALLELES", 2)
    alleles = source(*records(right=5, wrong=0))
    Path(alleles.given).write_text(Path(alleles.given).read_text() + "\n")
    for _ in range(2):
        batches = alleles.batches()
        assert [len(batch) for batch in islice(batches, 2)] == [2, 2]
        with pytest.raises(VcfError, match="line 8 is blank"):
            next(batches)
        with pytest.raises(VcfError, match="line 8 is blank"):
            alleles.survey()


def test_a_long_ref_is_shortened_in_the_message(source: Callable[..., AlleleSource]) -> None:
    ref = OTHER + CONTIGS["p0"][1:30]
    with pytest.raises(VcfError, match=rf"is {ref[:20]}\.\.\. \(30 bases\) at p0:1, "):
        source(*5 * [f"p0 1 {ref} A"]).survey().judge()
