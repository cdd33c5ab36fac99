"""Rows of genes: `--genes`, against bins and rows written down by hand, and two passes."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from annotations import gtf_row, synthetic_gtf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from needs import CI
from test_incremental import (
    CHANGED,
    EVERY,
    TINY,
    architectures,
    deletion,
    insertion,
    mixture,
    substitution,
    windowing_of,
    write_genome,
)
from writers import write_fasta, write_vcf

from varscore import ScoreOptions, read_metadata, read_scores, score_vcf
from varscore.engines.incremental.engine import IncrementalEngine, unsupported
from varscore.engines.two_pass import TwoPassEngine
from varscore.errors import OptionError, OutputError
from varscore.inputs.contigs import ContigNames
from varscore.inputs.genes import read_genes
from varscore.models.random import random_checkpoint
from varscore.results.annotate import annotate_vcf, write_table
from varscore.shards.merge import merge_shards
from varscore.shards.plan import plan_shards
from varscore.shards.resume import score_resumably
from varscore.shards.score import score_shard
from varscore.statistics import CoverageChange
from varscore.variant import GeneRow, Variant
from varscore.windows import Windowing, genes_near

LENGTH = 60_000
ALPHABET = np.array(list("ACGT"))


@pytest.fixture(scope="module")
def bases():
    return "".join(np.random.default_rng(8).choice(ALPHABET, LENGTH))


# Of the small model a window has 16,384 bases and 128 bins; 16 are cropped at either end. A
# variant at base 30,000 (0-based) is window base 8,191: the window starts at 21,809, its bin
# 16, the first that is predicted, at 23,857, and bin 112, the first behind these, at 36,145.
PLACE = 30_000
HAND = [
    # gene, strand, transcripts (1-based, inclusive) -> bins of the window, distance
    ("twice", "+", [(23_858, 25_000), (30_000, 31_000)], ((16, 17), (63, 64)), 1),
    ("minus", "-", [(20_000, 36_145), (20_000, 30_130)], ((65, 66), (111, 112)), 129),
    ("on", "+", [(30_001, 30_500)], ((63, 64),), 0),
    ("next", "+", [(30_002, 30_500)], ((64, 65),), 1),
    ("beside", "-", [(29_000, 30_001)], ((63, 64),), 0),
    ("touching", "+", [(31_026, 31_100), (31_154, 31_200)], ((72, 74),), 1025),
    ("before", "+", [(23_857, 40_000)], None, None),
    ("behind", "-", [(1000, 36_146)], None, None),
    ("half", "+", [(23_857, 40_000), (36_145, 40_000)], ((111, 112),), 6144),
]


def hand_gtf(path, contig="chr1"):
    lines = []
    for gene, strand, transcripts, _, _ in HAND:
        for number, (first, last) in enumerate(transcripts):
            ids = f'gene_id "{gene}"', f'transcript_id "{gene}.{number}"', 'gene_name "G"'
            lines.append(gtf_row(contig, "transcript", first, last, strand, *ids))
    path.write_text("".join(lines))
    return path


@pytest.fixture(scope="module")
def genome(tmp_path_factory, bases):
    return write_genome(tmp_path_factory.mktemp("genes"), chr1=bases, other=bases[:900])


def test_rows_and_bins_by_hand(genome, small_model, tmp_path):
    config = small_model.config
    windowing = Windowing(config.window_length, config.bin_width)
    names = ContigNames(genome.lengths)
    genes = read_genes(hand_gtf(tmp_path / "g.gtf", "1"), genome, names)
    found = genes_near(genes, Variant("chr1", PLACE + 1, "A", "C"), windowing, config)
    assert {gene.gene_id: (gene, bins) for gene, bins in found} == {
        gene: (GeneRow(gene, "G", strand, distance), bins)
        for gene, strand, _, bins, distance in HAND
        if bins
    }
    # A base further to the left: the window's bins move with the variant.
    found = genes_near(genes, Variant("chr1", PLACE, "A", "C"), windowing, config)
    moved = {gene.gene_id: bins for gene, bins in found}
    assert moved["next"] == ((64, 65),)
    assert moved["before"] == ((16, 17),)
    assert moved["on"] == ((64, 65),)
    assert moved["half"] == ((16, 17),)
    # Where REF holds the site, the distance is 0.
    found = genes_near(genes, Variant("chr1", PLACE - 1, "ACGTA", "A"), windowing, config)
    assert {gene.gene_distance for gene, _ in found if gene.gene_id in ("on", "next")} == {0}
    # Four bins fewer at either end: bin 107 is predicted, bin 108 is not.
    cropped = replace(config, crop_bins=20)
    for steps, held in ((44, ((107, 108),)), (45, None)):
        variant = Variant("chr1", PLACE + 1 - 128 * steps, "A", "C")
        found = genes_near(genes, variant, windowing, cropped)
        assert {gene.gene_id: bins for gene, bins in found}.get("on") == held
    # Wider start sites reach the bins beside them.
    wide = read_genes(hand_gtf(tmp_path / "g.gtf", "1"), genome, names, tss_width=128)
    found = genes_near(wide, Variant("chr1", PLACE + 1, "A", "C"), windowing, config)
    widened = {gene.gene_id: bins for gene, bins in found}
    assert widened["on"] == ((62, 65),)
    assert widened["touching"] == ((71, 75),)
    assert widened["behind"] == ((111, 112),)
    # Of a gene whose strand is not known the bins are known, and no distance.
    path = tmp_path / "unknown.gtf"
    path.write_text(gtf_row("1", "gene", 30_001, 30_200, ".", 'gene_id "U"; gene_name "G"'))
    unknown = read_genes(path, genome, names, "body")
    assert genes_near(unknown, Variant("chr1", PLACE + 1, "A", "C"), windowing, config) == [
        (GeneRow("U", "G", ".", None), ((63, 66),))
    ]


def by_hand(network, genome, windowing, statistics, variants, bins):
    """Return every statistic over each variant's bins, float64, from two whole passes."""
    config = network.config
    whole = TwoPassEngine(network, genome, windowing, statistics, range(config.n_tracks))
    rows = []
    for variant, pieces in zip(variants, bins, strict=True):
        (change,) = whole.changes([variant])
        chosen = [b - config.crop_bins for first, end in pieces for b in range(first, end)]
        part = CoverageChange.between(change.ref[:, chosen], change.alt[:, chosen])
        rows.append(torch.stack([statistic.function(part)[0] for statistic in statistics]))
    return torch.stack(rows).numpy()


