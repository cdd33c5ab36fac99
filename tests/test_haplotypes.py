"""`varscore haplotypes`: its rules by hand, one case each."""

import gzip
import re

import pysam
import pytest
from writers import write_fasta, write_phased

from varscore import write_haplotypes

BASES = "ACGTTGCA" * 40  # pos 1 A, 2 C, 3 G, 4 T, 5 T, 6 G, 7 C, 8 A, 9 A, ...
SPAN = 100


@pytest.fixture
def found(tmp_path):
    """Return a function that gives AC and AN by the members' positions, and the summary."""
    genome = write_fasta(tmp_path / "g.fa", {"chr1": BASES, "chrX": BASES})

    def run(*rows, samples=1, **options):
        vcf = write_phased(tmp_path / "in.vcf", rows, samples)
        out = tmp_path / "out.vcf"
        options = {"max_span": SPAN, "force": True, **options}
        summary = write_haplotypes(vcf, genome, out, **options)
        made = {}
        for line in out.read_text().splitlines():
            if line[0] != "#" and "MEMBERS" in line:
                chrom, *_, info = line.split("\t")
                info = dict(entry.split("=") for entry in info.split(";"))
                places = tuple(int(key.split(":")[1]) for key in info["MEMBERS"].split(","))
                assert (chrom, *places) not in made
                made[(chrom, *places)] = int(info["AC"]), int(info["AN"])
        assert summary.haplotypes == len(made)
        return {key[1:] if key[0] == "chr1" else key: n for key, n in made.items()}, summary

    return run


def snv(pos, *called, chrom="chr1"):
    """A substitution of the base at a position, by A or C."""
    ref = BASES[pos - 1]
    return (chrom, pos, ref, "C" if ref == "A" else "A", *called)


A, B, C = 12, 40, 70  # three places within the span
# What three genotypes of one sample make: (12, 40) stands for a haplotype of these positions,
# carried by one copy, of two copies of which everything is known.
RULES = {
    "phased alleles of one copy": ("0|1 0|1 0|1", {(A, B, C): (1, 2)}),
    "of different copies": ("0|1 1|0 0|1", {(A, C): (1, 2)}),
    "homozygous, phased or not": ("1/1 1|1 1/1", {(A, B, C): (2, 2)}),
    # Copy 2 has all three; copy 1 only the one in the middle.
    "a homozygous one is in phase with all": ("0|1 1/1 0|1", {(A, B, C): (1, 2)}),
    # Nobody knows which copy has B: A and C are not joined over it.
    "an unphased one cuts": ("0|1 0/1 0|1", {}),
    "an unphased one cuts what follows only": ("1|1 1|1 0/1", {(A, B): (2, 2)}),
    "a missing one cuts": ("0|1 ./. 0|1", {}),
    "a dot alone is missing": ("0|1 . 0|1", {}),
    # Copy 1 is missing at B; copy 2 carries all three.
    "a missing half cuts its copy": ("1|1 .|1 1|1", {(A, B, C): (1, 1)}),
    "a missing half without phase cuts both": ("1|1 ./1 1|1", {}),
    "reference between is known": ("0|1 0/0 0|1", {(A, C): (1, 2)}),
    "one copy": ("1 1 0", {(A, B): (1, 1)}),
    "a change of ploidy cuts": ("1 1|0 1|0", {(B, C): (1, 2)}),
    "but homozygous ones are of any copy": ("1 1|1 1", {(A, B, C): (1, 1)}),
    "more than two copies are left out": ("1|1 1|1|1 1|1", {}),
}


@pytest.mark.parametrize("rule", RULES)
def test_genotypes(rule, found):
    called, expected = RULES[rule]
    rows = [snv(pos, gt) for pos, gt in zip((A, B, C), called.split(), strict=True)]
    assert found(*rows)[0] == expected


