"""Which form of GELU a Keras file's model was made with, as far as the file says it.

Until April 2022 the original code had a layer class of its own, `GELU`, x * sigmoid(1.702 x);
Keras calls its layers ``gelu``, ``gelu_1``, ... Since then it calls ``tf.nn.gelu`` with
``approximate=True``, the tanh form; these layers are called ``tf.nn.gelu``, ``tf.nn.gelu_1``,
... Both stand in the attribute ``model_config``, where a model was saved whole, and among the
``layer_names`` of Keras 2's files; Keras 3's ``.weights.h5`` names neither.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from varscore.errors import ModelError
from varscore.options import Activation

_NAMES: tuple[tuple[str, Activation], ...] = (
    (r"gelu(_\d+)?", "quick_gelu"),
    (r"tf\.nn\.gelu(_\d+)?", "gelu_new"),
)


def stated_gelu(
    where: str, attributes: Mapping[str, Any], names: list[str]
) -> Activation | None:
    """Return the form of GELU that a Keras file states; None if it does not.

    Parameters
    ----------
    where : str
        The file, for messages.
    attributes : mapping
        Of the file.
    names : list of str
        Of its layers.

    Raises
    ------
    ModelError
        If it states several, or one that varscore does not compute.
    """
    found = set(_of_layers(where, attributes)) or {
        form for name in names for pattern, form in _NAMES if re.fullmatch(pattern, name)
    }
    if len(found) > 1:
        raise ModelError(
            f"{where}: its layers have both forms of GELU, {' and '.join(sorted(found))}; "
            "varscore computes models that have one"
        )
    return found.pop() if found else None


def json_attribute(where: str, attributes: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the JSON object that an attribute has; an empty one if there is none.

    Raises
    ------
    ModelError
        If it is no such object.
    """
    try:
        text = attributes.get(name, "{}")
        value = json.loads(text if isinstance(text, str) else bytes(text))
    except (ValueError, TypeError, RecursionError) as error:
        raise ModelError(
            f"{where}: its attribute {name} cannot be read ({error}); expected JSON; fetch or "
            "copy the file again"
        ) from error
    return value if isinstance(value, dict) else {}


def _of_layers(where: str, attributes: Mapping[str, Any]) -> Iterator[Activation]:
    """Yield the form of each GELU layer that a model's configuration lists."""
    config = json_attribute(where, attributes, "model_config").get("config")
    layers = config.get("layers") if isinstance(config, dict) else None
    for layer in layers if isinstance(layers, list) else ():
        if not isinstance(layer, dict):
            continue
        inner = layer.get("config")
        if layer.get("class_name") == "GELU":
            yield "quick_gelu"
        elif isinstance(inner, dict) and inner.get("function") == "nn.gelu":
            # The call's arguments stand at the end of a path: [[[layer, 0, 0, arguments]]].
            if '"approximate": true' not in json.dumps(layer.get("inbound_nodes")):
                raise ModelError(
                    f"{where}: its layer {inner.get('name')} is tf.nn.gelu without "
                    "approximate=True; varscore computes the approximate form only"
                )
            yield "gelu_new"
