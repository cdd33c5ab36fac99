"""Rows and statuses: data/policy.vcf against a table written by hand."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from policy_table import POLICY, REASONS, SAME_VARIANT

from varscore.inputs.alleles import AlleleSource
from varscore.inputs.genome import ReferenceGenome
from varscore.variant import Allele, Status

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="module")
def genome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReferenceGenome]:
    path = tmp_path_factory.mktemp("policy") / "policy.fa"  # its index is made beside it
    path.write_bytes((DATA / "policy.fa").read_bytes())
    with ReferenceGenome(path) as genome:
        yield genome


@pytest.fixture(scope="module")
def alleles(genome: ReferenceGenome) -> list[Allele]:
    return list(AlleleSource(DATA / "policy.vcf", genome))


def test_every_row_is_what_the_table_says(alleles: list[Allele]) -> None:
    assert [(a.id, a.allele, a.status, a.key) for a in alleles] == POLICY


def test_every_mismatch_has_its_reason(alleles: list[Allele]) -> None:
    assert {a.id: a.reason for a in alleles if a.reason is not None} == REASONS
    assert {a.id for a in alleles if a.status is Status.REF_MISMATCH} == set(REASONS)


def test_every_status_occurs() -> None:
    without_genes = set(Status) - {Status.NO_GENE}
    assert {status for _, _, status, _ in POLICY} == without_genes


def test_only_scored_alleles_have_a_variant(alleles: list[Allele]) -> None:
    assert all((a.variant is not None) == (a.status is Status.SCORED) for a in alleles)


def test_spellings_of_one_variant_are_one_variant(alleles: list[Allele]) -> None:
    variants: dict[str, set[object]] = {}
    for allele in alleles:
        if allele.allele == 1:
            variants.setdefault(allele.id, set()).add(allele.variant)
    for names in SAME_VARIANT:
        assert len(set.union(*(variants[name] for name in names))) == 1


def test_rows_keep_the_records_fields(alleles: list[Allele]) -> None:
    lines = [
        line.split("\t")
        for line in (DATA / "policy.vcf").read_text().splitlines()
        if not line.startswith("#")
    ]
    expected = [
        (chrom, int(pos), name, ref, alt, record, number)
        for record, (chrom, pos, name, ref, alts, *_) in enumerate(lines)
        for number, alt in enumerate(alts.split(","), 1)
    ]
    rows = [(a.chrom, a.pos, a.id, a.ref, a.alt, a.record, a.allele) for a in alleles]
    assert rows == expected


def test_statuses_are_counted(genome: ReferenceGenome) -> None:
    survey = AlleleSource(DATA / "policy.vcf", genome).survey()
    survey.judge()
    assert survey.evidence.mismatches == len(REASONS)
    assert survey.reasons == Counter(REASONS.values())
    assert survey.statuses == Counter(status for _, _, status, _ in POLICY)
    assert survey.contigs["chrM"].contig == "MT"
    assert survey.contigs["chr3"].contig is None