def test_phase_sets(found):
    called = {12: "0|1:5", 20: "1|1:.", 30: "0|1:9", 44: "0|1:9"}
    rows = [snv(pos, "GT:PS", genotype) for pos, genotype in called.items()]
    # 12 is of set 5, 30 and 44 of set 9, and 20, homozygous, goes with both. Nobody knows how
    # 12 and 30 lie; of copies between 12 and 20 and between 20 and 44 all is known.
    assert found(*rows)[0] == {(12, 20): (1, 2), (20, 30, 44): (1, 2)}
    # A record without PS, or with a dot, is of one set with its like alone.
    rows = [snv(12, "GT:PS", "0|1:."), snv(20, "0|1"), snv(30, "GT:PS", "0|1:9")]
    assert found(*rows)[0] == {(12, 20): (1, 2)}
    # 20 carries nothing on this copy, but which of the two copies it is on is not known.
    rows = [snv(12, "GT:PS", "0|1:5"), snv(20, "GT:PS", "1|0:9"), snv(30, "GT:PS", "0|1:5")]
    assert found(*rows)[0] == {}


def test_phase_sets_with_names(found, tmp_path):
    rows = [snv(p, "GT:PS", f"0|1:{s}") for p, s in ((12, "x"), (20, "y"), (30, "y"))]
    vcf = write_phased(tmp_path / "names.vcf", rows)
    vcf.write_text(
        vcf.read_text().replace("ID=PS,Number=1,Type=Integer", "ID=PS,Number=1,Type=String")
    )
    found(snv(5, "0|0"))  # for the genome
    write_haplotypes(vcf, tmp_path / "g.fa", tmp_path / "names.out.vcf", max_span=SPAN)
    lines = (tmp_path / "names.out.vcf").read_text().splitlines()
    assert [line.split("\t")[1] for line in lines if line[0] != "#"] == ["20"]


def test_runs_longer_than_the_span_give_every_largest_piece(found):
    rows = [snv(pos, "0|1") for pos in (10, 50, 108, 149, 260, 300)]
    # 10 to 108 are 99 bases; 50 to 149 are 100, the span; 10 to 149 are too many, and
    # (108, 149) lies within (50, 108, 149).
    expected = {(10, 50, 108): (1, 2), (50, 108, 149): (1, 2), (260, 300): (1, 2)}
    assert found(*rows)[0] == expected
    # What the copy carries further left changes nothing of the others.
    assert found(*rows[1:])[0] == {k: n for k, n in expected.items() if 10 not in k}
    assert (50, 108, 149) not in found(*rows, max_span=99)[0]


def test_the_span_counts_on_the_copy_too(found):
    long = ("chr1", 40, BASES[39], BASES[39] + "ACGT" * 4, "0|1")
    # From 12 to 100 there are 89 bases of the genome, and 105 of the copy.
    rows = (snv(12, "0|1"), long, snv(100, "0|1"))
    assert found(*rows)[0] == {(12, 40): (1, 2), (40, 100): (1, 2)}
    assert found(*rows, max_span=105)[0] == {(12, 40, 100): (1, 2)}
    assert (12, 40, 100) not in found(*rows, max_span=104)[0]


OVERLAPS = {
    # A deletion of 40 to 43 and a change of 42 cannot both be on copy 2: neither is written.
    "in a deletion": [("chr1", 39, BASES[38:43], BASES[38], "0|1"), snv(42, "0|1")],
    "two at one base": [snv(42, "0|1"), ("chr1", 42, BASES[41], "G", "0|1")],
    "two insertions at one place": [
        ("chr1", 42, BASES[41], BASES[41] + "T", "0|1"),
        ("chr1", 42, BASES[41], BASES[41] + "GG", "0|1"),
    ],
}


@pytest.mark.parametrize("rows", OVERLAPS.values(), ids=OVERLAPS)
def test_alleles_that_exclude_each_other_are_left_out_and_cut(rows, found):
    made, summary = found(snv(12, "1|1"), *rows, snv(70, "1|1"), snv(90, "1|1"))
    # Copy 1 has 12, 70 and 90; copy 2 is known again from 70 on. Both copies have (70, 90),
    # but on copy 1 it is part of more.
    assert made == {(12, 70, 90): (1, 1), (70, 90): (1, 2)}
    assert summary.gaps == {"overlapping": 2}


