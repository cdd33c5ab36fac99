"""`varscore background sample`: which records are drawn, read again by cyvcf2 and pandas."""

from collections import Counter

import numpy as np
import pandas as pd
import pysam
import pytest
from cyvcf2 import VCF
from writers import write_fasta

from varscore.errors import VcfError
from varscore.meaning.sample import sample_vcf

HEADER = (
    "##fileformat=VCFv4.3\n##contig=<ID=chr1,length=9000>\n##contig=<ID=chr2,length=3000>\n"
    '##INFO=<ID=AC,Number=A,Type=Integer,Description="x">\n'
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="x">\n##FILTER=<ID=q10,Description="x">\n'
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
)


def line(chrom, pos, ref="A", alt="G", passed="PASS", info="."):
    return f"{chrom}\t{pos}\trs{pos}\t{ref}\t{alt}\t50\t{passed}\t{info}"


def write(path, lines, samples=""):
    more = "\tGT\t0|1" if samples else ""
    text = f"{HEADER}{samples}\n" + "".join(f"{one}{more}\n" for one in lines)
    path.write_text(text)
    return path


def drawn(path):
    """Return the records of a VCF: chrom, pos, id, ref, alt, INFO."""
    return pd.read_csv(
        path, sep="\t", comment="#", compression="infer", keep_default_na=False,
        names=["chrom", "pos", "id", "ref", "alt", "qual", "filter", "info"],
    )  # fmt: skip


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """3,000 SNVs on chr1 and 1,000 on chr2: 70 % rare, 20 % low-frequency, 10 % common."""
    rng = np.random.default_rng(3)
    path = tmp_path_factory.mktemp("many") / "many.vcf"
    lines = []
    for chrom, length, n in (("chr1", 9000, 3000), ("chr2", 3000, 1000)):
        places = np.sort(rng.choice(np.arange(1, length), n, replace=False))
        af = rng.choice([0.001, 0.02, 0.3], n, p=[0.7, 0.2, 0.1])
        lines += [line(chrom, p, info=f"AC=2;AF={f}") for p, f in zip(places, af, strict=True)]
    return write(path, lines, samples="\tFORMAT\tS1")


def test_only_substitutions_that_passed_one_at_a_position(tmp_path):
    lines = [
        line("chr1", 10),
        line("chr1", 11, passed="."),
        line("chr1", 12, passed="q10"),
        line("chr1", 13, alt="G,T"),
        line("chr1", 14, ref="AC", alt="A"),
        line("chr1", 15, alt="<DEL>"),
        line("chr1", 16, alt="N"),
        line("chr1", 17, ref="a", alt="g"),
        line("chr1", 18, alt="A"),
        line("chr1", 19, alt="GG"),
        line("chr1", 19, alt="T"),
        line("chr1", 19, alt="C"),
        line("chr2", 19, alt="C"),
    ]
    path = write(tmp_path / "in.vcf", lines)
    made = sample_vcf(path, tmp_path / "o.vcf", 100)
    assert (made.records, made.eligible, made.drawn, made.strata) == (13, 5, 5, {})
    assert drawn(tmp_path / "o.vcf")[["chrom", "pos", "alt"]].to_numpy().tolist() == [
        ["chr1", 10, "G"], ["chr1", 11, "G"], ["chr1", 17, "g"], ["chr1", 19, "T"],
        ["chr2", 19, "C"],
    ]  # fmt: skip


def test_frequencies_have_equal_shares_and_contigs_their_own(many, tmp_path):
    out = tmp_path / "o.vcf.gz"
    made = sample_vcf(many, out, 900, seed=5)
    assert made.strata == {"rare": 300, "low": 300, "common": 300}
    found = drawn(out)
    assert len(found) == made.drawn == 900
    assert Counter(found["info"]) == {"AF=0.001": 300, "AF=0.02": 300, "AF=0.3": 300}
    # Three quarters of all are on chr1; within four standard deviations.
    share = (found["chrom"] == "chr1").mean()
    assert abs(share - 0.75) < 4 * np.sqrt(0.75 * 0.25 / 900)
    assert found.sort_values(["chrom", "pos"]).equals(found)
    # An ordinary VCF, indexed, for other programs; genotypes stayed behind.
    records = list(VCF(str(out)))
    assert [(r.CHROM, r.POS) for r in records] == list(
        zip(found["chrom"], found["pos"], strict=True)
    )
    assert {round(r.INFO["AF"], 6) for r in records} == {0.001, 0.02, 0.3}
    assert VCF(str(out)).samples == []
    with pysam.VariantFile(str(out)) as indexed:
        assert len(list(indexed.fetch("chr2"))) == (found["chrom"] == "chr2").sum()


