"""What users are told of contigs that do not fit: by check, plan, score and merge."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from writers import COLUMNS, write_fasta, write_vcf

from varscore.errors import OptionError
from varscore.inputs.alleles import AlleleSource
from varscore.inputs.genome import ReferenceGenome
from varscore.options import ScoreOptions

RNG = random.Random(10)
MODEL = Path(__file__).parent / "data" / "weights_keras" / "model.h5"
TOY = {
    name: "".join(RNG.choices("ACGT", k=length))
    for name, length in {"chr1": 20_000, "chrX": 20_000, "chrY": 900, "chrM": 16_571}.items()
}
Run = Callable[..., tuple[int, str, str]]


def snv(chrom: str, contig: str, pos: int) -> tuple[str, int, str, str]:
    """A record that is right on a contig of the toy genome, under a name in the VCF."""
    base = TOY[contig][pos - 1]
    return chrom, pos, base, "ACGT"["TGCA".index(base)]


def header(*lines: str) -> str:
    return "".join(f"##{line}\n" for line in ("fileformat=VCFv4.2", *lines)) + COLUMNS


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_fasta(tmp_path_factory.mktemp("toy") / "toy.fa", TOY)


@pytest.fixture(scope="module")
def hg19(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A FASTA with the smallest chromosome of hg19, unknown bases, and UCSC's mitochondrion."""
    contigs = {"chr21": "N" * 48_129_895, "chrM": TOY["chrM"]}
    path = tmp_path_factory.mktemp("hg19") / "hg19.fa"
    with open(path, "w", encoding="ascii") as file:
        file.writelines(f">{name}\n{bases}\n" for name, bases in contigs.items())
    return path


def test_plinks_vcf(toy: Path, tmp_path: Path, varscore: Run) -> None:
    """Its lengths are one more than the last position, its chromosomes numbers."""
    chroms = {"01": "chr1", "23": "chrX", "24": "chrY", "25": "chrX", "1": "chr1"}
    rows = [snv(chrom, contig, 700 + i) for i, (chrom, contig) in enumerate(chroms.items())]
    lines = ["source=PLINKv1.90", "contig=<ID=1,length=705>", "contig=<ID=23,length=702>"]
    vcf = write_vcf(tmp_path / "plink.vcf", rows, header(*lines))
    code, out, err = varscore("check", vcf, "--genome", toy, "--json")
    report = json.loads(out)
    assert (code, report["statuses"], report["contigs"]) == (0, {"scored": 5}, chroms)
    assert (report["missing"], report["warning"]) == ({}, None)
    assert err == ""


def test_two_mitochondria(toy: Path, tmp_path: Path, varscore: Run) -> None:
    rows = [snv("1", "chr1", pos) for pos in range(9, 19)] + [snv("MT", "chrM", 2706)]
    lines = ["contig=<ID=1,length=20000>", "contig=<ID=MT,length=16569>"]
    vcf = write_vcf(tmp_path / "mt.vcf", rows, header(*lines))
    code, out, _ = varscore("check", vcf, "--genome", toy)
    assert code == 0
    assert "MT              not in the FASTA: the VCF declares 16,569 bases, chrM of the" in out
    assert "unknown_contig  1" in out
    last = out.splitlines()[-1]
    assert last.startswith("warning: 1 of 11 records are on contigs that are not in toy.fa: MT")
    code, _, err = varscore("check", vcf, "--genome", toy, "--strict")
    assert code == 1
    assert "1 of 11 records are on contigs that are not in toy.fa: MT (1); MT: the VCF" in err


@pytest.mark.parametrize(("others", "warned"), [(98, True), (99, False), (100, False)])
def test_more_than_a_hundredth(toy: Path, tmp_path: Path, others: int, warned: bool) -> None:
    """Of records, not of alleles: one of 99 is more than a hundredth, one of 100 is not."""
    rows = [("chr9", 5, "A", "C,G,T"), *(snv("1", "chr1", 50 + i) for i in range(others))]
    vcf = write_vcf(tmp_path / "some.vcf", rows)
    with ReferenceGenome(toy) as genome:
        survey = AlleleSource(vcf, genome, ScoreOptions(strict=not warned)).survey()
        survey.judge()
        assert bool(survey.warning) == warned
        if warned:
            assert "1 of 99 records" in survey.warning
            assert "chr9: no contig of the FASTA has this name" in survey.warning


def test_a_table_of_names(toy: Path, tmp_path: Path, varscore: Run) -> None:
    rows = [snv("NC_000001.11", "chr1", 500), snv("eins", "chr1", 510), snv("X", "chrX", 5)]
    vcf = write_vcf(tmp_path / "named.vcf", rows)
    table = tmp_path / "names.txt"
    table.write_text("NC_000001.11 chr1\neins chr1\n")
    code, out, _ = varscore("check", vcf, "--genome", toy)
    assert code == 0
    assert "it is chr1 of GRCh38 (hg38), 248,956,422 bases, which no contig of the FASTA" in out
    assert "2 of 3 records" in out.splitlines()[-1]
    assert "(--contigs)" in out.splitlines()[-1]
    code, out, _ = varscore("check", vcf, "--genome", toy, "--contigs", table, "--strict")
    assert code == 0
    assert "scored        3" in out
    table.write_text("chr1 NC_000001.11\n")
    code, _, err = varscore("check", vcf, "--genome", toy, "--contigs", table)
    assert code == 1
    assert "no name of its second column is in the FASTA file, those of its first" in err
    with (
        ReferenceGenome(toy) as genome,
        pytest.raises(OptionError, match=r"names\.txt: no name"),
    ):
        AlleleSource(vcf, genome, ScoreOptions(contigs=table))


