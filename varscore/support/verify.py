"""Whether a result is what its model, genome and variants give, and nobody changed it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from varscore.engines import DEFAULT_MEMORY
from varscore.files.digest import sha256
from varscore.inputs.alleles import AlleleSource
from varscore.inputs.genome import ReferenceGenome
from varscore.inputs.given import Given
from varscore.meaning.conditions import in_words
from varscore.models.model import Model
from varscore.models.tracks import TrackTable
from varscore.options import ScoreOptions
from varscore.results.inspection import AlleleRow, Inspection, allele_rows, inspect
from varscore.results.provenance import Provenance
from varscore.support.again import differences_again
from varscore.variant import Allele

_MOST_SAID = 10
# Options that are, or may be, names of files, which may lie elsewhere by now.
_FILES = ("genes", "background", "groups", "contigs", "regions", "tracks")


@dataclass
class Verdict:
    """What became of a verification.

    Attributes
    ----------
    held : list of str
        What was found to be as it should, a sentence each.
    differences : list of str
        What is not.
    """

    held: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    def add(self, held: str, differences: Iterable[str]) -> bool:
        """Note what was looked at; tell whether it is as it should be."""
        found = list(differences)
        self.differences += found[:_MOST_SAID]
        if more := found[_MOST_SAID:]:
            self.differences.append(f"and {len(more):,} more of this kind")
        if not found:
            self.held.append(held)
        return not found


def verify(
    scores: str | Path,
    genome: str | Path,
    model: Model,
    *,
    vcf: Given | None = None,
    rows: int = 20,
    seed: int = 0,
    memory: int = DEFAULT_MEMORY,
    options: Mapping[str, Any] | None = None,
) -> Verdict:
    """Hold a result against what it was made of, and compute some rows again.

    Parameters
    ----------
    scores : str or Path
        A file that varscore wrote, or a folder of such files.
    genome : str or Path
        The FASTA.
    model : Model
    vcf : Given, optional
        What was scored, as for `varscore.score_vcf`; if given, every row is held against it.
    rows : int
        How many rows to compute again, chosen at random.
    seed : int
        The same seed chooses the same rows.
    memory : int
        Bytes that the engine's tensors may take.
    options : mapping of str to object, optional
        Options, as of `ScoreOptions`, that the result ought to have been made with. Where they
        are names of files, that is where these are now.

    Returns
    -------
    Verdict
        First of the file's own digests, then of genome, model and options; where these are the
        result's, of the VCF and of the scores.

    Raises
    ------
    VarscoreError
        If the result is none, or what it is to be held against cannot be read.
    """
    verdict = Verdict()
    found = inspect(scores, rows=rows, seed=seed)
    verdict.add(f"{found.rows:,} rows, as they were written", found.differences)
    with ReferenceGenome(genome) as reference:
        same = verdict.add(*_genome(found.made, reference))
        same &= verdict.add(*_model(found.made, model))
        recorded = _recorded(found.made)
        chosen = replace(recorded, **(options or {}))
        same &= verdict.add(*_options(found.made, recorded, chosen, options or {}))
        beyond = _beyond(found.tracks, model)
        verdict.differences.extend(beyond)
        if not same or beyond:
            verdict.differences.append(
                "not computed again, as genome, model or options are others: scores"
            )
            return verdict
        wanted = {(row.record, row.allele): row for row in found.sampled}
        if vcf is None:
            alleles = _relocated(found, reference, chosen)
            looked = f"{len(wanted):,} alleles at random, as the genome has them"
            verdict.add(looked, _rows_differ(wanted, alleles))
        else:
            with AlleleSource(vcf, reference, chosen, folder=Path(scores).parent) as source:
                alleles, differences = _from_vcf(found, scores, source, wanted)
            verdict.add(f"{source.name}: a row for each allele, as it is there", differences)
        if found.tracks is not None:  # by the names that they have there, of whatever table
            chosen, model = replace(chosen, tracks=None), replace(model, tracks=found.tracks)
        looked = f"{len(found.sample):,} rows at random (seed {seed}), computed again"
        again = differences_again(found, alleles, reference, model, chosen, memory)
        verdict.add(looked, again)
    return verdict


def _beyond(tracks: TrackTable | None, model: Model) -> list[str]:
    """Return which tracks of a result no model of so many can have."""
    there = model.config.n_tracks
    named = zip(tracks.identifiers, tracks.indices, strict=True) if tracks is not None else ()
    return [
        f"track {name}: is said to be number {index} of the model's, which has {there:,} from 0"
        for name, index in named
        if not 0 <= index < there
    ]


def _genome(made: Provenance, genome: ReferenceGenome) -> tuple[str, list[str]]:
    said = list[str]()
    for contig, digest in made.genome.m5.items():
        if contig not in genome.lengths:
            said.append(f"genome {genome.path.name}: has no contig {contig}")
        elif genome.digest([contig])[contig] != digest:
            said.append(f"genome {genome.path.name}: contig {contig} has other bases")
    for contig, length in made.genome.contigs.items():
        here = genome.lengths.get(contig)
        if contig not in made.genome.m5 and here != length:
            said.append(
                f"genome {genome.path.name}: contig {contig} has {length:,} bases in the "
                f"result's, {'none' if here is None else f'{here:,}'} here"
            )
    count = len(made.genome.m5)
    contigs = f"{count:,} contig{'' if count == 1 else 's'}"
    return f"genome {genome.path.name}: the bases of {contigs} with variants", said


def _model(made: Provenance, model: Model) -> tuple[str, list[str]]:
    was: Mapping[str, Any] = made.model or {}
    said = [
        f"model {model.name}: {name} is {in_words(model.metadata.get(key))}, and was "
        f"{in_words(was.get(key))}"
        for key, name in (("sha256", "its digest"), ("activation", "the activation"))
        if was.get(key) != model.metadata.get(key)
    ]
    if not said and was.get("config") != model.metadata.get("config"):
        said = [f"model {model.name}: its architecture is another"]
    return f"model {model.name}: the weights", said


def _recorded(made: Provenance) -> ScoreOptions:
    known = {field.name for field in fields(ScoreOptions)}
    return ScoreOptions(**{name: v for name, v in made.options.items() if name in known})


def _options(
    made: Provenance, recorded: ScoreOptions, chosen: ScoreOptions, given: Mapping[str, Any]
) -> tuple[str, list[str]]:
    said = [
        f"option {name}: is {in_words(getattr(recorded, name))} in the result, "
        f"{in_words(getattr(chosen, name))} asked for"
        for name in given
        if name not in _FILES and getattr(recorded, name) != getattr(chosen, name)
    ]
    digests = {
        "genes": made.genes and made.genes.sha256,
        "background": made.background and made.background.sha256,
    }
    for name, digest in digests.items():
        path = getattr(chosen, name)
        if None not in (digest, path) and Path(path).is_file() and sha256(path) != digest:
            said.append(f"option {name}: {path} is another file than the result's")
    return "options, as the record has them", said


def _relocated(
    found: Inspection, genome: ReferenceGenome, options: ScoreOptions
) -> list[Allele]:
    """Locate the sample's alleles again, from what the result says that they are."""
    rows = found.sampled
    if not rows:
        return []
    # Which records were left out is settled; the rest is about each allele alone.
    alone = replace(options, region=None, regions=None)
    with AlleleSource(found.frame(), genome, alone) as alleles:
        return [
            allele._replace(record=row.record, allele=row.allele)
            for allele, row in zip(alleles, rows, strict=True)
        ]


