"""The architecture file of the original repository: its JSON to a config and back.

The file lists the layers of the ``trunk`` and one or more heads, each as the name of a
block and its arguments; arguments of the whole model are defaults for every block. What is
listed here is what the original code does at inference; everything else is refused by
name, for it would change the arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from varscore.errors import ModelError
from varscore.models.config import BasenjiConfig
from varscore.models.files import read_json
from varscore.options import Activation

BATCH_NORM_EPS = 1e-3  # Keras' default, which the original code never changes
_MOST_REPEATED = 20  # each halves the bins
# Arguments that act in training only, or only restate what the trunk says.
_IGNORED = {
    "augment_rc", "augment_shift", "bn_momentum", "dropout", "kernel_initializer", "l1_scale",
    "l2_scale", "norm_gamma", "target_length", "verbose",
}  # fmt: skip
# Arguments with the values that the architecture has; None is Keras' or the code's default.
_FIXED: dict[str, tuple[Any, ...]] = {
    "activation": ("gelu",),
    "norm_type": ("batch", "batch-sync"),
    "activation_end": (None,),
    "conv_type": ("standard",),
    "dilation_rate": (1,),
    "padding": ("same",),
    "pool_type": ("max",),
    "residual": (False,),
    "seq_depth": (4,),
    "strand_pair": ([],),
    "stride": (1,),
}


@dataclass(frozen=True)
class KerasParams:
    """An architecture file, read.

    Attributes
    ----------
    config : BasenjiConfig
    heads : tuple of str
        Names of all heads in the file, in its order.
    head : int
        Which of them `config` has the tracks of.
    """

    config: BasenjiConfig
    heads: tuple[str, ...]
    head: int


def read_params(
    path: Path, activation: Activation = "gelu_new", head: str | None = None
) -> KerasParams:
    """Read an architecture file.

    Parameters
    ----------
    path : path
    activation : {"gelu_new", "quick_gelu"}
        What "gelu" in the file stands for: the file does not say.
    head : str or None
        Name of the head to use, such as "human" or "head_human", where there are several.

    Raises
    ------
    ModelError
        If the file is absent or describes something else than a Basenji2; what is not
        supported is named.
    """
    where = f"params {path}"
    model = read_json(path).get("model")
    if not isinstance(model, dict) or not isinstance(model.get("trunk"), list):
        raise ModelError(f"{where}: expected an object 'model' with a list 'trunk'")
    heads = {name: value for name, value in model.items() if name.startswith("head")}
    common = {
        k: v for k, v in model.items() if k not in heads and k not in ("trunk", "seq_length")
    }
    # Files of before 2020 say "batch_norm": true where later ones say "norm_type": "batch".
    if common.pop("batch_norm", False) is True:
        common.setdefault("norm_type", "batch")
    _refuse(where, "model", common, set())
    for name, default in (("activation", "relu"), ("norm_type", None)):
        if name not in common:
            raise ModelError(
                f"{where}: model has no {name!r}, which means {default!r}; "
                f"varscore supports {_supported(name)}"
            )
    names = tuple(heads)
    chosen = _choose_head(where, names, head)
    try:
        arguments = _trunk(where, model["trunk"])
        arguments["n_tracks"] = _head_units(where, names[chosen], heads[names[chosen]])
        arguments["window_length"] = int(model["seq_length"])
        config = BasenjiConfig(
            activation=activation, batch_norm_eps=BATCH_NORM_EPS, **arguments
        )
    except KeyError as error:
        raise ModelError(f"{where}: {error} is missing") from error
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ModelError(f"{where}: {error}") from error
    return KerasParams(config, names, chosen)


def format_params(config: BasenjiConfig) -> dict[str, Any]:
    """Return what the original code would build this architecture from."""

    def block(filters: int, kernel_size: int) -> dict[str, Any]:
        return {
            "name": "conv_block", "filters": filters, "kernel_size": kernel_size, "pool_size": 2
        }  # fmt: skip

    residual = {
        "name": "dilated_residual",
        "filters": config.block_channels,
        "kernel_size": config.block_kernel_size,
        "rate_mult": config.dilation_rate,
        "repeat": config.num_blocks,
        "round": config.round_dilation,
    }
    model = {
        "seq_length": config.window_length,
        "target_length": config.window_bins,
        "activation": "gelu",
        "norm_type": "batch",
        "trunk": [
            block(config.stem_channels, config.stem_kernel_size),
            *(block(channels, config.tower_kernel_size) for channels in config.tower_channels),
            residual,
            {"name": "Cropping1D", "cropping": config.crop_bins},
            {"name": "conv_block", "filters": config.head_channels},
        ],
        "head": {"name": "final", "units": config.n_tracks, "activation": "softplus"},
    }
    return {"model": model}


def _supported(name: str) -> str:
    return " or ".join(repr(value) for value in _FIXED[name])


def _refuse(where: str, owner: str, block: Mapping[str, Any], known: set[str]) -> None:
    """Refuse a block's arguments that this architecture has no room for."""
    for name, value in block.items():
        if name in _FIXED and name not in known:
            if value not in _FIXED[name]:
                raise ModelError(
                    f"{where}: {owner} has {name} {value!r}; "
                    f"varscore supports {_supported(name)}"
                )
        elif name not in known | _IGNORED:
            raise ModelError(f"{where}: {owner} has {name!r}, which varscore does not support")


def _choose_head(where: str, names: tuple[str, ...], wanted: str | None) -> int:
    if not names:
        raise ModelError(f"{where}: model has no head")
    if wanted is None and len(names) == 1:
        return 0
    for name in (wanted, f"head_{wanted}"):
        if name in names:
            return names.index(name)
    raise ModelError(
        f"{where}: it has the heads {', '.join(names)}"
        + ("; say which one is meant" if wanted is None else f", but no {wanted!r}")
    )


