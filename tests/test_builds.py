"""Which builds a VCF and a FASTA file are of, and what is to be done."""

import pytest

from varscore.inputs.builds import Builds

CHR1 = {
    "hg19": 249_250_621,
    "hg38": 248_956_422,
    "hs1": 248_387_328,
    "mm10": 195_471_971,
    "mm39": 195_154_279,
    "none": 30_000,
}


def builds(vcf: str, genome: str) -> Builds:
    return Builds.of({"1": CHR1[vcf]}, {"chr1": CHR1[genome]})


@pytest.mark.parametrize("vcf", CHR1)
@pytest.mark.parametrize("genome", CHR1)
def test_known_builds_differ_or_not(vcf: str, genome: str) -> None:
    assert builds(vcf, genome).differ == ("none" not in (vcf, genome) and vcf != genome)


@pytest.mark.parametrize(
    ("vcf", "genome", "text"),
    [
        ("hg19", "hg38", "the VCF looks like GRCh37 (hg19), the FASTA like GRCh38 (hg38)"),
        ("hs1", "hs1", "VCF and FASTA look like T2T-CHM13v2.0 (hs1)"),
        ("none", "hs1", "the FASTA looks like T2T-CHM13v2.0 (hs1)"),
        ("mm39", "none", "the VCF looks like GRCm39 (mm39)"),
        ("none", "none", ""),
    ],
)
def test_builds_are_named(vcf: str, genome: str, text: str) -> None:
    assert str(builds(vcf, genome)) == text


def test_remedies() -> None:
    remedy = builds("hg19", "hg38").remedy
    assert "goldenPath/hg19/bigZips/hg19.fa.gz, or lift the VCF over with CrossMap" in remedy
    assert "hg19ToHg38.over.chain.gz" in remedy
    assert "`bcftools reheader --fai`" in remedy
    assert "mm39ToMm10.over.chain.gz" in builds("mm39", "mm10").remedy
    assert "lift" not in builds("mm39", "hg38").remedy  # a mouse's VCF is no human's
    for unknown in (builds("none", "hg38"), builds("hg19", "none")):
        assert unknown.remedy == "give the VCF's own genome, or lift the VCF over to this one"
