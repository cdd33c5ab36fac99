"""Coverage of regions, or of sequences, as files: a table, and a bigWig file a track."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from varscore.engines import DEFAULT_MEMORY
from varscore.inputs.genome import ReferenceGenome
from varscore.inputs.regions import target_fasta, target_regions
from varscore.models.model import Model
from varscore.prediction.region import RegionPredictor
from varscore.progress import VariantProgress
from varscore.results.bigwig import write_bigwigs
from varscore.results.bins import BinFile, BinRecord
from varscore.results.folder import OutputFolder, check_folder
from varscore.results.names import safe_names
from varscore.variant import Interval

TABLE = "coverage.parquet"


def write_coverage(
    target: str,
    genome: str | Path | None,
    output: str | Path,
    *,
    model: str | Path | Model = "basenji2",
    tracks: str | Sequence[str] | None = None,
    reverse_complement: bool = False,
    force: bool = False,
    memory: int = DEFAULT_MEMORY,
) -> str:
    """Predict the coverage of regions or sequences, and write it.

    Parameters
    ----------
    target : str
        A region such as ``chr1:1-300000`` (1-based, both ends included), or a BED file; without
        a genome a FASTA file, all of whose sequences are predicted.
    genome : str or Path, optional
        FASTA file.
    output : str or Path
        Folder to write. In it are ``coverage.parquet``, a row a bin, a bigWig file
        ``<track>.bw`` a track, and ``contents.json``.
    model, tracks, reverse_complement, memory
        As for `predict_region`.
    force : bool
        Replace a folder that this function wrote.

    Returns
    -------
    str
        What was written, in words.

    Raises
    ------
    VarscoreError
        If the input, the model or the tracks cannot be used.
    """
    check_folder(output, force=force)
    with ExitStack() as stack:
        reference = stack.enter_context(ReferenceGenome(target_fasta(target, genome)))
        predictor = RegionPredictor(
            reference, model, tracks, reverse_complement=reverse_complement, memory=memory
        )
        regions = merged(target_regions(target, genome, reference), predictor)
        made = {**predictor.made, "regions": [list(region) for region in regions]}
        windows = sum(predictor.windows(region) for region in regions)
        folder = stack.enter_context(OutputFolder(output, force=force))
        progress = stack.enter_context(
            VariantProgress(Path(output).name, windows, unit="windows")
        )
        bins = 0
        with BinFile(folder.path / TABLE, ["coverage"], predictor.tracks) as file:
            for region in regions:
                for piece in predictor.pieces(region):
                    file.write(piece.contig, piece.starts, piece.ends, piece.coverage)
                    bins += len(piece.starts)
                    progress(-(-len(piece.starts) // predictor.step))
            file.commit(BinRecord("coverage", made))
        names = predictor.tracks.identifiers
        paths = {
            f"coverage_{identifier}": folder.path / f"{name}.bw"
            for identifier, name in zip(names, safe_names(names), strict=True)
        }
        write_bigwigs(folder.path / TABLE, paths, reference.lengths)
        folder.commit("coverage", made)
    return f"{bins:,} bins of {len(names):,} tracks"


def merged(regions: Iterable[Interval], predictor: RegionPredictor) -> list[Interval]:
    """Return regions, widened to whole bins, in the order that bigWig files ask for.

    Parameters
    ----------
    regions : iterable of Interval
        In any order; those that share a bin, or touch, become one.
    predictor : RegionPredictor
        Which knows the bins.

    Returns
    -------
    list of Interval
        By the contigs' names, then by position.
    """
    found: list[Interval] = []
    for region in sorted(map(predictor.whole_bins, regions)):
        if found and found[-1].contig == region.contig and region.start <= found[-1].end:
            end = max(found[-1].end, region.end)
            found[-1] = found[-1]._replace(end=end)
        else:
            found.append(region)
    return found
