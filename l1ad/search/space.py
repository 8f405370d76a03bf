"""Make the space of a scan: what the configuration says, the rest from its layout; and put a point of it into a configuration."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from l1ad.config import Config
from l1ad.config.base import MinifloatConfig
from l1ad.config.model import MOST_BITS_OF_DIGITS
from l1ad.config.scan import INTERVALS, LOGARITHMIC, plain
from l1ad.core.codes import Minifloat
from l1ad.core.errors import ConfigError, L1adError
from l1ad.core.layout import ObjectLayout
from l1ad.core.scaling import columns_left_out
from l1ad.training.plan import plan_model

#: A trial's parameters: by key of the space a value, lists as their JSON text.
Parameters = Mapping[str, Any]
_SHAPES = ((3,), (4,), (5,), (6,), (8,), (10,), (12,), (16,), (24,), (32,), (8, 4), (16, 8), (32, 16))
#: Lists among the choices, which Optuna takes as text.
_LISTS = frozenset({"hidden", "leave_out"})


@dataclass(frozen=True, slots=True)
class Space:
    """What every key may be.

    Attributes:
        choices: by key, the values in the order in which they were given; lists as their JSON text.
        intervals: by key, smallest and largest value.
    """

    choices: Mapping[str, tuple[Any, ...]]
    intervals: Mapping[str, tuple[float, float]]

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key."""
        return (*self.choices, *self.intervals)

    @property
    def size(self) -> float:
        """Number of points; infinite where an interval is not one value."""
        return math.prod(map(len, self.choices.values())) if self.is_finite else math.inf

    @property
    def is_finite(self) -> bool:
        """Whether every interval is a single value."""
        return all(low == high for low, high in self.intervals.values())

    def contains(self, parameters: Parameters) -> bool:
        """Return whether a point is in the space."""
        inside = all(low <= parameters[key] <= high for key, (low, high) in self.intervals.items())
        return inside and all(parameters[key] in choices for key, choices in self.choices.items())

    def distributions(self) -> dict[str, Any]:
        """Return Optuna's distributions; ordered numbers are categories too, as few of them are asked for."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution

        found: dict[str, Any] = {key: CategoricalDistribution(choices) for key, choices in self.choices.items()}
        return found | {key: FloatDistribution(low, high, log=key in LOGARITHMIC) for key, (low, high) in self.intervals.items()}

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "choices": {k: list(v) for k, v in self.choices.items()},
            "intervals": {k: list(v) for k, v in self.intervals.items()},
        }


def make_space(config: Config, layout: ObjectLayout) -> Space:
    """Make the space and check that every value of it is one that a network can have.

    Args:
        config: the configuration.
        layout: the columns.

    Raises:
        ConfigError: the space contradicts itself or the configuration; names the key and the value.
    """
    if config.model.kind == "imported":
        raise ConfigError("model.kind is 'imported' and a scan trains networks; give a configuration of kind 'ae' or 'vae'.")
    given = {key: value for key, value in config.scan.space if value is not None}
    _check_meaning(config, given)
    values = _defaults(config, layout) | given
    intervals = {key: tuple(map(float, values.pop(key))) for key in sorted(INTERVALS & values.keys())}
    choices = {key: tuple(_text(value) if key in _LISTS else value for value in values[key]) for key in values}
    space = Space(choices, intervals)  # type: ignore[arg-type]
    _check_values(config, layout, space)
    return space


def _text(value: Any) -> str:
    return json.dumps(plain(value))


def _defaults(config: Config, layout: ObjectLayout) -> dict[str, Any]:
    """Fill in the keys that are left out: the configuration's own value among those around it."""
    model, training = config.model, config.training
    found: dict[str, Any] = {
        "hidden": _with(_SHAPES, model.hidden),
        "weight_bits": _with((4, 5, 6), *model.weight_bits[:1]),
        "weight_digits": (1, 2, 3),
        "activation_bits": _with((4, 5, 6, 7, 8), *model.activation_bits[:1]),
        "output_bits": _with((8, 10), model.output_type.width),
        "sparsity": (0.0, 0.8),
    }
    code = _code(config)
    if code is not None:
        found["mantissa_bits"] = _with((1, 2, 3), code.mantissa_bits)
    else:
        found["input_bits"] = _with((5, 6, 7, 8), model.input_type.width)
    features = {column.feature for column in layout.columns}
    angles = tuple(name for name in ("eta", "phi") if name in features)
    found["leave_out"] = _unique((config.scaling.leave_out, angles))
    if training.recipe == "robust":
        found["teacher"] = (training.teacher,)
    return found


def _with(values: tuple[Any, ...], *own: Any) -> tuple[Any, ...]:
    """Add the configuration's own values, in order."""
    return tuple(sorted({*values, *own}))


def _unique(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(values))


def _code(config: Config) -> MinifloatConfig | None:
    """Return the minifloat code of pT, if there is one for all kinds."""
    return config.scaling.codes.get("pt")


def _check_meaning(config: Config, given: Mapping[str, Any]) -> None:
    """Refuse keys that would change nothing."""
    has_code, robust = _code(config) is not None, config.training.recipe == "robust"
    wrong = {
        "mantissa_bits": None if has_code else "scaling.codes has no code for pt; use input_bits",
        "octaves": None if has_code else "scaling.codes has no code for pt; use input_bits",
        "input_bits": "scaling.codes gives pt a code; use mantissa_bits and octaves" if has_code else None,
        "teacher": None if robust else "training.recipe is 'plain', which has none; leave it out",
        "beta": None if _is_variational(config, given) else "nothing is variational here; leave it out",
    }
    for key, why in wrong.items():
        if key in given and why is not None:
            raise ConfigError(f"Key 'scan.space.{key}' contradicts the configuration: {why}.")


