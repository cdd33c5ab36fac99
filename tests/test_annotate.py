"""`varscore annotate`: scores in a VCF, read and filtered by bcftools, held against pandas."""

import gzip
import random
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import pysam.bcftools
import pytest
from warm_python import warm
from writers import HEADER, write_fasta, write_vcf, write_weights

from varscore import load_model, read_scores, score_vcf
from varscore.errors import OutputError, VcfError
from varscore.results.annotate import annotate_vcf, write_table
from varscore.shards.merge import merge_shards
from varscore.shards.plan import plan_shards
from varscore.shards.score import score_shard

RNG = random.Random(10)
CONTIGS = {name: "".join(RNG.choices("ACGT", k=1200)) for name in ("chr1", "chr2")}
TRACKS = ("DNASE", "a b=c;d,e%")  # the second has whatever INFO may not have
SAMPLES = 2504
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    return write_fasta(tmp_path_factory.mktemp("annotate") / "genome.fa", CONTIGS)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    (folder / "t.tsv").write_text("identifier\tdescription\n" + "".join(
        f'{name}\tsome "{name}"\n' for name in TRACKS
    ))  # fmt: skip
    weights = write_weights(folder / "tiny.safetensors", 4096)
    return load_model(weights, device="cpu", track_table=folder / "t.tsv")


