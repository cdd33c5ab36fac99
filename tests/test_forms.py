"""Alleles in every form in which people have them: the same rows from all."""

import bz2
import gzip
import lzma
import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import pytest
from needs import CI
from warm_python import warm
from writers import HEADER, read_alleles, record, write_fasta, write_vcf, write_weights

from varscore import ScoreOptions, read_metadata, read_scores, score_vcf
from varscore.errors import OptionError, OutputError, VcfError
from varscore.inputs.alleles import AlleleSource
from varscore.inputs.check import check_vcf
from varscore.inputs.genome import ReferenceGenome
from varscore.inputs.given import opened
from varscore.inputs.tables import parse_variant
from varscore.models.registry import load_model
from varscore.shards.plan import plan_shards
from varscore.shards.resume import score_resumably
from varscore.shards.shard import Shard

LISTS = 500 if CI else 50
NAMES = ("chr1", "2", "chr1_KI270706v1_random", "HLA-A*01:01:01:01")
CONTIGS = {name: "".join(random.Random(name).choices("ACGT", k=900)) for name in NAMES}
END = '##INFO=<ID=END,Number=1,Type=Integer,Description="of a long allele">\n'  # pysam adds it
VARIANT = record("chr1", 5, "snv", CONTIGS["chr1"][4], "ACGT"[CONTIGS["chr1"][4] == "A"])


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    return write_fasta(tmp_path_factory.mktemp("forms") / "genome.fa", CONTIGS)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Those of a tiny model with random weights."""
    return write_weights(tmp_path_factory.mktemp("model") / "tiny.safetensors", 4096)


@pytest.fixture(scope="module")
def model(weights):
    return load_model(weights, device="cpu")


def random_rows(rng, *, ids):
    """Records (chrom, pos, id, ref, alt), in any order, some of them odd."""
    rows = []
    for number in range(rng.choice((1, 2, 5, 30))):
        chrom = rng.choice((*NAMES, "chr2", "chrUn_7"))
        bases = CONTIGS.get(chrom, CONTIGS["2"])
        pos = rng.randint(1, 890)
        ref = bases[pos - 1 : pos - 1 + rng.choice((1, 1, 1, 2, 9))]
        alts = rng.sample(("A", "C", "G", "T", ref + "AC", "<DEL>", "*", "N", "acgt"), k=3)
        if rng.random() < 0.1:
            alts = ["G]17:198982]", "."[: rng.randint(0, 1)] or "T", "<DUP:TANDEM>"]
        alt = ",".join(alts[: rng.choice((1, 1, 1, 2, 3))])
        identifier = rng.choice((".", f"rs{number}", f"a_{number};b")) if ids else "."
        rows.append((chrom, pos, identifier, ref, alt))
    return rows


def table(rows, delimiter, names, quote=""):
    lines = [names, *rows]
    quoted = [[f'"{v}"' if quote or delimiter in str(v) else str(v) for v in r] for r in lines]
    return "".join(delimiter.join(row) + "\n" for row in quoted)


def write_forms(rows, folder, *, ids):
    """Write records in every form; return what to give to varscore, by name."""
    text = HEADER + "".join(record(*row) for row in rows)
    frame = pd.DataFrame(rows, columns=["chrom", "pos", "id", "ref", "alt"])
    half = len(rows) // 2
    texts = {
        "plain.vcf": text,
        "crlf.vcf": text.replace("\n", "\r\n"),
        "no_columns.vcf": text.replace(HEADER, "##fileformat=VCFv4.2\n"),
        "no_header.vcf": text.replace(HEADER, ""),
        "samples.vcf": text.replace("INFO\n", "INFO\tFORMAT\tS\tS\n").replace(
            ".\t.\t.\n", "0\tq\ta b=<\tGT\t0|1\n"
        ),
        "table.tsv": table(rows, "\t", frame.columns),
        "table.csv": table(rows, ",", frame.columns),
        "quoted.tsv": table(rows, "\t", ["Chromosome", "BP", "rsid", "REF", "ALT"], '"'),
        "pvar.tsv": "##source=x\n" + table(rows, "\t", ["#CHROM", "POS", "ID", "REF", "ALT"]),
        "more.csv": "\ufeff"
        + table(
            [(0.5, a, r, p, i, c) for c, p, i, r, a in rows], ",",
            ["b", "alternate_allele", "Reference Allele", "base_pair_location", "SNP", "chr"],
        ),
    }  # fmt: skip
    if not ids:
        colons = [f"{c}:{p}:{r}:{a}" for c, p, _, r, a in rows]
        texts |= {
            "colons.txt": "# mine\n" + "\n".join(colons) + "\n\n",
            "dashes.txt": "".join(f"{c}-{p}-{r}-{a}\n" for c, p, _, r, a in rows),
            "lines.txt": "".join(f"{c}_{p}_{r}_{a}\n" for c, p, _, r, a in rows),
            "ukb.txt": "".join(f"{c}:{p}_{r}_{a}\n" for c, p, _, r, a in rows),
            "gtex.tsv": table(
                [("g", f"{c}_{p}_{r}_{a}_b38") for c, p, _, r, a in rows], "\t",
                ["gene_id", "variant_id"],
            ),
        }  # fmt: skip
    given = {}
    for name, content in texts.items():
        given[name] = folder / name
        given[name].write_text(content, newline="")
    for name in ("plain.vcf", "table.tsv", "table.csv", *([] if ids else ["colons.txt"])):
        whole = given[name].read_bytes()
        cut = len(whole) // 3
        members = [whole[:cut], whole[cut : 2 * cut], whole[2 * cut :]]
        given[name + ".gz"] = folder / (name + ".gz")
        given[name + ".gz"].write_bytes(b"".join(map(gzip.compress, members)))
        given[name + ".bgz"] = folder / (name + ".bgz")
        pysam.tabix_compress(str(given[name]), str(given[name + ".bgz"]), force=True)
    contigs = "".join(f"##contig=<ID={name}>\n" for name in (*NAMES, "chr2", "chrUn_7"))
    declared = folder / "declared.vcf"
    declared.write_text(text.replace("#CHROM", contigs + END + "#CHROM"))
    given["binary.bcf"], given["raw.bcf"] = folder / "binary.bcf", folder / "raw.bcf"
    with (
        pysam.VariantFile(str(declared)) as vcf,
        pysam.VariantFile(str(given["binary.bcf"]), "wb", header=vcf.header) as bcf,
    ):
        for row in vcf:
            bcf.write(row)
    given["raw.bcf"].write_bytes(gzip.decompress(given["binary.bcf"].read_bytes()))
    halves = [
        write_vcf(folder / f"half{i}.vcf", part)
        for i, part in enumerate((rows[:half], [], rows[half:]))
    ]
    given["several files"] = halves
    given["data frame"] = frame
    given["frame of categories"] = frame.astype({"chrom": "category", "id": "string"})[::-1][
        ::-1
    ]
    if not ids:
        given["words"] = colons
        given["column of a data frame"] = pd.Series(colons)
        given["words and a file"] = [*colons[:half], folder / "half2.vcf"]
    return given


@pytest.mark.parametrize("part", range(10))
def test_every_form_gives_the_same_rows(part, genome, model, tmp_path, monkeypatch):
    """Of 500 random lists (50 outside CI); ten of them are scored, the others located."""
    monkeypatch.chdir(tmp_path)
    options = ScoreOptions(allow_ref_mismatches=True)
    with ReferenceGenome(genome) as reference:
        for number in range(LISTS // 10):
            ids = number % 2 == 1
            rows = random_rows(random.Random(f"{part} {number}"), ids=ids)
            given = write_forms(rows, tmp_path, ids=ids)
            expected = list(AlleleSource(given.pop("plain.vcf"), reference, options))
            assert [(a.record, a.allele) for a in expected] == [
                (i, n) for i, row in enumerate(rows) for n in range(1, row[4].count(",") + 2)
            ]
            for form, one in given.items():
                with AlleleSource(one, reference, options) as source:
                    assert list(source) == expected, form
    results = {"plain.vcf": "plain.vcf"} | given  # of the last list
    tables = {}
    for form, one in results.items():
        score_vcf(one, genome, "o.parquet", model=model, options=options, force=True)
        tables[form] = pd.read_parquet("o.parquet")
    for form, found in tables.items():
        pd.testing.assert_frame_equal(found, tables["plain.vcf"], obj=form)


@pytest.mark.parametrize(
    ("text", "variant"),
    [
        ("chr1:12345:A:G", ("chr1", 12345, ".", "A", "G")),
        ("1-12345-A-G", ("1", 12345, ".", "A", "G")),
        ("chr1_12345_A_G", ("chr1", 12345, ".", "A", "G")),
        ("1:12345:A:G,TT", ("1", 12345, ".", "A", "G,TT")),
        ("1:12345_A_G", ("1", 12345, ".", "A", "G")),
        ("1:12345:A>G", ("1", 12345, ".", "A", "G")),
        ("1:12345_A/G", ("1", 12345, ".", "A", "G")),
        ("chr1_12345_A_AT_b38", ("chr1", 12345, ".", "A", "AT")),
        ("chr1_KI270706v1_random:5:A:G", ("chr1_KI270706v1_random", 5, ".", "A", "G")),
        ("chr1_KI270706v1_random_5_A_G", ("chr1_KI270706v1_random", 5, ".", "A", "G")),
        ("HLA-A*01:01:01:01:5:A:G", ("HLA-A*01:01:01:01", 5, ".", "A", "G")),
        ("HLA-A*01:01-5-A-G", ("HLA-A*01:01", 5, ".", "A", "G")),
        ("1:5:G:G]17:198982]", ("1", 5, ".", "G", "G]17:198982]")),
        ("1:5:N:<INS:ME:ALU>", ("1", 5, ".", "N", "<INS:ME:ALU>")),
        (" 1:5:a:* ", ("1", 5, ".", "a", "*")),
        ("1:5:A:.", ("1", 5, ".", "A", ".")),
        ("rs7", None),
        ("chr1:12345", None),
        ("chr1:12345:A", None),
        ("chr1:12345-12350:A:G", ("chr1:12345", 12350, ".", "A", "G")),  # on no contig
        ("chr1:-5:A:G", ("chr1:", 5, ".", "A", "G")),
        ("chr1:5:A:", None),
        ("chr1:5::G", None),
        ("chr1:5:A:-", None),
        ("chr 1:5:A:G", None),
        ("chr1:٥:A:G", None),
        ("chr1:g.5A>G", None),
    ],
)
def test_variants_in_words(text, variant):
    assert parse_variant(text) == variant


FOREIGN = {
    "xz": (lzma.compress(HEADER.encode()), "is compressed with xz; .*first \\(xz -d\\)"),
    "bzip2": (bz2.compress(HEADER.encode()), "is compressed with bzip2"),
    "zstd": (b"\x28\xb5\x2f\xfd" + bytes(20), "is compressed with zstd"),
    "zip": (b"PK\x03\x04" + bytes(20), "is compressed with zip"),
    "bzip2 in gzip": (gzip.compress(bz2.compress(b"x")), "is compressed with bzip2"),
    "Parquet": (b"PAR1" + bytes(20), "is a Parquet file; .*pandas.read_parquet"),
    "HTML": (b"\n<!DOCTYPE html><html>", "is a web page .*download it again"),
    "FASTA": (b">chr1\nACGT\n", "is a FASTA file; .*--genome"),
    "BAM": (gzip.compress(b"BAM\x01" + bytes(20)), "is a BAM file of reads"),
    "UTF-16": ("chrom,pos,ref,alt\n".encode("utf-16"), "is UTF-16 text; .*save it as UTF-8"),
    "LFS": (b"version https://git-lfs.github.com/spec/v1\noid", "pointer of Git LFS"),
    "empty": (b"", "the file is empty"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_is_none_of_the_forms_is_named(kind, tmp_path):
    content, message = FOREIGN[kind]
    path = tmp_path / "my.vcf.gz"
    path.write_bytes(content)
    with pytest.raises(VcfError, match=message) as caught:
        list(read_alleles(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert "expected a VCF" in str(caught.value)


TABLES = {
    "effect alleles": ("chr,bp,a1,a2\n1,5,A,G\n", "no column ref or alt .* a1, a2 do not say"),
    "GWAS-SSF": (
        "chromosome\tbase_pair_location\teffect_allele\tother_allele\tbeta\n1\t5\tA\tG\t0\n",
        "effect_allele, other_allele do not say which allele is the genome's",
    ),
    "BED-like": ("chrom\tstart\tend\tref\talt\n1\t4\t5\tA\tG\n", "start may count from 0"),
    "too few": ("chrom,pos,beta\n1,5,0\n", "no column ref or alt among chrom, pos, beta; exp"),
    "two positions": ("chrom,bp,position,ref,alt\n1,5,6,A,G\n", "'bp' and 'position' may both"),
    "no header": ("1,5,A,G\n", "line 1 is '1,5,A,G', with columns that no line names; put"),
    "blanks": ("1 5 A G\n", "with blanks between columns where tabs or commas should be"),
    "semicolons": ("chrom;pos;ref;alt\n1;5;A;G\n", "separated by semicolons; expected tabs"),
    "row names": ("chrom\tpos\tref\talt\n1\t1\t5\tA\tG\n", "line 2 has 5 columns, .* names 4"),
    "short row": ("chrom\tpos\tref\talt\n\n1\t5\tA\n", "line 3 has 3 columns"),
    "R": ("chrom\tpos\tref\talt\n1\t1e+05\tA\tG\n", "line 2 has '1e[+]05' for a position"),
    "pandas": ("chrom,pos,ref,alt\n1,5.0,A,G\n", "line 2 has '5.0' for a position"),
    "negative": ("chrom,pos,ref,alt\n1,-5,A,G\n", "line 2 has '-5' for a position"),
    "no contig": ("chrom,pos,ref,alt\n1,5,A,G\n,5,A,G\n", "line 3 has '' for a contig"),
    "no UTF-8": (b"chrom,pos,ref,alt\n1\xff,5,A,G\n", "line 2 has .* for a contig"),
    "quotes": ('chrom,pos,ref,alt\n"1,5,A,G\n', "line 2 cannot be parsed .unexpected end"),
    "rs numbers": ("rsid\nrs7\n", "line 2 has 'rs7'; expected a variant such as chr1:12345"),
    "a list": ("chr1:5:A:G\nchr1:6\n", "line 2 has 'chr1:6'; expected a variant such as chr1:"),
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables_that_cannot_be_read(kind, tmp_path):
    content, message = TABLES[kind]
    path = tmp_path / "my.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(VcfError, match=message) as caught:
        list(read_alleles(path))
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"a": [1]}, r"none of its columns \(a\) is known; expected chrom, pos"),
        ({"chrom": [1, 2], "pos": [5, np.nan], "ref": "A", "alt": "G"}, "row 0 has '5.0' for"),
        ({"chrom": [None], "pos": [5], "ref": "A", "alt": "G"}, "row 0 has '' for a contig"),
        ({"chrom": [1], "pos": [5], "a1": "A", "a2": "G"}, "a1, a2 do not say"),
    ],
)
def test_data_frames_that_cannot_be_read(frame, message):
    with pytest.raises(VcfError, match=f"data frame.*{message}"):
        list(read_alleles(pd.DataFrame(frame)))


def test_missing_values_of_a_data_frame():
    frame = pd.DataFrame({"chrom": [1], "pos": pd.array([5], "Int64"), "id": [pd.NA],
                          "ref": ["A"], "alt": [None]})  # fmt: skip
    (allele,) = read_alleles(frame)
    assert allele[:6] == ("1", 5, ".", "A", ".", 0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("https://example.org/my.vcf.gz", "is a URL, and nothing is fetched unasked; download"),
        ("s3://bucket/my.vcf.gz", "is a URL"),
        ("my.vcf", "no such file, nor a variant such as chr1:12345:A:G"),
        ("chr1:12345", "no such file, nor a variant"),
        (["chr1:5:A:G", "rs7"], "rs7: no such file, nor a variant"),
        ([], "nothing to read was given"),
        (".", r"\.: is a directory; expected a VCF"),
        (os.devnull, "is not a regular file"),
    ],
)
def test_what_is_no_file(given, message):
    with pytest.raises(VcfError, match=message):
        list(read_alleles(given))


def test_a_file_comes_before_a_variant(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_vcf(tmp_path / "chr1:5:A:G", [("chr2", 9, "T", "C")])
    (allele,) = read_alleles("chr1:5:A:G")
    assert allele.chrom == "chr2"


def test_several_files_are_one_list(genome, model, tmp_path):
    rows = random_rows(random.Random(3), ids=True) + random_rows(random.Random(4), ids=True)
    files = [write_vcf(tmp_path / f"{i}.vcf", rows[i::3]) for i in range(3)]
    out = tmp_path / "o.parquet"
    score_vcf(files, genome, out, model=model, allow_ref_mismatches=True)
    scores = read_scores(out)
    assert scores.groupby("record").size().index.tolist() == list(range(len(rows)))
    assert scores.drop_duplicates("record")["pos"].tolist() == [
        row[1] for i in range(3) for row in rows[i::3]
    ]
    assert read_metadata(out)["vcf"] == "0.vcf, 1.vcf, 2.vcf"


COMMANDS = {
    "check": ["check"],
    "plan": ["plan", "--shards", "1", "-o", "plan"],
    "score": ["score", "-o", "o.parquet"],
    "resumably": ["score", "--resume", "-o", "o.parquet"],
}
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}


@pytest.mark.parametrize("command", ["check", "score"])
def test_standard_input(command, genome, weights, tmp_path):
    model = ["--model", str(weights), "--device", "cpu"] if command == "score" else []
    done = subprocess.run(
        [warm("varscore"), *COMMANDS[command], "-", "-g", str(genome), *model],
        input=HEADER + VARIANT, capture_output=True, text=True, check=False, cwd=tmp_path,
        env=ENVIRONMENT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    if command == "score":
        assert {path.name for path in tmp_path.iterdir()} == {"o.parquet", "o.summary.json"}
        assert read_metadata(tmp_path / "o.parquet")["vcf"] == "standard input"
        assert read_scores(tmp_path / "o.parquet")["id"].tolist() == ["snv"]


@pytest.mark.parametrize("form", ["words", "pipe"])
def test_every_command_reads_every_form(form, varscore, genome, weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ref = CONTIGS["2"][6]
    word = f"2:7:{ref}:{'ACGT'[ref == 'A']}"
    model = ["--model", weights, "--device", "cpu"]
    for command, words in COMMANDS.items():
        given = [word, word]
        if form == "pipe":
            os.mkfifo("pipe")
            content = HEADER + 2 * record(*word.split(":"))
            writer = threading.Thread(target=Path("pipe").write_text, args=(content,))
            writer.start()
            given = ["pipe"]
        more = [] if command in ("check", "plan") else model
        force = ["--force"] if command == "resumably" else []
        code, out, err = varscore(*words, *given, "-g", genome, *more, *force)
        assert code == 0, err
        if form == "pipe":
            writer.join()
            os.unlink("pipe")
        if command == "check":
            assert "scored  2" in out
        elif command == "plan":
            (entry,) = Path("plan").glob("*.parquet")
            assert [allele.pos for allele in Shard.open(entry).alleles()] == [7, 7]
        else:
            assert read_scores("o.parquet")["key"].tolist() == [word, word]
            vcf = read_metadata("o.parquet")["vcf"]
            assert vcf == ("pipe" if form == "pipe" else f"{word} and 1 more")
    assert {path.name for path in tmp_path.iterdir()} == {"o.parquet", "o.summary.json", "plan"}


@pytest.mark.parametrize("form", ["plain.vcf", "plain.vcf.bgz", "table.csv", "raw.bcf"])
def test_a_pipe_is_read_again_and_again(form, genome, tmp_path):
    rows = random_rows(random.Random(8), ids=True)
    given = write_forms(rows, tmp_path, ids=True)
    content = given[form].read_bytes()
    pipe, folder = tmp_path / "pipe", tmp_path / "folder"
    folder.mkdir()
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    with ReferenceGenome(genome) as reference:
        with AlleleSource(pipe, reference, folder=folder) as source:
            writer.join()
            found = list(source)
            assert source.given == str(pipe)
            assert list(folder.iterdir()) == []  # it has no name
            assert list(source) == found
        with AlleleSource(given["plain.vcf"], reference) as source:
            assert list(source) == found
    with opened(given["plain.vcf"]) as inputs:
        assert len(inputs) == 1


def test_damage_that_comes_through_a_pipe_is_an_error(genome, tmp_path):
    content = gzip.compress((HEADER + VARIANT).encode())[:-4]
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    with pytest.raises(VcfError, match=f"^{pipe}: reading stopped near line .*cut"):
        check_vcf(pipe, genome)
    writer.join()


def test_what_came_from_a_pipe_is_gone_with_the_process(tmp_path):
    code = (
        "import sys; from pathlib import Path; from varscore.inputs.given import opened\n"
        "with opened('-', Path('.')) as inputs: print(list(inputs[0].records())); "
        "sys.stdout.flush(); sys.stdin.close(); import time; time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        cwd=tmp_path, env=ENVIRONMENT,
    )  # fmt: skip
    process.stdin.write((HEADER + VARIANT).encode())
    process.stdin.close()
    assert b"snv" in process.stdout.readline()
    process.kill()
    process.wait()
    process.stdout.close()
    assert list(tmp_path.iterdir()) == []


def test_process_substitution(genome, tmp_path):
    vcf = write_vcf(tmp_path / "in.vcf", [("2", 7, "N", "A")])
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m varscore check <(cat {vcf}) {vcf} -g {genome}"],
        capture_output=True, text=True, check=False, env=ENVIRONMENT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "ambiguous_allele  2" in done.stdout


BED = """browser position chr1:1-100
track name="x"
# comment
chr1\t0\t3\tname\t0\t+
chr1\t2\t9
1\t20\t21
chr1\t30\t30
chrUn_1\t5\t6
chr2 100 200
"""


@pytest.mark.parametrize("packed", [False, True])
def test_regions_of_a_bed_file(packed, genome, tmp_path):
    bed = tmp_path / ("a.bed.gz" if packed else "a.bed")
    bed.write_bytes(gzip.compress(BED.encode()) if packed else BED.encode())
    within = {("chr1", pos) for pos in (*range(1, 10), 21)}
    within |= {("2", pos) for pos in range(101, 201)}
    rows = [(chrom, pos, "A", "<DEL>") for chrom in NAMES for pos in range(1, 300)]
    vcf = write_vcf(tmp_path / "in.vcf", [*rows, ("chr2", 101, "A", "<DEL>")])
    with ReferenceGenome(genome) as reference:
        source = AlleleSource(vcf, reference, ScoreOptions(regions=str(bed)))
        found = [(allele.chrom, allele.pos) for allele in source]
    assert set(found) == within | {("chr2", 101)}
    assert len(found) == len(within) + 1
    plan = plan_shards(vcf, genome, tmp_path / "plan", regions=str(bed))
    assert plan.rows == len(found)
    assert plan.provenance.options["regions"] == str(bed)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such file; give a BED file"),
        ("", r"nothing is in .*genome.fa .*; give intervals on its contigs"),
        ("chr9\t1\t2\n", r"none of its contigs \(chr9\) is in"),
        ("chr1\t1\n", r"line 1 is .*; expected contig, start \(0-based\) and end"),
        ("chr1\t1\t2\nchr1\tx\t2\n", "line 2 is"),
        ("chr1\t5\t4\n", "line 1 ends at 4, before it starts"),
        (">chr1\nACGT\n", "is a FASTA file; expected a BED file"),
    ],
)
def test_bed_files_that_cannot_be_used(text, message, genome, tmp_path):
    bed = tmp_path / "a.bed"
    if text is not None:
        bed.write_text(text)
    with (
        ReferenceGenome(genome) as reference,
        pytest.raises(OptionError, match=f"regions {bed}: {message}"),
    ):
        AlleleSource("2:7:A:C", reference, ScoreOptions(regions=str(bed)))


def test_a_region_and_regions_contradict_each_other():
    with pytest.raises(OptionError, match="region, regions: give one of them"):
        ScoreOptions(region="chr1", regions="a.bed")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x.vcf", ["no VCF; write x.parquet, then `varscore annotate x.parquet VCF -o "]),
        ("x.vcf.gz", ["no VCF; write x.parquet"]),
        ("x.BCF", ["no VCF; write x.parquet"]),
        ("x.tsv", ["write x.parquet, then `varscore annotate x.parquet --tsv -o "]),
        ("x.txt.gz", ["write x.parquet, then `varscore annotate x.parquet --tsv -o "]),
        ("x.csv", ["pandas.read_parquet('x.parquet').to_csv('x.csv', index=False)"]),
        ("x.csv.gz", ["pandas.read_parquet('x.parquet').to_csv('x.csv.gz', index=False)"]),
        ("-", ["a Parquet file, not a stream"]),
        ("/dev/stdout", ["a Parquet file, not a stream"]),
    ],
)
def test_a_result_is_never_parquet_under_another_forms_name(
    name, words, genome, model, weights, varscore, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    vcf = write_vcf(tmp_path / "in.vcf", [("2", 7, "N", "A")])
    plan = plan_shards(vcf, genome, "plan", shards=1)
    for job in (score_vcf, score_resumably):
        with pytest.raises(OutputError, match="a result is a Parquet file"):
            job(vcf, genome, name, model=model)
    for command in (
        ["score", vcf, "-g", genome, "--model", weights],
        ["check", vcf, "-g", genome],
        ["score", "--shard", tmp_path / "plan" / plan.shards[0].file_name, "-g", genome],
        ["merge", "plan", "plan"],
    ):
        code, _, stderr = varscore(*command, "-o", name)
        assert code == 1
        assert all(word in stderr for word in (f"output {name}: ", *words))
    assert {path.name for path in tmp_path.iterdir()} == {"in.vcf", "plan"}