def test_a_vcf_of_another_build_is_named(hg19: Path, tmp_path: Path, varscore: Run) -> None:
    """Of GRCh38, although a mitochondrion could be scored."""
    rows = [("chr21", 9_000_000, "A", "C"), snv("chrM", "chrM", 7)]
    lines = ["contig=<ID=chr21,length=46709983>", "contig=<ID=chrM,length=16571>"]
    vcf = write_vcf(tmp_path / "hg38.vcf", rows, header(*lines))
    for options in ((), ("--allow-ref-mismatches",)):
        code, out, err = varscore("check", vcf, "--genome", hg19, *options)
        assert code == 1
        assert out.startswith(
            "the VCF looks like GRCh38 (hg38), the FASTA like GRCh37 (hg19)\n"
        )
        assert (
            "the VCF looks like GRCh38 (hg38), the FASTA like GRCh37 (hg19) (chr21: the VCF "
            "declares 46,709,983 bases, chr21 of the FASTA has 48,129,895); give the VCF's own "
            "genome, such as https://hgdownload.soe.ucsc.edu/goldenPath/hg38/bigZips/"
            "hg38.fa.gz, or lift the VCF over with CrossMap or `bcftools +liftover` and a "
            "chain file such as hg38ToHg19.over.chain.gz; if only its ##contig lines are out "
            "of date, mend them with `bcftools reheader --fai`\n"
        ) in err


def test_a_vcf_of_the_same_build(hg19: Path, tmp_path: Path, varscore: Run) -> None:
    rows = [("21", 9_000_000, "A", "C"), ("CM000683.1", 9_000_000, "A", "C")]
    lines = ["contig=<ID=21,length=48129895>", "contig=<ID=MT,length=16569>"]
    vcf = write_vcf(tmp_path / "b37.vcf", rows, header(*lines))
    code, out, _ = varscore("check", vcf, "--genome", hg19)
    assert code == 0
    assert out.startswith("VCF and FASTA look like GRCh37 (hg19)\n")
    assert "CM000683.1    chr21" in out


def test_no_contig_at_all(hg19: Path, tmp_path: Path, varscore: Run) -> None:
    vcf = write_vcf(tmp_path / "other.vcf", [("NC_000021.9", 7, "A", "C")])
    code, _, err = varscore("check", vcf, "--genome", hg19)
    assert code == 1
    assert "none of its contigs (NC_000021.9) is in" in err
    assert (
        "(the FASTA looks like GRCh37 (hg19)); NC_000021.9: it is chr21 of GRCh38 (hg38)" in err
    )
    assert "chr21 has 48,129,895; give the VCF's own genome or, if" in err


def test_regions_and_contigs_have_the_same_names(toy: Path, tmp_path: Path) -> None:
    rows = [snv("23", "chrX", 50), snv("CHRX", "chrX", 60), snv("1", "chr1", 60)]
    vcf = write_vcf(tmp_path / "some.vcf", rows)
    with ReferenceGenome(toy) as genome:
        for region in ("chrX", "X:1-100", "23:50-60"):
            found = list(AlleleSource(vcf, genome, ScoreOptions(region=region)))
            assert [a.chrom for a in found] == ["23", "CHRX"]
            assert {a.variant.contig for a in found} == {"chrX"}


def test_score_plan_and_merge_warn_on_their_last_line(
    toy: Path, tmp_path: Path, varscore: Run
) -> None:
    rows = [snv("01", "chr1", 9_000), ("chrZ", 5, "A", "C")]
    vcf = write_vcf(tmp_path / "some.vcf", rows)
    warning = (
        "warning: 1 of 2 records are on contigs that are not in toy.fa: chrZ (1); chrZ: no"
    )
    options = ("--model", MODEL, "--device", "cpu")
    one, two, merged = (tmp_path / f"{name}.parquet" for name in ("one", "two", "merged"))
    (tmp_path / "scores").mkdir()
    for command in (
        ("score", vcf, "-g", toy, "-o", one, *options),
        ("score", vcf, "-g", toy, "-o", two, "--resume", *options),
        ("plan", vcf, "-g", toy, "-o", tmp_path / "plan", "--shards", 1),
        (
            *("score", "--shard", tmp_path / "plan" / "0001.parquet", "-g", toy, "-o"),
            *(tmp_path / "scores" / "0001.parquet", *options),
        ),
        ("merge", tmp_path / "plan", tmp_path / "scores", "-o", merged),
    ):
        code, _, err = varscore(*command)
        assert code == 0, err
        assert (warning in err.splitlines()[-1]) == ("--shard" not in command)
    for result in (one, two, merged):
        summary = json.loads(result.with_suffix(".summary.json").read_text())
        assert f"warning: {summary['warning']}".startswith(warning)
    for command in (
        ("score", *options, "-o", tmp_path / "x.parquet"),
        ("plan", "-o", tmp_path),
    ):
        code, _, err = varscore(*command, vcf, "-g", toy, "--strict")
        assert code == 1
        assert "1 of 2 records are on contigs that are not in toy.fa" in err
    assert not (tmp_path / "x.parquet").exists()