def test_neighbours_do_not_exclude_each_other(found, tmp_path):
    # At base 5 (T): a change, an insertion behind it, a deletion of 6 and 7, a change of 8.
    rows = [("chr1", 5, "T", "A", "1"), ("chr1", 5, "T", "TCC", "1"),
            ("chr1", 5, "TGC", "T", "1"), ("chr1", 8, "A", "G", "1")]  # fmt: skip
    assert found(*rows)[0] == {(5, 5, 5, 8): (1, 1)}
    line = (tmp_path / "out.vcf").read_text().splitlines()[-1].split("\t")
    assert line[1] == "5"
    assert line[3:5] == ["TGCA", "ACCG"]


@pytest.mark.parametrize(
    ("row", "status"),
    [
        (("chr1", 40, BASES[39], "<DEL>"), "symbolic_allele"),
        (("chr1", 40, BASES[39], f"{BASES[39]}[chr1:90["), "symbolic_allele"),
        (("chr1", 40, BASES[39], "N"), "ambiguous_allele"),
        (("chr1", 40, BASES[39], BASES[39] + 120 * "A"), "too_long"),
        (("chr1", 40, BASES[39], "*"), "spanning_deletion"),
    ],
)
def test_an_allele_that_cannot_be_written_cuts_the_copies_that_carry_it(row, status, found):
    far = 40 + 65  # behind the END of <DEL>
    made, summary = found(snv(12, "1|1"), (*row, "0|1"), snv(far, "1|1"), max_span=110)
    assert made == {(12, far): (1, 1)}
    assert summary.left_out == {status: 1}
    assert summary.used == 2


def test_what_lies_within_a_symbolic_deletion_is_not_carried_with_it(found):
    rows = [("chr1", 40, BASES[39], "<DEL>", "0|1"), snv(60, "1|1"), snv(70, "1|1")]
    assert found(*rows)[0] == {(60, 70): (1, 1)}


def test_star_and_missing_are_no_gap_where_the_copy_carries_the_other_allele(found, tmp_path):
    deletion = ("chr1", 39, BASES[38:43], BASES[38], "0|1")
    star = ("chr1", 42, BASES[41], "G,*", "1|2")
    # Copy 1 has a substitution where copy 2 has the deletion that `*` speaks of.
    rows = (snv(12, "1|1"), deletion, star, snv(70, "1|1"))
    # The deletion of GCAA from 40 on (CGCAA) is as well one of CGCA from 39 on.
    (one, two) = sorted(found(*rows)[0].items(), key=lambda item: item[0][1], reverse=True)
    assert one == ((12, 42, 70), (1, 2))
    assert (two[0][0], two[0][-1], two[1]) == (12, 70, (1, 2))
    # A record of two alleles that was split, with dots in place of the other one.
    split = (snv(42, "1|."), ("chr1", 42, BASES[41], "G", ".|1"))
    vcf = write_phased(tmp_path / "split.vcf", [snv(12, "1|1"), *split])
    summary = write_haplotypes(vcf, tmp_path / "g.fa", tmp_path / "split.out.vcf")
    assert (summary.haplotypes, summary.gaps) == (2, {"missing": 2})
    assert (tmp_path / "split.out.vcf").read_text().count("AC=1;AN=2") == 2


def test_multiallelic_records(tmp_path):
    # S0 carries ALT 1 on copy 1 and ALT 3 on copy 2, S1 ALT 2 on copy 1; all carry 12.
    alts = [base for base in "ACGT" if base != BASES[39]]
    both = ("chr1", 40, BASES[39], ",".join(alts), "1|3", "2|0")
    genome = write_fasta(tmp_path / "g.fa", {"chr1": BASES})
    vcf = write_phased(tmp_path / "in.vcf", [snv(12, "1|1", "1|1"), both], samples=2)
    assert write_haplotypes(vcf, genome, tmp_path / "o.vcf").haplotypes == 3
    lines = [x.split("\t") for x in (tmp_path / "o.vcf").read_text().splitlines()]
    counts = {row[4][-1]: re.search("AC=.*", row[7])[0] for row in lines if row[0] == "chr1"}
    assert counts == {
        alts[0]: "AC=1;AN=4;NCARRIERS=1;CARRIERS=S0",
        alts[1]: "AC=1;AN=4;NCARRIERS=1;CARRIERS=S1",
        alts[2]: "AC=1;AN=4;NCARRIERS=1;CARRIERS=S0",
    }


