"""Scores against the original TensorFlow implementation.

The numbers were made with its unpatched code on a small Basenji2 with random weights. A
subset (data/oracle: a start of a contig and a piece without ends) is always tested, the 300
variants and those at contig ends where the shared data are at hand.
"""

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from needs import CI
from writers import read_alleles

from varscore import load_model, read_scores, score_vcf
from varscore.engines.two_pass import TwoPassEngine
from varscore.inputs.genome import ReferenceGenome
from varscore.inputs.normalise import locate
from varscore.statistics import STATISTICS, CoverageChange
from varscore.windows import Windowing

DATA = Path(__file__).parent / "data"
SHARED = Path(__file__).parents[2] / "shared" / "data"
TENSORFLOW = SHARED / "oracle" / "tensorflow"
WEIGHTS = DATA / "weights_keras" / "model.h5"
LENGTH = 16_384

ORIGINAL_STATISTICS = [n for n in STATISTICS if n not in ("logSED", "REF", "ALT")]
ACTIVATIONS = {
    "gelu_new": "small_plain_f32.h5",
    "quick_gelu": "small_plain_gelu1702_f32.h5",
}
needs_shared = pytest.mark.skipif(
    not TENSORFLOW.exists(), reason="the oracle's files (../shared/data) are not here"
)


@pytest.fixture
def genome(tmp_path):
    """Return a function that puts a FASTA file where its index may be written."""

    def copy(source):
        target = tmp_path / source.name
        target.write_bytes(source.read_bytes())
        return target

    return copy


def score(vcf, fasta, output, activation="gelu_new", **options):
    model = load_model(WEIGHTS, activation=activation)
    options.setdefault("statistics", ORIGINAL_STATISTICS)
    score_vcf(vcf, fasta, output, model=model, indels="trim", engine="two-pass", **options)
    return read_scores(output, statistic=None)


def statistic_of(table, name):
    columns = [c for c in table.columns if c.startswith(f"{name}_track")]
    assert len(columns) == 12
    return table[columns].to_numpy()


def worst(found, expected):
    """Largest difference, absolute or relative, whichever is smaller in each place."""
    difference = np.abs(found - expected)
    return np.minimum(difference, difference / np.maximum(np.abs(expected), 1e-30)).max()


def predict(vcf, fasta, activation):
    """Return the change of coverage, (B, 96, 12), of a VCF's variants, and these."""
    windowing = Windowing(LENGTH, 128, indels="trim")
    with ReferenceGenome(fasta) as genome:
        network = load_model(WEIGHTS, activation=activation).network
        engine = TwoPassEngine(network, genome, windowing, [], range(12))
        variants = [locate(allele, genome).variant for allele in read_alleles(vcf)]
        changes = list(engine.changes(variants))
    ref, diff = (torch.cat([getattr(c, side) for c in changes]) for side in ("ref", "diff"))
    return CoverageChange(ref, diff), variants


