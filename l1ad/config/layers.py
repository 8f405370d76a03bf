"""Describe networks whose layers are not all dense: convolutions and pooling on the inputs taken as an image, and teachers of a shape of their own."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from l1ad.config.base import Section

_Size = Annotated[int, Field(ge=1)]


class LayerConfig(Section):
    """One hidden layer of an encoder; exactly one of ``dense``, ``conv`` and ``pool``.

    Attributes:
        dense: a dense layer, and its width.
        conv: a convolution, and its filters.
        pool: pooling by averages, and its window: height and width.
        window: height and width of a convolution's kernel.
        strides: how far a convolution's kernel moves at a time; pooling moves by its window.
        padding: of a convolution, ``valid`` or ``same``.
    """

    dense: _Size | None = None
    conv: _Size | None = None
    pool: tuple[_Size, _Size] | None = Field(None, strict=False)
    window: tuple[_Size, _Size] = Field((3, 3), strict=False)
    strides: tuple[_Size, _Size] = Field((1, 1), strict=False)
    padding: Literal["valid", "same"] = "valid"

    @model_validator(mode="after")
    def _one_kind(self) -> LayerConfig:
        given = [kind for kind in ("dense", "conv", "pool") if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(f"a layer is one of dense, conv and pool, got {' and '.join(given) or 'none of them'}")
        return self


class ShapeConfig(Section):
    """The hidden layers of an encoder.

    Attributes:
        image: height, width and channels of the inputs in the layout's order, for convolutions and pooling; the last varies fastest.
        layers: the encoder's hidden layers in order; a decoder mirrors them. In place of ``hidden``.
    """

    image: tuple[_Size, _Size, _Size] | None = Field(None, strict=False)
    layers: tuple[LayerConfig, ...] = Field((), strict=False)

    @model_validator(mode="after")
    def _has_image(self) -> ShapeConfig:
        if self.image is None and any(layer.dense is None for layer in self.layers):
            raise ValueError("layers with a window need image: height, width and channels of the inputs")
        return self


class TeacherConfig(ShapeConfig):
    """The shape of the robust recipe's teachers; left out, they have that of the network itself.

    Attributes:
        kind: ``ae``, an autoencoder whose error is the score, or ``vae``.
        latent: width of the bottleneck.
        image: as in ``model``.
        layers: as in ``model``.
    """

    kind: Literal["ae", "vae"] = "ae"
    latent: _Size = 16