def _head_units(where: str, name: str, head: Any) -> int:
    # A head may be a list of blocks; those of Basenji2 are one dense layer each.
    block = head[0] if isinstance(head, list) and len(head) == 1 else head
    if not isinstance(block, dict) or block.get("name") not in ("dense", "final"):
        raise ModelError(f"{where}: {name} is {head!r}; expected one 'final' or 'dense' layer")
    _refuse(where, name, block, {"name", "units", "activation"})
    if block.get("activation") != "softplus":
        raise ModelError(
            f"{where}: {name} has activation {block.get('activation')!r}; "
            "varscore supports 'softplus'"
        )
    return int(block["units"])


def _trunk(where: str, layers: list[Any]) -> dict[str, Any]:
    """Read the layers: pooling convolutions, blocks, a crop, a pointwise convolution."""
    arguments: dict[str, Any] = {"num_blocks": 0, "crop_bins": 0}
    pooled: list[tuple[int, int]] = []  # (channels, kernel size)
    stage = 0  # 0 pooling convolutions, 1 after the blocks, 2 after the crop, 3 after the head
    for number, layer in enumerate(layers, start=1):
        if not isinstance(layer, dict) or "name" not in layer:
            raise ModelError(f"{where}: trunk layer {number} is {layer!r}; it needs a 'name'")
        kind = layer["name"]
        owner = f"trunk layer {number} ({kind})"
        pools = layer.get("pool_size", 1) > 1
        if kind == "conv_block" and pools and stage == 0:
            _refuse(where, owner, layer, {"name", "filters", "kernel_size", "pool_size"})
            pooled.append((layer["filters"], layer.get("kernel_size", 1)))
        elif kind == "conv_tower" and pools and stage == 0 and pooled:
            pooled += _tower(where, owner, layer)
        elif kind == "dilated_residual" and stage == 0 and pooled:
            stage = 1
            arguments |= _blocks(where, owner, layer)
        elif kind == "Cropping1D" and stage < 2 and pooled:
            stage = 2
            arguments["crop_bins"] = _cropping(where, owner, layer)
        elif kind == "conv_block" and not pools and stage < 3 and pooled:
            stage = 3
            known = {"name", "filters", "kernel_size", "pool_size"}
            _refuse(where, owner, layer, known)
            if layer.get("kernel_size", 1) != 1:
                raise ModelError(f"{where}: {owner} has a kernel_size other than 1")
            arguments["head_channels"] = layer["filters"]
        else:
            raise ModelError(
                f"{where}: {owner} is not supported there; a Basenji2 trunk is pooling "
                "conv_block and conv_tower, dilated_residual, Cropping1D, pointwise conv_block"
            )
        if layer.get("pool_size", 1) not in (1, 2):
            raise ModelError(f"{where}: {owner} has pool_size {layer['pool_size']}, expected 2")
    if stage != 3:
        raise ModelError(f"{where}: the trunk does not end in a pointwise conv_block")
    (arguments["stem_channels"], arguments["stem_kernel_size"]), *tower = pooled
    arguments["tower_channels"] = tuple(channels for channels, _ in tower)
    sizes = sorted({size for _, size in tower}) or [1]
    if len(sizes) > 1:
        raise ModelError(f"{where}: the tower has several kernel sizes, {sizes}; expected one")
    arguments["tower_kernel_size"] = sizes[0]
    return arguments


def _tower(where: str, owner: str, layer: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Return (channels, kernel size) of each convolution of a tower."""
    known = {
        "name", "filters_init", "filters_end", "filters_mult", "divisible_by", "kernel_size",
        "pool_size", "repeat",
    }  # fmt: skip
    _refuse(where, owner, layer, known)
    repeat, filters = layer.get("repeat", 1), float(layer["filters_init"])
    factor, unit = layer.get("filters_mult"), layer.get("divisible_by", 1)
    if type(repeat) is not int or not 1 <= repeat <= _MOST_REPEATED:
        raise ModelError(
            f"{where}: {owner} has repeat {repeat!r}; expected 1 to {_MOST_REPEATED}"
        )
    if factor is None:
        factor = np.exp(np.log(layer["filters_end"] / filters) / max(1, repeat - 1))
    channels = []
    for _ in range(repeat):
        # Rounded where it is used, not where it is carried on: 339 * 1.1776 ** 3 is 554.
        channels.append(int(np.round(filters / unit) * unit))
        filters *= factor
    return [(count, layer.get("kernel_size", 1)) for count in channels]


def _blocks(where: str, owner: str, layer: Mapping[str, Any]) -> dict[str, Any]:
    _refuse(
        where, owner, layer, {"name", "filters", "kernel_size", "rate_mult", "repeat", "round"}
    )
    return {
        "num_blocks": layer.get("repeat", 1),
        "block_channels": layer["filters"],
        "block_kernel_size": layer.get("kernel_size", 3),
        "dilation_rate": float(layer.get("rate_mult", 2)),
        "round_dilation": bool(layer.get("round", False)),
    }


def _cropping(where: str, owner: str, layer: Mapping[str, Any]) -> int:
    _refuse(where, owner, layer, {"name", "cropping"})
    cropping = layer["cropping"]
    left, right = cropping if isinstance(cropping, list) else (cropping, cropping)
    if left != right:
        raise ModelError(f"{where}: {owner} crops {left} and {right} bins; expected equal ends")
    return int(left)
