"""Describe the network, its bit widths, its score and its training."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from l1ad.config.base import PerLayer, Section, TypeText


class ModelConfig(Section):
    """Describe the autoencoder: ``hidden`` and ``latent`` make the encoder, a decoder mirrors it."""

    kind: Literal["ae", "vae"]
    hidden: tuple[int, ...] = Field((32, 16), strict=False)
    latent: int = Field(3, ge=1)
    weight_bits: PerLayer = (6,)
    weight_integer: PerLayer = (1,)
    activation_bits: PerLayer = (8,)
    activation_integer: PerLayer = (3,)
    input_type: TypeText = "ap_fixed<8,4,AP_RND_CONV,AP_SAT>"
    output_type: TypeText = "ap_fixed<10,5,AP_RND_CONV,AP_SAT>"


class ScoreConfig(Section):
    """Say which score the chip computes; types left out are the smallest that cannot overflow."""

    kind: Literal["latent_l2", "masked_mse", "mse", "kl", "r_z"]
    square: TypeText | None = None
    total: TypeText | None = None
    difference: TypeText | None = None
    cyclic_phi: bool = True


class TrainingConfig(Section):
    """Say how long and how fast to train."""

    epochs: int = Field(20, ge=1)
    batch_size: int = Field(1024, ge=1)
    learning_rate: float = Field(1e-3, gt=0)
    beta: float = Field(0.8, ge=0)
    seed: int = Field(1, ge=0)
    seeds: int = Field(1, ge=1)


class ScalingConfig(Section):
    """Say how hardware integers are scaled: from data by the documented rule, or with numbers given for every column."""

    rule: Literal["robust", "given"] = "robust"
    offset: tuple[int, ...] | None = Field(None, strict=False)
    shift: tuple[int, ...] | None = Field(None, strict=False)
    phi_reference: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> ScalingConfig:
        given = self.rule == "given"
        if given != (self.shift is not None) or (self.offset is not None and not given):
            raise ValueError("rule 'given' wants shift (and optionally offset), rule 'robust' wants neither")
        return self
