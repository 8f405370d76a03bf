"""Read single values of a model's configuration: each is checked for its kind, and what nobody asked for is refused by name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from l1ad.core.errors import ModelError

#: Packages whose classes are read; one of the same name from elsewhere computes something else.
PACKAGES = ("keras", "qkeras", "tf_keras", "tensorflow")
#: Keys of any layer that do not change what it computes after training.
NEUTRAL = frozenset({"name", "trainable", "dtype", "batch_input_shape", "batch_shape", "momentum", "kernel_range", "bias_range"})
NEUTRAL_ENDINGS = ("_initializer", "_regularizer", "_constraint")


def class_name(entry: Mapping[str, Any]) -> str:
    """Name the class of a serialised object: bare for Keras' and QKeras' own, with its package for any other.

    HGQ2's ``hgq>QDense`` is not QKeras' ``QDense``.
    """
    name = str(entry["class_name"])
    registered = str(entry.get("registered_name") or "")
    module = entry.get("module")
    for label in (name, registered):
        if ">" in label and label.split(">")[0] not in PACKAGES:
            return label
    if module is not None and str(module).split(".")[0] not in PACKAGES:
        return f"{module}.{name}"
    return name.split(">")[-1]


def require_known(config: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    """Refuse a key that is set and that nobody here understands.

    Raises:
        ModelError: such a key, by name.
    """
    for key, value in config.items():
        neutral = key in NEUTRAL or key.endswith(NEUTRAL_ENDINGS)
        if not neutral and key not in known and value not in (None, False):
            raise ModelError(f"{where} sets {key!r} to {_short(value)}, which is not understood; save the model without it.")


def require_float32(config: Mapping[str, Any], where: str) -> None:
    """Refuse a layer that computes in anything but float32 (or float64): its numbers are not the file's.

    Raises:
        ModelError: another number format, or a quantised one.
    """
    policy = config.get("dtype")
    if isinstance(policy, Mapping):
        policy = policy.get("config", {}).get("name") if policy.get("class_name") in ("Policy", "DTypePolicy") else policy
    if policy not in (None, "float32", "float64"):
        raise ModelError(f"{where} computes in {_short(policy)}, which cannot be converted exactly; save the model in float32.")


def number(config: Mapping[str, Any], key: str, default: float, where: str) -> float:
    """Read a finite number; None and a missing key mean the default.

    Raises:
        ModelError: it is none.
    """
    value = config.get(key)
    if value is None:
        return default
    if isinstance(value, bool | int | float) and math.isfinite(value):
        return float(value)
    raise ModelError(f"{where} needs a number as {key!r}, got {_short(value)}; the file is damaged.")


def whole(config: Mapping[str, Any], key: str, default: int, where: str) -> int:
    """Read a whole number; None and a missing key mean the default.

    Raises:
        ModelError: it is none.
    """
    value = number(config, key, default, where)
    if value != int(value):
        raise ModelError(f"{where} needs a whole number as {key!r}, got {value!r}; the file is damaged.")
    return int(value)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
