"""Coverage of any stretch of a genome, put together of the middles of windows.

Bins lie on one grid for all regions: with the published model's, bin k of a contig is its bases
128 k to 128 k + 127 (0-based). A bin is read off a window in which it is so far from both ends
that they cannot be felt: the window reaches past it, to either side, by all that the model
reads for a bin. So a bin's value is a function of the genome alone; where one window's bins end
and the next one's begin, there is no seam. Windows lie on a grid as well, so that two regions
that share a bin read it off the same window.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from varscore.engines import DEFAULT_MEMORY
from varscore.engines.incremental.schedule.reach import Reach
from varscore.errors import OptionError
from varscore.inputs.genome import ReferenceGenome, parse_region
from varscore.models.config import BasenjiConfig
from varscore.models.model import Model
from varscore.models.registry import load_model
from varscore.results.coverage import Coverage
from varscore.sequence import reverse_complement as opposite
from varscore.variant import Interval

logger = logging.getLogger(__name__)


def predict_region(
    region: str,
    genome: str | Path | ReferenceGenome,
    *,
    model: str | Path | Model = "basenji2",
    tracks: str | Sequence[str] | None = None,
    reverse_complement: bool = False,
    memory: int = DEFAULT_MEMORY,
) -> Coverage:
    """Predict the coverage of a region of a genome, of whatever length.

    It is a function of varscore and no method of a model, because models know no genomes; of
    single windows `Model.predict` does the same.

    Parameters
    ----------
    region : str
        Such as ``chr1`` or ``chr1:1-300000`` (1-based, both ends included).
    genome : str, Path or ReferenceGenome
        FASTA file.
    model : str, Path or Model
    tracks : str or sequence of str, optional
        As ``--tracks``; all if not given.
    reverse_complement : bool
        Average over both strands.
    memory : int
        Bytes that tensors may take, beside the weights.

    Returns
    -------
    Coverage
        Of every bin that holds a base of the region. Bins start at multiples of their width on
        the contig; beyond its ends the model reads N.

    Raises
    ------
    VarscoreError
        If the region, the genome, the model or the tracks cannot be used.

    Examples
    --------
    >>> import varscore
    >>> found = varscore.predict_region("chr1:108000-109000", "hg38.fa", tracks="ENCFF462ZLK")
    >>> found.starts[[0, -1]], found.coverage.shape
    (array([107904, 108928]), (9, 1))
    """
    if not isinstance(genome, ReferenceGenome):
        with ReferenceGenome(genome) as opened:
            return predict_region(
                region,
                opened,
                model=model,
                tracks=tracks,
                reverse_complement=reverse_complement,
                memory=memory,
            )
    predictor = RegionPredictor(
        genome, model, tracks, reverse_complement=reverse_complement, memory=memory
    )
    return Coverage.joined(list(predictor.pieces(parse_region(region, genome))))


def halo_bins(config: BasenjiConfig) -> int:
    """Return how far from a window's ends a bin must be not to feel them, in bins.

    Parameters
    ----------
    config : BasenjiConfig

    Returns
    -------
    int
        Of the published model 215 of the 1,024 bins of a window.

    Raises
    ------
    OptionError
        If no bin is as far.
    """
    reach = Reach(config)
    halo = max(reach.edge + sum(reach.block_reaches), config.crop_bins)
    if 2 * halo >= config.window_bins:
        raise OptionError(
            f"predict: this model reads {halo} bins to either side of one, and its window has "
            f"{config.window_bins}, so that every bin feels the window's ends; give a model "
            "with a longer window, or cut windows of one's own for Model.predict"
        )
    return halo


class RegionPredictor:
    """A genome, a model and tracks: ready to predict one region after another.

    Parameters
    ----------
    genome : ReferenceGenome
    model, tracks, reverse_complement, memory
        As for `predict_region`.

    Attributes
    ----------
    tracks : TrackTable
        Those that are predicted.
    halo : int
        Bins of each window that are not read, at either end.
    step : int
        Bins of each window that are.
    made : dict of str to object
        Model, genome and options, JSON-ready.

    Raises
    ------
    VarscoreError
        If model and tracks do not fit.
    """

    def __init__(
        self,
        genome: ReferenceGenome,
        model: str | Path | Model = "basenji2",
        tracks: str | Sequence[str] | None = None,
        *,
        reverse_complement: bool = False,
        memory: int = DEFAULT_MEMORY,
    ) -> None:
        model = model if isinstance(model, Model) else load_model(model)
        if model.notice:
            logger.warning("%s", model.notice)
        self.tracks = model.tracks.select(tracks)
        self.halo = halo_bins(model.config)
        self.step = model.config.window_bins - 2 * self.halo
        self._genome, self._both = genome, reverse_complement
        network = model.network
        if len(self.tracks) < len(model.tracks):
            network = network.with_tracks(self.tracks.indices)
        self._model = replace(model, network=network, tracks=self.tracks)
        self._at_once = self._model.batch_size(memory)
        self.made = {
            "model": model.metadata,
            "genome": genome.path.name,
            "options": {"tracks": tracks, "reverse_complement": reverse_complement},
        }

    def bins(self, region: Interval) -> tuple[int, int]:
        """Return the first bin that holds a base of a region, and the one behind the last.

        Parameters
        ----------
        region : Interval
            Within its contig.
        """
        width = self._model.config.bin_width
        return region.start // width, -(-region.end // width)

    def whole_bins(self, region: Interval) -> Interval:
        """Return a region widened to the ends of its bins, as far as the contig goes."""
        width = self._model.config.bin_width
        first, behind = self.bins(region)
        end = min(behind * width, self._genome.lengths[region.contig])
        return Interval(region.contig, first * width, end)

    def windows(self, region: Interval) -> int:
        """Return how many windows a region takes."""
        first, behind = self.bins(region)
        return (behind - 1) // self.step - first // self.step + 1

    def pieces(self, region: Interval) -> Iterator[Coverage]:
        """Predict a region.

        Parameters
        ----------
        region : Interval
            Within its contig, and not empty.

        Yields
        ------
        Coverage
            Of some windows, as many as memory has room for; one follows the other.
        """
        first, behind = self.bins(region)
        width, length = self._model.config.bin_width, self._genome.lengths[region.contig]
        tiles = range(first // self.step, (behind - 1) // self.step + 1)
        for place in range(0, len(tiles), self._at_once):
            some = tiles[place : place + self._at_once]
            low, high = max(first, some[0] * self.step), min(behind, (some[-1] + 1) * self.step)
            values = self._predict(region.contig, some)
            starts = width * np.arange(low, high, dtype=np.int64)
            yield Coverage(
                region.contig,
                self.tracks,
                starts,
                np.minimum(starts + width, length),
                values[low - some[0] * self.step : high - some[0] * self.step],
                self.made,
            )

    def _predict(self, contig: str, tiles: Sequence[int]) -> NDArray[np.float32]:
        """Return the coverage of all bins of tiles that follow one another."""
        config = self._model.config
        starts = [(tile * self.step - self.halo) * config.bin_width for tile in tiles]
        windows = [
            self._genome.fetch(Interval(contig, start, start + config.window_length))
            for start in starts
        ]
        coverage = self._model.predict(windows)
        if self._both:
            other = self._model.predict([opposite(window) for window in windows])
            coverage = (coverage + other[:, ::-1]) / np.float32(2)
        inner = self.halo - config.crop_bins
        return coverage[:, inner : inner + self.step].reshape(-1, len(self.tracks))
