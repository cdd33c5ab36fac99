"""Haplotypes against plain editing of each sample's chromosomes, and their scores."""

import random
from collections import Counter, defaultdict

import numpy as np
import pytest
import torch
from writers import read_alleles, write_fasta, write_phased

from varscore import load_model, read_scores, score_vcf, write_haplotypes
from varscore.engines.incremental.engine import IncrementalEngine
from varscore.inputs.genome import ReferenceGenome
from varscore.inputs.normalise import locate
from varscore.models.encoding import one_hot
from varscore.models.formats.native import write_native
from varscore.models.random import random_checkpoint
from varscore.statistics import STATISTICS
from varscore.windows import Windowing

SAMPLES = 5


def random_records(rng, bases, n):
    """Make sorted records of all kinds, no two over one base: (pos, ref, alts)."""
    records, pos = [], 5
    for _ in range(n):
        pos += rng.choice((1, 1, 2, 3, 8, 30))
        length = rng.choice((1, 1, 1, 1, 2, 3, 6))
        ref = bases[pos - 1 : pos - 1 + length]
        kinds = [
            "".join(rng.choice("ACGT".replace(b, "")) for b in ref),
            ref[0],
            ref[0] + "".join(rng.choices("ACGT", k=rng.randint(1, 5))) + ref[1:],
            "".join(rng.choices("ACGT", k=rng.randint(1, 4))),
        ]
        alts = list(dict.fromkeys(alt for alt in kinds if alt != ref))
        records.append((pos, ref, rng.sample(alts, rng.randint(1, min(3, len(alts))))))
        pos += length - 1
    return records


def edited(bases, changes):
    """Put each (pos, ref, alt) into a sequence, the last first: the others keep their place."""
    for pos, ref, alt in sorted(changes, reverse=True):
        assert bases[pos - 1 : pos - 1 + len(ref)] == ref
        bases = bases[: pos - 1] + alt + bases[pos - 1 + len(ref) :]
    return bases


def changed(change):
    """Return the first base and the end, 0-based, that a record's allele changes."""
    pos, ref, alt = change
    shared = 0  # at the end first, but one base of each is left
    while shared < min(len(ref), len(alt)) - 1 and ref[-1 - shared] == alt[-1 - shared]:
        shared += 1
    ref, alt = ref[: len(ref) - shared], alt[: len(alt) - shared]
    start = pos - 1
    while min(len(ref), len(alt)) > 1 and ref[0] == alt[0]:
        start, ref, alt = start + 1, ref[1:], alt[1:]
    if len(ref) != len(alt) and ref[0] == alt[0]:
        start, ref = start + 1, ref[1:]
    elif len(ref) != len(alt) and ref[-1] == alt[-1]:
        ref = ref[:-1]
    return start, start + len(ref)


def pieces(changes, span):
    """Return every two or more successive changes within a span that lie within no others."""
    ends = [0]  # one past the last change that fits with those from each on
    for i in range(len(changes)):
        fitting, gained, start = i, 0, changed(changes[i])[0]
        for j in range(i, len(changes)):
            _, ref, alt = changes[j]
            gained += len(alt) - len(ref)
            length = changed(changes[j])[1] - start
            if max(length, length + gained) > span:
                break
            fitting = j + 1
        if fitting > max(i + 1, ends[-1]):
            yield changes[i:fitting]
        ends.append(fitting)


