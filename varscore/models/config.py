"""The numbers that make one model of the Basenji2 family; imports no torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, get_args

from varscore.options import Activation

# Of each number the least and the most that are taken for a model's: larger ones are damage,
# and would take memory or time before they were found to fit no weights.
_CHANNELS = (1, 1 << 16)
_LARGEST = {
    "window_length": (2, 1 << 24),
    "n_tracks": (1, 1 << 20),
    "stem_channels": _CHANNELS,
    "stem_kernel_size": (1, 4095),
    "tower_kernel_size": (1, 4095),
    "num_blocks": (0, 1000),
    "block_channels": _CHANNELS,
    "block_kernel_size": (1, 4095),
    "crop_bins": (0, 1 << 24),
    "head_channels": _CHANNELS,
}
_MOST_LAYERS = 20
_MOST_DILATED = 1000


@dataclass(frozen=True)
class BasenjiConfig:
    """One model of the Basenji2 family; the defaults are the published human model.

    Attributes
    ----------
    window_length : int
        Bases of DNA that the model reads, L.
    n_tracks : int
        Tracks that it predicts, T.
    stem_channels, stem_kernel_size : int
        The first convolution.
    tower_channels : tuple of int
        Output channels of each convolution of the tower. The stem and each of these pool by
        two, so a bin has ``2 ** (1 + len(tower_channels))`` bases.
    tower_kernel_size : int
    num_blocks, block_channels, block_kernel_size : int
        Dilated residual blocks and the channels of their bottleneck.
    dilation_rate : float
        Each block's dilation is the one before times this.
    round_dilation : bool
        Whether the product is rounded (half to even) before it is carried on; what the
        convolution gets is always rounded.
    crop_bins : int
        Bins dropped at each end after the blocks.
    head_channels : int
    activation : {"gelu_new", "quick_gelu"}
        GELU in its tanh form, or x * sigmoid(1.702 x).
    batch_norm_eps : float

    Raises
    ------
    ValueError
        If the numbers do not fit together.
    """

    window_length: int = 131_072
    n_tracks: int = 5_313
    stem_channels: int = 288
    stem_kernel_size: int = 15
    tower_channels: tuple[int, ...] = (339, 399, 470, 554, 652, 768)
    tower_kernel_size: int = 5
    num_blocks: int = 11
    block_channels: int = 384
    block_kernel_size: int = 3
    dilation_rate: float = 1.5
    round_dilation: bool = True
    crop_bins: int = 64
    head_channels: int = 1_536
    activation: Activation = "gelu_new"
    batch_norm_eps: float = 1e-3

    def __post_init__(self) -> None:
        object.__setattr__(self, "tower_channels", tuple(self.tower_channels))
        self._check_ranges()
        if self.activation not in get_args(Activation):
            raise ValueError(
                f"activation is {self.activation!r}, not one of {get_args(Activation)}"
            )
        for name in ("stem_kernel_size", "tower_kernel_size", "block_kernel_size"):
            if getattr(self, name) % 2 == 0:
                raise ValueError(f"{name} is {getattr(self, name)}; only odd sizes are centred")
        if self.window_length % (2 * self.bin_width):
            raise ValueError(
                f"window_length {self.window_length} is not a multiple of two bins "
                f"of {self.bin_width}"
            )
        if self.n_bins < 1:
            raise ValueError(
                f"crop_bins {self.crop_bins} leaves no bin of {self.window_bins}, as so many "
                "are dropped at either end; the least window_length is "
                f"{2 * (self.crop_bins + 1) * self.bin_width}"
            )
        rate = 1.0  # whether dilations fit is asked of them one by one: they may grow for ever
        for block in range(self.num_blocks):
            if rate > self.window_bins:
                raise ValueError(
                    f"block {block + 1} of {self.num_blocks} has a dilation of {rate:g} bins, "
                    f"more than the window's {self.window_bins}"
                )
            rate = self._next_rate(rate)

    def _check_ranges(self) -> None:
        """Refuse numbers that no model has, before anything is made of their size."""
        values = {name: [getattr(self, name)] for name in _LARGEST}
        for name, numbers in (values | {"tower_channels": self.tower_channels}).items():
            least, most = _LARGEST.get(name, _CHANNELS)
            for number in numbers:
                if type(number) is not int or not least <= number <= most:
                    raise ValueError(
                        f"{name} has {number!r}; expected a whole number from {least} to "
                        f"{most:,}"
                    )
        if len(self.tower_channels) > _MOST_LAYERS:
            raise ValueError(
                f"tower_channels has {len(self.tower_channels)} numbers; expected at most "
                f"{_MOST_LAYERS}"
            )
        if not 1 <= float(self.dilation_rate) <= _MOST_DILATED:
            raise ValueError(
                f"dilation_rate is {self.dilation_rate!r}; expected 1 to {_MOST_DILATED}"
            )
        if not 0 < float(self.batch_norm_eps) < 1:
            raise ValueError(f"batch_norm_eps is {self.batch_norm_eps!r}; expected 0 to 1")

    @property
    def bin_width(self) -> int:
        """Bases in a bin."""
        return int(2 ** (1 + len(self.tower_channels)))

    @property
    def window_bins(self) -> int:
        """Bins in a window, before the crop."""
        return self.window_length // self.bin_width

    @property
    def n_bins(self) -> int:
        """Bins that are predicted, N, after the crop."""
        return self.window_bins - 2 * self.crop_bins

    @property
    def trunk_channels(self) -> int:
        """Channels after the trunk, and between the blocks."""
        return self.tower_channels[-1] if self.tower_channels else self.stem_channels

    @property
    def dilations(self) -> tuple[int, ...]:
        """Dilation of each residual block, in bins."""
        dilations, rate = [], 1.0
        for _ in range(self.num_blocks):
            dilations.append(round(rate))
            rate = self._next_rate(rate)
        return tuple(dilations)

    def _next_rate(self, rate: float) -> float:
        rate *= self.dilation_rate
        return round(rate) if self.round_dilation else rate

    @property
    def activation_bytes(self) -> int:
        """Memory that one window takes on its way through the network, float32, in bytes.

        The widest place is the stem: its output, the batch norm or activation of it, and
        half of that again after the pool.
        """
        return 4 * max(
            3 * self.stem_channels * self.window_length, 3 * self.n_bins * self.n_tracks
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values."""
        return {**asdict(self), "tower_channels": list(self.tower_channels)}