def assert_near(found, expected):
    error = np.abs(found - expected)
    assert (error <= np.maximum(1e-9 * np.abs(expected), 1e-11)).all(), error.max()


def draw_bins(rng, config):
    """Return some pieces of what is predicted, often of a single bin, often at its ends."""
    first, end = config.crop_bins, config.crop_bins + config.n_bins
    chosen = set(rng.integers(first, end, rng.integers(1, 4)).tolist())
    if rng.random() < 0.3:
        chosen |= {first, end - 1}
    if rng.random() < 0.3:
        start = int(rng.integers(first, end))
        chosen |= set(range(start, min(end, start + 9)))
    pieces = []
    for number in sorted(chosen):
        if pieces and pieces[-1][1] == number:
            pieces[-1] = pieces[-1][0], number + 1
        else:
            pieces.append((number, number + 1))
    return tuple(pieces)


@pytest.mark.parametrize("kind", ["centred", "binned"])
@pytest.mark.parametrize(("reverse", "shifts"), [(False, (0,)), (True, (5, -3))])
def test_scores_are_those_of_two_passes(genome, kind, reverse, shifts):
    network = random_checkpoint(TINY).network().double()
    windowing = windowing_of(TINY, kind=kind, shifts=shifts, reverse_complement=reverse)
    rng = np.random.default_rng(3)
    variants = [v for v in mixture(genome, "chr1", LENGTH) for _ in range(2 if CI else 1)]
    variants += mixture(genome, "other", 900)[::3]
    bins = [draw_bins(rng, TINY) for _ in variants]
    for statistics in (CHANGED, EVERY):
        expected = by_hand(network, genome, windowing, statistics, variants, bins)
        for engine in (TwoPassEngine, IncrementalEngine):
            made = engine(network, genome, windowing, statistics, range(5))
            assert_near(made.score(variants, bins=bins), expected)
        variants, bins = variants[::3], bins[::3]


