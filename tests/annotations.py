"""Small GTF files for tests, by hand and at random."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

GENES_PER_BASE = 1400 / 64_444_167  # GENCODE 44 on chr20


def gtf_row(
    contig: str, feature: str, first: int, last: int, strand: str, *attributes: str
) -> str:
    """Return a line of GTF; positions are 1-based, both included."""
    columns = (contig, "test", feature, first, last, ".", strand, ".", "; ".join(attributes))
    return "\t".join(map(str, columns)) + ";\n"


def synthetic_gtf(path: Path, contig: str, length: int, seed: int) -> Path:
    """Write a GTF in GENCODE's style, as dense as GENCODE 44 is on chr20.

    Parameters
    ----------
    path : Path
    contig : str
        Its name.
    length : int
        Its bases; genes lie within them, may overlap, and have five transcripts on average.
    seed : int

    Returns
    -------
    Path
        `path`.
    """
    rng = random.Random(seed)
    lines = ["##format: gtf\n"]
    for gene in range(1, round(length * GENES_PER_BASE) + 1):
        size = min(int(10 ** rng.uniform(2.5, 5)), length // 2)
        first = rng.randint(1, length - size)
        strand = rng.choice("+-")
        own = (f'gene_id "ENSG{gene:011d}.{rng.randint(1, 20)}"', f'gene_name "G{gene}"')
        transcripts = []
        for number in range(1, rng.randint(1, 9) + 1):
            cuts = sorted(rng.sample(range(first, first + size), 2 * rng.randint(1, 8)))
            transcripts.append((f"ENST{gene:08d}{number:03d}.1", cuts))
        ends = [position for _, cuts in transcripts for position in cuts]
        lines.append(gtf_row(contig, "gene", min(ends), max(ends), strand, *own, "level 2"))
        for name, cuts in transcripts:
            lines += _transcript(contig, name, cuts, strand, own)
    path.write_text("".join(lines))
    return path


def _transcript(
    contig: str, name: str, cuts: Sequence[int], strand: str, own: tuple[str, str]
) -> list[str]:
    more = (own[0], f'transcript_id "{name}"', *own[1:])
    tags = ("level 2", 'tag "basic"', 'tag "CCDS"')
    lines = [gtf_row(contig, "transcript", cuts[0], cuts[-1], strand, *more, *tags)]
    for number, (first, last) in enumerate(zip(cuts[::2], cuts[1::2], strict=True), 1):
        exon = (*more, f"exon_number {number}", *tags)
        lines.append(gtf_row(contig, "exon", first, last, strand, *exon))
        lines.append(gtf_row(contig, "CDS", first, last, strand, *exon))
    return lines
