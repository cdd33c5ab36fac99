"""Small VCF and FASTA files, weights, and records of results, for tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from varscore.inputs.given import Given, opened
from varscore.inputs.given import read_alleles as given_alleles
from varscore.models.config import BasenjiConfig
from varscore.models.formats.native import write_native
from varscore.models.random import random_checkpoint
from varscore.results.provenance import Arithmetic, GenomeRecord, Provenance
from varscore.variant import Allele

COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
HEADER = f"##fileformat=VCFv4.2\n{COLUMNS}"


def record(*fields: object) -> str:
    """Return the line of a record: (chrom, pos, ref, alt) or (chrom, pos, id, ref, alt)."""
    if len(fields) == 4:
        fields = (*fields[:2], ".", *fields[2:])
    return "\t".join(map(str, (*fields, ".", ".", "."))) + "\n"


def write_vcf(path: Path, rows: Iterable[Iterable[object]], header: str = HEADER) -> Path:
    """Write records, see above, as a VCF; return its path."""
    path.write_text(header + "".join(record(*row) for row in rows))
    return path


def fasta(
    contigs: Mapping[str, str], *, width: int = 70, end: str = "\n", description: str = ""
) -> str:
    """Return the text of a FASTA file with lines of some width, which end as told."""
    lines = []
    for name, bases in contigs.items():
        lines.append(f">{name}{description}")
        lines.extend(bases[i : i + width] for i in range(0, len(bases), width))
    return end.join(lines) + end


def write_fasta(path: Path, contigs: Mapping[str, str]) -> Path:
    """Write contigs as a FASTA file; return its path."""
    path.write_text(fasta(contigs))
    return path


def write_weights(path: Path, window_length: int) -> Path:
    """Write random weights of a tiny model, the quickest to score with; return their path."""
    config = BasenjiConfig(
        window_length=window_length, n_tracks=2, stem_channels=4, tower_channels=(4,),
        num_blocks=2, block_channels=4, head_channels=4, crop_bins=16,
    )  # fmt: skip
    write_native(random_checkpoint(config), path)
    return path


def provenance(**fields):
    """Return the record of a result of no rows, of made-up facts; fields replace them."""
    facts = {
        "model": {"name": "small", "sha256": "0" * 64, "config": {"bins": 96}},
        "genome": GenomeRecord("g.fa", {"chr1": 600}, {}),
        "vcf": "my.vcf",
        "options": {"statistics": ["SAD"], "region": None},
        "engine": Arithmetic(
            "auto", "onednn", "float32", "float32", True, "cpu", "A processor"
        ),
        "torch": "2.0",
        "rows": 0,
        "statuses": {},
        "reasons": {},
    }
    return Provenance(**{**facts, **fields})


def read_alleles(given: Given, **options: int) -> Iterator[Allele]:
    """Yield the alleles of whatever was given, not located."""
    with opened(given) as inputs:
        yield from given_alleles(inputs, **options)


def write_phased(
    path: Path, rows: Iterable[Iterable[object]], samples: int = 1, header: str = ""
) -> Path:
    """Write a VCF with genotypes; of a row, what follows ALT is FORMAT if it names GT.

    Rows are (chrom, pos, ref, alt, GT, GT, ...) or (chrom, pos, ref, alt, "GT:PS", ...).
    """
    lines = ["##fileformat=VCFv4.2\n", header]
    lines += ['##INFO=<ID=END,Number=1,Type=Integer,Description="x">\n']
    for name, kind in (("GT", "String"), ("PS", "Integer")):
        lines.append(f'##FORMAT=<ID={name},Number=1,Type={kind},Description="x">\n')
    lines.append("\t".join([COLUMNS.strip(), "FORMAT", *(f"S{i}" for i in range(samples))]))
    for chrom, pos, ref, alt, *called in rows:
        if "GT" not in str(called[0]):
            called = ["GT", *called]
        info = f"END={pos + 60}" if alt == "<DEL>" else "."
        fields = (chrom, pos, f"rs{pos}", ref, alt, ".", ".", info, *called)
        lines.append("\n" + "\t".join(map(str, fields)))
    path.write_text("".join(lines) + "\n")
    return path
