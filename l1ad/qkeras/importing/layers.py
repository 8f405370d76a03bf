"""Understand the layers of a Keras model: each becomes an affine layer, part of the one before it, or a way for tensors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from l1ad.core.affine import node_sum
from l1ad.core.errors import ModelError
from l1ad.core.fixed import FixedPoint, FloatArray
from l1ad.core.network import Activation
from l1ad.qkeras.importing.activations import ACTIVATION, activated, read_activation
from l1ad.qkeras.importing.draft import (
    INPUT,
    Element,
    ImportedDense,
    ImportedModel,
    Tensor,
    elements_of,
    identity,
    tensor_of,
    whole_tensor,
)
from l1ad.qkeras.importing.fields import require_float32, require_known
from l1ad.qkeras.importing.keras_file import KerasModel, LayerRecord
from l1ad.qkeras.importing.merging import MERGING, concatenated, signs
from l1ad.qkeras.importing.normalisation import folded_after, folded_before, require_plain_statistics
from l1ad.qkeras.importing.pooling import MAXIMUM, difference, pairs_of, window_elements
from l1ad.qkeras.importing.quantisers import Quantiser, parse_quantiser
from l1ad.qkeras.importing.variables import CONVOLUTION, DENSE, NORMALISATION
from l1ad.qkeras.importing.weights import convolution_layer, dense_layer, moved_layer, reshaped
from l1ad.qkeras.importing.windows import POOLING, UPSAMPLING, WINDOW_KEYS

IDENTITY = ("InputLayer", "Dropout", "Flatten", "Reshape")
#: Keys of a layer that are read here, or that change nothing after training.
_KNOWN = {
    **WINDOW_KEYS,
    **dict.fromkeys(MAXIMUM, WINDOW_KEYS[POOLING[0]]),
    **dict.fromkeys(DENSE, ("units", "activation", "use_bias", "kernel_quantizer", "bias_quantizer")),
    **dict.fromkeys(NORMALISATION, ("axis", "epsilon", "center", "scale", "renorm_momentum")),
    **dict.fromkeys(ACTIVATION, ("activation", "max_value", "negative_slope", "threshold")),
    **dict.fromkeys(MERGING, ("axis",)),
    "InputLayer": (),
    "Dropout": ("rate", "noise_shape", "seed"),
    "Flatten": ("data_format",),
    "Reshape": ("target_shape",),
    "LeakyReLU": ("alpha", "negative_slope"),
}
for _kind in CONVOLUTION:
    _KNOWN[_kind] = (*_KNOWN[_kind], *_KNOWN["Dense"][1:])
_KNOWN["QDenseBatchnorm"] = (*_KNOWN["Dense"], *_KNOWN["BatchNormalization"], "ema_freeze_delay", "folding_mode")
_KNOWN["QBatchNormalization"] = (
    *_KNOWN["BatchNormalization"],
    *(f"{part}_quantizer" for part in ("gamma", "beta", "mean", "variance")),
)


def understand(model: KerasModel) -> ImportedModel:
    """Interpret every layer of a model.

    Args:
        model: the layers as the file describes them.

    Returns:
        The affine layers.

    Raises:
        ModelError: a layer is not understood or not exactly convertible, by name.
    """
    reader = _Reader(model)
    for record in model.layers:
        reader.take(record)
    return reader.finish(model.layers[-1])


class _Reader:
    """Make layers of calls, one after the other; each call's tensor says which element of which layer is where."""

    def __init__(self, model: KerasModel) -> None:
        self.layers: list[ImportedDense] = []
        self.input_type: FixedPoint | None = None
        self.readers = Counter(source for record in model.layers for source in record.sources or (INPUT,))
        self.readers[model.layers[-1].call] += 1
        given = whole_tensor(-1, model.input_shape, "The model's input")
        self.tensors: dict[str, Tensor] = {INPUT: replace(given, alone=self.readers[INPUT] == 1)}
        self.n_inputs = len(given.elements)
        self.takes: Mapping[str, Callable[[LayerRecord, Tensor, str], Tensor]] = {
            **dict.fromkeys(DENSE, self._dense),
            **dict.fromkeys((*CONVOLUTION, *POOLING, *UPSAMPLING), self._window),
            **dict.fromkeys(MAXIMUM, self._largest),
            **dict.fromkeys(NORMALISATION, self._normalised),
            **dict.fromkeys(ACTIVATION, self._activated),
            **dict.fromkeys(("Flatten", "Reshape"), self._reshaped),
        }

    def take(self, record: LayerRecord) -> None:
        """Take the next call."""
        where = f"Layer {record.name!r}"
        if record.kind not in _KNOWN:
            known = ", ".join(
                (*DENSE, *CONVOLUTION, *POOLING, *MAXIMUM, *UPSAMPLING, *NORMALISATION, *ACTIVATION, *MERGING, *IDENTITY)
            )
            raise ModelError(
                f"{where} is a {record.kind!r}, which is not imported; known are {known} of Keras and QKeras, "
                "and nothing in a model file is executed."
            )
        require_known(record.config, _KNOWN[record.kind], where)
        require_float32(record.config, where)
        read = [self.tensors[name] for name in record.sources or (INPUT,)]
        if record.kind in MERGING:
            found = self._merged(record, read, where)
        elif len(read) > 1:
            raise ModelError(
                f"{where} reads {list(record.sources)!r} at once, which a {record.kind} cannot; save the model again."
            )
        else:
            found = self.takes.get(record.kind, self._same)(record, read[0], where)
        self.tensors[record.call] = replace(found, alone=found.alone and self.readers[record.call] == 1)

    def finish(self, last: LayerRecord) -> ImportedModel:
        """Return what was collected; the output's layer is the last."""
        tensor = self.tensors[last.call]
        if not self.layers:
            raise ModelError("The model has no dense layer; there is nothing to import.")
        if tensor.before is not None:
            raise ModelError(
                f"Layer {tensor.before.name!r} normalises the input and nothing reads it; save the model without it."
            )
        if tensor.whole != len(self.layers) - 1 or not tensor.in_order:
            self._through(f"{last.call}_given", tensor)
        return ImportedModel(tuple(self.layers), self.n_inputs, self.input_type)

    def _put(self, layer: ImportedDense, read: Tensor, shape: tuple[int, ...], where: str, origin: str = "") -> Tensor:
        """Add a layer whose weights are for the elements of a tensor."""
        sources, weight = self._attached(layer.weight, read)
        self.layers.append(replace(layer, weight=weight, sources=sources, origin=origin))
        return replace(whole_tensor(len(self.layers) - 1, shape, where), alone=True)

    def _attached(self, weight: FloatArray, read: Tensor) -> tuple[tuple[str, ...], FloatArray]:
        """Put weights in the order of the layers' own elements; those that nobody reads get 0."""
        places = list(dict.fromkeys(read.layers.tolist()))
        sizes = [self.n_inputs if place < 0 else len(self.layers[place].bias) for place in places]
        starts = dict(zip(places, np.cumsum([0, *sizes]).tolist(), strict=False))
        rows = read.elements + np.array([starts[place] for place in read.layers.tolist()])
        found = np.zeros((sum(sizes), weight.shape[1]))
        np.add.at(found, rows, weight)
        return tuple(INPUT if place < 0 else self.layers[place].name for place in places), found

    def _through(self, name: str, read: Tensor) -> Tensor:
        """Add a layer that gives the elements of a tensor as they are."""
        return self._put(identity(name, len(read.elements)), read, read.shape, f"Layer {name!r}")

    def _readable(self, record: LayerRecord, read: Tensor, where: str) -> Tensor:
        """Return a tensor for weights: no normalisation before it, and no element twice, whose weights would have to be added."""
        if read.before is not None:
            raise ModelError(f"{where} follows {read.before.name!r}, which normalises the input; this is not imported.")
        return self._through_twice(read, f"{record.call}_reads")

    def _through_twice(self, read: Tensor, name: str) -> Tensor:
        return read if len(set(elements_of(read))) == len(read.elements) else self._through(name, read)

    def _same(self, record: LayerRecord, read: Tensor, where: str) -> Tensor:
        return read

    def _reshaped(self, record: LayerRecord, read: Tensor, where: str) -> Tensor:
        return replace(read, shape=reshaped(record, read.shape, where))

    def _dense(self, record: LayerRecord, read: Tensor, where: str) -> Tensor:
        layer = dense_layer(record, read.shape, where)
        if read.before is not None:
            layer, read = folded_before(layer, read.before), replace(read, before=None)
        layer = _with_activation(layer, record, where)
        return self._put(layer, self._readable(record, read, where), layer.bias.shape, where, record.name)

    def _window(self, record: LayerRecord, read: Tensor, where: str) -> Tensor:
        """Take a convolution, pooling or upsampling: a matrix over the flattened tensor."""
        read = self._readable(record, read, where)
        if record.kind not in CONVOLUTION:
            layer, shape = moved_layer(record, read.shape, where)
            return self._put(layer, read, shape, where, record.name)
        layer, shape = convolution_layer(record, read.shape, where)
        return self._put(_with_activation(layer, record, where), read, shape, where, record.name)

    def _largest(self, record: LayerRecord, read: Tensor, where: str) -> Tensor:
        """Take the largest of each window, by pairs: ``max(a, b) = relu(a - b) + b``."""
        windows, shape = window_elements(record, self._readable(record, read, where), where)
        level = 0
        while pairs := pairs_of(windows):
            level += 1
            chosen = iter(self._larger(record, f"{record.call}_{level}", pairs, where))
            windows = [[next(chosen) for _ in window[1::2]] + window[len(window) & ~1 :] for window in windows]
        return tensor_of([window[0] for window in windows], shape)

    def _larger(self, record: LayerRecord, name: str, pairs: list[tuple[Element, Element]], where: str) -> list[Element]:
        """Add the layers that choose the larger of each pair."""
        n = len(pairs)
        both = tensor_of([element for pair in pairs for element in pair], (2 * n,))
        above = self._put(difference(f"{name}_above", n), self._through_twice(both, f"{name}_reads"), (n,), where)
        names = self.layers[-1].sources
        read = concatenated([above, tensor_of([pair[1] for pair in pairs], (n,))], -1, where)
        total = replace(identity(name, n), weight=node_sum(n).astype(np.float64), within=names)
        return elements_of(self._put(total, read, (n,), where, record.name))

    def _merged(self, record: LayerRecord, read: Sequence[Tensor], where: str) -> Tensor:
        for tensor in read:
            if tensor.before is not None:
                raise ModelError(f"{where} follows {tensor.before.name!r}, which normalises the input; this is not imported.")
        if record.kind == "Concatenate":
            return concatenated(read, record.config.get("axis", -1), where)
        weights, weight_type = signs(record, read, where)
        layer = identity(record.call, len(read[0].elements))
        both = Tensor((0,), *(np.concatenate([getattr(t, part) for t in read]) for part in ("layers", "elements")))
        return self._put(replace(layer, weight=weights, weight_type=weight_type), both, read[0].shape, where, record.name)

    def _normalised(self, record: LayerRecord, read: Tensor, where: str) -> Tensor:
        require_plain_statistics(record, read.shape, where)
        place = read.whole
        if place is None or place < 0:
            if place is None or read.before is not None:
                raise ModelError(
                    f"{where} normalises what is no output of one dense layer; fold it into the layers before saving."
                )
            return replace(read, before=record)
        if not read.alone or not read.in_order:
            raise ModelError(f"{where} normalises {self.layers[place].name!r}, which others read as well; it cannot be folded.")
        self.layers[place] = folded_after(self.layers[place], record, where)
        return read

    def _activated(self, record: LayerRecord, read: Tensor, where: str) -> Tensor:
        return self._follow(read_activation(record, where), read, record, where)

    def _follow(self, quantiser: Quantiser | None, read: Tensor, record: LayerRecord, where: str) -> Tensor:
        """Let an activation or a quantiser follow: in the layer before it where that is all that reads it, else as one of its own."""
        if quantiser is None:
            return read
        if read.before is not None:
            raise ModelError(
                f"Layer {read.before.name!r} normalises the input and layer {record.name!r} quantises what comes out, "
                "which cannot be folded exactly; put the normalisation into the scaling's shift and offset and save the model without."
            )
        place = read.whole
        if place == -1 and read.alone and self.input_type is None and quantiser.activation is Activation.LINEAR:
            self.input_type = quantiser.type
            return read
        if place is not None and place >= 0 and read.alone and (found := activated(self.layers[place], quantiser)):
            self.layers[place] = found
            return read
        layer = identity(record.call, len(read.elements))
        return self._put(activated(layer, quantiser) or layer, read, read.shape, where, record.name)


def _with_activation(layer: ImportedDense, record: LayerRecord, where: str) -> ImportedDense:
    """Let a layer's own activation follow."""
    quantiser = parse_quantiser(record.config.get("activation"), where)
    return layer if quantiser is None else activated(layer, quantiser) or layer
