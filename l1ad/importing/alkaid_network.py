"""Make the exact network of a graph of alkaid."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from l1ad.config.imported import ScalingFile
from l1ad.config.model import ScoreConfig
from l1ad.core.errors import LayoutError, ModelError
from l1ad.core.fixed import FixedPoint, IntArray
from l1ad.core.layer import Activation, Dense
from l1ad.core.layout import ObjectLayout
from l1ad.core.network import SCALED, Network
from l1ad.graph import smallest_type
from l1ad.importing.alkaid import Atom, Recovered, recover
from l1ad.importing.alkaid_file import AlkaidGraph
from l1ad.importing.assemble import without_leave
from l1ad.importing.forms import Form, matrix
from l1ad.importing.scaling import given_scaling
from l1ad.ranges import require_int64
from l1ad.ranges.score_types import score_spec

#: Weights of one layer's matrix at most.
_LARGEST = 1 << 20
_UNIT, _NOTHING = FixedPoint(False, 1, 1), FixedPoint(True, 2, 2)


def network_of_alkaid(name: str, graph: AlkaidGraph, layout: ObjectLayout, scaling: ScalingFile, score: ScoreConfig) -> Network:
    """Make the network that a graph is.

    Args:
        name: the network's name, a C identifier.
        graph: what was read.
        layout: the input columns.
        scaling: offset and shift of each.
        score: which score of the outputs.

    Returns:
        The network; it may wrap where the graph does.

    Raises:
        ModelError: an operation that is not imported, by name.
        LayoutError: graph or scaling do not fit the layout.
    """
    if graph.n_inputs != layout.n_columns:
        raise LayoutError(
            f"The graph takes {graph.n_inputs} inputs, layout {layout.name!r} has {layout.n_columns} columns; choose the layout it was made for."
        )
    found = recover(graph)
    if not found.atoms:
        raise ModelError("The graph's outputs do not depend on its inputs; there is nothing to import.")
    inputs = [atom for atom in found.atoms if atom.level == 0]
    if max(atom.column for atom in inputs) >= graph.n_inputs or min(atom.column for atom in inputs) < 0:
        raise ModelError("The graph reads an input that it does not have; save it with alkaid again.")
    build = _Builder(found, layout.n_columns)
    layers = build.layers(inputs)
    made = given_scaling(scaling, layout, build.input_type)
    spec = score_spec(score, layout, made, layers, tuple(range(layout.n_columns)), may_wrap=True)
    network = Network(name, layout, made, layers, spec, may_wrap=True)
    require_int64(network)
    return without_leave(network)


@dataclass(slots=True)
class _Builder:
    """Put atoms into layers.

    Attributes:
        found: the atoms.
        n_columns: number of inputs.
        input_type: type of the scaled input.
        made: the layers so far.
        places: layer (-1 for the scaled input) and element of each atom.
    """

    found: Recovered
    n_columns: int
    input_type: FixedPoint = _UNIT
    made: list[Dense] = field(default_factory=list)
    places: dict[int, tuple[int, int]] = field(default_factory=dict)

    def layers(self, inputs: list[Atom]) -> tuple[Dense, ...]:
        """Make every layer."""
        self._inputs(inputs)
        atoms = self.found.atoms
        for level in range(1, 1 + max(atom.level for atom in atoms)):
            for relu in (False, True):
                own = [i for i, atom in enumerate(atoms) if atom.level == level and atom.relu is relu]
                if own:
                    forms = [form for i in own if (form := atoms[i].form) is not None]
                    self._add(f"stage_{level}{'_relu' if relu else ''}", forms, tuple(atoms[i].type for i in own), relu=relu)
                    self.places |= {i: (len(self.made) - 1, j) for j, i in enumerate(own)}
        self._outputs()
        return tuple(self.made)

    def _inputs(self, inputs: list[Atom]) -> None:
        """Let the scaled input have the graph's own types: one for all, or the widest and then a layer of casts."""
        types = {atom.type for atom in inputs}
        own = [i for i, atom in enumerate(self.found.atoms) if atom.level == 0]
        self.input_type = types.copy().pop()
        if len(types) > 1:
            signed, finest = any(t.signed for t in types), max(t.fractional for t in types)
            integer = max(t.integer - int(t.signed) for t in types) + int(signed)
            self.input_type = FixedPoint(signed, integer + finest, integer)
            weight = np.zeros((self.n_columns, len(own)), dtype=np.int64)
            weight[[atom.column for atom in inputs], range(len(own))] = 1
            self._put(
                "arriving", weight, _NOTHING, np.zeros(len(own), dtype=np.int64), _NOTHING, (), tuple(a.type for a in inputs)
            )
            self.places = {i: (0, j) for j, i in enumerate(own)}
        else:
            self.places = {i: (-1, self.found.atoms[i].column) for i in own}

    def _outputs(self) -> None:
        """Let the last layer give the outputs: as it is, or a layer of sums kept in full."""
        last = len(self.made) - 1
        wanted = [(last, j) for j in range(self.made[-1].n_out)] if self.made else []
        outputs = self.found.outputs
        if [self._only(form) for form in outputs] != wanted:
            types = {i: atom.type for i, atom in enumerate(self.found.atoms)}
            self._add("outputs", list(outputs), tuple(_kept(form, types) for form in outputs), relu=False)

    def _only(self, form: Form) -> tuple[int, int] | None:
        """Return the place of the one atom that a sum is; None for any other sum."""
        if form.constant or list(form.factors.values()) != [1]:
            return None
        return self.places[next(iter(form.factors))]

    def _add(self, name: str, forms: list[Form], types: tuple[FixedPoint, ...], *, relu: bool) -> None:
        sources = sorted({self.places[i][0] for form in forms for i in form.factors}) or [-1]
        sizes = [self.n_columns if source < 0 else self.made[source].n_out for source in sources]
        starts = dict(zip(sources, np.cumsum([0, *sizes]).tolist(), strict=False))
        if sum(sizes) * len(forms) > _LARGEST:
            raise ModelError(f"The graph needs a layer of {sum(sizes) * len(forms)} weights; this is not a trigger network.")
        rows = {i: starts[layer] + element for i, (layer, element) in self.places.items() if layer in starts}
        moved = [Form({rows[i]: factor for i, factor in form.factors.items()}, form.constant) for form in forms]
        weight, weight_type, bias, bias_type = matrix(moved, sum(sizes), name)
        names = tuple(SCALED if source < 0 else self.made[source].name for source in sources)
        before = (self.made[-1].name if self.made else SCALED,)
        self._put(name, weight, weight_type, bias, bias_type, () if names == before else names, types, relu=relu)

    def _put(
        self,
        name: str,
        weight: IntArray,
        weight_type: FixedPoint,
        bias: IntArray,
        bias_type: FixedPoint,
        sources: tuple[str, ...],
        types: tuple[FixedPoint, ...],
        *,
        relu: bool = False,
    ) -> None:
        activation, own = Activation.RELU if relu else Activation.LINEAR, types if len(set(types)) > 1 else ()
        self.made.append(
            Dense(name, weight, weight_type, bias, bias_type, activation, types[0], sources=sources, own_outputs=own)
        )


def _kept(form: Form, types: dict[int, FixedPoint]) -> FixedPoint:
    low, high, finest = form.range(types)
    if low == high == 0:
        return _UNIT
    scale = Fraction(2) ** finest
    found = smallest_type(int(low * scale), int(high * scale), finest)
    if found is None:
        raise ModelError("An output of the graph needs more than 62 bits; cast it before it is saved.")
    return found