@settings(max_examples=100 if CI else 25, suppress_health_check=list(HealthCheck))
@given(architectures(), st.integers(0, 10**6))
def test_random_architectures(genome, config, seed):
    rng = np.random.default_rng(seed)
    network = random_checkpoint(config).network().double()
    windowing = windowing_of(config, reverse_complement=bool(rng.integers(2)))
    place, size = int(rng.integers(1, 3000)), int(rng.integers(1, 30))
    made = [
        substitution(genome, "chr1", place),
        deletion(genome, "chr1", place, size),
        insertion(genome, "chr1", place, size),
    ]
    variants = [v for v in made if unsupported(config, windowing, v) is None for _ in range(2)]
    bins = [draw_bins(rng, config) for _ in variants]
    if variants:
        expected = by_hand(network, genome, windowing, EVERY, variants, bins)
        for engine in (TwoPassEngine, IncrementalEngine):
            tracks = range(config.n_tracks)
            found = engine(network, genome, windowing, EVERY, tracks).score(variants, bins=bins)
            assert_near(found, expected)


def test_what_no_variant_changes_is_0_and_costs_nothing(genome):
    config = replace(TINY, num_blocks=1, window_length=4096)
    network = random_checkpoint(config).network().double()
    variant = substitution(genome, "chr1", 9000)
    engine = IncrementalEngine(network, genome, windowing_of(config), CHANGED, range(5))
    first = ((config.crop_bins, config.crop_bins + 1),)
    told = []
    found = engine.score([variant, variant], told.append, [first, first])
    assert engine.products.flops.total == 0
    assert not found.any()
    assert sum(told) == 2


@pytest.fixture(scope="module")
def files(tmp_path_factory, bases, small_model):
    """A genome, genes and variants on two contigs, and their scores in one run."""
    folder = tmp_path_factory.mktemp("files")
    fasta = write_fasta(folder / "genome.fa", {"chr2": bases[::-1], "chr1": bases})
    gtf = hand_gtf(folder / "genes.gtf")
    rows = []
    for contig, of in (("chr1", bases), ("chr2", bases[::-1])):
        for pos in (PLACE + 1, PLACE - 3000, 1000, PLACE + 1):
            ref = of[pos - 1]
            rows.append((contig, pos, ref, "ACGT".replace(ref, "")[0]))
    rows.append(("chr1", PLACE + 2, "N", "A"))
    rows.append(("chr1", PLACE + 5, bases[PLACE + 4 : PLACE + 8], bases[PLACE + 4]))
    vcf = write_vcf(folder / "in.vcf", rows)
    options = ScoreOptions(genes=gtf, statistics=("SAD", "logSED", "REF"))
    made = folder / "scores.parquet"
    summary = score_vcf(vcf, fasta, made, model=small_model, options=options)
    return folder, options, summary