def test_where_one_frequency_has_few_the_others_fill_up(many, tmp_path):
    there = Counter(one.split("\t")[7].split(";")[1] for one in lines_of(many))
    assert there["AF=0.3"] < 600
    made = sample_vcf(many, tmp_path / "o.vcf", 2400)
    assert made.strata["common"] == there["AF=0.3"]
    assert sum(made.strata.values()) == 2400
    rest = 2400 - made.strata["common"]
    assert made.strata["low"] == min(there["AF=0.02"], rest // 2)


def lines_of(path):
    return [one for one in path.read_text().splitlines() if not one.startswith("#")]


def test_without_frequencies_all_are_alike_and_with_some_the_others_stay_out(tmp_path):
    plain = [line("chr1", pos) for pos in range(1, 101)]
    made = sample_vcf(write(tmp_path / "a.vcf", plain), tmp_path / "ao.vcf", 40)
    assert (made.drawn, made.strata) == (40, {})
    some = [*plain, line("chr2", 5, info="AF=0.2"), line("chr2", 7, info="X;AF=.")]
    made = sample_vcf(write(tmp_path / "b.vcf", some), tmp_path / "bo.vcf", 40)
    assert (made.eligible, made.strata) == (102, {"common": 1})
    bounds = [(0.0099, 0), (0.01, 1), (0.0499, 1), (0.05, 2), (1, 2), ("5e-3", 0)]
    lines = [line("chr1", 1 + n, info=f"AF={af}") for n, (af, _) in enumerate(bounds)]
    made = sample_vcf(write(tmp_path / "c.vcf", lines), tmp_path / "co.vcf", 40)
    assert made.strata == {"rare": 2, "low": 2, "common": 2}


def test_the_seed_decides_and_every_record_has_the_same_chance(many, tmp_path):
    files = [tmp_path / f"{n}.vcf.gz" for n in range(3)]
    for file, seed in zip(files, (1, 1, 2), strict=True):
        sample_vcf(many, file, 300, seed=seed)
    first, again, other = (file.read_bytes() for file in files)
    assert first == again != other
    lines = [line("chr1", pos) for pos in range(1, 21)]
    path, counts = write(tmp_path / "in.vcf", lines), Counter()
    for seed in range(200):
        sample_vcf(path, tmp_path / "o.vcf", 5, seed=seed, force=True)
        counts.update(r.split("\t")[1] for r in lines_of(tmp_path / "o.vcf"))
    # 200 draws of 5 in 20: each 50 times; chi-squared, 19 degrees, below its 99.9th percentile.
    chi = sum((counts[str(pos)] - 50) ** 2 / (50 * 0.75) for pos in range(1, 21))
    assert chi < 43.8


def test_with_a_genome_only_records_that_fit_it(tmp_path):
    genome = write_fasta(tmp_path / "g.fa", {"1": "ACGTacgtNN"})
    lines = [line("chr1", pos, "G", "T") for pos in range(1, 12)]
    lines += [line("chrUn", 3, "G", "T"), line("chr1", 5, "A", "T")]
    path = write(tmp_path / "in.vcf", lines)
    sample_vcf(path, tmp_path / "o.vcf", 9, genome=genome)
    found = drawn(tmp_path / "o.vcf")
    assert found[["pos", "ref"]].to_numpy().tolist() == [[3, "G"], [7, "G"], [5, "A"]]


@pytest.mark.parametrize("text", ["x", "1.5", "-0.1", "0.1,0.2", "nan", ""])
def test_what_is_no_frequency_is_refused(text, tmp_path):
    path = write(
        tmp_path / "in.vcf", [line("chr1", 5), line("chr1", 9, info=f"AC=1;AF={text}")]
    )
    with pytest.raises(
        VcfError, match=r"in\.vcf: line 9 has AF '.*'; expected a number from 0"
    ):
        sample_vcf(path, tmp_path / "o.vcf", 10)
    assert not (tmp_path / "o.vcf").exists()


def test_the_command(many, varscore, tmp_path):
    out = tmp_path / "o.bcf"
    code, _, stderr = varscore("background", "sample", many, "-n", 30, "--seed", 4, "-o", out)
    assert (code, stderr) == (
        0,
        f"{out}: 30 SNVs (10 rare, 10 low, 10 common) of 4,000 that could be drawn, of 4,000 "
        "records\n",
    )
    places = [(r.CHROM, r.POS, r.INFO["AF"]) for r in VCF(str(out))]
    assert len(places) == 30
    for words, said in (
        (("-n", 0, "-o", tmp_path / "p.vcf"), "number: 0 is less than 1, the least allowed"),
        (("-o", out), "o.bcf: exists; give another name, or --force to replace it"),
        (("-o", tmp_path / "p.txt"), "p.txt: its suffix tells no form of VCF"),
    ):
        code, _, stderr = varscore("background", "sample", many, *words)
        assert (code, stderr.count("\n")) == (1, 1)
        assert said in stderr


def test_a_list_of_variants_is_no_vcf(tmp_path):
    (tmp_path / "list.txt").write_text("chr1:5:A:G\n")
    with pytest.raises(VcfError, match=r"list\.txt: is a table of variants; expected a VCF"):
        sample_vcf(tmp_path / "list.txt", tmp_path / "o.vcf", 5)
