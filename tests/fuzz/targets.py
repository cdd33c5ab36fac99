"""What is fuzzed: how a file is made of mutated bytes, and what reads it.

Each target ends with a right result or a `VarscoreError`, whatever it is given; anything else
is a finding. What is right is checked where it can be known.
"""

from __future__ import annotations

import gzip
import random
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pysam
from fuzz.mutate import mutate
from writers import HEADER, record, write_fasta, write_phased, write_weights

from varscore import ScoreOptions, load_model, read_metadata, read_scores, score_vcf
from varscore.cli import app
from varscore.errors import VarscoreError
from varscore.haplotypes.write import write_haplotypes
from varscore.inputs.alleles import AlleleSource
from varscore.inputs.contigs import read_contig_table
from varscore.inputs.genes import read_genes
from varscore.inputs.genome import ReferenceGenome
from varscore.models.formats.hub import read_hub, write_hub
from varscore.models.formats.keras import read_keras, write_keras
from varscore.models.formats.keras_params import read_params
from varscore.models.formats.native import read_native
from varscore.models.tracks import TrackTable
from varscore.results.annotate import annotate_vcf
from varscore.shards.plan import plan_shards
from varscore.shards.shard import Shard, ShardPlan
from varscore.variant import Status

DRAW = random.Random(1)
CONTIGS = {
    "chr1": "".join(DRAW.choices("ACGT", k=9000)),
    "2": "".join(DRAW.choices("ACGT", k=700)),
    "chrM": "ACGTN" * 40,
}
ALLELES = [
    ("chr1", 4500, CONTIGS["chr1"][4499], "ACGT".replace(CONTIGS["chr1"][4499], "")[0]),
    ("chr1", 4600, CONTIGS["chr1"][4599:4603], CONTIGS["chr1"][4599]),
    ("chr1", 4700, CONTIGS["chr1"][4699], f"{CONTIGS['chr1'][4699]}ACC,<DEL>,*"),
    ("2", 30, CONTIGS["2"][29], f"{CONTIGS['2'][29]}G"),
]