def test_a_row_for_each_allele_and_gene(files):
    folder, _, summary = files
    frame = read_scores(folder / "scores.parquet", ["SAD", "logSED", "REF"])
    assert list(frame.columns[9:14]) == [
        "reason", "gene_id", "gene_name", "gene_strand", "gene_distance",
    ]  # fmt: skip
    first = frame[frame["record"] == 0]
    seen = {gene: (strand, distance) for gene, strand, _, bins, distance in HAND if bins}
    found = zip(first["gene_strand"], first["gene_distance"], strict=True)
    assert dict(zip(first["gene_id"], found, strict=True)) == seen
    assert (first["status"] == "scored").all()
    assert (first["key"] == first["key"].iloc[0]).all()
    # Without a gene there is one row; an allele that is not scored has one too.
    alone = frame[frame["record"].isin([2, *range(4, 8)])]
    assert (alone["status"] == "no_gene").all()
    assert len(alone) == 5
    unscored = frame[frame["record"] == 8]
    assert unscored["status"].tolist() == ["ambiguous_allele"]
    for rows in (alone, unscored):
        assert rows.iloc[:, 10:].isna().all(axis=None)
    assert summary.rows == len(frame)
    assert summary.statuses == frame["status"].value_counts().to_dict()
    # The same variant again has the same rows.
    again = frame[frame["record"] == 3]
    columns = list(frame.columns[10:])
    pd.testing.assert_frame_equal(
        first[columns].reset_index(drop=True), again[columns].reset_index(drop=True)
    )
    made = read_metadata(folder / "scores.parquet")
    assert made["rows"] == len(frame)
    assert made["genes"]["file"] == "genes.gtf"
    assert len(made["genes"]["sha256"]) == 64


def test_scores_of_genes_are_sums_of_their_bins(files, small_model):
    folder, options, _ = files
    two = folder / "two.parquet"
    by_two_passes = replace(options, engine="two-pass")
    if not two.exists():
        score_vcf(
            folder / "in.vcf", folder / "genome.fa", two, model=small_model,
            options=by_two_passes,
        )  # fmt: skip
    found, expected = (read_scores(folder / n, None) for n in ("scores.parquet", "two.parquet"))
    pd.testing.assert_frame_equal(found.iloc[:, :14], expected.iloc[:, :14])
    scores = [
        frame.filter(regex="^(SAD|REF)_").dropna().to_numpy() for frame in (found, expected)
    ]
    assert len(scores[0]) > 20
    assert np.abs(scores[0] - scores[1]).max() < 2e-4 * np.abs(scores[1]).max()


@pytest.mark.parametrize("order", ["input", "genome"])
@pytest.mark.parametrize("dataset", [False, True])
def test_shards_give_the_rows_of_one_run(files, small_model, tmp_path, order, dataset):
    folder, options, _ = files
    vcf, fasta = folder / "in.vcf", folder / "genome.fa"
    plan_shards(vcf, fasta, tmp_path / "plan", shards=3)
    (tmp_path / "scores").mkdir()
    for name in ("0001.parquet", "0002.parquet", "0003.parquet"):
        part = tmp_path / "scores" / name
        score_shard(tmp_path / "plan" / name, fasta, part, model=small_model, options=options)
    merged = tmp_path / ("merged" if dataset else "merged.parquet")
    summary = merge_shards(
        tmp_path / "plan", tmp_path / "scores", merged, order=order, dataset=dataset
    )
    whole, found = read_scores(folder / "scores.parquet", None), read_scores(merged, None)
    if order == "genome":  # contigs as in the FASTA, by POS; genes of an allele stay in order
        rank = whole["chrom"].map({"chr2": 0, "chr1": 1})
        by = whole.assign(rank=rank).sort_values(["rank", "pos", "record"], kind="stable")
        whole = by.drop(columns="rank").reset_index(drop=True)
    pd.testing.assert_frame_equal(found, whole, rtol=1e-3, atol=1e-4)
    assert summary.rows == len(whole)
    assert summary.statuses == whole["status"].value_counts().to_dict()
    part = tmp_path / "scores" / "0002.parquet"
    part.unlink()
    other = hand_gtf(tmp_path / "other.gtf")
    other.write_text(other.read_text() + "\n")
    score_shard(
        tmp_path / "plan" / part.name, fasta, part, model=small_model,
        options=replace(options, genes=other),
    )  # fmt: skip
    with pytest.raises(OutputError, match="was made with other"):
        merge_shards(tmp_path / "plan", tmp_path / "scores", tmp_path / "x.parquet")


