"""A network as the chip computes it: integer weights, a type at every step, the score and its thresholds.

This is what ``train`` and ``import`` write and what every implementation (QKeras check, HLS, emulator, RTL) is made from.
Integers ``c`` of a type with ``f`` fractional bits stand for ``c * 2 ** -f``. Semantics, step by step:

1. ``scaled``: ``Scaling.apply`` of the hardware integers; objects below their pt threshold read 0 first.
2. For each layer: every product ``input * weight`` is cast to ``accumulator`` (None: kept in full), the bias likewise, and summed;
   a wrapping accumulator wraps. The sum is cast to ``result`` (None: kept in full); then the activation; then the cast to ``output``.
3. The score, from the last layer's output (and the scaled input); see ``ScoreSpec``.
4. Trigger bits: ``score >= threshold``, or ``score * 2 ** shift`` less what the threshold follows; see ``Follow``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from l1ad.core.errors import ModelError
from l1ad.core.fixed import FixedPoint, Overflow
from l1ad.core.identifier import require_different, require_name
from l1ad.core.json_text import parse_json
from l1ad.core.layer import Activation, Dense
from l1ad.core.layout import ObjectLayout, parse_layout_dict
from l1ad.core.scaling import Scaling
from l1ad.core.score import Score, ScoreSpec, Threshold

__all__ = ["SCALED", "Activation", "Dense", "Network", "Score", "ScoreSpec", "Threshold"]

#: Name of the node of the scaled inputs.
SCALED = "scaled"


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Everything between the hardware integers and the trigger bits.

    Attributes:
        name: a C identifier.
        layout: the input columns.
        scaling: hardware integers to the input type.
        layers: the layers, each after those it reads.
        score: what is computed from the last layer's output, or from the nodes it names.
        thresholds: the trigger bits.
        may_wrap: whether nodes may wrap (an imported firmware that does so by design); otherwise a node that can is an error.
    """

    name: str
    layout: ObjectLayout
    scaling: Scaling
    layers: tuple[Dense, ...]
    score: ScoreSpec
    thresholds: tuple[Threshold, ...] = ()
    may_wrap: bool = False

    def __post_init__(self) -> None:
        require_name(self.name, "The name of a network", ModelError)
        self.scaling.check(self.layout)
        self._check_ports()
        self._check_layers()
        self._check_score()
        self._check_consumers()
        for threshold in self.thresholds:
            if threshold.follow is not None:
                threshold.follow.range(self.layout, self.score.total.min_int, self.score.total.max_int)

    def _check_ports(self) -> None:
        bits = [port for threshold in self.thresholds for port in (threshold.port, threshold.value_port)]
        for inputs in (self.layout.ports, self.layout.words):
            require_different(["score", *inputs, *bits], f"Network {self.name!r} has two ports called", ModelError)

    def _check_layers(self) -> None:
        if not self.layers:
            raise ModelError(f"Network {self.name!r} has no layers; it needs at least one.")
        known = {SCALED: self.layout.n_columns}
        for layer in self.layers:
            if layer.name in known:
                raise ModelError(f"Network {self.name!r} has two nodes called {layer.name!r}; give each layer a name of its own.")
            for name in self.sources_of(layer):
                if name not in known:
                    raise ModelError(
                        f"Layer {layer.name!r} reads {name!r}, which is not a node before it (a layer cannot read itself or what reads it); "
                        f"before it are {', '.join(known)}."
                    )
            self._check_layer(layer, sum(known[name] for name in self.sources_of(layer)))
            known[layer.name] = layer.n_out

    def _check_layer(self, layer: Dense, width: int) -> None:
        if layer.n_in != width:
            raise ModelError(
                f"Layer {layer.name!r} expects {layer.n_in} inputs and gets {width}; the model does not fit layout {self.layout.name!r}."
            )
        for what, codes, type_ in (("weights", layer.weight, layer.weight_type), ("biases", layer.bias, layer.bias_type)):
            if codes.size and (codes.min() < type_.min_int or codes.max() > type_.max_int):
                raise ModelError(f"Layer {layer.name!r} has {what} outside {type_}; quantise them first.")
        if layer.bias.shape != (layer.n_out,):
            raise ModelError(f"Layer {layer.name!r} needs {layer.n_out} biases, got shape {layer.bias.shape!r}.")
        if len(layer.outputs) != layer.n_out:
            raise ModelError(
                f"Layer {layer.name!r} has {layer.n_out} outputs and {len(layer.own_outputs)} types for them; give one each."
            )
        if layer.accumulator is not None and layer.accumulator.overflow is not Overflow.WRAP:
            raise ModelError(
                f"Layer {layer.name!r} has a saturating accumulator {layer.accumulator}: its sum depends on the order; use wrapping or none."
            )

    def _check_consumers(self) -> None:
        read = {name for layer in self.layers for name in self.sources_of(layer)} | set(self.score_sources)
        for layer in self.layers:
            if layer.name not in read:
                raise ModelError(
                    f"Layer {layer.name!r} has no consumer: no layer and no score reads it; connect it or leave it out."
                )

    def _check_score(self) -> None:
        kind, spec = self.score.kind, self.score
        for name in spec.sources:
            if name != SCALED and name not in {layer.name for layer in self.layers}:
                raise ModelError(f"Score {kind.value!r} reads {name!r}, which is not a node of network {self.name!r}.")
        wanted = 2 if kind.is_reconstruction else 1
        if len(self.score_sources) != wanted:
            raise ModelError(f"Score {kind.value!r} reads {wanted} nodes, got {len(spec.sources)}: {', '.join(spec.sources)}.")
        if kind.is_reconstruction:
            self._check_reconstruction()
        outputs = len(self.types_of(self.score_sources[-1]))
        if kind.formula.outputs not in (None, outputs):
            raise ModelError(
                f"Score {kind.value!r} reads {kind.formula.outputs} output, the network gives {outputs}; give the last layer {kind.formula.outputs}."
            )
        if kind.needs_log_variance and (outputs % 2 or spec.table is None):
            raise ModelError(
                f"Score {kind.value!r} needs means and as many log-variances and a table type, the network gives {outputs} outputs."
            )
        if kind.needs_log_variance and len(set(self.types_of(self.score_sources[-1]))) > 1:
            raise ModelError(
                f"Score {kind.value!r} addresses one table, {self.score_sources[-1]!r} has outputs of several types; use one."
            )

    def _check_reconstruction(self) -> None:
        kind, (compared, output) = self.score.kind, self.score_sources
        wanted, outputs = len(self.types_of(compared)), len(self.types_of(output))
        if outputs != wanted and not self.score.sources:
            raise ModelError(f"Score {kind.value!r} needs {wanted} reconstructed columns, the network gives {outputs}.")
        if outputs != wanted:
            raise ModelError(
                f"Score {kind.value!r} compares {compared!r} of {wanted} elements with {output!r} of {outputs}; use equal shapes."
            )
        if self.score.difference is None or not self.score.columns:
            raise ModelError(f"Score {kind.value!r} needs a difference type and the columns that take part.")
        if compared != SCALED and (kind.formula.masked or self.score.cyclic):
            raise ModelError(
                f"Score {kind.value!r} compares {compared!r}, which has no objects and no phi; use 'mse' without cyclic, or compare 'scaled'."
            )

    def sources_of(self, layer: Dense) -> tuple[str, ...]:
        """Names of the nodes that a layer reads."""
        if layer.sources:
            return layer.sources
        place = next((i for i, other in enumerate(self.layers) if other is layer), 0)
        return (self.layers[place - 1].name if place else SCALED,)

    def types_of(self, node: str) -> tuple[FixedPoint, ...]:
        """Type of each element of ``scaled`` or of a layer's output.

        Raises:
            ModelError: there is no such node.
        """
        if node == SCALED:
            return (self.scaling.type,) * self.layout.n_columns
        return self.layer(node).outputs

    def layer(self, name: str) -> Dense:
        """Find a layer by its name.

        Raises:
            ModelError: there is none.
        """
        found = next((layer for layer in self.layers if layer.name == name), None)
        if found is None:
            raise ModelError(
                f"Network {self.name!r} has no layer {name!r}; it has {', '.join(layer.name for layer in self.layers)}."
            )
        return found

    @property
    def score_sources(self) -> tuple[str, ...]:
        """Names of the nodes that the score reads."""
        last = self.layers[-1].name
        return self.score.sources or ((SCALED, last) if self.score.kind.is_reconstruction else (last,))

    @property
    def read_layers(self) -> tuple[str, ...]:
        """Names of the layers that the score reads; the scaled input is none."""
        return tuple(name for name in self.score_sources if name != SCALED)

    @property
    def is_chain(self) -> bool:
        """Whether every layer reads the one before, has one output type, and the score reads the usual nodes."""
        plain = not self.score.sources and not any(layer.own_outputs for layer in self.layers)
        names = [SCALED, *(layer.name for layer in self.layers)]
        return plain and all(self.sources_of(layer) == (before,) for layer, before in zip(self.layers, names, strict=False))

    @property
    def n_inputs(self) -> int:
        """The number of hardware integers of an event."""
        return self.layout.n_columns

    @property
    def exact(self) -> bool:
        """Whether every sum is kept in full, as QKeras computes it."""
        return all(layer.accumulator is None and layer.result is None for layer in self.layers)

    @property
    def shape(self) -> str:
        """The network's shape as the field writes it, ``44-32-16-3``."""
        return "-".join(str(n) for n in (self.n_inputs, *(layer.n_out for layer in self.layers)))

    def phi_turn(self, column: int, fractional: int) -> int | None:
        """Return a full turn of a phi column in units of ``2 ** -fractional`` after scaling; None for other columns.

        Raises:
            ModelError: the turn is not a whole number of such units.
        """
        return self.scaling.turn(self.layout, column, fractional)

    def with_thresholds(self, thresholds: tuple[Threshold, ...]) -> Network:
        """Return the same network with other trigger bits."""
        return replace(self, thresholds=thresholds)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "name": self.name,
            "layout": self.layout.to_dict(),
            "scaling": self.scaling.to_dict(),
            "layers": [layer.to_dict() for layer in self.layers],
            "score": self.score.to_dict(),
            "thresholds": [threshold.to_dict() for threshold in self.thresholds],
            "may_wrap": self.may_wrap,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Network:
        """Read what ``to_dict`` gave."""
        return cls(
            name=data["name"],
            layout=parse_layout_dict(data["layout"], "network.json"),
            scaling=Scaling.from_dict(data["scaling"]),
            layers=tuple(Dense.from_dict(layer) for layer in data["layers"]),
            score=ScoreSpec.from_dict(data["score"]),
            thresholds=tuple(Threshold.from_dict(t) for t in data["thresholds"]),
            may_wrap=bool(data["may_wrap"]),
        )

    @property
    def trigger_bits(self) -> dict[str, Any]:
        """The thresholds by name: an integer, or ``value`` with what it follows."""
        plain = {threshold.name: threshold.to_dict() for threshold in self.thresholds}
        return {name: {"value": t["value"], **t["follow"]} if "follow" in t else t["value"] for name, t in plain.items()}

    @property
    def digest(self) -> str:
        """The SHA-256 of everything that decides the score (thresholds and name left out), in hex."""
        data = self.to_dict()
        del data["thresholds"], data["name"]
        return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def save(self, path: str | Path) -> None:
        """Write the network as JSON."""
        Path(path).write_text(json.dumps(self.to_dict()), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Network:
        """Read a network that ``save`` wrote.

        Raises:
            ModelError: the file is missing or is not a network.
        """
        try:
            return cls.from_dict(parse_json(Path(path).read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise ModelError(f"There is no network at {str(path)!r}; run 'l1ad train' or 'l1ad import' first.") from None
        except (KeyError, TypeError, ValueError, AttributeError, LookupError, OverflowError) as error:
            raise ModelError(
                f"{str(path)!r} is not a network: {type(error).__name__} {error}; write it with 'l1ad train' or 'l1ad import'."
            ) from None
