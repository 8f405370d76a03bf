"""Networks that are no chains: a convolution, two branches, a skip, a score in the embedding; seeded, with and without types a neuron."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from l1ad.core.affine import Padding, Window, average_pooling, convolution, node_sum
from l1ad.core.fixed import FixedPoint, IntArray
from l1ad.core.network import Activation, Dense, Network, Score, ScoreSpec, Threshold
from l1ad.ranges import smallest_score
from tests.networks import HIDDEN, INPUT, OUTPUT, WEIGHT, make_scaling, tiny_layout

OWN = (
    FixedPoint.parse("ap_ufixed<8,3,AP_RND_CONV,AP_SAT>"),
    FixedPoint.parse("ap_ufixed<5,3,AP_RND_CONV,AP_SAT>"),
    FixedPoint.parse("ap_ufixed<6,2,AP_TRN,AP_SAT>"),
    FixedPoint.parse("ap_ufixed<3,3,AP_RND,AP_SAT>"),
)
WIDE = FixedPoint.from_quantized_bits(10, 4)


def layer(
    name: str, weight: IntArray, bias: IntArray, output: FixedPoint, sources: tuple[str, ...] = (), **more: object
) -> Dense:
    relu = Activation.LINEAR if output.signed else Activation.RELU
    return Dense(name, weight, more.pop("weight_type", WEIGHT), bias, WEIGHT, relu, output, sources=sources, **more)


def dense(random: np.random.Generator, name: str, n_in: int, n_out: int, output: FixedPoint, *sources: str) -> Dense:
    weight = random.integers(WEIGHT.min_int, WEIGHT.max_int, size=(n_in, n_out), endpoint=True)
    return layer(name, weight, random.integers(-9, 9, size=n_out), output, sources)


def network(name: str, layers: tuple[Dense, ...], kind: Score, sources: tuple[str, ...] = ()) -> Network:
    layout = tiny_layout()
    scaling = make_scaling(layout, INPUT)
    spec = smallest_score(layout, scaling, layers, kind, False, (), sources)
    made = Network(name, layout, scaling, layers, spec)
    top = spec.total.max_int
    return made.with_thresholds((Threshold("loose", top // 64), Threshold("tight", top // 8)))


def convolutional(seed: int = 1) -> Network:
    """Eight columns as a 4 x 2 image: convolution 2 x 2 'same', pooling by averages, a dense layer."""
    random = np.random.default_rng(seed)
    kernel = random.integers(-20, 20, size=(2, 2, 1, 3))
    weight, bias = convolution(Window((4, 2, 1), (2, 2), (1, 1), Padding.SAME), kernel, random.integers(-5, 5, size=3))
    pooled, bits = average_pooling(Window((4, 2, 3), (2, 2), (2, 2)))
    pool_type = FixedPoint(True, 3, 3 - bits)
    return network(
        "convolutional",
        (
            layer("conv", weight, bias, HIDDEN),
            layer("pool", pooled, np.zeros(pooled.shape[1], dtype=np.int64), HIDDEN, weight_type=pool_type),
            dense(random, "latent", 6, 2, OUTPUT),
        ),
        Score.LATENT_L2,
    )


def two_branches(seed: int = 2) -> Network:
    """Two hidden layers of the scaled input, one behind the other into the last."""
    random = np.random.default_rng(seed)
    layers = (
        dense(random, "left", 8, 4, HIDDEN, "scaled"),
        dense(random, "right", 8, 3, FixedPoint.from_quantized_relu(5, 3), "scaled"),
        dense(random, "latent", 7, 2, OUTPUT, "left", "right"),
    )
    return network("two_branches", layers, Score.LATENT_L2)


def skip(seed: int = 3) -> Network:
    """A hidden layer added to the one before it."""
    random = np.random.default_rng(seed)
    layers = (
        dense(random, "first", 8, 4, HIDDEN),
        dense(random, "second", 4, 4, HIDDEN),
        layer("added", 2 * node_sum(4), np.zeros(4, dtype=np.int64), HIDDEN, ("first", "second")),
        dense(random, "out", 4, 1, OUTPUT),
    )
    return network("skip", layers, Score.LINEAR)


def embedding(seed: int = 4) -> Network:
    """AXOL1TL's version 5 in small: an encoder, an autoencoder of the embedding, the squared error in the embedding."""
    random = np.random.default_rng(seed)
    layers = (
        dense(random, "encoded", 8, 5, WIDE),
        dense(random, "inner", 5, 3, HIDDEN),
        dense(random, "decoded", 3, 5, WIDE),
    )
    return network("embedding", layers, Score.MSE, ("encoded", "decoded"))


def with_own_types(made: Network, name: str) -> Network:
    """Return the neurons of one layer types of their own."""
    own = tuple(
        replace(made_layer, own_outputs=tuple(OWN[j % len(OWN)] for j in range(made_layer.n_out)))
        if made_layer.name == name
        else made_layer
        for made_layer in made.layers
    )
    sources = made.score.sources
    spec: ScoreSpec = smallest_score(made.layout, made.scaling, own, made.score.kind, False, (), sources)
    return replace(made, layers=own, score=spec, thresholds=(Threshold("loose", spec.total.max_int // 64),))


PLAIN = {made.name: made for made in (convolutional(), two_branches(), skip(), embedding())}
OWN_TYPES = {
    f"{name}, own types": with_own_types(PLAIN[name], of)
    for name, of in (("convolutional", "pool"), ("two_branches", "left"), ("skip", "second"), ("embedding", "inner"))
}
NETWORKS = PLAIN | OWN_TYPES