def records(rng, n):
    """Make records of all kinds, sorted: (chrom, pos, ref, alts)."""
    made = []
    for chrom in CONTIGS:
        for pos in sorted(rng.sample(range(1, 1190), n // 2)):
            ref = CONTIGS[chrom][pos - 1 : pos - 1 + rng.choice((1, 1, 1, 3))]
            others = [base for base in "ACGT" if base != ref[0]]
            alts = rng.sample([*others, ref + "T", "<DEL>", "*"], rng.choice((1, 1, 2, 3)))
            if rng.random() < 0.1:
                alts = ["."]
            if rng.random() < 0.1:
                ref = others[0]
                alts = [others[1], "A" * 9 + "C"]
            made.append((chrom, pos, ref, ",".join(alts)))
    return made


def write_whole(path, rows, samples=0, rng=RNG):
    """Write a VCF with INFO, FORMAT and samples; return its lines of records."""
    names = "".join(f"\tS{i}" for i in range(samples))
    head = (
        "##fileformat=VCFv4.3\n"
        + "".join(f"##contig=<ID={name},length=1200>\n" for name in CONTIGS)
        + '##INFO=<ID=AF,Number=A,Type=Float,Description="x">\n'
        + '##ALT=<ID=DEL,Description="Deletion">\n##FILTER=<ID=q10,Description="low">\n'
        + '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n##other=kept as is\n'
        + COLUMNS + ("\tFORMAT" if samples else "") + names + "\n"
    )  # fmt: skip
    lines = []
    for number, (chrom, pos, ref, alts) in enumerate(rows):
        info = rng.choice((".", "AF=" + ",".join("0.25" for _ in alts.split(","))))
        line = f"{chrom}\t{pos}\trs{number}\t{ref}\t{alts}\t29.5\tq10\t{info}"
        if samples:
            line += "\tGT\t" + "\t".join(rng.choices(("0|0", "0|1", "1|1", ".|."), k=samples))
        lines.append(line)
    text = head + "".join(f"{line}\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return lines


@pytest.fixture(scope="module")
def scored(tmp_path_factory, genome, model):
    """A VCF of 300 records and its result of two statistics."""
    folder = tmp_path_factory.mktemp("scored")
    rows = records(random.Random(4), 300)
    lines = write_whole(folder / "in.vcf", rows)
    score_vcf(
        folder / "in.vcf", genome, folder / "s.parquet", model=model,
        statistics=("SAD", "D2"), allow_ref_mismatches=True,
    )  # fmt: skip
    return folder / "in.vcf", folder / "s.parquet", rows, lines


def strongest(frame, statistic):
    """Return the score of largest size of each row, and its track, by pandas."""
    scores = frame.filter(regex=f"^{statistic}_")
    tops = scores.abs().fillna(-1).idxmax(axis=1)
    values = [scores[name][i] for i, name in tops.items()]
    return pd.Series(values), tops.str.removeprefix(f"{statistic}_")


def selected(path, expression):
    """The IDs of the records that bcftools selects."""
    said = pysam.bcftools.query("-i", expression, "-f", "%ID\n", str(path))
    return said.split()


@pytest.mark.parametrize("suffix", ["vcf", "vcf.gz", "vcf.bgz", "bcf"])
@pytest.mark.parametrize("statistic", ["SAD", "D2"])
def test_bcftools_selects_the_rows_that_pandas_selects(suffix, statistic, scored, tmp_path):
    vcf, result, _, _ = scored
    out = tmp_path / f"out.{suffix}"
    index = annotate_vcf(result, vcf, out, statistic=statistic, tracks=list(TRACKS))
    assert (index is None) == (suffix == "vcf")
    frame = read_scores(result, statistic)
    top, _ = strongest(frame, statistic)
    column = f"{statistic}_DNASE"
    cut = float(frame[column].median())
    for expression, chosen in (
        (f"VARSCORE_{column}>{cut!r}", frame[column] > cut),
        (f"VARSCORE_{column}<={cut!r}", frame[column] <= cut),
        (f"VARSCORE_{statistic}_a_b_c_d_e_>0", frame[f"{statistic}_{TRACKS[1]}"] > 0),
        (f"VARSCORE_TOP_{statistic}<0", top < 0),
        (f'VARSCORE_TOP_{statistic}_TRACK="DNASE"', strongest(frame, statistic)[1].eq("DNASE")
            & top.notna()),
        ('VARSCORE_STATUS="ref_mismatch"', frame["status"] == "ref_mismatch"),
        ('VARSCORE_STATUS="scored"', frame["status"] == "scored"),
        ('VARSCORE_REASON="swapped"', frame["reason"] == "swapped"),
        ('VARSCORE_REASON="other"', frame["reason"] == "other"),
    ):  # fmt: skip
        expected = frame["id"][chosen].drop_duplicates().tolist()
        assert selected(out, expression) == expected, expression
    if index:  # a region of the index
        region = pysam.bcftools.query("-r", "chr2:100-400", "-f", "%ID\n", str(out)).split()
        inside = (frame["chrom"] == "chr2") & frame["pos"].between(98, 400)
        assert set(region) <= set(frame["id"][inside])
        assert len(region) >= 20


def test_every_value_is_the_results_to_the_last_bit(scored, tmp_path):
    vcf, result, _, _ = scored
    frame = read_scores(result, "SAD").set_index(["record", "allele"])
    for name in ("x.vcf", "x.bcf"):
        annotate_vcf(result, vcf, tmp_path / name, tracks="DNASE")
        with pysam.VariantFile(str(tmp_path / name)) as file:
            for number, record in enumerate(file):
                for i in range(len(record.alts or ())):
                    row = frame.loc[(number, i + 1)]
                    assert record.info["VARSCORE_STATUS"][i] == row["status"]
                    found = record.info.get("VARSCORE_SAD_DNASE", [None] * 9)[i]
                    if row["status"] != "scored":
                        assert found is None
                    else:
                        assert np.float32(found) == row["SAD_DNASE"]
    assert number == 299


def stripped(line):
    """A line without what was added to it."""
    columns = line.split("\t")
    kept = [entry for entry in columns[7].split(";") if not entry.startswith("VARSCORE_")]
    columns[7] = ";".join(kept) or "."
    return "\t".join(columns)


def test_all_else_stays_as_it_was(genome, model, tmp_path):
    """Samples, header lines and letters of a gzipped VCF of 2,504 samples."""
    rows = records(random.Random(5), 60)
    lines = write_whole(tmp_path / "in.vcf.gz", rows, SAMPLES, random.Random(6))
    score_vcf(
        tmp_path / "in.vcf.gz", genome, tmp_path / "s", model=model, allow_ref_mismatches=True
    )
    annotate_vcf(tmp_path / "s", tmp_path / "in.vcf.gz", tmp_path / "out.vcf")
    before = gzip.decompress((tmp_path / "in.vcf.gz").read_bytes()).decode().splitlines()
    after = (tmp_path / "out.vcf").read_text().splitlines()
    added = [line for line in after if line.startswith(("##INFO=<ID=VARSCORE", "##varscore"))]
    assert len(added) == 5
    assert all("Number=A" in line for line in added[:4])
    assert [stripped(x) if x[0] != "#" else x for x in after if x not in added] == before
    annotate_vcf(tmp_path / "s", tmp_path / "in.vcf.gz", tmp_path / "out.bcf")
    said = pysam.bcftools.view("-H", str(tmp_path / "out.bcf")).splitlines()
    assert [stripped(line) for line in said] == lines
    frame = read_scores(tmp_path / "s")
    top, _ = strongest(frame, "SAD")
    expected = frame["id"][top.abs() > top.abs().median()].drop_duplicates().tolist()
    expression = f"abs(VARSCORE_TOP_SAD)>{float(top.abs().median())!r}"
    assert selected(tmp_path / "out.bcf", expression) == expected
    # From a BCF, too.
    annotate_vcf(tmp_path / "s", tmp_path / "out.bcf", tmp_path / "again.vcf")
    again = (tmp_path / "again.vcf").read_text().splitlines()
    assert [x for x in again if x[0] != "#"] == [x for x in after if x[0] != "#"]


def test_a_former_annotation_is_replaced(scored, tmp_path):
    vcf, result, _, _ = scored
    annotate_vcf(result, vcf, tmp_path / "one.vcf", tracks="DNASE")
    annotate_vcf(result, tmp_path / "one.vcf", tmp_path / "two.vcf", tracks="DNASE")
    one, two = ((tmp_path / f"{x}.vcf").read_text().splitlines() for x in ("one", "two"))
    assert [x for x in two if not x.startswith("##varscore")] == [
        x for x in one if not x.startswith("##varscore")
    ]


def test_records_that_were_not_scored_get_nothing(scored, genome, model, tmp_path):
    vcf, _, rows, lines = scored
    score_vcf(
        vcf, genome, tmp_path / "s", model=model, region="chr2", allow_ref_mismatches=True
    )
    annotate_vcf(tmp_path / "s", vcf, tmp_path / "out.vcf")
    found = [x for x in (tmp_path / "out.vcf").read_text().splitlines() if x[0] != "#"]
    assert found[:150] == lines[:150]
    assert sum("VARSCORE" in line for line in found) == sum(
        chrom == "chr2" and alts != "." for chrom, _, _, alts in rows
    )


@pytest.mark.parametrize("case", ["other", "fewer", "more", "moved"])
def test_another_vcf_is_refused(case, scored, tmp_path):
    _, result, rows, _ = scored
    rows, words = list(rows), r"line \d+ is .*, and .*s.parquet has .* give the VCF that was"
    if case == "other":
        chrom, pos, ref, _ = rows[7]
        rows[7] = (chrom, pos, ref, "TTTTT")
    elif case == "fewer":
        rows, words = rows[:-1], "has 299 records, and .* has scores of record 300; give the"
    elif case == "more":
        rows.insert(0, rows[0])
    else:
        rows[3], rows[4] = rows[4], rows[3]
    write_whole(tmp_path / "x.vcf", rows)
    with pytest.raises(VcfError, match=words):
        annotate_vcf(result, tmp_path / "x.vcf", tmp_path / "o.vcf.gz")
    assert [path.name for path in tmp_path.iterdir()] == ["x.vcf"]


def test_rows_in_another_order_are_refused(genome, model, tmp_path):
    rows = [("chr2", 5, "A", "<DEL>"), ("chr1", 5, "A", "<DEL>"), ("chr2", 9, "A", "*")]
    vcf = write_vcf(tmp_path / "in.vcf", rows)
    plan = plan_shards(vcf, genome, tmp_path / "plan", shards=1)
    for entry in plan.shards:
        shard = tmp_path / "plan" / entry.file_name
        score_shard(shard, genome, tmp_path / entry.file_name, model=model)
    merge_shards(tmp_path / "plan", tmp_path, tmp_path / "genome", order="genome")
    with pytest.raises(OutputError, match="not in the order of the VCF; merge its shards"):
        annotate_vcf(tmp_path / "genome", vcf, tmp_path / "o.vcf")
    # In its own order an unsorted VCF is as good as any, but gets no index.
    merge_shards(tmp_path / "plan", tmp_path, tmp_path / "input")
    (tmp_path / "o.vcf.gz.tbi").write_bytes(b"that of a former file")
    assert annotate_vcf(tmp_path / "input", vcf, tmp_path / "o.vcf.gz") is None
    assert sorted(path.name for path in tmp_path.glob("o.*")) == ["o.vcf.gz"]
    said = pysam.bcftools.query("-f", "%CHROM:%POS:%INFO\n", str(tmp_path / "o.vcf.gz"))
    assert said.split() == [
        "chr2:5:VARSCORE_STATUS=symbolic_allele", "chr1:5:VARSCORE_STATUS=symbolic_allele",
        "chr2:9:VARSCORE_STATUS=spanning_deletion",
    ]  # fmt: skip


def test_an_allele_that_is_there_twice_is_refused(genome, model, tmp_path):
    vcf = write_vcf(tmp_path / "in.vcf", [("chr2", 5, "A", "<DEL>")])
    (tmp_path / "twice").mkdir()
    for name in ("a.parquet", "b.parquet"):
        score_vcf(vcf, genome, tmp_path / "twice" / name, model=model)
    with pytest.raises(OutputError, match="not in the order of the VCF"):
        annotate_vcf(tmp_path / "twice", vcf, tmp_path / "o.vcf")


def test_positions_beyond_a_tabix_index_get_a_csi_index(genome, model, tmp_path):
    far = 1 << 29
    rows = [("chr1", 5, "A", "<DEL>"), ("chr1", far, "A", "<DEL>")]
    vcf = write_vcf(tmp_path / "in.vcf", rows)
    score_vcf(vcf, genome, tmp_path / "s", model=model)
    index = annotate_vcf(tmp_path / "s", vcf, tmp_path / "o.vcf.gz")
    assert index == tmp_path / "o.vcf.gz.csi"
    region = f"chr1:{far}-{far}"
    said = pysam.bcftools.query("-r", region, "-f", "%POS\n", str(tmp_path / "o.vcf.gz"))
    assert said.split() == [str(far)]


def test_by_the_command_and_from_standard_input(scored, varscore, tmp_path):
    vcf, result, _, _ = scored
    code, _, err = varscore("annotate", result, vcf, "-o", tmp_path / "a.vcf.gz")
    assert (code, err) == (0, f"{tmp_path}/a.vcf.gz: written, index a.vcf.gz.tbi\n")
    code, _, err = varscore("annotate", result, vcf, "-o", tmp_path / "a.vcf.gz")
    assert code == 1
    assert "a.vcf.gz: exists" in err
    with open(vcf, "rb") as file:
        subprocess.run(
            [warm("varscore"), "annotate", result, "-", "-o", tmp_path / "b.vcf.gz"],
            stdin=file, check=True, capture_output=True,
        )  # fmt: skip
    one, two = (gzip.decompress((tmp_path / f"{x}.vcf.gz").read_bytes()) for x in "ab")
    assert one == two
    code, _, err = varscore("annotate", result, "-o", tmp_path / "c.vcf.gz")
    assert code == 2
    assert "give either the VCF that was scored or --tsv" in err
    code, _, err = varscore("annotate", result, vcf, "-o", tmp_path / "c.txt")
    assert code == 1
    assert "c.txt: its suffix tells no form of VCF; give a name that ends in .vcf" in err


@pytest.mark.parametrize("name", ["t.tsv", "t.tsv.gz"])
def test_a_table_for_spreadsheets(name, scored, varscore, tmp_path):
    _, result, _, _ = scored
    code, _, _ = varscore(
        "annotate", result, "--tsv", "-o", tmp_path / name, "--tracks", "DNASE"
    )
    assert code == 0
    found = pd.read_csv(tmp_path / name, sep="\t", keep_default_na=False)
    frame = read_scores(result, "SAD")
    for column in ("chrom", "pos", "id", "ref", "alt"):
        assert found[column].tolist() == frame[column].tolist()
    assert found["STATUS"].tolist() == frame["status"].tolist()
    scores = pd.to_numeric(found["SAD_DNASE"]).astype(np.float32)
    pd.testing.assert_series_equal(scores, frame["SAD_DNASE"], check_exact=True)
    write_table(result, tmp_path / f"again.{name}", tracks="DNASE")
    assert (tmp_path / f"again.{name}").read_bytes() == (tmp_path / name).read_bytes()


def test_line_ends_of_windows_and_a_last_line_without(scored, genome, model, tmp_path):
    text = HEADER + "chr1\t5\t.\tA\t<DEL>\t.\t.\t.\nchr1\t9\t.\tA\t<DEL>\t.\t.\tAB"
    (tmp_path / "in.vcf").write_bytes(text.replace("\n", "\r\n").encode())
    score_vcf(tmp_path / "in.vcf", genome, tmp_path / "s", model=model)
    annotate_vcf(tmp_path / "s", tmp_path / "in.vcf", tmp_path / "out.vcf")
    lines = (tmp_path / "out.vcf").read_bytes().decode().split("\n")
    assert lines[-3:] == [
        "chr1\t5\t.\tA\t<DEL>\t.\t.\tVARSCORE_STATUS=symbolic_allele",
        "chr1\t9\t.\tA\t<DEL>\t.\t.\tAB;VARSCORE_STATUS=symbolic_allele", "",
    ]  # fmt: skip


SHARED = Path(__file__).parents[2] / "shared" / "data" / "human"


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared with the human data is not there")
def test_human_variants(small_model, tmp_path):
    vcf, genome = SHARED / "chr20_1Mb.vcf.gz", tmp_path / "chr20.fa"
    genome.symlink_to(SHARED / "chr20_1Mb.fa")
    region = read_region(vcf)
    score_vcf(vcf, genome, tmp_path / "s", model=small_model, region=region)
    annotate_vcf(tmp_path / "s", vcf, tmp_path / "out.vcf.gz")
    frame = read_scores(tmp_path / "s", "SAD")
    top, _ = strongest(frame, "SAD")
    assert len(frame) > 900
    for cut in (0.0, 0.1, -0.1):
        expected = frame["record"][top > cut].nunique()
        assert len(selected(tmp_path / "out.vcf.gz", f"VARSCORE_TOP_SAD>{cut}")) == expected


def read_region(vcf):
    """Return a region with the first thousand records of a VCF."""
    with gzip.open(vcf, "rt") as lines:
        places = [x.split("\t", 2)[:2] for x in lines if x[0] != "#"][:1000]
    return f"{places[0][0]}:{places[0][1]}-{places[-1][1]}"