def _is_variational(config: Config, given: Mapping[str, Any]) -> bool:
    """Return whether a Kullback-Leibler term is in any loss: of a plain training or of an ensemble of teachers."""
    plainly = config.training.recipe == "plain"
    ensemble = "ensemble" in given.get("teacher", (config.training.teacher,))
    return config.model.kind == "vae" and (plainly or ensemble)


def _check_values(config: Config, layout: ObjectLayout, space: Space) -> None:
    """Try every value in the configuration as it is, and what the widest weights have in digits."""
    for key, choices in space.choices.items():
        for value in choices:
            try:
                chosen = at_point(config, _alone(space, key, value))
                plan_model(chosen, layout)
                columns_left_out(layout, chosen.scaling.leave_out)
            except (L1adError, ValueError) as error:
                raise ConfigError(
                    f"Key 'scan.space.{key}' has a choice {value!r} that no network can have: {_one_line(error)}"
                ) from None
    wide = max(space.choices["weight_bits"])
    if wide > MOST_BITS_OF_DIGITS and any(space.choices["weight_digits"]):
        raise ConfigError(
            f"Keys 'scan.space.weight_bits' and 'weight_digits' contradict each other: digits are for weights of at most {MOST_BITS_OF_DIGITS} "
            f"bits, got {wide}; use weight_digits [0] or fewer bits."
        )


def _alone(space: Space, key: str, value: Any) -> dict[str, Any]:
    """Return a point of one key; wide weights with as few digits as the space has."""
    return {key: value} | ({"weight_digits": min(space.choices["weight_digits"])} if key == "weight_bits" else {})


def _one_line(error: Exception) -> str:
    errors = getattr(error, "errors", None)
    text = errors()[0]["msg"].removeprefix("Value error, ") if errors is not None else str(error)
    return text if text.endswith(".") else f"{text}."


def own_point(config: Config, space: Space) -> dict[str, Any] | None:
    """Return the configuration itself as a point; None where it is not in the space."""
    model, training, code = config.model, config.training, _code(config)
    own: dict[str, Any] = {
        "hidden": _text(model.hidden),
        "latent": model.latent,
        "weight_bits": model.weight_bits[0],
        "weight_digits": 0 if model.weight_digits is None else model.weight_digits[0],
        "activation_bits": model.activation_bits[0],
        "output_bits": model.output_type.width,
        "input_bits": model.input_type.width,
        "leave_out": _text(config.scaling.leave_out),
        "sparsity": training.sparsity,
        "teacher": training.teacher,
        "beta": training.beta,
        "learning_rate": training.learning_rate,
    }
    if code is not None:
        own |= {"mantissa_bits": code.mantissa_bits, "octaves": code.octaves}
    point = {key: own[key] for key in space.keys}
    return point if space.contains(point) else None


def changes_at(config: Config, parameters: Parameters, shrink: tuple[float, ...] = ()) -> dict[str, dict[str, Any]]:
    """Return what a point changes in a configuration, plain data by section.

    Args:
        config: the configuration.
        parameters: the point.
        shrink: further sparsities, see ``training.shrink``.
    """
    scan = config.scan
    model, scaling = _model_changes(config, parameters), {}
    training: dict[str, Any] = {"seeds": scan.seeds, "candidates": scan.candidates, "shrink": list(shrink)}
    training |= {key: parameters[key] for key in ("sparsity", "teacher", "beta", "learning_rate") if key in parameters}
    if "leave_out" in parameters:
        scaling["leave_out"] = json.loads(parameters["leave_out"])
    code = _code_at(config, parameters)
    if code is not None:
        scaling["codes"] = {name: one.plain() for name, one in config.scaling.codes.items()} | {"pt": code.to_dict()}
    return {"model": model, "scaling": scaling, "training": training}


def _model_changes(config: Config, parameters: Parameters) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "hidden" in parameters:
        found["hidden"] = json.loads(parameters["hidden"])
    if "latent" in parameters:
        found["latent"] = parameters["latent"]
    found |= {key: [parameters[key]] for key in ("weight_bits", "activation_bits") if key in parameters}
    if "weight_digits" in parameters:
        found["weight_digits"] = [parameters["weight_digits"]] if parameters["weight_digits"] else None
    types = {"output_type": parameters.get("output_bits"), "input_type": _input_bits(config, parameters)}
    found |= {key: str(replace(getattr(config.model, key), width=width)) for key, width in types.items() if width is not None}
    if "hidden" in found:  # lists with one entry a layer do not fit other shapes
        for key in ("weight_integer", "bias_bits", "bias_integer", "activation_integer"):
            values = getattr(config.model, key)
            found[key] = None if values is None else list(values[:1])
    return found


def _code_at(config: Config, parameters: Parameters) -> Minifloat | None:
    code = _code(config)
    asked = {key: parameters[key] for key in ("mantissa_bits", "octaves") if key in parameters}
    return Minifloat(**(code.plain() | asked)) if code is not None and asked else None


def _input_bits(config: Config, parameters: Parameters) -> int | None:
    """Return the width of the input type: as asked, or a sign and as many bits as the code has."""
    code = _code_at(config, parameters)
    if code is not None:
        return 1 + code.largest.bit_length()
    width = parameters.get("input_bits")
    return None if width is None else int(width)


def at_point(config: Config, parameters: Parameters, shrink: tuple[float, ...] = (), name: str | None = None) -> Config:
    """Return the configuration at a point, checked as if it had been written there; arguments as for ``changes_at``."""
    data = config.plain() | {"folder": config.folder, "name": name or config.name}
    for section, values in changes_at(config, parameters, shrink).items():
        data[section] = data[section] | values
    return Config.model_validate(data)