@pytest.mark.parametrize("span", [12, 60, 4000])  # the last is all that a copy carries
def test_every_haplotype_is_what_editing_makes_of_a_chromosome(span, tmp_path):
    rng = random.Random(span)
    bases = "".join(rng.choices("ACGT", weights=(4, 1, 1, 2), k=4000))
    records = random_records(rng, bases, 300)
    assert records[-1][0] < 3900
    called = [
        [
            rng.choices(range(len(alts) + 1), weights=[5, *(3 for _ in alts)])[0]
            for _ in range(2 * SAMPLES)
        ]
        for _, _, alts in records
    ]
    rows = [
        (
            "chr1",
            pos,
            ref,
            ",".join(alts),
            *(f"{a}|{b}" for a, b in zip(gt[::2], gt[1::2], strict=True)),
        )
        for (pos, ref, alts), gt in zip(records, called, strict=True)
    ]
    genome = write_fasta(tmp_path / "g.fa", {"chr1": bases})
    vcf = write_phased(tmp_path / "in.vcf", rows, SAMPLES)
    summary = write_haplotypes(vcf, genome, tmp_path / "out.vcf", max_span=span)
    assert summary.gaps == {}

    copies = [
        [
            (pos, ref, alts[gt[copy] - 1])
            for (pos, ref, alts), gt in zip(records, called, strict=True)
            if gt[copy]
        ]
        for copy in range(2 * SAMPLES)
    ]
    expected, carriers = Counter(), defaultdict(set)
    for copy, changes in enumerate(copies):
        for piece in pieces(changes, span):
            whole = edited(bases, piece)
            expected[whole] += 1
            carriers[whole].add(f"S{copy // 2}")
    undone = expected.pop(bases, 0)
    assert (undone > 0) == ("undone" in summary.unwritten)
    found, positions = Counter(), []
    for line in (tmp_path / "out.vcf").read_text().splitlines():
        if not line.startswith("#"):
            _, pos, _, ref, alt, _, _, info = line.split("\t")
            info = dict(entry.split("=") for entry in info.split(";"))
            whole = edited(bases, [(int(pos), ref, alt)])
            positions.append(int(pos))
            found[whole] += int(info["AC"])
            assert set(info["CARRIERS"].split(",")) <= carriers[whole]
            assert int(info["AN"]) == 2 * SAMPLES
    assert found == expected
    assert positions == sorted(positions)
    assert len(positions) == summary.haplotypes >= 2 * SAMPLES
    if span == len(bases):
        assert set(found) == {edited(bases, changes) for changes in copies}


def test_a_compound_is_two_passes_over_edited_sequence(tmp_path):
    from test_incremental import TINY

    bases = "".join(random.Random(3).choices("ACGT", k=6000))
    genome = write_fasta(tmp_path / "g.fa", {"chr1": bases})
    changes = [(p, bases[p - 1], "C" if bases[p - 1] == "A" else "A") for p in (2901, 3101)]
    rows = [("chr1", *change, "0|1") for change in changes]
    vcf = write_phased(tmp_path / "in.vcf", rows)
    write_haplotypes(vcf, genome, tmp_path / "h.vcf", with_parts=True)

    # The window of 2,048 bases has the first changed base at its base 1,023.
    start = 2900 - 1023
    whole = edited(bases, changes)
    windows = [text[start : start + 2048] for text in (bases, whole)]
    checkpoint = random_checkpoint(TINY)
    network = checkpoint.network().double()
    with torch.inference_mode():
        ref, alt = network(one_hot(windows).double())
    expected = (alt - ref).sum(dim=-2 if alt.shape[-1] == TINY.n_tracks else -1).numpy()

    with ReferenceGenome(genome) as reference:
        alleles = [locate(allele, reference) for allele in read_alleles(tmp_path / "h.vcf")]
        engine = IncrementalEngine(
            network,
            reference,
            Windowing(2048, TINY.bin_width),
            [STATISTICS["SAD"]],
            range(5),
        )
        found = engine.score([allele.variant for allele in alleles])[:, 0]
    place = next(i for i, allele in enumerate(alleles) if allele.id.startswith("HAP_"))
    assert np.allclose(found[place], expected, rtol=1e-9, atol=0)
    parts = found[[i for i in range(3) if i != place]].sum(axis=0)
    assert not np.allclose(found[place], parts, rtol=1e-9, atol=0)

    # The command's own numbers, in float32.
    write_native(checkpoint, tmp_path / "tiny.safetensors")
    model = load_model(tmp_path / "tiny.safetensors", device="cpu")
    score_vcf(
        tmp_path / "h.vcf",
        genome,
        tmp_path / "s.parquet",
        model=model,
        engine="two-pass",
        max_allele_length=500,
    )
    table = read_scores(tmp_path / "s.parquet")
    row = table[table["id"].str.startswith("HAP_")].filter(like="SAD_").to_numpy()[0]
    assert np.allclose(row, expected, rtol=1e-3, atol=1e-6)
    assert set(table["status"]) == {"scored"}
