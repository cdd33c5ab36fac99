"""All messages of the package in one table: what brings each about, and what it says.

A message is one line that says where, what was found, what was expected and what to do. The
table is whole: a place in the code where an error is made, and that no row reaches, fails.
"""

import ast
import bz2
import dataclasses
import gzip
import io
import json
import os
import re
import shutil
import socket
import sys
from pathlib import Path

import huggingface_hub.errors
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pysam
import pytest
import requests
import torch
from annotations import gtf_row
from backgrounds import rewrite as rewrite_result
from backgrounds import without_last_scores, write_result
from scene import CONTIGS, HUB, KERAS, SNV, Scene
from writers import COLUMNS, HEADER, record, write_fasta, write_phased, write_weights

import varscore
import varscore.errors
from varscore import (
    ScoreOptions,
    load_model,
    predict_variant,
    read_metadata,
    read_scores,
    write_haplotypes,
)
from varscore.errors import VarscoreError
from varscore.files.atomic import check_target
from varscore.haplotypes.genotypes import GenotypeFile
from varscore.inputs.alleles import AlleleSource
from varscore.inputs.bcf import read_bcf_header
from varscore.inputs.contigs import read_contig_table
from varscore.inputs.genes import read_genes
from varscore.inputs.genome import ReferenceGenome, parse_region
from varscore.inputs.given import check_given
from varscore.inputs.saturation import saturated
from varscore.inputs.streams import kept
from varscore.meaning.apply import apply_background
from varscore.meaning.background import Background
from varscore.meaning.build import build_background
from varscore.meaning.join import join
from varscore.meaning.sample import sample_vcf
from varscore.meaning.top import top_variants
from varscore.models import cache
from varscore.models.catalogue import read_catalogue
from varscore.models.checkpoint import Checkpoint
from varscore.models.config import BasenjiConfig
from varscore.models.fetch import fetch_model
from varscore.models.files import write_safetensors
from varscore.models.formats.hub import read_hub
from varscore.models.formats.keras import read_keras, write_keras
from varscore.models.formats.native import read_native
from varscore.models.registry import read_checkpoint
from varscore.models.selection import check_wanted
from varscore.models.tracks import TrackTable
from varscore.options import OPTIONS
from varscore.pictures.profile import check_panels
from varscore.prediction.explanation import explain
from varscore.prediction.profile_files import write_profiles
from varscore.prediction.region import halo_bins
from varscore.prediction.region_files import write_coverage
from varscore.prediction.saturation import saturate
from varscore.reports.page import report_page
from varscore.results.annotate import annotate_vcf, write_table
from varscore.results.bigwig import write_bigwigs
from varscore.results.file import METADATA_KEY
from varscore.results.folder import check_folder
from varscore.results.reading import read_tracks
from varscore.results.table import ScoreWriter
from varscore.results.target import check_result_target
from varscore.shards.config import Settings
from varscore.shards.expected import Expected
from varscore.shards.merge import merge_shards
from varscore.shards.plan import plan_shards
from varscore.shards.shard import Shard, ShardPlan
from varscore.shards.workflow import check_places
from varscore.support.bench import bench
from varscore.variant import Allele, Interval, Status, Variant
from varscore.windows import windowing_for

PACKAGE = Path(varscore.__file__).parent
ERRORS = {
    name
    for name, kind in vars(varscore.errors).items()
    if isinstance(kind, type) and issubclass(kind, VarscoreError)
}
GOOD = record("chr1", 7, "rs7", "A", "C")
BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
HG38 = "contig=<ID=chr21,length=46709983>"


def vcf(*records: str) -> str:
    return HEADER + "".join(records)


