"""Have hls4ml write the network's own function, and check that it wrote this network."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from l1ad.core.errors import ConversionError
from l1ad.core.fixed import FixedPoint, FloatArray
from l1ad.core.network import Dense, Network
from l1ad.firmware.target import Target
from l1ad.hls.source import FUNCTION, Variables, declared_types, inlined, layer_variables, signature
from l1ad.ranges import NodeRange, prove, require_int64, require_safe

#: Only what the function needs; hls4ml's own project files, test bench and bridge are left out.
_KEPT = ("firmware/",)


@dataclass(frozen=True, slots=True)
class Inner:
    """The network's function.

    Attributes:
        files: contents by path relative to the project.
        route: ``bit_exact`` (hls4ml derives lossless types from the quantisers), ``explicit`` (every type is given) or ``graph`` (a network
            that is not a chain: its layers are statements of the top).
        input_type: C++ name of the input array's type.
        output_type: C++ name of the output array's type.
        types: the fixed-point types that hls4ml declares, by their C++ names.
        variables: for each layer the arrays that hold its result and its output.
    """

    files: dict[str, bytes]
    route: str
    input_type: str
    output_type: str
    types: dict[str, str]
    variables: Variables


def convert_network(network: Network, target: Target) -> Inner:
    """Convert a network with hls4ml.

    A network that QKeras can express goes through its QKeras model with ``bit_exact``; any other (an imported firmware that truncates
    or wraps) with every type given.

    Args:
        network: the network.
        target: part, clock and reuse factor.

    Returns:
        The function's files.

    Raises:
        ConversionError: the network cannot be converted exactly, or hls4ml wrote something else; names the layer and the reason.
    """
    from l1ad.qkeras.build import refusal

    require_int64(network)
    require_safe(network)
    if not network.is_chain:
        return _no_function(network, target)
    _require_adders(target)
    route = "bit_exact" if refusal(network) is None else "explicit"
    model = _qkeras_model(network) if route == "bit_exact" else _keras_model(network)
    with tempfile.TemporaryDirectory(prefix="l1ad_hls4ml_") as folder:
        _run_hls4ml(model, configuration(network, target, route), target, Path(folder), exact=route == "bit_exact")
        files = _read(Path(folder))
    source = files[f"firmware/{FUNCTION}.cpp"].decode()
    types = declared_types(files["firmware/defines.h"].decode())
    input_type, output_type = signature(source)
    inner = Inner(files, route, input_type, output_type, types, layer_variables(source, network))
    check_weights(network, inner, target.strategy)
    check_types(network, inner)
    files[f"firmware/{FUNCTION}.cpp"] = inlined(source, network, inner.variables).encode()
    return inner


def _no_function(network: Network, target: Target) -> Inner:
    """Stand in for hls4ml's function where the top writes the layers itself."""
    if target.reuse_factor > 1 or target.strategy != "latency":
        raise ConversionError(
            f"Network {network.name!r} is not a chain of layers, whose products hls4ml cannot share or rewrite: set firmware.strategy to 'latency' and "
            f"firmware.reuse_factor to 1, got {target.strategy!r} and {target.reuse_factor}."
        )
    note = b"// The layers of this network are statements of l1ad_top.cpp.\n"
    files = {f"firmware/{FUNCTION}.{ending}": note for ending in ("h", "cpp")} | _simulation_types()
    type_ = str(network.scaling.type)
    return Inner(files, "graph", type_, type_, {}, {})


