"""Name a layer's arrays: by the paths an HDF5 file gives them, or by the order in which Keras numbers them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from l1ad.core.errors import ModelError
from l1ad.core.fixed import FloatArray

DENSE = ("Dense", "QDense", "QDenseBatchnorm")
CONVOLUTION = ("Conv1D", "Conv2D", "QConv1D", "QConv2D")
NORMALISATION = ("BatchNormalization", "QBatchNormalization")
#: What counts training steps; nothing of it is computed with.
_COUNTERS = ("iteration", "_iteration")


def expected(kind: str, config: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name the arrays a layer has, in Keras' order: its own, and those of the normalisation inside it."""
    statistics = (
        *(("gamma",) if config.get("scale", True) else ()),
        *(("beta",) if config.get("center", True) else ()),
        "moving_mean",
        "moving_variance",
    )
    if kind in NORMALISATION:
        return statistics, ()
    if kind in (*DENSE, *CONVOLUTION):
        own = ("kernel", "bias") if config.get("use_bias", True) else ("kernel",)
        return own, statistics if kind == "QDenseBatchnorm" else ()
    return (), ()


def name_by_path(kind: str, layer: str, arrays: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Name the arrays of an HDF5 file's layer, whose paths end in ``kernel:0`` and the like.

    Raises:
        ModelError: two arrays have the same name.
    """
    if kind not in (*DENSE, *CONVOLUTION, *NORMALISATION):
        return {}
    found: dict[str, FloatArray] = {}
    for path, array in arrays.items():
        name = path.rsplit("/", 1)[-1].split(":")[0]
        if name in found:
            raise ModelError(f"Layer {layer!r} has two arrays called {name!r} in the file; save the model again.")
        if name not in _COUNTERS:
            found[name] = array
    return found


def name_by_order(kind: str, config: Mapping[str, Any], arrays: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Name the arrays of an archive's layer, which are numbered in the order Keras makes them.

    Raises:
        ModelError: there are not as many as the layer has.
    """
    own_names, nested_names = expected(kind, config)
    numbered = sorted((int(m[1]), path) for path, array in arrays.items() if array.ndim and (m := _NUMBER.search(path)))
    own = [arrays[path] for _, path in numbered if path.count("/") == 2]
    nested = [arrays[path] for _, path in numbered if path.count("/") > 2]
    if not own_names or not arrays:
        return {}
    if (len(own), len(nested)) != (len(own_names), len(nested_names)):
        raise ModelError(
            f"Layer {config['name']!r} has {len(own) + len(nested)} arrays in the file, expected "
            f"{', '.join((*own_names, *nested_names))}; save the whole model after training."
        )
    return dict(zip(own_names, own, strict=True)) | dict(zip(nested_names, nested, strict=True))


_NUMBER = re.compile(r"/vars/(\d+)$")