def csv(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


def hg19(s: Scene) -> None:
    """A VCF of GRCh38 on a FASTA with the lengths of GRCh37."""
    with ReferenceGenome(s.genome) as genome:
        genome.lengths = {"chr21": 48_129_895}
        header = f"##fileformat=VCFv4.2\n##{HG38}\n{COLUMNS}"
        s.vcf(("chr21", 9, "A", "C"), header=header)
        AlleleSource("in.vcf", genome).survey().judge()


def two_builds(s: Scene) -> None:
    for name, length in (("a.vcf", 900), ("b.vcf", 901)):
        s.write(name, HEADER.replace("#C", f"##contig=<ID=chr1,length={length}>\n#C") + GOOD)
    with ReferenceGenome(s.genome) as genome:
        AlleleSource(["a.vcf", "b.vcf"], genome)


def bcf(s: Scene, change) -> None:
    """Read a BCF of one record, not compressed, after a change to its bytes."""
    header = HEADER.replace("#C", "##contig=<ID=chr1>\n#C")
    with (
        pysam.VariantFile(str(s.vcf(SNV, header=header))) as records,
        pysam.VariantFile("x.bcf", "wb", header=records.header) as binary,
    ):
        for one in records:
            binary.write(one)
    s.read(change(gzip.decompress(Path("x.bcf").read_bytes())), "y.bcf")


def as_bcf(s: Scene) -> bytes:
    """Score a record and make a BCF of it; return its bytes, not compressed."""
    s.score()
    annotate_vcf("o.parquet", "in.vcf", "x.bcf")
    return gzip.decompress(Path("x.bcf").read_bytes())


def cut_bcf(s: Scene) -> None:
    s.write("x.bcf", as_bcf(s)[:-3])
    annotate_vcf("o.parquet", "x.bcf", "o.vcf")


def headless_bcf(s: Scene) -> None:
    s.write("x.bcf", as_bcf(s)[:200])
    annotate_vcf("o.parquet", "x.bcf", "o.vcf")


def phased(s: Scene, *rows: tuple[object, ...], old: str = "", new: str = "") -> None:
    """Write haplotypes of records with genotypes, after a change to their text."""
    path = write_phased(Path("p.vcf"), rows or [(*SNV, "0|1")])
    path.write_text(path.read_text().replace(old, new, 1) if old else path.read_text())
    write_haplotypes(path, s.genome, "o.vcf")


def other_record(s: Scene) -> None:
    with GenotypeFile(write_phased(Path("p.vcf"), [(*SNV, "0|1")]), "p.vcf") as genotypes:
        genotypes.at(0, "chr1", 9, 1)


def bed(s: Scene, content: str, name: str = "a.bed") -> None:
    with ReferenceGenome(s.genome) as genome:
        if content:
            s.write("a.bed", content)
        AlleleSource("chr1:5:A:C", genome, ScoreOptions(regions=name))


def gtf(s: Scene, content: str | bytes, name: str = "a.gtf") -> None:
    with ReferenceGenome(s.genome) as genome:
        if content:
            s.write("a.gtf", content)
        read_genes(Path(name), genome, genome.names)


def stale_index(s: Scene) -> None:
    s.fasta(">chr1\nACGT\n>chr2\nAC\n").close()
    s.write("g.fa", ">chr1\nAC\n>chr2\nAC\n")
    os.utime("g.fa", (0, 0))
    ReferenceGenome("g.fa")


def no_index(s: Scene) -> None:
    s.write("g.fa", ">chr1\nACGT\n")
    s.patch.setattr("varscore.files.atomic._create", no_room)
    ReferenceGenome("g.fa")


def no_room(*_, **__):
    raise OSError(28, "No space left on device")


def changed_genome(s: Scene) -> None:
    with s.fasta(f">chr1\n{500_000 * 'A'}\n") as genome:
        os.truncate("g.fa", 100_000)
        genome.fetch(Interval("chr1", 0, 500_000))


def closed_socket(s: Scene) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("stream")
        list(AlleleSource("stream", ReferenceGenome(s.genome)))


def terminal(s: Scene) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    s.patch.setattr("sys.stdin", Terminal())
    with kept(Path("-")):
        pass


def no_room_for_a_stream(s: Scene) -> None:
    os.mkfifo("pipe")
    s.patch.setattr("varscore.inputs.streams._open", lambda _: io.BytesIO())
    with kept(Path("pipe"), Path("nowhere")):
        pass


def rewrite(path: str, change) -> None:
    """Write a Parquet file again, its record changed."""
    file = pq.ParquetFile(path)
    metadata = dict(file.metadata.metadata)
    facts = json.loads(metadata[METADATA_KEY.encode()])
    change(facts)
    metadata = {METADATA_KEY: json.dumps(facts)}
    pq.write_table(file.read().replace_schema_metadata(metadata), path)


def renamed(path: str, copy: str) -> None:
    table = pq.read_table(path)
    other = table.rename_columns({"SAD_track_0": "SAD_mine"})
    pq.write_table(other.replace_schema_metadata(table.schema.metadata), copy)


def other_genome(s: Scene) -> None:
    plan_shards(s.vcf(), s.genome, "plan", shards=1)
    other = write_fasta(Path("other.fa"), {**CONTIGS, "chr1": CONTIGS["chr1"][:-1] + "A"})
    s.genome = other
    Path("scores").mkdir()
    s.score_shard("0001.parquet")


def not_a_number(s: Scene) -> None:
    variant = Variant("chr1", 5, "A", "C")
    allele = Allele("chr1", 5, ".", "A", "C", 0, 1, Status.SCORED, variant)
    with ScoreWriter("o.parquet", ScoreOptions().measures, s.model.tracks) as writer:
        writer.write([allele], np.full((1, 1, 2), np.nan, np.float32))


def two_results(s: Scene) -> None:
    Path("folder").mkdir()
    s.score(statistics=["SAD"])
    shutil.move("o.parquet", "folder/a.parquet")
    s.score(statistics=["D2"])
    shutil.move("o.parquet", "folder/b.parquet")
    read_scores("folder", "SAD")


def summary_of_another(s: Scene) -> None:
    s.score().save("o.SAD.parquet")
    s.cli("score", "in.vcf", "-g", s.genome, "-o", "o.SAD", "--model", s.weights)


def in_groups(s: Scene, text: str | bytes) -> None:
    """Score by a file of groups."""
    s.write("g.tsv", text)
    s.score(groups="g.tsv")


def joined(s: Scene, text: str | bytes) -> None:
    s.score()
    join(top_variants("o.parquet"), s.write("t.tsv", text))


def background(scores, of=1, **options):
    """Make a background of a result, and apply it to another, of so many tracks."""
    write_result(Path("b.s"), np.ones((3, 1, of)), **options)
    build_background(["b.s"], "b.parquet")
    apply_background(scores, "b.parquet", "o.parquet")


def two_scores(of=1, **options):
    """Make a background of two results, the second of so many tracks."""
    write_result(Path("a.s"), np.ones((3, 1, 1)))
    build_background(
        ["a.s", write_result(Path("b.s"), np.ones((3, 1, of)), **options)], "b.parquet"
    )


def nan_weights(tensors, _):
    tensors[next(iter(tensors))].view(-1)[0] = float("nan")


def small_table(n: int) -> str:
    return "identifier\tdescription\n" + "".join(f"t{i}\tT\n" for i in range(n))


def beside(s: Scene) -> None:
    shutil.copytree(HUB, "hub")
    Path("hub/targets.txt").write_text(small_table(3))
    read_hub("hub")


def fetched_before(s: Scene) -> None:
    s.write("fetched.json", '{"fetched": "then", "source": "there"}')
    fetch_model(folder=Path())


def changed_since(s: Scene) -> None:
    shutil.copytree(HUB, "hub")
    Path("hub/fetched.json").write_text('{"sha256": "0123456789abcdef"}')
    read_checkpoint("hub")


def hub_error(kind: str, message: str = "so it is") -> Exception:
    """Make an error of the hub's client."""
    error = getattr(huggingface_hub.errors, kind)
    if issubclass(error, getattr(huggingface_hub.errors, "HfHubHTTPError", ())):
        response = requests.Response()
        response.status_code = 404
        response.request = requests.Request("GET", "http://127.0.0.1").prepare()
        try:
            return error(message, response=response)
        except (AttributeError, TypeError):
            import httpx

            asked = httpx.Request("GET", "http://127.0.0.1")
            return error(message, response=httpx.Response(404, request=asked))
    return error(message)


def float64_keras(s: Scene) -> None:
    checkpoint = read_native(s.weights)
    config = dataclasses.replace(checkpoint.config, batch_norm_eps=1e-5)
    write_keras(dataclasses.replace(checkpoint, config=config), "m.h5")


def refused_safetensors(s: Scene) -> None:
    Path("x.safetensors").mkdir()
    s.patch.setattr("varscore.models.files.save_file", refuse_to_save)
    write_safetensors("y.safetensors", {"a": torch.zeros(1)}, {})


def refuse_to_save(*_):
    from safetensors import SafetensorError

    raise SafetensorError("I/O error: no space")


def denied(*_):
    raise PermissionError(13, "Permission denied")


def bgzf(content: bytes) -> bytes:
    """Compress a little text as one block of BGZF, and end it."""
    block = gzip.compress(content, mtime=0)
    size = (len(block) + 7).to_bytes(2, "little")  # less one; eight bytes are put in
    return block[:3] + b"\x04" + block[4:10] + b"\x06\0BC\x02\0" + size + block[10:] + BGZF_END


def described(metadata: dict[str, str], **fields) -> str:
    return json.dumps(json.loads(metadata["varscore"]) | fields)


def layer(file, name: str):
    """Return the group of a Keras layer that has its tensors."""
    return file[f"model_weights/{name}/{name}"]


def reshape(file, name: str, shape: tuple[int, ...]) -> None:
    group = layer(file, name.partition("/")[0])
    del group[name.partition("/")[2]]
    group.create_dataset(name.partition("/")[2], data=np.zeros(shape, np.float32))


def one_more(file) -> None:
    """Add a tensor to the dense layer."""
    layer(file, "dense").create_dataset("more", data=[1.0])


def second_head(file) -> None:
    """Add a dense layer after the last one."""
    file.copy(layer(file, "dense"), "model_weights/add/dense")


def cut_after_it_was_looked_at(s: Scene) -> None:
    s.patch.setattr("varscore.models.files.unreadable", lambda _: None)
    read_keras(s.write("x", (KERAS / "model.h5").read_bytes()[:400]), KERAS / "params.json")


def headed_bcf(s: Scene, line: bytes) -> None:
    """Read the header of a BCF that has a line more."""
    text = HEADER.encode().replace(b"#C", line + b"#C", 1) + b"\0"
    s.write("y.bcf", b"BCF\x02\x02" + len(text).to_bytes(4, "little") + text)
    read_bcf_header(Path("y.bcf"), "y.bcf")


def other_status() -> None:
    """Give a shard's rows a status that is none."""
    path = "plan/0001.parquet"
    table = pq.read_table(path).replace_schema_metadata(pq.ParquetFile(path).metadata.metadata)
    place = table.schema.get_field_index("status")
    statuses = pa.array(["gone"] * len(table))
    table = table.set_column(place, table.schema.field(place), statuses)
    pq.write_table(table, path)


def many_rows(s: Scene) -> None:
    """Write ten million rows that are all equal: some hundred bytes."""
    s.score()
    metadata = pq.ParquetFile("o.parquet").metadata.metadata
    rows = pa.repeat(pa.scalar(1, pa.int8()), 10_000_000)
    table = pa.table({"chrom": rows}, metadata=metadata)
    pq.write_table(table, "o.parquet", compression="zstd")
    read_metadata("o.parquet")


def spoil(genome) -> None:
    genome["m5"] = dict.fromkeys(genome["m5"], "0" * 32)


def settings(**config: str) -> Settings:
    given = {"vcf": "in.vcf", "genome": "in.vcf", "model": "m", "out": "o"}
    return Settings.read({**given, **config})


def other_sum(s: Scene) -> None:
    """The hub's form has no sum of its own to be held against."""
    Path("fetched").mkdir()
    s.write("fetched/model.safetensors", "{}")
    found = ("there", "commit", {"model.safetensors": "url"})
    s.patch.setattr("varscore.models.fetch._fetch_hub", lambda *_: found)
    fetch_model(folder=Path("fetched"), track_table=False, expected_sha256="00")


# fmt: off
# A regular expression that the whole message matches, and a function that raises it.
MESSAGES = {
    "atomic": [
        (r"output d: exists and is not a file; give another name",
         lambda s: (Path("d").mkdir(), check_target("d"))),
        (r"output x: exists; give another name, or --force to replace it",
         lambda s: check_target(s.write("x"))),
        (r"output no/x: cannot be written: No such file or directory; make its folder first",
         lambda s: check_target("no/x")),
    ],
    "bench": [
        (r"none of the variants given is one that the incremental engine scores with this .*; "
         r"there is nothing to compare",
         lambda s: bench("2:5:A:<DEL>", s.genome, s.model, ScoreOptions())),
    ],
    "cli": [
        (r"x\.parquet: no such file; give a table that `varscore plan` wrote",
         lambda s: s.cli("score", "--shard", "x.parquet", "-g", s.genome, "-o", "o.parquet")),
        (r"params x\.json: no such file; give the architecture's JSON",
         lambda s: s.cli("score", s.vcf(), "-g", s.genome, "-o", "o", "--model", s.weights,
                         "--params", "x.json")),
        (r"x\.safetensors: it exists; give --force to replace it",
         lambda s: s.cli("model", "convert", s.weights, s.write("x.safetensors"))),
        (r"x\.foo: its suffix tells no form; give --to native, hub or keras",
         lambda s: s.cli("model", "convert", s.weights, "x.foo")),
        (r"o\.parquet: its model is random-0, of a file or folder \(SHA-256 \w{12}\.\.\.\); "
         r"say with --model where that is",
         lambda s: (s.score(), s.cli("verify", "o.parquet", "-g", s.genome))),
        (r"random model: window_length 1000 is not a multiple of two bins of \d+",
         lambda s: s.cli("model", "random", "-o", "x.safetensors", "--window-length", 1000)),
    ],
    "engines": [
        (r"chr1:5:A:ACC: the incremental engine does not score it because .*; use two-pass",
         lambda s: s.score(("chr1", 5, "A", "ACC"), engine="incremental", indels="trim")),
        (r"memory: [\d.]+ GiB \([\d,]+ bytes\) do not suffice for one window .*; give more, or "
         r"choose the incr.*",
         lambda s: s.score(engine="two-pass", memory=1000)),
    ],
    "haplotypes": [
        (r"chr1:5:A:C: expected one VCF or BCF with phased genotypes",
         lambda s: write_haplotypes("chr1:5:A:C", s.genome, "o.vcf")),
        (r"in\.vcf: has no samples; expected a VCF or BCF with phased genotypes, such as 0\|1",
         lambda s: write_haplotypes(s.vcf(), s.genome, "o.vcf")),
        (r"p\.vcf: htslib reads no genotypes under this header; expected ##fileformat in its "
         r"first line and samples of different names; mend it",
         lambda s: phased(s, old="##fileformat=VCFv4.2\n")),
        (r"p\.vcf: line 6 has 2 samples; expected 1, as the line of columns has; mend it, "
         r"or copy the file again",
         lambda s: phased(s, (*SNV, "0|1", "0|1"))),
        (r"p\.vcf: line 6: its genotypes cannot be read; expected GT such as 0\|1 or \. for "
         r"each sample, as VCF 4\.3 has it",
         lambda s: phased(s, (*SNV, "0|x"))),
        (r"p\.vcf: line 6 is chr1:9 when its alleles are read and chr1:5 when its genotypes "
         r"are; the file was changed: copy it again",
         other_record),
        (r"p\.vcf: line 6 has a genotype of an allele that it does not list; expected numbers "
         r"up to 1",
         lambda s: phased(s, (*SNV, "0|2"))),
        (r"p\.vcf: record 2, at chr1:5, comes after one at chr1:9; expected a file sorted by "
         r"contig and position; sort it with `bcftools sort`",
         lambda s: phased(s, ("chr1", 9, "A", "C", "0|1"), (*SNV, "0|1"))),
    ],
    "inputs.alleles": [
        (r"in\.vcf: of 6 REF alleles compared, 6 differ from .*; the first is G at 2:5, where "
         r"the genome has A: .* different builds; give .*, or go on with "
         r"--allow-ref-mismatches",
         lambda s: s.judge(*6 * [("2", 5, "G", "C")])),
        (r"in\.vcf: made with another genome than .*: by the lengths of their contigs the VCF "
         r"looks like GRCh38 \(hg38\), the FASTA like GRCh37 \(hg19\) \(chr21: .*\); give .*",
         hg19),
        (r"in\.vcf: none of its contigs \(chrZ\) is in .*genome\.fa \(chr1, 2, chrM\); chrZ: "
         r"no contig of the FASTA has this name, or another .*; .*",
         lambda s: s.judge(("chrZ", 5, "A", "C"))),
        (r"in\.vcf: 1 of 2 records are on contigs that are not in genome\.fa: chrZ \(1\); "
         r"chrZ: "
         r".*; .* \(--strict\)",
         lambda s: s.judge(SNV, ("chrZ", 5, "A", "C"), strict=True)),
        (r"b\.vcf: declares 901 bases of contig chr1, a\.vcf declares 900: they are of "
         r"different "
         r"builds; give them one by one",
         two_builds),
    ],
    "inputs.bcf": [
        (r"y\.bcf: line 2 of its header has IDX=99999999; expected at most 10,000,000, as many "
         r"as there are contigs or fields; leave IDX out",
         lambda s: headed_bcf(s, b"##contig=<ID=chr1,IDX=99999999>\n")),
        (r"y\.bcf: the header of this BCF is no UTF-8 text; copy or download it again, or make "
         r"it anew from a VCF",
         lambda s: headed_bcf(s, b"##source=\xff\n")),
        (r"y\.bcf: the header of this BCF is said to have 4,294,967,295 bytes; expected at "
         r"most 268,435,456; copy or download it again, or make it anew from a VCF",
         lambda s: s.read(b"BCF\x02\x02\xff\xff\xff\xff", "y.bcf")),
        (r"y\.bcf: the header of this BCF cannot be read: htslib says: Failed to read BCF "
         r"header"
         r"; copy or download it again, or make it anew from a VCF",
         lambda s: bcf(s, lambda whole: whole[:30])),
        (r"y\.bcf: this BCF is in gzip, expected BGZF, as `bcftools view -Ob` writes it, or "
         r"none; unpack it with gunzip",
         lambda s: bcf(s, gzip.compress)),
        (r"y\.bcf: reading stopped at its first record: the file is cut or corrupt there; "
         r"copy "
         r"or download it again, or make it anew from a VCF",
         lambda s: bcf(s, lambda whole: whole[:-3])),
    ],
    "inputs.contigs": [
        (r"x: cannot be read as a table of contig names: No such file or directory; "
         r"expected two "
         r"columns, .*",
         lambda s: read_contig_table("x", CONTIGS)),
        (r"x: line 1 has 3 columns; expected two columns, .*",
         lambda s: read_contig_table(s.write("x", "a b c\n"), CONTIGS)),
        (r"x: line 2 says 2 for a, line 1 chr1; expected one name in the FASTA file for "
         r"each in "
         r"the VCF",
         lambda s: read_contig_table(s.write("x", "a chr1\na 2\n"), CONTIGS)),
        (r"x: has no contig names; expected two columns, .*",
         lambda s: read_contig_table(s.write("x"), CONTIGS)),
        (r"x: no name of its second column is in the FASTA file, those of its first column "
         r"are; "
         r"expected two columns, .*",
         lambda s: read_contig_table(s.write("x", "chr1 one\n"), CONTIGS)),
    ],
    "inputs.fasta_index": [
        (r"x\.fa: no such file; expected a FASTA file", lambda s: ReferenceGenome("x.fa")),
        (r"d: cannot be read: Permission denied",
         lambda s: (s.patch.setattr("varscore.inputs.fasta_index.compression", denied),
                    ReferenceGenome(s.write("d")))),
        (r"g\.fa: compressed with plain gzip, which has no random access; decompress it, .*",
         lambda s: s.fasta(gzip.compress(b">chr1\nACGT\n"))),
        (r"g\.fa: compressed with bgzip, but it has no end-of-file block: it is cut, or .*; "
         r"copy or download it again or, if you know it to be whole, `zcat g\.fa \| bgzip > "
         r".*`",
         lambda s: s.fasta(bgzf(b">chr1\nACGT\n")[: -len(BGZF_END)])),
        (r"g\.fa: compressed with bgzip, but it is cut: what follows byte \d+ is no whole "
         r"block; "
         r"download it again",
         lambda s: s.fasta(bgzf(b">chr1\nACGT\n")[:-1])),
        (r"g\.fa: compressed with bgzip, but 2 bytes follow its end-of-file block; leave what "
         r"follows out: `head -c \d+ g\.fa > whole\.gz`",
         lambda s: s.fasta(bgzf(b">chr1\nACGT\n") + b"\n\n")),
        (r"g\.fa: not a FASTA file: it is empty; expected '>'", lambda s: s.fasta("")),
        (r"g\.fa: not a FASTA file: it is compressed with zip .*; expected '>'",
         lambda s: s.fasta(b"PK\x03\x04")),
        (r"g\.fa: cannot be indexed \(Format error, unexpected \"A\" at line 4\); expected a "
         r"FASTA file in which every contig has bases, lines are equally long but for .*",
         lambda s: s.fasta(">chr1\nACGT\nAC\nACGT\n")),
        (r"g\.fa: not a sound FASTA file: Ignoring duplicate sequence \"chr1\" at byte offset "
         r"17; expected contigs of different names, .*",
         lambda s: s.fasta(">chr1\nACGT\n>chr1\nACCC\n")),
        (r"g\.fa: not a sound FASTA file: the header of contig chr1 has a blank after '>'; .*",
         lambda s: s.fasta("> chr1\nACGT\n")),
        (r"g\.fa: not a sound FASTA file: it has a header without a name; .*",
         lambda s: s.fasta(">\nACGT\n")),
        (r"g\.fa: its index does not fit: .*; get the file whole or, if it is, remove "
         r"g\.fa\.fai, to have it indexed anew",
         stale_index),
        (r"g\.fa: it has no index g\.fa\.fai, and output g\.fa\.fai: cannot be written: No "
         r"space left on device; run `samtools faidx` on it, or on a copy in a folder that .*",
         no_index),
    ],
    "inputs.forms": [
        (r"d: is a directory; expected a VCF \(plain, gzip or bgzip\), a BCF or a table of .*",
         lambda s: (Path("d").mkdir(), check_given("d"))),
        (r"/dev/null: is not a regular file; expected a VCF .*",
         lambda s: check_given(os.devnull)),
        (r"x\.vcf: cannot be read: Permission denied",
         lambda s: (s.patch.setattr("varscore.inputs.forms.compression", denied),
                    s.read(vcf()))),
        (r"x\.vcf: the file is empty; expected a VCF .*", lambda s: s.read("")),
        (r"x\.vcf: is compressed with bzip2; expected a VCF .*; decompress it first \(bzip2 "
         r"-d\)",
         lambda s: s.read(bz2.compress(b"x"))),
        (r"x\.vcf: is a Parquet file; expected a VCF .*; in Python, pandas\.read_parquet "
         r"gives .*",
         lambda s: s.read("PAR1")),
        (r"x\.vcf: is a web page \(HTML or XML\), as of a download that failed; expected a "
         r"VCF "
         r".*; download it again",
         lambda s: s.read("<html>")),
        (r"x\.vcf: is binary data of a kind that is not known here; expected a VCF .*",
         lambda s: s.read(b"a\0b")),
        (r"x\.vcf: is compressed twice; decompress it once",
         lambda s: s.read(gzip.compress(gzip.compress(b"x")))),
        (r"x\.vcf: compressed with bgzip, but it has no end-of-file block: .* `zcat x\.vcf .*",
         lambda s: s.read(bgzf(vcf(GOOD).encode())[: -len(BGZF_END)])),
        (r"x\.vcf: line 1 is 'hello'; expected a VCF .*", lambda s: s.read("hello\n")),
        (r"x\.vcf: line 1 is '1,5,A,C', with columns that no line names; put a line such as "
         r"chrom,pos,ref,alt before it; expected a VCF .*",
         lambda s: s.read("1,5,A,C\n")),
        (r"x\.vcf: line 1 is '1 5 A C', with blanks between columns where tabs or commas "
         r"should "
         r"be; expected a VCF .*",
         lambda s: s.read("1 5 A C\n")),
        (r"x\.vcf: has no line of variants or of columns; expected a VCF .*",
         lambda s: s.read("# nothing\n")),
    ],
    "inputs.genes": [
        (r"genes x\.gtf: no such file; give a GTF file", lambda s: gtf(s, "", "x.gtf")),
        (r"genes a\.gtf: is a FASTA file; expected a GTF file \(plain, gzip or bgzip\)",
         lambda s: gtf(s, ">chr1\n")),
        (r"genes a\.gtf: compressed with bgzip, but it is cut: what follows byte \d+ is no "
         r"whole block; download it again",
         lambda s: gtf(s, bgzf(b"#\n")[:-1])),
        (r"genes a\.gtf: line 1: gene G ends at 901, and chr1 of .*genome\.fa at 900: they are "
         r"of different builds; give the genes of the genome's build",
         lambda s: gtf(s, gtf_row("chr1", "gene", 5, 901, "+", 'gene_id "G"'))),
        (r"genes a\.gtf: none of its contigs \(chrZ\) is in .*genome\.fa \(chr1, 2, chrM\); "
         r"give genes, transcripts or exons on its contigs",
         lambda s: gtf(s, gtf_row("chrZ", "gene", 5, 9, "+", 'gene_id "G"'))),
        (r"genes a\.gtf: none of its 1 genes has a strand, which gene bins tss need; give a "
         r"file with them \(`score` has --gene-bins body, which needs none\)",
         lambda s: gtf(s, gtf_row("chr1", "gene", 5, 9, ".", 'gene_id "G"'))),
    ],
    "inputs.gtf": [
        (r"genes a\.gtf: is GFF3; expected a GTF file \(plain, gzip or bgzip\); get the GTF, "
         r"or convert it: `gffread -T`",
         lambda s: gtf(s, "##gff-version 3\n")),
        (r"genes a\.gtf: line 1 is 'chr1\\t4\\t9'; expected nine columns separated by tabs: "
         r"contig, source, feature, start and end \(1-based, both included\), score, .*",
         lambda s: gtf(s, "chr1\t4\t9\n")),
        (r"genes a\.gtf: line 1 has attributes of GFF3; expected a GTF file .*",
         lambda s: gtf(s, gtf_row("chr1", "gene", 5, 9, "+", "ID=G"))),
        (r"genes a\.gtf: line 1, of feature exon, has 'gene_id \"G\";' for attributes; "
         r"expected gene_id and transcript_id, in UTF-8, as in gene_id \"G1\"; .*",
         lambda s: gtf(s, gtf_row("chr1", "exon", 5, 9, "+", 'gene_id "G"'))),
    ],
    "inputs.genome": [
        (r"g\.fa: chr1:1-500000 cannot be read: the file is corrupt, was changed while it was "
         r"read, .*"
         r"; copy or download it again",
         changed_genome),
        (r"region 'chrZ': .*genome\.fa has no contig 'chrZ', only chr1, 2, chrM",
         lambda s: parse_region("chrZ", ReferenceGenome(s.genome))),
        (r"region \"\('chr1', 1, 2\)\": .*genome\.fa has no contig .*, only chr1, 2, chrM",
         lambda s: parse_region(("chr1", 1, 2), ReferenceGenome(s.genome))),
        (r"region 'chr1:x' is not of the form chr1 or chr1:1-1000000 \(1-based, both ends "
         r".*\)",
         lambda s: parse_region("chr1:x", ReferenceGenome(s.genome))),
        (r"region 'chr1:9-5': its first base must be at least 1, at most its last and at most "
         r"900, the length of chr1",
         lambda s: parse_region("chr1:9-5", ReferenceGenome(s.genome))),
    ],
    "inputs.given": [
        (r"nothing to read was given; expected a VCF .*", lambda s: check_given([])),
        (r"\('1', 5, 'A', 'C'\): is neither a file nor text such as chr1:12345:A:G .*; .*",
         lambda s: check_given([("1", 5, "A", "C")])),
        (r"https://x\.org/a\.vcf: is a URL, and nothing is fetched unasked; download it "
         r"first, "
         r"then give the file",
         lambda s: check_given("https://x.org/a.vcf")),
        (r"rs7: no such file, nor a variant such as chr1:12345:A:G .*; expected a VCF .*",
         lambda s: check_given("rs7")),
    ],
    "inputs.regions": [
        (r"regions x\.bed: no such file; give a BED file", lambda s: bed(s, "", "x.bed")),
        (r"regions a\.bed: is a FASTA file; expected a BED file; it belongs to --genome",
         lambda s: bed(s, ">chr1\n")),
        (r"regions a\.bed: line 1 is 'chr1 5'; expected contig, start \(0-based\) and end, .*",
         lambda s: bed(s, "chr1 5\n")),
        (r"regions a\.bed: line 1 ends at 4, before it starts", lambda s: bed(s, "chr1 5 4\n")),
        (r"regions a\.bed: none of its contigs \(chrZ\) is in .*genome\.fa \(chr1, 2, chrM\); "
         r"give intervals on its contigs",
         lambda s: bed(s, "chrZ 5 6\n")),
    ],
    "inputs.streams": [
        (r"stream: cannot be read: No such device or address; give a file", closed_socket),
        (r"standard input: is a terminal; pipe a file into it, or give one", terminal),
        (r"nowhere: what pipe says cannot be kept there while it is read: No such file or "
         r"directory; give a file",
         no_room_for_a_stream),
    ],
    "inputs.tables": [
        (r"x\.vcf: line 1 names no columns \(new-line character .*\); expected lines that end "
         r"in a line feed, and columns separated by tabs or commas",
         lambda s: s.read("chrom,pos\rref,alt\n")),
        (r"x\.vcf: its columns are separated by semicolons; expected tabs or commas: save "
         r"it as "
         r"one of these",
         lambda s: s.read("chrom;pos;ref;alt\n")),
        (r"x\.vcf: line 1: columns 'bp' and 'position' may both be pos; leave one out",
         lambda s: s.read("chrom,bp,position,ref,alt\n")),
        (r"x\.vcf: line 1: no column ref or alt among chr, bp, a1, a2; a1, a2 do not say "
         r"which "
         r"allele is the genome's: name that column ref and the other one alt .*",
         lambda s: s.read("chr,bp,a1,a2\n")),
        (r"x\.vcf: line 2 has 5 columns, the line of their names 4; expected as many .*",
         lambda s: s.read(csv("chrom,pos,ref,alt", "1,1,5,A,C"))),
        (r"x\.vcf: line 2 cannot be parsed \(unexpected end of data\); expected the columns "
         r"of "
         r"line 1",
         lambda s: s.read(csv("chrom,pos,ref,alt", '"1,5,A,C'))),
        (r"x\.vcf: line 2 has '1e\+05' for a position; expected digits only \(pandas, R or "
         r".*\)",
         lambda s: s.read(csv("chrom,pos,ref,alt", "1,1e+05,A,C"))),
        (r"x\.vcf: line 2 has '' for a contig; expected its name in UTF-8",
         lambda s: s.read(csv("chrom,pos,ref,alt", ",5,A,C"))),
        (r"x\.vcf: line 2 has 'rs7'; expected a variant such as chr1:12345:A:G .*: contig, "
         r"1-based position, REF and ALT as in a VCF",
         lambda s: s.read("chr1:5:A:C\nrs7\n")),
        (r"data frame: none of its columns \(a\) is known; expected chrom, pos, ref and "
         r"alt, or "
         r"a column variant, chr1:12345:A:G .*",
         lambda s: check_given(pd.DataFrame({"a": [1]}))),
    ],
    "annotate": [
        (r"output o\.txt: its suffix tells no form of VCF; give a name that ends in \.vcf, .*",
         lambda s: (s.score(), annotate_vcf("o.parquet", "in.vcf", "o.txt"))),
        (r"chr1:5:A:C: expected one VCF or BCF, the one that was scored",
         lambda s: (s.score(), annotate_vcf("o.parquet", "chr1:5:A:C", "o.vcf"))),
        (r"t\.tsv: is a table of variants; expected a VCF or BCF, the one that was scored",
         lambda s: (s.score(), s.write("t.tsv", "chrom\tpos\tref\talt\nchr1\t5\tA\tC\n"),
                    annotate_vcf("o.parquet", "t.tsv", "o.vcf"))),
        (r"bare\.vcf: has no line of columns; add #CHROM POS ID .*, with tabs",
         lambda s: (s.score(), s.write("bare.vcf", GOOD),
                    annotate_vcf("o.parquet", "bare.vcf", "o.vcf"))),
        (r"x\.vcf: line 3 has 2 tab-separated columns; expected at least 8, separated by tabs; "
         r"copy the file again or, if no line has more, name its columns, .*",
         lambda s: (s.score(), s.write("x.vcf", f"{HEADER}chr1\t5\n"),
                    annotate_vcf("o.parquet", "x.vcf", "o.vcf"))),
        (r"in\.vcf: line 3 is chr1:9:A:C, and o\.parquet has chr1:5:A:C for this record; "
         r"give the VCF that was scored, or score this one",
         lambda s: (s.score(), s.vcf(("chr1", 9, "A", "C")),
                    annotate_vcf("o.parquet", "in.vcf", "o.vcf"))),
        (r"in\.vcf: has 1 records, and o\.parquet has scores of record 2; give the VCF that "
         r"was scored",
         lambda s: (s.score(SNV, SNV), s.vcf(SNV),
                    annotate_vcf("o.parquet", "in.vcf", "o.vcf"))),
        (r"g\.parquet: its rows are not in the order of the VCF; merge its shards with --order "
         r"input",
         lambda s: (s.plan_and_score(("2", 5, "A", "C"), ("chr1", 5, "A", "C")),
                    merge_shards("plan", "scores", "g.parquet", order="genome"),
                    annotate_vcf("g.parquet", "in.vcf", "o.vcf"))),
        (r"plan/0001\.parquet: a shard of a plan, not its scores; score it with `varscore "
         r"score --shard`",
         lambda s: (s.scored(), annotate_vcf("plan/0001.parquet", "in.vcf", "o.vcf"))),
        (r"o\.parquet: no statistic 'D2' in it; choose from SAD",
         lambda s: (s.score(), write_table("o.parquet", "o.tsv", statistic="D2"))),
        (r"output o\.bcf: htslib does not make it of this VCF: .*; give a name that ends in "
         r"\.vcf",
         lambda s: (s.score(), s.vcf(SNV, header=HEADER.replace("INFO\n", "INFO\tFORMAT\n")),
                    annotate_vcf("o.parquet", "in.vcf", "o.bcf"))),
        (r"x\.bcf: reading stopped: .*; copy or download it again", cut_bcf),
        (r"x\.bcf: the header of this BCF cannot be read: .*; copy or download it again, or "
         r"make it anew from a VCF", headless_bcf),
    ],
    "inputs.text": [
        (r"x\.vcf: reading stopped near line \d: the compressed file is cut there; copy or "
         r"download it again",
         lambda s: s.read(gzip.compress(vcf(GOOD).encode())[:-9])),
        (r"x\.vcf: reading stopped near line \d: the compressed file is corrupt there; copy "
         r"or "
         r"download it again",
         lambda s: s.read(gzip.compress(vcf(GOOD).encode())[:-8] + bytes(8))),
        (r"x\.vcf: reading stopped near line \d: other bytes follow the end of what was "
         r"compressed with gzip; copy or download it again",
         lambda s: s.read(gzip.compress(vcf(GOOD).encode()) + b"more")),
    ],
    "inputs.vcf": [
        (r"x\.vcf: line 2 has a blank beside the column name INFO; remove it",
         lambda s: s.read(HEADER.replace("INFO", "INFO "))),
        (r"x\.vcf: ends in its header, at line 1, without a line of columns; copy or download "
         r"it again",
         lambda s: s.read("##fileformat=VCFv4.2\n")),
        (r"x\.vcf: line 3 is blank; remove it", lambda s: s.read(vcf("\n"))),
        (r"x\.vcf: line 4 is a header line among the records; remove it, or give VCFs one "
         r"by one",
         lambda s: s.read(vcf(GOOD, COLUMNS))),
        (r"x\.vcf: line 3 has 5 tab-separated columns; expected at least 8, separated by tabs; "
         r"copy the file again or, if no line has more, name its columns, .*",
         lambda s: s.read(vcf("chr1\t7\t.\tA\tC\n"))),
        (r"x\.vcf: line 3 has POS 'x'; expected a whole number",
         lambda s: s.read(vcf(record("chr1", "x", "A", "C")))),
        (r"x\.vcf: line 3 has POS '٧'; expected a whole number, in ASCII",
         lambda s: s.read(vcf(record("chr1", "٧", "A", "C")))),
        (r"x\.vcf: line 3: CHROM 'chr1 ' has a blank; expected a contig's name",
         lambda s: s.read(vcf(record("chr1 ", 7, "A", "C")))),
        (r"x\.vcf: line 3: ID is no UTF-8 text; convert the file",
         lambda s: s.read(vcf(GOOD).encode().replace(b"rs7", b"\xe9"))),
        (r"x\.vcf: line 4 is a header line among the records; remove it, or give VCFs one "
         r"by one",
         lambda s: s.read(vcf(GOOD, "#" + GOOD))),
    ],
    "meaning": [
        (r"plan/0001\.parquet: a shard of a plan, not its scores; score it with `varscore "
         r"score --shard`",
         lambda s: (s.scored(), build_background(["plan/0001.parquet"], "b.parquet"))),
        (r"a\.s: is no background; make one of scores with `varscore background build`",
         lambda s: Background.read(write_result(Path("a.s"), np.ones((3, 1, 1))))),
        (r"b\.parquet: is no background for a\.s: shifts is 0,1 in the background, 0 in the "
         r"scores; give one of scores that were made alike \(`varscore background build`\)",
         lambda s: background(write_result(Path("a.s"), np.ones((3, 1, 1))), shifts=[0, 1])),
        (r"b\.parquet: this background has no column SAD_t1; make one of scores that have it "
         r"\(`varscore background build`\)",
         lambda s: background(write_result(Path("a.s"), np.ones((3, 1, 2))))),
        (r"b\.parquet: column SAD_t0 is of 1 tracks in the background and of 7 in the scores; "
         r"make one of scores of the same tracks \(`varscore background build`\)",
         lambda s: background(write_result(Path("a.s"), np.ones((3, 1, 1)),
                                           facts={"t0": {"index": "-1", "tracks": "7"}}))),
        (r"o\.parquet: has quantiles already \(SAD_quantile_t0\); give the result as it was "
         r"scored",
         lambda s: (background(write_result(Path("a.s"), np.ones((3, 1, 1)))),
                    apply_background("o.parquet", "b.parquet", "p.parquet"))),
        (r"a\.s: is given twice; its rows would count twice",
         lambda s: build_background(2 * [write_result(Path("a.s"), np.ones((3, 1, 1)))], "b")),
        (r"b\.s: its windows is binned, and centred in a\.s; a background is made of scores "
         r"that were made alike",
         lambda s: two_scores(windows="binned")),
        (r"b\.s: its score columns differ from those of a\.s; a background is made of scores "
         r"of the same statistics and tracks",
         lambda s: two_scores(of=2)),
        (r"a\.s: no row in it is scored; a background is made of scores",
         lambda s: build_background(
             [write_result(Path("a.s"), np.ones((0, 1, 1)), unscored=[0])], "b")),
        (r"a\.s: has no scores; give a result of `varscore score`",
         lambda s: build_background(
             [rewrite_result(write_result(Path("a.s"), np.ones((3, 1, 1))),
                             lambda table: table.select(range(10)))], "b")),
        (r"b\.parquet: is a background, no result; give scores",
         lambda s: (background(write_result(Path("a.s"), np.ones((3, 1, 1)))),
                    apply_background("b.parquet", "b.parquet", "p.parquet"))),
        (r"a\.s: column SAD_t0 has a scored row without a finite score; score it again",
         lambda s: build_background(
             [rewrite_result(write_result(Path("a.s"), np.ones((3, 1, 1))),
                             without_last_scores)], "b")),
        (r"chr1:5:A:C: expected one VCF or BCF to draw from",
         lambda s: sample_vcf("chr1:5:A:C", "o.vcf", 5)),
        (r"in\.vcf: no record can be drawn: expected substitutions of one base with one ALT "
         r"that passed and whose REF .*genome\.fa has",
         lambda s: sample_vcf(s.vcf(("chr1", 5, "G", "C")), "o.vcf", 5, genome=s.genome)),
        (r"in\.vcf: line 3 has AF 'x'; expected a number from 0 to 1, for its one ALT",
         lambda s: sample_vcf(s.write("in.vcf", vcf(GOOD[:-2] + "AF=x\n")), "o.vcf", 5)),
    ],
    "demo": [
        (r"o\.parquet: has other variants than the demo's \(1 rows, expected 457 as in "
         r".*truth\.tsv\); give what `varscore demo` or `make demo` made",
         lambda s: (s.score(), s.cli("demo", "--scores", "o.parquet"))),
        (r"output x/y: cannot be made: Not a directory; give another name",
         lambda s: (s.write("x"), s.cli("workflow", "init", "x/y"))),
        (r"output w/Snakefile: exists; give another name, or --force to replace it",
         lambda s: (s.cli("workflow", "init", "w"), s.cli("workflow", "init", "w"))),
    ],
    "models.cache": [
        (r"model demo: its weights are not in .*, where they come along with varscore; install "
         r"it again, from a wheel or a whole clone",
         lambda s: (s.patch.setattr(cache, "find_named", lambda _: None), load_model("demo"))),
        (r"model basenji2: its weights are not in nowhere/basenji2 yet; fetch them with "
         r"`varscore "
         r"model fetch basenji2`",
         lambda s: (s.patch.setenv("VARSCORE_CACHE", "nowhere"), load_model("basenji2"))),
        (r"model x: no such file or folder, and no known name \(.*\)",
         lambda s: load_model("x")),
    ],
    "models.checkpoint": [
        (r"weights own\.safetensors: tensor .* is missing \(expected shape .*\)",
         lambda s: s.native(lambda tensors, _: tensors.pop("final.bias"))),
        (r"weights own\.safetensors: tensor final\.bias has shape \(1,\), expected \(2,\)",
         lambda s: s.native(lambda tensors, _: tensors.update({"final.bias": torch.zeros(1)}))),
        (r"weights own\.safetensors: tensor more belongs to no layer of this architecture",
         lambda s: s.native(lambda tensors, _: tensors.update(more=torch.zeros(1)))),
        (r"the track table has 3 rows, but the model predicts 2 tracks",
         lambda s: Checkpoint(s.model.config, {}, TrackTable.unnamed(3))),
        (r"weights: tensor .* has a number that is not finite",
         lambda s: s.native(nan_weights)),
    ],
    "models.fetch": [
        (r"model x: only basenji2 can be fetched", lambda s: fetch_model("x")),
        (r"addresses of weights are for --form keras; the hub's form has none",
         lambda s: fetch_model(weights_url="x")),
        (r"--revision is for --form hub; the original weights have none",
         lambda s: fetch_model(form="keras", revision="x")),
        (r"\.: it holds basenji2 as fetched on then from there; give --force to replace it",
         fetched_before),
        (r"fetch http.*: the server answers 404 Not Found", lambda s: s.fetch()),
        (r"fetch http.*: the file has SHA-256 44136f.*, expected 00",
         lambda s: s.fetch(200, expected_sha256="00")),
        (r"fetch http.*: the connection failed \(.*refused\); try again",
         lambda s: s.fetch(weights_url="http://127.0.0.1:9/x")),
        (r"fetch http.*: .*; another track table can be given with --tracks-url, or none with "
         r"--no-track-table",
         lambda s: s.fetch(200, tracks_url="http://127.0.0.1:9/x")),
        (r"fetch .*: the weights have SHA-256 44136f.*, expected 00", other_sum),
        (r"fetch .*: the hub gives it only to approved users",
         lambda s: s.hub_says(hub_error("GatedRepoError"))),
        (r"fetch .*: the hub has no such repository",
         lambda s: s.hub_says(hub_error("RepositoryNotFoundError"))),
        (r"fetch .*: it has no revision 'main'",
         lambda s: s.hub_says(hub_error("RevisionNotFoundError"))),
        (r"fetch .*: the hub's client is in offline mode; unset HF_HUB_OFFLINE, or copy the "
         r".*",
         lambda s: s.hub_says(hub_error("OfflineModeIsEnabled"))),
        (r"fetch .*: so it is", lambda s: s.hub_says(hub_error("LocalEntryNotFoundError"))),
        (r"fetch .*: revision 'main' lacks config\.json or model\.safetensors",
         lambda s: s.hub_says(hub_error("EntryNotFoundError"))),
        (r"fetch .*: the connection failed \(so it is\); try again, or copy the model's "
         r"folder .*",
         lambda s: s.hub_says(hub_error("HTTPError"))),
        (r"fetched: cannot be written: \[Errno 28\] so it is",
         lambda s: s.hub_says(OSError(28, "so it is"))),
    ],
    "models.files": [
        (r"weights d: Is a directory", lambda s: (Path("d").mkdir(), read_native("d"))),
        (r"weights x: expected a safetensors file, found a pickle, which is never loaded .*",
         lambda s: read_native(s.write("x", b"\x80\x04"))),
        (r"weights x: the safetensors file is truncated or damaged \(.*\); fetch or copy it "
         r"again",
         lambda s: read_native(s.write("x", s.weights.read_bytes()[:400]))),
        (r"weights x: expected a Keras HDF5 file, found an empty file",
         lambda s: read_keras(s.write("x"), KERAS / "params.json")),
        (r"weights x: the HDF5 file is truncated or damaged \(.*\); fetch or copy it again",
         lambda s: read_keras(s.write("x", (KERAS / "model.h5").read_bytes()[:400]),
                              KERAS / "params.json")),
        (r"weights x: the HDF5 file is truncated or damaged \(.*\); fetch or copy it again",
         cut_after_it_was_looked_at),
        (r"model hub/config\.json: No such file or directory", lambda s: read_hub("hub")),
        (r"model config\.json: it is not valid JSON: .*",
         lambda s: (s.write("config.json", "{"), read_hub("."))),
        (r"model config\.json: expected a JSON object, found list",
         lambda s: (s.write("config.json", "[]"), read_hub("."))),
        (r"track table hub/targets\.txt: 3 rows, but the model beside it predicts 7 tracks; "
         r"move "
         r"the table away or give the right one in its place",
         beside),
        (r"output y\.safetensors: cannot be written: I/O error: no space", refused_safetensors),
    ],
    "models.formats.hub": [
        (r"model hub/config\.json: it has no model_type; expected 'basenji'",
         lambda s: s.hub(model_type="absent")),
        (r"model hub/config\.json: vocab_size is 4, but varscore supports 5",
         lambda s: s.hub(vocab_size=4)),
        (r"model hub/config\.json: stem_kernel_size .*", lambda s: s.hub(stem_kernel_size=4)),
    ],
    "models.formats.keras": [
        (r"weights x: Keras weights need the architecture's JSON file, but there is no "
         r"params\.json; give it with --params",
         lambda s: read_keras("x")),
        (r"weights keras/model\.h5: tensor .*/kernel:0 has shape \(1, 1\), expected \(64, 12\) "
         r"by the params; give those that belong to the weights",
         lambda s: s.keras(lambda file: reshape(file, "dense/kernel:0", (1, 1)))),
        (r"m\.h5: the Keras form implies batch_norm_eps 0\.001, but this model has 1e-05; "
         r"write "
         r"another form",
         float64_keras),
        (r"weights keras/model\.h5: an HDF5 file without Keras weights; expected a group "
         r"model_weights or layers",
         lambda s: s.keras(lambda file: file.pop("model_weights"))),
        (r"weights keras/model\.h5: layer /model_weights/conv1d is missing",
         lambda s: s.keras(lambda file: file["model_weights"].pop("conv1d"))),
        (r"weights keras/model\.h5: tensor .*/more belongs to no layer of this architecture",
         lambda s: s.keras(one_more)),
        (r"weights keras/model\.h5: tensor .*/dense/bias:0 is missing",
         lambda s: s.keras(lambda file: layer(file, "dense").pop("bias:0"))),
        (r"weights keras/model\.h5: dense layer 1 of 1 \(final\) is missing",
         lambda s: s.keras(lambda file: layer(file, "dense").clear())),
        (r"weights keras/model\.h5: layer /model_weights/.* belongs to no layer of this "
         r"architecture, which has 1 of kind dense",
         lambda s: s.keras(second_head)),
    ],
    "models.formats.keras_gelu": [
        (r"weights keras/model\.h5: its layers have both forms of GELU, gelu_new and "
         r"quick_gelu; varscore computes models that have one",
         lambda s: s.keras(lambda file: file.attrs.modify(
             "model_config", file.attrs["model_config"].replace(
                 '"class_name": "MaxPooling1D"', '"class_name": "GELU"')))),
        (r"weights keras/model\.h5: its layer tf\.nn\.gelu is tf\.nn\.gelu without "
         r"approximate=True; varscore computes the approximate form only",
         lambda s: s.keras(lambda file: file.attrs.modify(
             "model_config", file.attrs["model_config"].replace("true}]]", "false}]]")))),
        (r"weights keras/model\.h5: its attribute varscore cannot be read \(.*\); expected "
         r"JSON; fetch or copy the file again",
         lambda s: s.keras(lambda file: file.attrs.create("varscore", "{"))),
    ],
    "models.formats.keras_params": [
        (r"params p\.json: trunk layer 2 \(conv_tower\) has repeat 1000000; expected 1 to 20",
         lambda s: s.layer(1, repeat=1_000_000)),
        (r"params p\.json: expected an object 'model' with a list 'trunk'",
         lambda s: s.params(lambda model: model.pop("trunk"))),
        (r"params p\.json: model has no 'activation', which means 'relu'; varscore supports "
         r"'gelu'",
         lambda s: s.params(lambda model: model.pop("activation"))),
        (r"params p\.json: 'seq_length' is missing",
         lambda s: s.params(lambda model: model.pop("seq_length"))),
        (r"params p\.json: window_length 16385 is not a multiple of two bins of 128",
         lambda s: s.params(lambda model: model.update(seq_length=16385))),
        (r"params p\.json: trunk layer 1 \(conv_block\) has stride 2; varscore supports 1",
         lambda s: s.layer(0, stride=2)),
        (r"params p\.json: trunk layer 1 \(conv_block\) has 'x', which varscore does not "
         r"support",
         lambda s: s.layer(0, x=1)),
        (r"params p\.json: model has no head",
         lambda s: s.params(lambda model: model.pop("head_human"))),
        (r"params p\.json: it has the heads head_human, but no 'mouse'",
         lambda s: s.params(lambda model: None, head="mouse")),
        (r"params p\.json: head_human is 1; expected one 'final' or 'dense' layer",
         lambda s: s.params(lambda model: model.update(head_human=1))),
        (r"params p\.json: head_human has activation 'relu'; varscore supports 'softplus'",
         lambda s: s.params(lambda model: model["head_human"].update(activation="relu"))),
        (r"params p\.json: trunk layer 1 is 1; it needs a 'name'",
         lambda s: s.params(lambda model: model["trunk"].insert(0, 1))),
        (r"params p\.json: trunk layer 5 \(conv_block\) has a kernel_size other than 1",
         lambda s: s.layer(4, kernel_size=3)),
        (r"params p\.json: trunk layer 1 \(dense\) is not supported there; a Basenji2 trunk "
         r"is .*",
         lambda s: s.layer(0, name="dense")),
        (r"params p\.json: trunk layer 1 \(conv_block\) has pool_size 3, expected 2",
         lambda s: s.layer(0, pool_size=3)),
        (r"params p\.json: the trunk does not end in a pointwise conv_block",
         lambda s: s.params(lambda model: model["trunk"].pop())),
        (r"params p\.json: the tower has several kernel sizes, \[3, 5\]; expected one",
         lambda s: s.params(lambda model: model["trunk"].insert(
             1, {"name": "conv_block", "filters": 32, "kernel_size": 3, "pool_size": 2}))),
        (r"params p\.json: trunk layer 4 \(Cropping1D\) crops 1 and 2 bins; expected equal "
         r"ends",
         lambda s: s.layer(3, cropping=[1, 2])),
    ],
    "models.formats.native": [
        (r"weights own\.safetensors: a safetensors file without varscore's metadata; if it "
         r"is a "
         r"hub model's, give the directory that has it together with its config\.json",
         lambda s: s.native(lambda _, metadata: metadata.clear())),
        (r"weights own\.safetensors: format version 99, expected \d+; use the varscore "
         r"version "
         r"that wrote it, or a newer one",
         lambda s: s.native(lambda _, m: m.update(varscore=described(m, format_version=99)))),
        (r"weights own\.safetensors: its metadata are damaged: .*",
         lambda s: s.native(lambda _, m: m.update(varscore="{}"))),
    ],
    "models.model": [
        (r"predict: give a list of sequences, not one string",
         lambda s: s.model.predict("ACGT")),
        (r"predict: sequence 0 has 4 bases, but model .* reads windows of \d+",
         lambda s: s.model.predict(["ACGT"])),
        (r"embed: stage 'tower\.9' is none of model .*, which has stem, tower\.0, blocks\.0, "
         r"blocks\.1, head",
         lambda s: s.model.embed([], stage="tower.9")),
    ],
    "profile and predict": [
        (r"x\.vcf: several alleles, expected one variant such as chr1:12345:A:G; `varscore "
         r"profile` takes files",
         lambda s: predict_variant(str(s.write("x.vcf", vcf(GOOD, GOOD))), s.genome)),
        (r"chr1:5:C:A: nothing is predicted of an allele whose status is ref_mismatch "
         r"\(swapped\); `varscore explain` says more, and the README what to do",
         lambda s: predict_variant("chr1:5:C:A", s.genome, model=s.model)),
        (r"in\.vcf: nothing can be predicted of its alleles \(1 symbolic_allele\); `varscore "
         r"explain` says of one what is wrong with it",
         lambda s: write_profiles(s.vcf(("chr1", 5, "A", "<DEL>")), s.genome, "o",
                                  model=s.model)),
        (r"tracks: 13 are chosen, and a figure has room for 12; choose fewer with --tracks, or "
         r"none to be drawn with --format none",
         lambda s: check_panels(13)),
        (r"output o: holds mine, which its contents\.json does not list, so it is not "
         r"replaced; give another name",
         lambda s: (Path("o").mkdir(), s.write("o/mine"), check_folder("o", force=True))),
        (r"output x\.bw: cannot be written as a bigWig file; look whether the disk has room",
         lambda s: (predict_variant("chr1:5:A:C", s.genome, model=s.model).write_parquet("p"),
                    s.patch.setattr("varscore.results.bigwig._MAGIC", b"none"),
                    write_bigwigs("p", {"reference_track_0": Path("x.bw")}, {"chr1": 900}))),
        (r"chr9: no such file; give a FASTA file of sequences, or with --genome a region "
         r"such as chr1:1-300000, or a BED file",
         lambda s: s.cli("predict", "chr9", "-o", "o")),
        (r"regions a\.bed: chr1:900-950 lies beyond the end of chr1 in .*genome\.fa, 900; give "
         r"intervals of the genome's build",
         lambda s: write_coverage(str(s.write("a.bed", "chr1\t900\t950\n")), s.genome, "o",
                                  model=s.model)),
        (r"predict: this model reads 8 bins to either side of one, and its window has 16, so "
         r"that every bin feels the window's ends; give a model with a longer window, or cut "
         r"windows of one's own for Model\.predict",
         lambda s: halo_bins(BasenjiConfig(
             window_length=64, tower_channels=(3,), num_blocks=1, crop_bins=2,
             block_kernel_size=11,
         ))),
    ],
    "models.registry": [
        (r"--params is for Keras weights, but .* is of form native",
         lambda s: load_model(s.weights, params="x")),
        (r"device cuda: no GPU is usable here; use --device cpu or auto",
         lambda s: (s.patch.setattr("torch.cuda.is_available", lambda: False),
                    load_model(s.weights, device="cuda"))),
        (r"model \.: it has config\.json, but no model\.safetensors",
         lambda s: (s.write("config.json", "{}"), load_model("."))),
        (r"model \.: a folder without config\.json, and with 0 \.h5 files; give a hub "
         r"model's .*",
         lambda s: load_model(".")),
        (r"weights x: expected a \.safetensors file, a Keras \.h5 file or a hub model's "
         r"folder, "
         r"found neither HDF5 nor safetensors",
         lambda s: load_model(s.write("x", "hello"))),
        (r"weights hub/model\.safetensors: they changed since they were fetched \(.*\); fetch "
         r"them again with --force",
         changed_since),
    ],
    "models.selection": [
        (r"tracks: x cannot be read as text with an identifier a line: .*",
         lambda s: check_wanted(str(s.write("x", b"\xff")))),
        (r"tracks: '\(' is no valid regular expression: .*", lambda s: check_wanted("(")),
        (r"tracks: no track has assay='DNAS'; nearest are DNASE; `varscore tracks` lists them",
         lambda s: read_catalogue("demo").select("assay=DNAS")),
        (r"tracks: 'tisue' is no column of the track table; nearest are tissue; `varscore "
         r"tracks` lists them",
         lambda s: read_catalogue("demo").select("assay=CHIP & tisue=liver")),
    ],
    "models.tracks": [
        (r"track table: the identifier 'a' stands for several tracks; identifiers name the .*",
         lambda s: TrackTable.from_names(["a", "a"], ["", ""])),
        (r"track table: the identifiers 'a' and 'A' differ in upper and lower case only; they "
         r"name the output's columns, which SQL would take for one",
         lambda s: TrackTable.from_names(["a", "A"], ["", ""])),
        (r"track table x: \[Errno 2\] No such file or directory: 'x'",
         lambda s: TrackTable.read("x")),
        (r"track table x: no column 'identifier' in its header \['a'\]; give a "
         r"tab-separated .*",
         lambda s: TrackTable.read(s.write("x", "a\nb\n"))),
        (r"track table x: data row 1 has no identifier",
         lambda s: TrackTable.read(s.write("x", "identifier\tdescription\n\tb\n"))),
        (r"tracks: 'liver' is neither an identifier nor found in any of the 2 descriptions; "
         r"`varscore tracks` lists them",
         lambda s: s.model.tracks.select("liver")),
        (r"tracks: 'a' is no identifier of this model, as each of a list is to be; `varscore "
         r"tracks` lists them",
         lambda s: s.model.tracks.select(["a"])),
        (r"tracks: no identifier was given", lambda s: s.model.tracks.select([])),
        (r"tracks: 'assay=CAGE & target=CTCF' fits none of the 11 tracks; `varscore tracks` "
         r"lists them",
         lambda s: read_catalogue("demo").select("assay=CAGE & target=CTCF")),
        (r"track table: a column of one's own cannot be called 'match'; give it another name "
         r"than index, .*",
         lambda s: TrackTable.read(s.write("x", "identifier\tmatch\na\tb\n"))),
        (r"track table t\.txt: 3 rows, but model .* predicts 2 tracks",
         lambda s: load_model(s.weights, track_table=s.write("t.txt", small_table(3)))),
    ],
    "groups": [
        (r"groups: 'tisue' is neither a file nor columns of the track table, which has none; "
         r"give some of these between commas, or a file of identifiers and groups",
         lambda s: s.score(groups="tisue")),
        (r"groups: my\.tsv: no such file; give columns of the track table, such as tissue, or "
         r"a file of identifiers and groups",
         lambda s: s.cli("score", s.vcf(), "-g", s.genome, "-o", "o", "--groups", "my.tsv",
                         "--model", s.weights)),
        (r"groups: 'g\.tsv' puts none of the 2 tracks in a group", lambda s: in_groups(s, "")),
        (r"groups: the names 'A' and 'a' differ in upper and lower case only; they name the "
         r"output's columns, which SQL would take for one",
         lambda s: in_groups(s, "track_0\tA\ntrack_1\ta\n")),
        (r"groups: g\.tsv cannot be read as text: .*", lambda s: in_groups(s, b"\xff")),
        (r"groups: g\.tsv, line 1: 'track_0 a', expected a track's identifier, a tab and a "
         r"group's name", lambda s: in_groups(s, "track_0 a\n")),
        (r"groups: g\.tsv, line 1: 'x' is none of the 2 tracks that are scored; `varscore "
         r"tracks` lists them", lambda s: in_groups(s, "x\ta\n")),
        (r"groups: two of them make columns called 'a_b'; give names that differ in letters, "
         r"digits, '\.', '\+' or '-'", lambda s: in_groups(s, "track_0\ta b\ntrack_1\ta/b\n")),
        (r"top_tracks: 3 of 2 tracks that are scored; give at most as many",
         lambda s: s.score(top_tracks=3)),
    ],
    "report": [
        (r"output r\.txt: a page for a browser; its name must end in \.html",
         lambda s: s.cli("report", "x", "-o", "r.txt")),
        (r"background: absent: no such file; make one with `varscore background build`",
         lambda s: s.cli("report", "x", "-o", "r.html", "-B", "absent")),
        (r"model random-0: is not the one of the scores \(other, SHA-256 0{64}\); give "
         r"that, or no --model",
         lambda s: (s.score(),
                    rewrite("o.parquet", lambda facts: facts["model"].update(
                        name="other", sha256="0" * 64)),
                    report_page("o.parquet", genome=s.genome, model=s.model))),
        (r".*genome\.fa: is not the genome of the scores \(genome\.fa\): contig chr1 has "
         r"other bases; give that, or no --genome",
         lambda s: (s.score(),
                    rewrite("o.parquet", lambda facts: spoil(facts["genome"])),
                    report_page("o.parquet", genome=s.genome))),
    ],
    "top and explain": [
        (r"plan/0001\.parquet: a shard of a plan, not its scores; score it with .*",
         lambda s: (s.scored(), top_variants("plan/0001.parquet"))),
        (r"by: o\.parquet has no quantiles; give a background \(`varscore background build`\)",
         lambda s: (s.score(), top_variants("o.parquet", by="quantile"))),
        (r"o\.parquet: has scores of neither tracks nor groups, only each row's strongest; "
         r"score with --keep-tracks or --groups",
         lambda s: (s.score(top_tracks=1), top_variants("o.parquet"))),
        (r"track table: a column of one's own cannot be called 'tracks'; give it another name "
         r"than .*, aggregate, tracks, members",
         lambda s: TrackTable.parse(["identifier\ttracks\n", "a\t1\n"], "t.tsv")),
        (r"join: t\.tsv has no column 'id', but snp, PIP; name the column of ids `id`, or that "
         r"of keys `key` and give --on key", lambda s: joined(s, "snp\tPIP\n")),
        (r"join: t\.tsv cannot be read as a table: .*", lambda s: joined(s, b"\xff")),
        (r"output x\.xlsx: its suffix says no form; expected one of \.tsv, \.json, \.parquet",
         lambda s: (s.score(), s.cli("top", "o.parquet", "-o", "x.xlsx"))),
        (r"background: b\.parquet: no such file; make one with `varscore background build`",
         lambda s: s.cli("score", s.vcf(), "-g", s.genome, "-o", "o", "-B", "b.parquet",
                         "--model", s.weights)),
        (r"rs1: is no variant such as .*; if it is the ID of a record, give its file, too "
         r"\(--vcf\)",
         lambda s: explain("rs1", s.genome, model=s.model)),
        (r"in\.vcf: none of its records is called 'rs1'; give a name from its column ID, or "
         r"the variant itself, such as chr1:12345:A:G, without --vcf",
         lambda s: explain("rs1", s.genome, vcf=s.vcf(), model=s.model)),
        (r"in\.vcf: is a file, expected a variant such as chr1:12345:A:G; to explain one of "
         r"its records give --vcf and the ID that it has there",
         lambda s: explain(str(s.vcf()), s.genome, model=s.model)),
    ],
    "saturation": [
        (r"region 'c:1-10001': has 10,001 bases, and 30,003 substitutions; give at most 10,000 "
         r"bases, such as those of one promoter or enhancer",
         lambda s: saturated("c:1-10001", s.fasta(">c\n" + "A" * 10_002 + "\n"))),
        (r"region 'c:2-3': not one of its 2 bases in g\.fa is A, C, G or T; there is nothing "
         r"to change",
         lambda s: saturated("c:2-3", s.fasta(">c\nANNA\n"))),
        (r"statistic: 'D2' is not in this result; choose from SAD",
         lambda s: saturate("chr1:5-6", s.genome, model=s.model).matrix("track_0", "D2")),
        (r"tracks: 'x' is none of the 2 that this result has; give an identifier",
         lambda s: saturate("chr1:5-6", s.genome, model=s.model).matrix("x")),
        (r"output d: holds mine\.txt, which its contents\.json does not list, so it is not "
         r"replaced; give another name",
         lambda s: (Path("d").mkdir(), s.write("d/mine.txt"),
                    saturate("chr1:5-6", s.genome, "d", model=s.model, force=True))),
    ],
    "options": [
        (r"region: \('1', 1, 2\) is no text", lambda s: ScoreOptions(region=("1", 1, 2))),
        (r"strict: 2 is neither True nor False", lambda s: ScoreOptions(strict=2)),
        (r"statistics: 1 is not a list", lambda s: ScoreOptions(statistics=1)),
        (r"around: 'x' is neither a whole number nor window",
         lambda s: ScoreOptions(around="x")),
        (r"around: -1 is less than 0, the least allowed", lambda s: ScoreOptions(around=-1)),
        (r"statistics: none given; choose from SAD, .*", lambda s: ScoreOptions(statistics=[])),
        (r"around, genes: give one of them, not both",
         lambda s: ScoreOptions(around=0, genes="g.gtf")),
        (r"tss_width: is for gene_bins 'tss', not 'body'; leave one out",
         lambda s: ScoreOptions(tss_width=1, gene_bins="body")),
        (r"engine: 'x' is none of auto, .*", lambda s: ScoreOptions(engine="x")),
        (r"shifts: 'x' is not a whole number", lambda s: ScoreOptions(shifts="x")),
        (r"max_allele_length: 0 is less than 1, the least allowed",
         lambda s: ScoreOptions(max_allele_length=0)),
        (r"seed: 5 is more than 4, the most allowed",
         lambda s: dataclasses.replace(OPTIONS["threads"], name="seed", maximum=4).read(5)),
        (r"shifts: \(1, 1\) must be different numbers", lambda s: ScoreOptions(shifts=(1, 1))),
        (r"region, regions: give one of them, not both",
         lambda s: ScoreOptions(region="1", regions="a.bed")),
        (r"precision: 'mixed' is for the incremental engine; engine 'two-pass' computes in "
         r"float32: leave one of them out",
         lambda s: ScoreOptions(engine="two-pass", precision="mixed")),
    ],
    "results": [
        (r"x: a Parquet file, but not one that varscore wrote \(no metadata "
         r"'varscore'\)",
         lambda s: (pd.DataFrame({"a": [1]}).to_parquet("x"), read_metadata("x"))),
        (r"x\.parquet: a copy of a result that pandas saved, without varscore's record of how "
         r"it was made and which column is which track's; give the original, or read the copy "
         r"with pandas\.read_parquet \(pyarrow\.parquet keeps the record\)",
         lambda s: (s.score(), pd.read_parquet("o.parquet").to_parquet("x.parquet"),
                    read_scores("x.parquet"))),
        (r"x\.parquet: column SAD_mine is said to be of track track_0, whose name it does not "
         r"end with: one of them was changed; give the column its former name, or give the "
         r"original",
         lambda s: (s.score(), renamed("o.parquet", "x.parquet"), read_scores("x.parquet"))),
        (r"x\.parquet: no such file", lambda s: read_metadata("x.parquet")),
        (r"o\.parquet: not a whole Parquet file: it is said to have 10,000,000 rows, "
         r"10,000,000 of them in its row groups, in [\d,]+ bytes; copy it again, or score "
         r"again",
         many_rows),
        (r"x\.parquet: not a whole Parquet file: .*",
         lambda s: read_metadata(s.write("x.parquet", "PAR1"))),
        (r"o\.parquet: its record of how it was made is damaged \(.*\); make it again",
         lambda s: (s.score(), rewrite("o.parquet", lambda facts: facts.clear()),
                    read_metadata("o.parquet"))),
        (r"o\.parquet: its record is of format 999, and this varscore \(.*\) reads up to "
         r"\d+; use "
         r"the version that wrote it, or a newer one",
         lambda s: (s.score(), rewrite("o.parquet", lambda facts: facts.update(format=999)),
                    read_metadata("o.parquet"))),
        (r"o\.parquet: 'x' is no variant column; choose from chrom, .*",
         lambda s: (s.score(), read_scores("o.parquet", columns=["x"]))),
        (r"o\.parquet: no statistic 'D2' in it; choose from SAD",
         lambda s: (s.score(), read_scores("o.parquet", "D2"))),
        (r"plan/0001\.parquet: a shard of a plan, not its scores; score it with `varscore "
         r"score --shard`",
         lambda s: (s.scored(), read_tracks("plan/0001.parquet"))),
        (r"long: two columns would be called 'SAD'; leave it out with columns=, or rename it "
         r"in the track table",
         lambda s: (s.cli("score", "chr1:5:A:C", "--genome", s.genome, "-o", "o.parquet",
                          "--model", s.weights, "--track-table",
                          s.write("t", "identifier\tSAD\na\t1\nb\t1\n")),
                    read_scores("o.parquet", long=True))),
        (r"d: a folder without \.parquet files",
         lambda s: (Path("d").mkdir(), read_scores("d"))),
        (r"folder/b\.parquet: its columns differ from those of the other files in its "
         r"folder; .*",
         two_results),
        (r"output o\.SAD\.summary\.json: exists and is not the summary of o\.SAD but that of "
         r"o\.SAD\.parquet, so it is not replaced; move it away, or give o\.SAD another name",
         summary_of_another),
        (r"record 0, allele 1 \(chr1:5:A:C\): SAD of track track_0 is nan, expected a finite "
         r"number; check where it was computed",
         not_a_number),
        (r"output -: a result is a Parquet file, not a stream; give a name such as "
         r"scores\.parquet",
         lambda s: check_result_target("-")),
        (r"output x\.vcf\.gz: a result is a Parquet file, no VCF; write x\.parquet, then "
         r"`varscore annotate x\.parquet VCF -o x\.vcf\.gz`",
         lambda s: check_result_target("x.vcf.gz")),
        (r"output x\.tsv\.gz: a result is a Parquet file; write x\.parquet, then `varscore "
         r"annotate x\.parquet --tsv -o x\.tsv\.gz`",
         lambda s: check_result_target("x.tsv.gz")),
        (r"output x\.csv: a result is a Parquet file; write x\.parquet, then, in Python: "
         r"pandas\.read_parquet\('x\.parquet'\)\.to_csv\('x\.csv', index=False\)",
         lambda s: check_result_target("x.csv")),
    ],
    "shards": [
        (r"shards: 0 is less than 1", lambda s: plan_shards(s.vcf(), s.genome, "p", shards=0)),
        (r"output plan: has 0001\.parquet, as of a plan or its scores; give another folder, "
         r"or "
         r"--force to replace it",
         lambda s: (s.scored(), plan_shards(s.vcf(), s.genome, "plan"))),
        (r"x/plan\.json: no such file; give the folder that `varscore plan` wrote",
         lambda s: ShardPlan.read("x")),
        (r"plan\.json: cannot be read: Is a directory",
         lambda s: (Path("plan.json").mkdir(), ShardPlan.read("."))),
        (r"plan/0001\.parquet: its rows are damaged \('gone' is not a valid Status\); "
         r"plan again",
         lambda s: (plan_shards(s.vcf(), s.genome, "plan", shards=1), other_status(),
                    list(Shard.open("plan/0001.parquet").alleles()))),
        (r"o\.parquet: not a shard that `varscore plan` wrote",
         lambda s: (s.score(), Shard.open("o.parquet"))),
        (r"other\.fa: the plan was made with another genome \(genome\.fa\): for contig chr1 "
         r"this "
         r"one has other bases there; give the plan's own genome, or run `varscore plan` "
         r"again",
         other_genome),
        (r"scores/0002\.parquet: no such file; 1 of 2 shards are not scored; score them with "
         r"`varscore score --shard` first",
         lambda s: (s.scored(), os.remove("scores/0002.parquet"),
                    merge_shards("plan", "scores", "o.parquet"))),
        (r"scores/0002\.parquet: a shard of a plan, not its scores; score it with `varscore "
         r"score "
         r"--shard`",
         lambda s: (s.scored(), shutil.copy("plan/0002.parquet", "scores/0002.parquet"),
                    merge_shards("plan", "scores", "o.parquet"))),
        (r"scores/0002\.parquet: its rows are not those of shard 2 of the plan \(\d rows, "
         r"expected "
         r"\d of in\.vcf\); score that shard again",
         lambda s: (s.scored(), shutil.copy("scores/0001.parquet", "scores/0002.parquet"),
                    merge_shards("plan", "scores", "o.parquet"))),
        (r"scores/0002\.parquet: was made with other options than scores/0001\.parquet "
         r"\(.*\); "
         r"score both alike",
         lambda s: (s.scored(), s.score_shard("0002.parquet", windows="binned"),
                    merge_shards("plan", "scores", "o.parquet"))),
        (r"scores/0002\.parquet: was scored on another genome \(genome\.fa\) than the plan's "
         r"\(genome\.fa\): contig .* has other bases there; score that shard again",
         lambda s: (s.scored(),
                    rewrite("scores/0002.parquet", lambda facts: spoil(facts["genome"])),
                    merge_shards("plan", "scores", "o.parquet"))),
        (r"scores: shards were computed differently: .*; score .* again on a machine like .*",
         lambda s: (s.scored(),
                    rewrite("scores/0002.parquet",
                            lambda facts: facts["engine"].update(kernel="another")),
                    merge_shards("plan", "scores", "o.parquet"))),
        (r"x\.json: cannot be read: No such file or directory; give an identity of the "
         r"workflow, score-\*\.identity\.json",
         lambda s: Expected.read("x.json")),
        (r"x\.json: its record of how it was made is damaged \(.*\); make it again",
         lambda s: (s.write("x.json", "{}"), Expected.read("x.json"))),
        (r"scores/0001\.parquet: was made with version '.*', not '0' as is asked for; remove "
         r"it, to have it made again",
         lambda s: (s.scored(),
                    s.write("x.json", json.dumps(
                        {"version": "0", "facts": {"options": {}}, "files": {}})),
                    merge_shards("plan", "scores", "o.parquet", identity="x.json"))),
        (r"output d: holds mine\.txt, which is no file of a dataset, so it is not replaced; "
         r"give "
         r"another name",
         lambda s: (s.scored(), Path("d").mkdir(), s.write("d/mine.txt"),
                    merge_shards("plan", "scores", "d", dataset=True, force=True))),
    ],
    "configuration of the workflow": [
        (r"config: 'statistic' is no key; nearest are statistics.*; workflow_config/README\.md "
         r"lists them",
         lambda s: Settings.read({"statistic": "SAD"})),
        (r"config: 'samples' is no key; .*; workflow_config/README\.md lists them; another "
         r"workflow's keys stay apart from varscore's where it is loaded as a module with a "
         r"part of the configuration: `config: config\['varscore'\]`",
         lambda s: Settings.read({"samples": ["a"]}, part=True)),
        (r"config: out is not given; set vcf, genome, out and model, or score the demo with "
         r"--configfile workflow_config/demo\.yaml",
         lambda s: Settings.read({"vcf": "in.vcf", "genome": "g.fa"})),
        (r"config: model is not given; name one, such as model=basenji2 \(`varscore model "
         r"list`\)",
         lambda s: Settings.read({"vcf": "in.vcf", "genome": "g.fa", "out": "o"})),
        (r"config: dataset: 'maybe' is neither true nor false",
         lambda s: Settings.read({"dataset": "maybe"})),
        (r"config: shards: True is not a number", lambda s: Settings.read({"shards": True})),
        (r"config: region: YAML reads 1230 there, which is no text and may not be what was "
         r"typed \(20:30 is 1230 to it, 007 is 7\); put the value into quotes",
         lambda s: Settings.read({"region": 1230})),
        (r"config: out: 'a\{b\}' has braces, which are Snakemake's wildcards; give another "
         r"name",
         lambda s: Settings.read({"vcf": "v", "genome": "g", "model": "m", "out": "a{b}"})),
    ],
    "places of the workflow's files": [
        (r"config: vcf: absent\.vcf: no such file; give the name of one \(relative names start "
         r"in /.*\)",
         lambda s: check_places(settings(vcf="absent.vcf"))),
        (r"config: genome: /dev/null: is a pipe or a device, which can be read but once; the "
         r"workflow asks of files whether they have changed: write it to one first",
         lambda s: check_places(settings(genome="/dev/null"), part=True)),
        (r"config: out: in\.vcf/o: in\.vcf is no folder; give a name at which a folder is or "
         r"can be made",
         lambda s: (s.write("in.vcf", ""), check_places(settings(out="in.vcf/o"), part=True))),
    ],
    "windows": [
        (r"max_allele_length: 9999 is more than a quarter of the model's window \(4096 "
         r"bases\), "
         r"1024",
         lambda s: s.score(max_allele_length=9999)),
        (r"around: a deletion of 400 bases \(max_allele_length\), centre-trimmed to the window "
         r"\(indels: trim\), may lie outside the 128 bases that the model predicts; give a "
         r"smaller max_allele_length, or stitch indels",
         lambda s: windowing_for(
             ScoreOptions(around=0, indels="trim", max_allele_length=400),
             BasenjiConfig(window_length=2048, tower_channels=(3, 3), crop_bins=120),
         )),
    ],
}
# fmt: on


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    """A genome, and a tiny model with random weights and their file."""
    folder = tmp_path_factory.mktemp("tools")
    weights = write_weights(folder / "tiny.safetensors", 4096)
    genome = write_fasta(folder / "genome.fa", CONTIGS)
    ReferenceGenome(genome).close()
    return genome, weights, load_model(weights, device="cpu")


def places() -> dict[tuple[Path, int], ast.Call]:
    """Return where the package makes errors that a user can mend, by file and line."""
    return {
        (path, node.lineno): node
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ERRORS
    }


def test_every_message(tools, tmp_path, monkeypatch):
    made, failures = set(), []

    def note(self, *arguments):
        caller = sys._getframe(1)
        made.add((Path(caller.f_code.co_filename), caller.f_lineno))
        Exception.__init__(self, *arguments)

    monkeypatch.setattr(VarscoreError, "__init__", note)
    for module, rows in MESSAGES.items():
        for number, (pattern, bring_about) in enumerate(rows):
            folder = tmp_path / f"{module}.{number}"
            folder.mkdir()
            with monkeypatch.context() as patch:
                patch.chdir(folder)
                try:
                    bring_about(Scene(*tools, patch))
                except VarscoreError as error:
                    if not re.fullmatch(pattern, str(error)):
                        failures.append(f"{module}: expected {pattern}\n    found {error}")
                except Exception as error:
                    failures.append(f"{module}: expected {pattern}\n    found {error!r}")
                else:
                    failures.append(f"{module}: expected {pattern}\n    found no error")
    unreached = [
        f"{path.relative_to(PACKAGE)}:{line}: no row reaches {ast.unparse(node)}"
        for (path, line), node in sorted(places().items())
        if not any(path == at and line <= place <= node.end_lineno for at, place in made)
    ]
    assert not failures + unreached, "\n".join(failures + unreached)