def _simulation_types() -> dict[str, bytes]:
    """Read the headers for simulation that hls4ml puts into every project it writes."""
    spec = importlib.util.find_spec("hls4ml")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("The headers of ap_fixed come with hls4ml.", name="hls4ml")
    folder = Path(spec.submodule_search_locations[0]) / "templates" / "vivado" / "ap_types"
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {f"firmware/ap_types/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in found}


#: What hls4ml calls the strategies.
_STRATEGIES = {"latency": "Latency", "resource": "Resource", "distributed_arithmetic": "distributed_arithmetic"}


def _require_adders(target: Target) -> None:
    if target.strategy == "distributed_arithmetic" and importlib.util.find_spec("da4ml") is None:
        raise ConversionError(
            "Strategy 'distributed_arithmetic' needs the Python package da4ml, with which hls4ml writes the adders; install da4ml or "
            "set firmware.strategy to 'latency'."
        )


def _qkeras_model(network: Network) -> Any:
    from l1ad.qkeras.build import build_qkeras
    from l1ad.qkeras.runtime import tensorflow

    tensorflow()
    return build_qkeras(network)


def _keras_model(network: Network) -> Any:
    """Build a plain Keras model with the network's values; only its structure and weights are read."""
    from l1ad.qkeras.runtime import tensorflow

    keras = tensorflow().keras
    values = entry = keras.Input((network.n_inputs,), name="entry")
    for layer in network.layers:
        values = keras.layers.Dense(layer.n_out, name=layer.name, dtype="float64")(values)
        values = keras.layers.Activation(layer.activation.value, name=f"{layer.name}_output")(values)
    model = keras.Model(entry, values, name=network.name)
    for layer in network.layers:
        model.get_layer(layer.name).set_weights([layer.weight_type.from_int(layer.weight), layer.bias_type.from_int(layer.bias)])
    return model


def configuration(network: Network, target: Target, route: str) -> dict[str, Any]:
    """Return hls4ml's configuration of a network.

    Args:
        network: the network.
        target: for the strategy and the reuse factor.
        route: ``bit_exact`` or ``explicit``.

    Returns:
        What ``convert_from_keras_model`` takes as ``hls_config``.
    """
    nodes = {node.node: node for node in prove(network)}
    strategy = _STRATEGIES[target.strategy]
    layers: dict[str, Any] = {
        "entry": {"Precision": {"result": str(network.scaling.type)}},
        "scaled": {"Precision": {"result": str(network.scaling.type)}},
    }
    for layer in network.layers:
        precisions = _precisions(layer, nodes, route)
        layers[layer.name] = {"Precision": precisions, "Strategy": strategy, "ReuseFactor": target.reuse_factor}
        # hls4ml puts a linear activation after every Dense; with the result's own type it goes away again.
        layers[f"{layer.name}_linear"] = {"Precision": {"result": precisions["result"]}}
        layers[f"{layer.name}_output"] = {"Precision": {"result": str(layer.output)}}
    model = {"Precision": {"default": "ap_fixed<16,6>"}, "ReuseFactor": target.reuse_factor, "Strategy": strategy}
    return {"Model": model, "LayerName": layers}


def _precisions(layer: Dense, nodes: dict[str, NodeRange], route: str) -> dict[str, str]:
    given = {"weight": str(layer.weight_type), "bias": str(layer.bias_type)}
    if route == "bit_exact":
        return given | {"result": "auto", "accum": "auto"}
    accumulator = layer.accumulator or _lossless(nodes[f"{layer.name}.accumulator"])
    return given | {"accum": str(accumulator), "result": str(layer.result or accumulator)}


def _lossless(node: NodeRange) -> FixedPoint:
    """Return a signed type that holds a node's whole range."""
    if node.minimal is None:
        raise ConversionError(f"Node {node.node!r} needs more than 62 bits; use narrower types before it.")
    extra = int(not node.minimal.signed)
    return FixedPoint(True, node.minimal.width + extra, node.minimal.integer + extra)


def _run_hls4ml(model: Any, config: dict[str, Any], target: Target, folder: Path, *, exact: bool) -> None:
    """Convert and write; hls4ml prints to standard output and warns about Keras' own deprecations, neither is for the user."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()) as said:
        warnings.simplefilter("ignore")
        import hls4ml

        try:
            converted = hls4ml.converters.convert_from_keras_model(
                model,
                output_dir=str(folder),
                project_name=FUNCTION,
                backend="Vitis",
                hls_config=config,
                bit_exact=exact,
                io_type="io_parallel",
                part=target.part,
                clock_period=target.clock_ns,
                clock_uncertainty=f"{100 * target.clock_uncertainty:g}%",
                write_weights_txt=False,
            )
            converted.write()
        except Exception as error:
            last = said.getvalue().strip().splitlines()[-1:] or [""]
            raise ConversionError(
                f"hls4ml could not convert network {model.name!r}: {type(error).__name__} {error} (it last said {last[0]!r})."
            ) from error


def _read(folder: Path) -> dict[str, bytes]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    named = {path.relative_to(folder).as_posix(): path for path in found}
    return {name: path.read_bytes() for name, path in named.items() if name.startswith(_KEPT)}


_WEIGHTS = re.compile(r"=\s*{(?P<values>[^}]*)}")
_DENSE = re.compile(r"nnet::dense<[^>]*>\(\w+, \w+, (?P<weight>\w+), (?P<bias>\w+)\)")


def check_weights(network: Network, inner: Inner, strategy: str = "latency") -> None:
    """Refuse weight headers that are not the network's weights.

    The ``resource`` strategy has them by output; ``distributed_arithmetic`` has none, its weights are in the adders that it writes,
    and the golden vectors are what shows that they are right.

    Raises:
        ConversionError: names the layer.
    """
    if strategy == "distributed_arithmetic":
        return
    calls = _DENSE.findall(inner.files[f"firmware/{FUNCTION}.cpp"].decode())
    for layer, (weight, bias) in zip(network.layers, calls, strict=True):
        for name, codes, type_ in ((weight, layer.weight, layer.weight_type), (bias, layer.bias, layer.bias_type)):
            written = _header_values(inner.files[f"firmware/weights/{name}.h"].decode())
            in_order = codes.T if strategy == "resource" else codes
            if not np.array_equal(written, type_.from_int(in_order).ravel()):
                raise ConversionError(
                    f"hls4ml wrote other values than layer {layer.name!r} has into {name}.h; use another type than {type_}."
                )


def _header_values(header: str) -> FloatArray:
    match = _WEIGHTS.search(header)
    return np.array([float(v) for v in match["values"].split(",")] if match else [], dtype=np.float64)


def check_types(network: Network, inner: Inner) -> None:
    """Refuse types that hls4ml chose and that lose a bit of a proved range.

    Raises:
        ConversionError: names the layer, the type and the range.
    """
    for name, wanted in ((inner.input_type, network.scaling.type), (inner.output_type, network.layers[-1].output)):
        if parse_declared(inner.types[name]) != wanted:
            raise ConversionError(
                f"hls4ml made {name} {inner.types[name]}, the network has {wanted}; this type cannot be converted."
            )
    nodes = {node.node: node for node in prove(network)}
    fractional = network.scaling.type.fractional
    for layer in network.layers:
        _check_accumulator(layer, nodes[f"{layer.name}.accumulator"], inner, fractional)
        fractional = layer.output.fractional


def parse_declared(text: str) -> FixedPoint:
    """Read a type as hls4ml declares it; ``ap_int<W>`` is what it writes for a type without fractional bits."""
    return FixedPoint.parse(text)


def _check_accumulator(layer: Dense, node: NodeRange, inner: Inner, fractional: int) -> None:
    # Adders of distributed arithmetic have no accumulator: the result takes the sums.
    name = next(name for name in (f"{layer.name}_accum_t", f"{layer.name}_t") if name in inner.types)
    declared = parse_declared(inner.types[name])
    if layer.accumulator is not None:
        if declared != layer.accumulator:
            raise ConversionError(
                f"hls4ml made the accumulator of layer {layer.name!r} {declared}, the network has {layer.accumulator}."
            )
        return
    if node.low == node.high == 0:  # a layer of zeros: hls4ml declares a type of no meaning, which holds 0 as any other
        return
    step = _finest(layer, node.fractional, fractional)
    if declared.fractional < step or not declared.holds(node.low, node.high, node.fractional):
        raise ConversionError(
            f"hls4ml made the accumulator of layer {layer.name!r} {declared}, which does not hold its range [{node.low}, {node.high}] "
            f"* 2**-{node.fractional}; report this, it would not be exact."
        )


def _finest(layer: Dense, grid: int, fractional: int) -> int:
    """Return the fractional bits that the terms of a sum really have: weights may all be multiples of some power of two."""
    products = layer.weight << (grid - fractional - layer.weight_type.fractional)
    terms = np.concatenate([products.ravel(), layer.bias << (grid - layer.bias_type.fractional)])
    together = int(np.gcd.reduce(np.abs(terms)))
    return grid if together == 0 else grid - ((together & -together).bit_length() - 1)
