"""Make the demo: a simulated genome, variants with known effects, a model trained for them.

    python resources/demo/make_demo.py             everything, in about ten minutes
    python resources/demo/make_demo.py data        the genome, the variants and their truth
    python resources/demo/make_demo.py report      how well the model predicts that truth
    python resources/demo/make_demo.py background  how it scores neutral SNVs

Genome, variants and truth are the same bits wherever they are made; the model's weights
are so only on the same kind of processor with the same libraries.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import tempfile
import time
from pathlib import Path

import choose
import evaluate
import numpy as np
import pysam
import simulate
import torch
import train
import variants
from choose import Record
from simulate import Codes
from variants import Effect

from varscore import load_model, score_vcf
from varscore.meaning.build import build_background
from varscore.models.basenji2 import Basenji2
from varscore.models.checkpoint import Checkpoint
from varscore.models.formats.native import read_native, write_native
from varscore.models.tracks import TrackTable

HERE = Path(__file__).parent
MODEL = "demo.safetensors"
BACKGROUND = "background.parquet"
SEED = 2
STEPS = 2_400
CONTIGS = {"chrA": 812_345, "chrB": 687_655}
GAP = ("chrB", 400_000, 400_300)  # unknown bases, as real genomes have them
PARTS = ("data", "model", "report", "background")
LOG = logging.getLogger(__name__)


def make_genome() -> dict[str, Codes]:
    """Simulate the contigs."""
    rng = np.random.default_rng([SEED, 0])
    genome = {name: simulate.simulate_dna(length, rng) for name, length in CONTIGS.items()}
    contig, start, end = GAP
    genome[contig][start:end] = 4
    return genome


def make_records(genome: dict[str, Codes]) -> list[Record]:
    """Choose the VCF's records."""
    return choose.choose_records(genome, np.random.default_rng([SEED, 1]))