@dataclass(frozen=True)
class Place:
    """What targets work with, made once, and a folder for one input."""

    made: Path  # genome.fa, tiny.safetensors, ...
    folder: Path
    model: Any

    def write(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path


@dataclass(frozen=True)
class Target:
    """One thing to fuzz.

    Attributes
    ----------
    seeds : callable
        Sound files, made of a `Place`.
    run : callable
        Reads changed bytes; its result is right, or it raises `VarscoreError`.
    share : int
        How many inputs there are in an ordinary run.
    """

    seeds: Callable[[Place], list[bytes]]
    run: Callable[[Place, bytes], None]
    share: int = 100


def prepare(folder: Path) -> Place:
    """Make what all targets need."""
    made, work = folder / "made", folder / "work"
    made.mkdir()
    work.mkdir()
    genome = write_fasta(made / "genome.fa", CONTIGS)
    ReferenceGenome(genome).close()
    weights = write_weights(made / "tiny.safetensors", 4096)
    checkpoint = read_native(weights)
    write_hub(checkpoint, made / "hub")
    (made / "keras").mkdir()
    write_keras(checkpoint, made / "keras" / "m.h5")
    vcf = made / "in.vcf"
    vcf.write_text(_vcf())
    write_phased(made / "phased.vcf", [(*ALLELES[0], "0|1"), (*ALLELES[1], "1|1")])
    pysam.tabix_compress(str(vcf), str(made / "in.vcf.gz"))
    pysam.tabix_compress(str(genome), str(made / "genome.fa.gz"))
    ReferenceGenome(made / "genome.fa.gz").close()
    place = Place(made, work, load_model(weights, device="cpu"))
    score_vcf(vcf, genome, made / "o.parquet", model=place.model)
    annotate_vcf(made / "o.parquet", vcf, made / "in.bcf")
    plan_shards(vcf, genome, made / "plan", shards=2)
    return place


def _vcf() -> str:
    contigs = "".join(f"##contig=<ID={n},length={len(b)}>\n" for n, b in CONTIGS.items())
    return HEADER.replace("#CHROM", f"{contigs}#CHROM") + "".join(
        record(*allele) for allele in ALLELES
    )


def _made(*names: str) -> Callable[[Place], list[bytes]]:
    return lambda place: [(place.made / name).read_bytes() for name in names]


def _texts(*texts: str) -> Callable[[Place], list[bytes]]:
    return lambda _: [text.encode() for text in texts]


def _alleles(name: str) -> Callable[[Place, bytes], None]:
    def run(place: Place, content: bytes) -> None:
        path = place.write(name, content)
        with ReferenceGenome(place.made / "genome.fa") as genome:
            alleles = AlleleSource(path, genome, ScoreOptions())
            survey = alleles.survey()
            survey.judge()
            rows = list(alleles)
            assert len(rows) == survey.rows
            for row in rows:
                if row.status is Status.SCORED:
                    found = row.variant
                    bases = genome.fetch((found.contig, found.start, found.end))
                    assert bases == found.ref, (row, bases)

    return run


def _bcf_seeds(place: Place) -> list[bytes]:
    packed = (place.made / "in.bcf").read_bytes()
    return [packed, gzip.decompress(packed), gzip.decompress(packed)]


def _fasta(place: Place, content: bytes) -> None:
    path = place.write("g.fa", content)
    with ReferenceGenome(path) as genome:
        for name, length in genome.lengths.items():
            bases = genome.fetch((name, -3, length + 3))
            assert len(bases) == length + 6


def _fasta_index(suffix: str, *beside: str) -> Callable[[Place, bytes], None]:
    """An index that is not older than its file: it fits, or is refused."""

    def run(place: Place, content: bytes) -> None:
        packed = suffix != ".fai" or bool(beside)
        name = "genome.fa.gz" if packed else "genome.fa"
        for part in ("", *beside):
            shutil.copy(place.made / (name + part), place.folder / (name + part))
        place.write(name + suffix, content)
        with ReferenceGenome(place.folder / name) as genome:
            assert genome.lengths == {n: len(b) for n, b in CONTIGS.items()}
            for contig, bases in CONTIGS.items():
                assert genome.fetch((contig, 0, len(bases))) == bases

    return run


def _native(place: Place, content: bytes) -> None:
    read_native(place.write("w.safetensors", content)).network()


def _hub(name: str) -> Callable[[Place, bytes], None]:
    def run(place: Place, content: bytes) -> None:
        folder = place.folder / "hub"
        shutil.copytree(place.made / "hub", folder)
        (folder / name).write_bytes(content)
        read_hub(folder).network()

    return run


def _keras(place: Place, content: bytes) -> None:
    read_keras(place.write("m.h5", content), place.made / "keras" / "params.json").network()


def _params(place: Place, content: bytes) -> None:
    read_params(place.write("params.json", content))


def _tracks(place: Place, content: bytes) -> None:
    tracks = TrackTable.read(place.write("t.tsv", content))
    again = TrackTable.read(place.write("again.tsv", tracks.to_tsv().encode()))
    assert len(again) == len(tracks)


# How long the search for an expression of many repeats takes is up to who wrote it.
_MOST_REPEATS = 4


def _selection(place: Place, content: bytes) -> None:
    tracks = TrackTable.read(place.made / "tracks.tsv")
    wanted = content.decode(errors="replace").replace("\0", "")
    if len(re.findall(r"[*+?{]", wanted)) > _MOST_REPEATS:
        return
    chosen = tracks.select(wanted)
    assert set(chosen.identifiers) <= set(tracks.identifiers)


def _tracks_seeds(place: Place) -> list[bytes]:
    text = "index\tidentifier\tdescription\ttissue\n0\tA\tDNASE:liver\tliver\n1\tB\tx\tskin\n"
    (place.made / "tracks.tsv").write_text(text)
    return [text.encode()]


def _selection_seeds(place: Place) -> list[bytes]:
    _tracks_seeds(place)
    return [b"A,B", b"tissue=liver & match=DNASE", b"DNASE:.*liver|(x)", b"tissue=liver|skin"]


def _plan(place: Place, content: bytes) -> None:
    place.write("plan.json", content)
    str(ShardPlan.read(place.folder))


def _shard(place: Place, content: bytes) -> None:
    list(Shard.open(place.write("0001.parquet", content)).alleles())


def _parquet(place: Place, content: bytes) -> None:
    path = place.write("r.parquet", content)
    read_metadata(path)
    frame = read_scores(path, None)  # a copy may have fewer columns, or others
    assert len(frame) == pq.read_metadata(path).num_rows


def _lines(read: Callable[[Path, ReferenceGenome], object]) -> Callable[[Place, bytes], None]:
    def run(place: Place, content: bytes) -> None:
        with ReferenceGenome(place.made / "genome.fa") as genome:
            read(place.write("lines.txt", content), genome)

    return run


def _bed(path: Path, genome: ReferenceGenome) -> None:
    list(AlleleSource("chr1:5:A:C", genome, ScoreOptions(regions=str(path))))


def _haplotypes(place: Place, content: bytes) -> None:
    path = place.write("p.vcf", content)
    out = place.folder / "h.vcf"
    try:
        write_haplotypes(path, place.made / "genome.fa", out)
    except VarscoreError:
        assert not out.exists()
        raise


_WORDS = (
    "--around 1000,window --shifts 0,1,-1 --statistics SAD,D2 --region chr1:1-100 --threads 2 "
    "--memory 2 --max-allele-length 10 --engine auto --precision mixed --tss-width 5 "
    "--top-tracks 3 --windows binned --indels trim --contigs c.tsv --device cpu"
)


def _options(place: Place, content: bytes) -> None:
    words = content.decode(errors="replace").replace("\0", "").split("\n")
    given = ["check", place.made / "in.vcf", "--genome", place.made / "genome.fa", *words]
    try:
        app([str(word) for word in given], standalone_mode=False)
    except Exception as error:
        if not hasattr(error, "exit_code"):  # of wrong usage, and of a page of help
            raise


def _end_to_end(place: Place, content: bytes) -> None:
    vcf, out = place.write("v.vcf", content), place.folder / "o.parquet"
    try:
        summary = score_vcf(vcf, place.made / "genome.fa", out, model=place.model)
    except VarscoreError:
        assert not out.exists()
        raise
    frame = read_scores(out)
    assert len(frame) == summary.rows
    scores = frame.filter(like="SAD_")
    assert (scores.notna().all(axis=1) == (frame["status"] == "scored")).all()


GTF = (
    'chr1\tx\tgene\t4000\t4800\t.\t+\t.\tgene_id "G1"; gene_name "A";\n'
    'chr1\tx\ttranscript\t4000\t4800\t.\t+\t.\tgene_id "G1"; transcript_id "T1";\n'
    'chr1\tx\texon\t4000\t4100\t.\t+\t.\tgene_id "G1"; transcript_id "T1";\n'
)

TARGETS: dict[str, Target] = {
    "vcf": Target(_made("in.vcf"), _alleles("v.vcf"), 400),
    "table": Target(
        _texts("chrom,pos,ref,alt\nchr1,5,A,C\n", "chr1:5:A:C\nchr1-6-A-G\n"),
        _alleles("v.txt"),
    ),
    "bgzip": Target(_made("in.vcf.gz"), _alleles("v.vcf.gz")),
    "bcf": Target(_bcf_seeds, _alleles("v.bcf"), 15),
    "fasta": Target(_made("genome.fa"), _fasta, 15),
    "fai": Target(_made("genome.fa.fai"), _fasta_index(".fai")),
    "fai-bgzip": Target(_made("genome.fa.gz.fai"), _fasta_index(".fai", ".gzi"), 100),
    "gzi": Target(_made("genome.fa.gz.gzi"), _fasta_index(".gzi", ".fai")),
    "native": Target(_made("tiny.safetensors"), _native),
    "hub-config": Target(_made("hub/config.json"), _hub("config.json")),
    "hub-weights": Target(_made("hub/model.safetensors"), _hub("model.safetensors"), 100),
    "keras": Target(_made("keras/m.h5"), _keras, 3),
    "params": Target(_made("keras/params.json"), _params, 200),
    "tracks": Target(_tracks_seeds, _tracks, 200),
    "selection": Target(_selection_seeds, _selection, 200),
    "plan": Target(_made("plan/plan.json"), _plan, 150),
    "shard": Target(_made("plan/0001.parquet"), _shard, 60),
    "parquet": Target(_made("o.parquet"), _parquet, 100),
    "bed": Target(_texts("chr1\t0\t100\n2\t5\t9\tname\n"), _lines(_bed)),
    "gtf": Target(_texts(GTF), _lines(lambda p, g: read_genes(p, g, g.names))),
    "contigs": Target(
        _texts("1\tchr1\nchr2\t2\n"), _lines(lambda p, g: read_contig_table(p, g.lengths))
    ),
    "haplotypes": Target(_made("phased.vcf"), _haplotypes, 40),
    "options": Target(_texts(_WORDS.replace(" ", "\n")), _options, 15),
    "end-to-end": Target(_made("in.vcf"), _end_to_end, 25),
}


def inputs(target: Target, place: Place, seed: int) -> Iterator[bytes]:
    """Yield mutated inputs without end; the same ones of the same seed."""
    seeds, draw = target.seeds(place), random.Random(seed)
    while True:
        yield mutate(seeds, draw)