def test_a_ref_that_mismatches_is_left_out_and_cuts_every_copy(found):
    wrong = ("chr1", 40, "A" if BASES[39] != "A" else "C", "G", "0|0")
    rows = [snv(pos, "0|1") for pos in (1, 5, 12)]
    made, summary = found(*rows, wrong, snv(60, "0|1"), snv(70, "0|1"))
    assert made == {(1, 5, 12): (1, 2), (60, 70): (1, 2)}
    assert summary.left_out == {"ref_mismatch": 1}
    assert (summary.records, summary.used) == (6, 5)


def test_records_without_alt_say_nothing(found):
    rows = [snv(12, "0|1"), ("chr1", 30, BASES[29], ".", "."), snv(40, "0|1")]
    assert found(*rows)[0] == {(12, 40): (1, 2)}


def test_changes_that_undo_each_other_are_no_allele(found):
    # GTTG: a T is put before the first and the second is deleted.
    rows = [("chr1", 3, "G", "GT", "0|1"), ("chr1", 4, "TT", "T", "0|1")]
    made, summary = found(*rows)
    assert (made, summary.unwritten) == ({}, {"undone": 1})


def test_an_n_of_the_genome_is_in_no_allele(tmp_path):
    genome = write_fasta(tmp_path / "g.fa", {"chr1": "ACGTNNACGTRACGT"})
    rows = [("chr1", 2, "C", "A", "1"), ("chr1", 8, "C", "A", "1"), ("chr1", 12, "A", "C", "1")]
    vcf = write_phased(tmp_path / "in.vcf", rows)
    out = tmp_path / "out.vcf"
    summary = write_haplotypes(vcf, genome, out, max_span=8)
    # Of R, A or G, VCF makes A.
    assert summary.unwritten == {"masked": 1}
    assert out.read_text().splitlines()[-1].split("\t")[1:5:2] == ["8", "CGTAA"]


def test_copies_are_counted_once_each(found):
    rows = (snv(12, "0|1", "1|1", "1", "0|0"), snv(40, "0|1", "1|1", "1", "./."))
    # One of S0, two of S1, one of S2, which has no other; S3 is not known at 40.
    assert found(*rows, samples=4)[0] == {(12, 40): (4, 5)}


def test_contigs_are_called_as_in_the_vcf_and_apart(found, tmp_path):
    rows = [snv(12, "0|1", chrom="1"), snv(40, "0|1", chrom="1"),
            snv(12, "0|1", chrom="X"), snv(50, "0|1", chrom="X")]  # fmt: skip
    assert found(*rows)[0] == {("1", 12, 40): (1, 2), ("X", 12, 50): (1, 2)}
    assert "##contig=<ID=X,length=320>" in (tmp_path / "out.vcf").read_text()


def test_parts_and_haplotypes_name_each_other(found, tmp_path):
    rows = [snv(12, "0|1", "1|1"), snv(40, "0|1", "0/1"), snv(300, "0|1", "0|0")]
    _, summary = found(*rows, samples=2, with_parts=True)
    assert (summary.haplotypes, summary.parts) == (1, 2)
    lines = (tmp_path / "out.vcf").read_text().splitlines()
    records = [line.split("\t") for line in lines if line[0] != "#"]
    whole = next(r for r in records if r[2].startswith("HAP_"))
    parts = [r for r in records if r is not whole]
    keys = [":".join(r[i] for i in (0, 1, 3, 4)) for r in parts]
    assert f"MEMBERS={','.join(keys)};NMEMBERS=2;AC=1;AN=2;NCARRIERS=1;CARRIERS=S0" == whole[7]
    # Of the parts the copies count however they are phased; 300 is part of none.
    assert [r[7] for r in parts] == [
        f"AC=3;AN=4;PART_OF={whole[2]}", f"AC=2;AN=4;PART_OF={whole[2]}"
    ]  # fmt: skip
    assert [r[2] for r in parts] == ["rs12", "rs40"]