def fasta_text(genome: dict[str, Codes]) -> str:
    """Return the contigs as FASTA, a tenth of them in lower case, as repeats are shown."""
    rng = np.random.default_rng([SEED, 3])
    text = []
    for name, codes in genome.items():
        letters = simulate.decode(codes)
        for start in rng.integers(0, len(codes), len(codes) // 5_000):
            end = int(start) + int(rng.integers(100, 1_000))
            letters = letters[:start] + letters[start:end].lower() + letters[end:]
        lines = [letters[i : i + 80] for i in range(0, len(letters), 80)]
        text.append("\n".join([f">{name}", *lines, ""]))
    return "".join(text)


def vcf_text(records: list[Record]) -> str:
    """Return the records as a VCF."""
    header = [
        "##fileformat=VCFv4.2",
        "##source=varscore demo: simulated, teaches nothing about real genomes",
        *(f"##contig=<ID={name},length={length}>" for name, length in CONTIGS.items()),
        f"##contig=<ID={choose.UNKNOWN_CONTIG}>",
        '##FILTER=<ID=PASS,Description="All filters passed">',
        '##INFO=<ID=SVTYPE,Number=1,Type=String,Description="Type of structural variant">',
        '##INFO=<ID=END,Number=1,Type=Integer,Description="End of the variant">',
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n",
    ]
    return "\n".join(header) + "".join(record.line() for record in records)


def truth_text(genome: dict[str, Codes], records: list[Record]) -> str:
    """Return a tab-separated row for every ALT: what it is, what it does, its true SAD."""
    rows = [(record, i) for record in records for i in range(len(record.alts))]
    changes = {
        (record.id, i): variants.trimmed(record.chrom, record.pos, record.ref, record.alts[i])
        for record, i in rows
        if record.status[i] == "scored"
    }
    effects = dict(zip(changes, variants.effects(genome, list(changes.values())), strict=True))
    columns = ["chrom", "pos", "id", "ref", "alt", "status", "kind", "class", "factor"]
    lines = ["\t".join([*columns, *(f"SAD_{track}" for track in simulate.TRACKS)])]
    for record, i in rows:
        alt, status = record.alts[i], record.status[i]
        fields = [record.chrom, str(record.pos), record.id, record.ref, alt, status]
        if change := changes.get((record.id, i)):
            # Adding 0 turns -0.0 into 0.0.
            sad = variants.true_sad(genome, change).round(4) + 0.0
            fields += [change.kind, *effects[record.id, i], *(f"{x:.4f}" for x in sad)]
        else:
            fields += [".", *Effect("unscorable", "."), *[""] * len(simulate.TRACKS)]
        lines.append("\t".join(fields))
    return "\n".join([*lines, ""])


def write_data(folder: Path) -> None:
    """Write genome, variants and truth."""
    genome = make_genome()
    fasta = folder / "genome.fa"
    fasta.write_text(fasta_text(genome), encoding="ascii")
    pysam.tabix_compress(str(fasta), f"{fasta}.gz", force=True)
    fasta.unlink()
    pysam.faidx(f"{fasta}.gz")
    records = make_records(genome)
    (folder / "demo.vcf").write_text(vcf_text(records), encoding="ascii")
    (folder / "truth.tsv").write_text(truth_text(genome, records), encoding="ascii")
    LOG.info("data: %d records on %d bases", len(records), sum(CONTIGS.values()))


def write_model(folder: Path, steps: int) -> None:
    """Train the model and write its weights."""
    began = time.monotonic()
    network = train.train(SEED, steps)
    write_native(checkpoint(network, steps), folder / MODEL)
    LOG.info("model: %d steps in %.0f s", steps, time.monotonic() - began)


def checkpoint(network: Basenji2, steps: int) -> Checkpoint:
    """Return a trained network with its tracks' names and its origin."""
    tensors = {
        name: tensor
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    metadata = {
        "name": "demo",
        "teaching": True,
        "source": "trained on simulated sequence by resources/demo/make_demo.py, "
        f"seed {SEED}, {steps} steps; its scores mean nothing for real genomes",
    }
    tracks = TrackTable.from_names(simulate.TRACKS, simulate.DESCRIPTIONS)
    return Checkpoint(train.CONFIG, tensors, tracks, metadata)


@torch.no_grad()
def write_report(folder: Path) -> None:
    """Write how well the model in the folder predicts the truth beside it."""
    network = read_native(folder / MODEL).network()
    digest = hashlib.sha256((folder / MODEL).read_bytes()).hexdigest()
    figures = evaluate.report(network, make_genome(), folder / "truth.tsv")
    text = json.dumps({"model_sha256": digest, **figures}, indent=2)
    (folder / "report.json").write_text(text + "\n", encoding="ascii")
    LOG.info("%s", text)


def write_background(folder: Path) -> None:
    """Write how the folder's model scores neutral SNVs on the genome beside it."""
    genome = make_genome()
    rng = np.random.default_rng([SEED, 4])
    taken = {(record.chrom, record.pos) for record in make_records(genome)}
    records = choose.choose_neutral(genome, taken, rng)
    model = load_model(folder / MODEL, device="cpu")
    with tempfile.TemporaryDirectory() as temporary:
        vcf, scores = Path(temporary, "neutral.vcf"), Path(temporary, "neutral.parquet")
        vcf.write_text(vcf_text(records), encoding="ascii")
        score_vcf(vcf, folder / "genome.fa.gz", scores, model=model)
        build_background([scores], folder / BACKGROUND, force=True)
    LOG.info("background: %d neutral SNVs", len(records))


def main() -> None:
    """Read the command line and make what it asks for."""
    parser = argparse.ArgumentParser(description="Make the demo's files.")
    parser.add_argument("parts", nargs="*", metavar="|".join(PARTS), help="default: all")
    parser.add_argument("--folder", type=Path, default=HERE, help="where to write")
    parser.add_argument("--steps", type=int, default=STEPS, help="of training")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"unknown part {unknown.pop()!r}; choose from {', '.join(PARTS)}")
    parts = options.parts or PARTS
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(options.threads)
    options.folder.mkdir(parents=True, exist_ok=True)
    if "data" in parts:
        write_data(options.folder)
    if "model" in parts:
        write_model(options.folder, options.steps)
    if "report" in parts:
        write_report(options.folder)
    if "background" in parts:
        write_background(options.folder)


if __name__ == "__main__":
    main()
