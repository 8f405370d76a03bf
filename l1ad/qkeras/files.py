"""Save networks as the files that users of Keras expect: the exact network as a QKeras model, the float baseline as a Keras archive."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from l1ad.core.fixed import FixedPoint
from l1ad.core.network import Activation, Network
from l1ad.core.trained import FloatNetwork
from l1ad.qkeras.build import build_qkeras
from l1ad.qkeras.runtime import tensorflow

#: The exact network as a QKeras model, and the float baseline as a Keras model, in the model artefacts.
QKERAS_FILE = "model.h5"
KERAS_FILE = "float.keras"
#: Members of an archive carry this date, so that equal trainings give equal files.
_DATE = (1980, 1, 1, 0, 0, 0)


def save_qkeras(network: Network, path: Path) -> None:
    """Write a network as a QKeras model: ``qkeras.utils.load_qmodel`` reads it and hls4ml converts it.

    It takes the scaled values, ``(n_events, n_columns)``, and gives what the score reads, ``(n_events, n_out)``. Scaling, score and
    thresholds are not in it.

    Args:
        network: the network.
        path: the HDF5 file.

    Raises:
        ConversionError: QKeras cannot compute the network exactly.
    """
    model = build_qkeras(network)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras 2.14 prefers its archive, which QKeras' own reader does not take
        model.save(path, save_format="h5", include_optimizer=False)


def save_keras(reference: FloatNetwork, path: Path) -> None:
    """Write a float network as a Keras archive, byte for byte the same for the same weights.

    It takes the scaled values, ``(n_events, n_columns)``, which a network trained here saw held in its input type's range, and gives
    the last layer's values, ``(n_events, n_out)``, in float32.

    Args:
        reference: the float network.
        path: the ``.keras`` file.
    """
    keras = tensorflow().keras
    values = entry = keras.Input((reference.layout.n_columns,), name="entry")
    for layer in reference.layers:
        built = keras.layers.Dense(len(layer.bias), activation=layer.activation.value, name=layer.name)
        values = built(values)
        built.set_weights([layer.weight.astype(np.float32), layer.bias.astype(np.float32)])
    keras.Model(entry, values, name="baseline").save(path, save_format="keras")
    path.write_bytes(_without_dates(path.read_bytes()))


def _without_dates(archive: bytes) -> bytes:
    """Write an archive again, with one date for everything in it."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w") as new:
        for name in sorted(old.namelist()):
            content = old.read(name)
            if name == "metadata.json":
                content = json.dumps({"keras_version": json.loads(content)["keras_version"]}).encode()
            new.writestr(zipfile.ZipInfo(name, _DATE), content)
    return out.getvalue()


def why_not_as_it_is(network: Network) -> str | None:
    """Explain why hls4ml's own reading of a network's QKeras file (``config_from_keras_model``, ``bit_exact``) gives other integers.

    hls4ml 1.3.0 takes ``quantized_bits(b, b - 1)`` for ``ap_int<b>``, whose cast truncates and wraps where QKeras rounds and saturates, and
    ``quantized_bits(…, keep_negative=0)`` for a signed type. ``l1ad convert`` states every type and has neither fault.

    Args:
        network: a network that QKeras can compute.

    Returns:
        The first reason; None where the file converts as it is.
    """
    nodes: list[tuple[str, FixedPoint, Any]] = [("the input", network.scaling.type, Activation.LINEAR)]
    nodes += [(f"the output of layer {layer.name!r}", layer.output, layer.activation) for layer in network.layers]
    for what, type_, activation in nodes:
        if type_.fractional < 1 and what != "the input":
            return f"{what} is {type_}, and hls4ml takes a type without fractional bits for one that truncates and wraps"
        if not type_.signed and activation is Activation.LINEAR:
            return f"{what} is {type_}, and hls4ml takes an unsigned quantized_bits for a signed one"
    return None
