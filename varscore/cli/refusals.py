"""What can be refused at once, before torch is imported and a model loaded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from varscore.errors import ModelError, OptionError, OutputError
from varscore.options import ModelOptions, ScoreOptions
from varscore.results.summary import check_summary
from varscore.results.target import check_result_target


def refuse_early(
    genome: Path,
    options: ScoreOptions,
    *,
    vcf: Sequence[str] | None = None,
    shard: Path | None = None,
    output: Path | None = None,
    summary: Path | None = None,
    force: bool = False,
    model: ModelOptions | None = None,
) -> None:
    """Look at what was given, as far as that is quick.

    From then on the process is without htslib's own messages.

    Parameters
    ----------
    genome : Path
        FASTA file; an index is made if it has none.
    options : ScoreOptions
    vcf : sequence of str, optional
        What is to be scored: files, variants, or ``-`` for standard input.
    shard : Path, optional
        In place of `vcf`.
    output : Path, optional
        File to be written, with its summary beside it.
    summary : Path, optional
        Where that is to be written instead.
    force : bool
        Whether an existing output may be replaced.
    model : ModelOptions, optional
        The model that is to be loaded.

    Raises
    ------
    VarscoreError
        For the first thing that cannot be used.
    """
    if output is not None:
        check_result_target(output, force=force)
        check_summary(output, path=summary, force=force)
    if shard is not None and not shard.is_file():
        raise OutputError(f"{shard}: no such file; give a table that `varscore plan` wrote")
    if model is not None:
        check_model(model)
    if options.tracks is not None:
        _check_tracks(options.tracks, model)
    if options.groups is not None:
        _check_groups(options.groups)
    if options.background is not None:
        check_background(options.background)
    from varscore.inputs.htslib import silence

    silence()
    if vcf:
        from varscore.inputs.given import check_given

        check_given(vcf)
    _check_genome(genome, options)


def check_model(model: ModelOptions) -> None:
    """Look whether the files of a model are there, and read its track table, if one is given.

    Raises
    ------
    VarscoreError
        For the first that cannot be used.
    """
    from varscore.models.cache import find_model
    from varscore.models.tracks import TrackTable

    find_model(model.model)
    if model.params is not None and not Path(model.params).is_file():
        raise ModelError(f"params {model.params}: no such file; give the architecture's JSON")
    if model.track_table is not None:
        TrackTable.read(model.track_table)


def check_background(path: str | Path) -> None:
    """Refuse a background that is not there.

    Raises
    ------
    OptionError
        If there is no such file.
    """
    if not Path(path).is_file():
        raise OptionError(
            f"background: {path}: no such file; make one with `varscore background build`"
        )


def _check_tracks(wanted: str | Sequence[str], model: ModelOptions | None) -> None:
    """Choose the tracks, if it can be told which there are; else look at the choice alone."""
    from varscore.models.catalogue import catalogued, find_tracks
    from varscore.models.selection import check_wanted
    from varscore.models.tracks import TrackTable

    table = None
    if model is not None and model.track_table is not None:
        table = catalogued(TrackTable.read(model.track_table))
    elif model is not None:
        table = find_tracks(model.model)
    if table is None:
        check_wanted(wanted)
    else:
        table.select(wanted)


def _check_groups(groups: str) -> None:
    """Refuse what can be neither columns of a track table nor a file."""
    if re.search(r"[/\\.]", groups) and not Path(groups).is_file():
        raise OptionError(
            f"groups: {groups}: no such file; give columns of the track table, such as tissue, "
            "or a file of identifiers and groups"
        )


def _check_genome(genome: Path, options: ScoreOptions) -> None:
    from varscore.inputs.contigs import ContigNames, read_contig_table
    from varscore.inputs.genome import ReferenceGenome
    from varscore.inputs.regions import chosen_regions

    with ReferenceGenome(genome) as reference:
        names = reference.names
        if options.contigs is not None:
            table = read_contig_table(options.contigs, reference.lengths)
            names = ContigNames(reference.lengths, table=table)
        chosen_regions(options, reference, names)
    if options.genes is not None:
        from varscore.inputs.genes import check_genes

        check_genes(Path(options.genes))
