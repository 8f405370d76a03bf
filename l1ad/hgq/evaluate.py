"""Evaluate an HGQ2 model with Keras 3 itself: the one module that imports HGQ2, which cannot live beside QKeras 0.9."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import numpy as np

from l1ad.core.errors import ConversionError
from l1ad.core.fixed import FloatArray, IntArray
from l1ad.core.network import Network
from l1ad.qkeras.build import FLOAT32_BITS, significand_bits
from l1ad.spec import reference

#: Events with which an import is compared with Keras.
N_EVENTS = 2_000


def is_installed() -> bool:
    """Return whether HGQ2 can be imported here."""
    return importlib.util.find_spec("hgq") is not None


def keras_outputs(path: Path, values: FloatArray) -> FloatArray:
    """Evaluate a model.

    Args:
        path: a ``.keras`` file whose layers were understood before: Keras makes objects of the classes that it names.
        values: scaled values, shape ``(n_events, n_inputs)``.

    Returns:
        The model's output, float64, shape ``(n_events, n_out)``.

    Raises:
        ModuleNotFoundError: HGQ2 is not installed.
    """
    if importlib.util.find_spec("tensorflow") is None:
        os.environ.setdefault("KERAS_BACKEND", "jax")
    import hgq  # noqa: F401 - registers its classes
    import keras

    model = keras.models.load_model(path, compile=False)
    return np.asarray(model.predict(values.astype(np.float32), verbose=0, batch_size=8192), dtype=np.float64)


def check(path: Path, network: Network, n_events: int = N_EVENTS) -> str:
    """Compare an imported network with the model in Keras, where HGQ2 is installed.

    Args:
        path: the model's file.
        network: the network made from it.
        n_events: random hardware integers over the whole range of every column.

    Returns:
        What was compared, or why nothing was.

    Raises:
        ConversionError: Keras gives another integer.
    """
    if not is_installed():
        return "not compared: HGQ2 is not installed here, see requirements-hgq.lock"
    widest = max(significand_bits(network).items(), key=lambda layer: layer[1])
    if widest[1] > FLOAT32_BITS:
        return f"not compared: Keras computes in float32, the sum of layer {widest[0]!r} may need {widest[1]} bits"
    x_hw = _events(network, n_events)
    values = network.scaling.type.from_int(network.scaling.apply(network.layout, x_hw))
    last = network.layers[-1]
    wanted = np.ldexp(
        reference.evaluate(network, x_hw)[f"{last.name}.output"].astype(np.float64), [-t.fractional for t in last.outputs]
    )
    different = np.flatnonzero((keras_outputs(path, values) != wanted).any(axis=1))
    if len(different):
        raise ConversionError(
            f"Keras gives {len(different)} of {n_events} events another output than the imported network, first event {different[0]}; "
            "report this with the model: the import is not exact."
        )
    return f"0 of {n_events} events differ"


def _events(network: Network, n_events: int) -> IntArray:
    random = np.random.default_rng(1)
    columns = [random.integers(c.type.min_int, c.type.max_int, n_events, endpoint=True) for c in network.layout.columns]
    return np.stack(columns, axis=1)