@pytest.mark.parametrize("suffix", ["vcf", "vcf.gz", "bcf"])
def test_every_form_has_the_same_records_and_the_same_bytes_twice(suffix, varscore, tmp_path):
    genome = write_fasta(tmp_path / "g.fa", {"chr1": BASES})
    vcf = write_phased(tmp_path / "in.vcf", [snv(p, "0|1") for p in (12, 40, 70)])
    bgzipped = tmp_path / "in.vcf.gz"
    pysam.tabix_compress(str(vcf), str(bgzipped))
    out = tmp_path / f"out.{suffix}"
    made = []
    for given in (vcf, bgzipped):
        given = given.rename(tmp_path / f"same{''.join(given.suffixes)}")
        code, _, said = varscore("haplotypes", given, "-g", genome, "-o", out, "--force",
                                 "--with-parts")  # fmt: skip
        assert code == 0, said
        assert "1 haplotypes and 3 parts of 1 samples; 3 of 3 records used" in said
        assert said.count("\n") == 1
        with pysam.VariantFile(str(out)) as records:
            made.append([(r.pos, r.ref, r.alts, dict(r.info)) for r in records])
    assert made[0] == made[1]
    first = out.read_bytes()
    assert (
        varscore("haplotypes", given, "-g", genome, "-o", out, "--force", "--with-parts")[0]
        == 0
    )
    assert out.read_bytes() == first
    assert (tmp_path / f"out.{suffix}.csi").exists() == (suffix == "bcf")
    assert (tmp_path / f"out.{suffix}.tbi").exists() == (suffix == "vcf.gz")


def test_refusals_are_one_line_and_leave_nothing(varscore, tmp_path):
    genome = write_fasta(tmp_path / "g.fa", {"chr1": BASES})
    rows = [snv(12, "0|1"), snv(40, "0|1")]
    whole = write_phased(tmp_path / "in.vcf", rows).read_text()
    pysam.tabix_compress(str(tmp_path / "in.vcf"), str(tmp_path / "in.vcf.gz"))
    packed = (tmp_path / "in.vcf.gz").read_bytes()
    lines = whole.splitlines(keepends=True)
    for content, expected in (
        ("".join([*lines[:-2], lines[-1], lines[-2]]), "sort it with `bcftools sort`"),
        (packed[:-28], "no end-of-file block"),
        (whole + "\n", "is blank; remove it"),
        (whole.replace("\tGT", " GT"), "line 6 has 0 samples; expected 1"),
        ("".join([*lines[:-1], lines[-1].replace("\t", " ")]), "separated by tabs"),
        (whole.rstrip("\n") + "\t1|1\n", "has 2 samples; expected 1"),
        (whole.replace("0|1", "0|2"), "has a genotype of an allele that it does not list"),
        (whole.replace("0|1", "0|40000"), "has a genotype of an allele that it does not list"),
        (whole.replace("0|1", "0|x"), "its genotypes cannot be read"),
        (re.sub(r"\tFORMAT.*|\tGT.*", "", whole), "has no samples"),
    ):
        given = tmp_path / "bad.vcf.gz"
        given.write_bytes(
            content if isinstance(content, bytes) else gzip.compress(content.encode())
        )
        code, _, said = varscore("haplotypes", given, "-g", genome, "-o", tmp_path / "o.vcf")
        assert code == 1, expected
        assert said.startswith("varscore: error: ")
        assert expected in said
        assert said.count("\n") == 1
        assert not [*tmp_path.glob("o.vcf*"), *tmp_path.glob(".o.vcf*")]


def test_region_and_stream(varscore, tmp_path, monkeypatch):
    genome = write_fasta(tmp_path / "g.fa", {"chr1": BASES})
    vcf = write_phased(tmp_path / "in.vcf", [snv(p, "0|1") for p in (12, 40, 70)])
    pysam.tabix_compress(str(vcf), str(tmp_path / "in.vcf.gz"))
    out = tmp_path / "o.vcf"
    monkeypatch.chdir(tmp_path)
    with open(tmp_path / "in.vcf.gz", "rb") as stdin:
        monkeypatch.setattr("varscore.inputs.streams._open", lambda _: stdin)
        words = ("-", "-g", genome, "-o", out, "--region", "chr1:20-100")
        assert varscore("haplotypes", *words)[0] == 0
    assert out.read_text().splitlines()[-1].split("\t")[7].startswith("MEMBERS=chr1:40:")