def test_a_run_in_parts_is_resumed(files, small_model, tmp_path):
    folder, options, _ = files
    output = tmp_path / "scores.parquet"
    summary = score_resumably(
        folder / "in.vcf", folder / "genome.fa", output, model=small_model, options=options
    )
    whole, found = read_scores(folder / "scores.parquet", None), read_scores(output, None)
    pd.testing.assert_frame_equal(found, whole, rtol=1e-3, atol=1e-4)
    assert summary.rows == len(whole)


def test_annotate_names_the_gene_of_the_strongest_score(files, tmp_path):
    folder, _, _ = files
    frame = read_scores(folder / "scores.parquet", "SAD")
    out = tmp_path / "out.vcf"
    annotate_vcf(folder / "scores.parquet", folder / "in.vcf", out)
    records = [line.split("\t") for line in out.read_text().split("\n") if line[:3] == "chr"]
    for number, columns in enumerate(records):
        rows = frame[frame["record"] == number]
        info = dict(entry.split("=") for entry in columns[7].split(";"))
        sizes = rows.filter(like="SAD_").abs().max(axis=1)
        if sizes.isna().all():
            assert "VARSCORE_GENE" not in info
            continue
        best = rows.loc[sizes.idxmax()]
        assert info["VARSCORE_GENE"] == best["gene_id"]
        assert abs(float(info["VARSCORE_TOP_SAD"])) == pytest.approx(sizes.max(), rel=1e-6)
    table = tmp_path / "out.tsv"
    write_table(folder / "scores.parquet", table)
    written = pd.read_csv(table, sep="\t")
    assert written["GENE"].fillna("").tolist() == frame["gene_id"].fillna("").tolist()


def test_the_command(files, varscore, tmp_path):
    folder, _, _ = files
    out = tmp_path / "o.parquet"
    words = ("score", folder / "in.vcf", "-g", folder / "genome.fa", "-o", out)
    model = "tests/data/weights_keras/model.h5"
    code, _, error = varscore(*words, "--model", model, "--genes", folder / "genes.gtf")
    assert (code, "no_gene" in error) == (0, True)
    found = read_scores(out, "SAD", columns=["gene_id"])
    expected = read_scores(folder / "scores.parquet", "SAD", columns=["gene_id"])
    pd.testing.assert_frame_equal(found, expected, rtol=1e-3, atol=1e-4)
    wrong = ("--model", model, "--genes", folder / "in.vcf", "--force")
    code, out, error = varscore(*words, *wrong)
    assert (code, out) == (1, "")
    assert "genes" in error
    assert error.count("\n") == 1


def test_around_and_genes_exclude_each_other():
    with pytest.raises(OptionError, match="around, genes"):
        ScoreOptions(around=0, genes="a.gtf")


def test_a_gtf_of_real_density(genome, small_model, tmp_path):
    """Every variant has the genes that a loop over all of them finds."""
    gtf = synthetic_gtf(tmp_path / "g.gtf", "chr1", LENGTH, 5)
    genes = read_genes(gtf, genome, ContigNames(genome.lengths), bins="exons")
    config = small_model.config
    windowing = Windowing(config.window_length, config.bin_width)
    for pos in range(1, LENGTH, 997):
        variant = Variant("chr1", pos, "A", "C")
        start = pos - 1 - (config.window_length // 2 - 1)
        expected = {}
        for gene in genes:
            bins = set()
            for low, high in gene.intervals:
                bins |= {(base - start) // config.bin_width for base in range(low, high)}
            kept = bins & set(range(config.crop_bins, config.crop_bins + config.n_bins))
            if kept:
                expected[gene.gene_id] = kept
        found = genes_near(genes, variant, windowing, config)
        assert {
            gene.gene_id: {b for piece in pieces for b in range(*piece)}
            for gene, pieces in found
        } == expected