def window_inside(variant, contig_length):
    start = variant.start - (LENGTH // 2 - 1)
    return start >= 0 and start + LENGTH + max(0, -variant.length_change) <= contig_length


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_subset(activation, genome, tmp_path):
    expected = np.load(DATA / "oracle" / "expected.npz")
    vcf, fasta = DATA / "oracle" / "variants.vcf", genome(DATA / "oracle" / "genome.fa")
    table = score(vcf, fasta, tmp_path / "out.parquet", activation)
    assert len(table) == 24
    assert (table["status"] == "scored").all()
    for name in ORIGINAL_STATISTICS:
        assert worst(statistic_of(table, name), expected[f"{activation}/{name}"]) < 2e-4, name
    changes, _ = predict(vcf, fasta, activation)
    ref, alt = changes.ref.numpy(), changes.alt.numpy()
    assert np.abs(ref[:, ::6] - expected[f"{activation}/REF"]).max() < 3e-5
    assert np.abs(alt[:, ::6] - expected[f"{activation}/ALT"]).max() < 3e-5


def test_subset_of_the_ensemble(genome, tmp_path):
    """Where the genome ends the original puts zeros, so compare inside of it, and SNVs."""
    expected = np.load(DATA / "oracle" / "expected.npz")["ensemble/SAD"]
    vcf, fasta = DATA / "oracle" / "variants.vcf", genome(DATA / "oracle" / "genome.fa")
    table = score(
        vcf,
        fasta,
        tmp_path / "out.parquet",
        statistics=["SAD"],
        reverse_complement=True,
        shifts=(1, 0, -1),
    )
    snv = (table["ref"].str.len() == table["alt"].str.len()) & (table["chrom"] == "inside")
    assert snv.sum() == 7
    assert np.abs(statistic_of(table, "SAD") - expected)[snv].max() < 5e-4


@needs_shared
@pytest.mark.slow
@pytest.mark.parametrize("activation", ACTIVATIONS if CI else ["gelu_new"])
def test_three_hundred_variants(activation, genome):
    vcf, fasta = TENSORFLOW / "small300.vcf", genome(SHARED / "human" / "chr20_1Mb.fa")
    changes, variants = predict(vcf, fasta, activation)
    inside = np.array([window_inside(v, 1_000_000) for v in variants])
    assert inside.sum() == 259
    with h5py.File(TENSORFLOW / ACTIVATIONS[activation]) as expected:
        ref, alt = changes.ref.numpy(), changes.alt.numpy()
        assert np.abs(ref - expected["REF"][()])[inside].max() < 3e-5
        assert np.abs(alt - expected["ALT"][()])[inside].max() < 3e-5
        for name in ORIGINAL_STATISTICS:
            found = STATISTICS[name].function(changes).numpy()
            assert worst(found[inside], expected[name][()][inside]) < 2e-4, name


@needs_shared
@pytest.mark.slow
def test_three_hundred_variants_of_the_ensemble(genome, tmp_path):
    """Every third of the substitutions whose windows lie inside of the contig."""
    fasta, vcf = genome(SHARED / "human" / "chr20_1Mb.fa"), tmp_path / "chosen.vcf"
    chosen, lines = [], (TENSORFLOW / "small300.vcf").read_text().splitlines(keepends=True)
    head = [line for line in lines if line[0] == "#"]
    for line in lines[len(head) :]:
        _, pos, _, ref, alt, *_ = line.split("\t")
        start = int(pos) - 1 - (LENGTH // 2 - 1)
        chosen.append(len(ref) == len(alt) and 0 <= start <= 1_000_000 - LENGTH)
    rows = [line for line, wanted in zip(lines[len(head) :], chosen, strict=True) if wanted]
    assert len(rows) == 154
    vcf.write_text("".join(head + rows[::3]))
    table = score(
        vcf,
        fasta,
        tmp_path / "out.parquet",
        statistics=["SAD"],
        reverse_complement=True,
        shifts=(1, 0, -1),
    )
    with h5py.File(TENSORFLOW / "small_rc_shift_f32.h5") as expected:
        difference = np.abs(statistic_of(table, "SAD") - expected["SAD"][()][chosen][::3])
    assert difference.max() < 5e-4


@needs_shared
@pytest.mark.slow
def test_contig_ends(genome, tmp_path):
    """Compare where the original is not at fault.

    It pads one base too few past the right end, which moves indels of even length there, and
    it takes the record's POS where varscore takes the normal form's, so that two spellings of
    one variant get one score.
    """
    vcf, fasta = TENSORFLOW / "edge.vcf", genome(SHARED / "human" / "chr20_1Mb.fa")
    table = score(vcf, fasta, tmp_path / "out.parquet")
    assert (table["status"] == "scored").all()
    spelled = table["chrom"] + ":" + table["pos"].astype(str) + ":" + table["ref"] + ":"
    normal = (spelled + table["alt"] == table["key"]).to_numpy()
    deleted = (table["ref"].str.len() - table["alt"].str.len()).clip(lower=0)
    end = table["pos"] - 1 - (LENGTH // 2 - 1) + LENGTH + deleted
    indel = (table["ref"].str.len() != table["alt"].str.len()).to_numpy()
    comparable = normal & ~(indel & (end > 1_000_000).to_numpy())
    with h5py.File(TENSORFLOW / "small_edge_f32.h5") as expected:
        for name in ORIGINAL_STATISTICS:
            found = statistic_of(table, name)[comparable]
            assert worst(found, expected[name][()][comparable]) < 2e-4, name
    assert comparable.sum() == 109