def _from_vcf(
    found: Inspection,
    scores: str | Path,
    source: AlleleSource,
    wanted: Mapping[tuple[int, int], AlleleRow],
) -> tuple[list[Allele], list[str]]:
    """Hold every row against a VCF's alleles; return those of the sample, and what differs."""
    rows: Iterable[AlleleRow] = allele_rows(scores)
    if not found.in_order:
        rows = sorted(rows, key=lambda row: (row.record, row.allele))
    sample = list[Allele]()

    def seen() -> Iterator[AlleleRow]:
        for allele in source:
            if (allele.record, allele.allele) in wanted:
                sample.append(allele)
            yield AlleleRow.of(allele)

    return sample, list(_walk(iter(rows), seen(), source.name))


def _walk(rows: Iterator[AlleleRow], alleles: Iterator[AlleleRow], vcf: str) -> Iterator[str]:
    """Go through rows and alleles, both in the order of their records."""

    def place(one: AlleleRow | None) -> tuple[float, float]:
        return (math.inf, 0) if one is None else (one.record, one.allele)

    row, allele = next(rows, None), next(alleles, None)
    while row is not None or allele is not None:
        here, there = place(row), place(allele)
        if allele is None or here < there:
            yield f"{row}: has a row, and is no allele of {vcf}"
        elif row is None or here > there:
            yield f"{allele}: is an allele of {vcf}, and has no row"
        else:
            yield from _differs(row, allele, vcf)
        row = next(rows, None) if here <= there else row
        allele = next(alleles, None) if here >= there else allele


def _differs(row: AlleleRow, other: AlleleRow, where: str) -> Iterator[str]:
    for name in row._fields:
        here, there = getattr(row, name), getattr(other, name)
        if here != there:
            yield f"{row}: {name} is {here} in the result, {there} by {where}"
            return


def _rows_differ(
    wanted: Mapping[tuple[int, int], AlleleRow], alleles: Iterable[Allele]
) -> Iterator[str]:
    for allele in alleles:
        row = wanted[allele.record, allele.allele]
        yield from _differs(row, AlleleRow.of(allele), "the genome")
