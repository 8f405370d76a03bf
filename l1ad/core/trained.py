"""What training and importing leave behind: the exact integer network and the floating-point network beside it.

``network.json`` is what everything downstream is made from; ``float.npz`` is the float64 reference that physics comparisons use.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from l1ad.core.array_file import read_arrays
from l1ad.core.artefact import read_manifest
from l1ad.core.errors import ModelError
from l1ad.core.fixed import FloatArray
from l1ad.core.json_text import parse_json
from l1ad.core.layout import ObjectLayout, parse_layout_dict
from l1ad.core.network import Activation, Network, Score
from l1ad.core.scaling import Scaling

KIND = "model"
FLOAT_KIND = "float_model"
NETWORK_FILE = "network.json"
FLOAT_FILE = "float.npz"


@dataclass(frozen=True, slots=True, eq=False)
class FloatDense:
    """One dense layer in float64.

    Attributes:
        name: the layer's name, that of the integer layer made from it.
        weight: shape ``(n_in, n_out)``.
        bias: shape ``(n_out,)``.
        activation: what follows.
    """

    name: str
    weight: FloatArray
    bias: FloatArray
    activation: Activation


@dataclass(frozen=True, slots=True)
class FloatScore:
    """Which score is computed in float64; the fields mean what they mean in ``ScoreSpec``."""

    kind: Score
    columns: tuple[int, ...] = ()
    cyclic: bool = False
    sources: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        found = {"kind": self.kind.value, "columns": list(self.columns), "cyclic": self.cyclic}
        return found | ({"sources": list(self.sources)} if self.sources else {})

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> FloatScore:
        """Read what ``to_dict`` gave."""
        return cls(
            Score(data["kind"]), tuple(int(c) for c in data["columns"]), bool(data["cyclic"]), tuple(data.get("sources", ()))
        )


@dataclass(frozen=True, slots=True, eq=False)
class FloatNetwork:
    """The floating-point reference: scaled inputs without rounding, float64 layers, the score in float64.

    Attributes:
        layout: the input columns.
        scaling: offset and shift; its type only limits the range, see ``saturate``.
        layers: the dense layers, in order.
        score: what is computed from the last layer's output.
        saturate: whether scaled inputs are held in the input type's range first, as a network trained here saw them.
    """

    layout: ObjectLayout
    scaling: Scaling
    layers: tuple[FloatDense, ...]
    score: FloatScore
    saturate: bool = True

    def save(self, path: str | Path) -> None:
        """Write the network as ``.npz``: a JSON description and float64 arrays, nothing pickled."""
        description = {
            "layout": self.layout.to_dict(),
            "scaling": self.scaling.to_dict(),
            "layers": [{"name": layer.name, "activation": layer.activation.value} for layer in self.layers],
            "score": self.score.to_dict(),
            "saturate": self.saturate,
        }
        arrays: dict[str, Any] = {"description": np.array(json.dumps(description))}
        for i, layer in enumerate(self.layers):
            arrays[f"weight_{i}"], arrays[f"bias_{i}"] = layer.weight, layer.bias
        with Path(path).open("wb") as file:
            np.savez(file, **arrays)

    @classmethod
    def load(cls, path: str | Path) -> FloatNetwork:
        """Read a network that ``save`` wrote.

        Raises:
            ModelError: the file is missing or is no such network.
        """
        try:
            return cls._from_arrays(read_arrays(Path(path)))
        except FileNotFoundError:
            raise ModelError(f"There is no float network at {str(path)!r}; run 'l1ad train' first.") from None
        except (OSError, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ModelError(
                f"{str(path)!r} is not a float network: {type(error).__name__} {error}; write it with 'l1ad train'."
            ) from None

    @classmethod
    def _from_arrays(cls, arrays: dict[str, Any]) -> FloatNetwork:
        data = parse_json(str(arrays["description"]))
        layers = tuple(
            FloatDense(
                str(layer["name"]),
                np.asarray(arrays[f"weight_{i}"], dtype=np.float64),
                np.asarray(arrays[f"bias_{i}"], dtype=np.float64),
                Activation(layer["activation"]),
            )
            for i, layer in enumerate(data["layers"])
        )
        return cls(
            parse_layout_dict(data["layout"], FLOAT_FILE),
            Scaling.from_dict(data["scaling"]),
            layers,
            FloatScore.from_dict(data["score"]),
            bool(data["saturate"]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class TrainedModel:
    """Access to a model artefact.

    Attributes:
        path: the artefact's folder.
        network: the exact integer network.
        reference: the float network it was made from; None for an import without one.
        digest: the artefact's digest.
    """

    path: Path
    network: Network
    reference: FloatNetwork | None
    digest: str


def load_trained(path: str | Path) -> TrainedModel:
    """Open a model artefact.

    Raises:
        ArtefactError: the folder is not a model artefact; names the command that makes one.
        ModelError: one of its files is damaged.
    """
    path = Path(path)
    manifest = read_manifest(path, KIND)
    reference = FloatNetwork.load(path / FLOAT_FILE) if (path / FLOAT_FILE).is_file() else None
    return TrainedModel(path, Network.load(path / NETWORK_FILE), reference, manifest.digest)
