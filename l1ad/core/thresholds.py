"""Write and read the file that carries a score's integer thresholds from ``l1ad rates`` to the firmware."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar

import yaml

from l1ad.core.errors import ConfigError, ModelError, nearest
from l1ad.core.follow import Follow
from l1ad.core.network import Threshold
from l1ad.core.plain import Plain
from l1ad.core.yaml_text import parse_yaml


@dataclass(frozen=True, slots=True)
class ThresholdsNote(Plain):
    """What a stage's summary says, beside its own entries, of thresholds that are bound to no network; None where nothing is to be said."""

    PART: ClassVar[bool] = True

    thresholds_note: str | None = None


@dataclass(frozen=True, slots=True)
class Definition:
    """What a threshold was derived for.

    Attributes:
        kind: ``total`` or ``pure``.
        target_khz: the rate asked for.
        khz: the rate found, of that kind.
        low_khz: lower end of its 68 % interval.
        high_khz: upper end of it.
        n_events: background events selected.
    """

    kind: str
    target_khz: float
    khz: float
    low_khz: float
    high_khz: float
    n_events: int

    @property
    def is_one(self) -> bool:
        """Whether it has a kind and numbers, as one that was written by hand need not."""
        numbers = (self.target_khz, self.khz, self.low_khz, self.high_khz, self.n_events)
        return self.kind in ("total", "pure") and all(isinstance(n, int | float) and math.isfinite(n) for n in numbers)


@dataclass(frozen=True, slots=True)
class ThresholdsFile:
    """Integer thresholds, what they were derived for, and the digest of the network whose score they cut on.

    Attributes:
        network_digest: the network's digest.
        thresholds: names and integers.
        dataset_digest: digest of the data they were derived on; "" in files of earlier versions.
        definitions: by name, what each is for; empty in files of earlier versions.
        menu: what vetoes in pure rates, in words: ``pass_l1``, or the seeds; "" where nothing is known.
    """

    network_digest: str
    thresholds: tuple[Threshold, ...]
    dataset_digest: str = ""
    definitions: Mapping[str, Definition] = field(default_factory=dict)
    menu: str = ""

    def text(self, title: str, remarks: Iterable[str]) -> str:
        """Write it as YAML.

        Args:
            title: first line, a comment.
            remarks: one for each threshold.
        """
        lines = [f"# {title}", f'network: "{self.network_digest}"', "thresholds:" if self.thresholds else "thresholds: {}"]
        lines += [f"  {t.name}: {t.value}  # {remark}" for t, remark in zip(self.thresholds, remarks, strict=True)]
        follows = {t.name: t.follow.to_dict() for t in self.thresholds if t.follow is not None}
        further: dict[str, Any] = {"follows": follows, "dataset": self.dataset_digest, "menu": self.menu}
        further["definitions"] = {name: asdict(one) for name, one in self.definitions.items()}
        given = {key: value for key, value in further.items() if value}
        return "\n".join(lines) + "\n" + (yaml.safe_dump(given, sort_keys=False) if given else "")


def load_thresholds(path: Path) -> ThresholdsFile:
    """Read what ``l1ad rates`` wrote.

    Raises:
        ConfigError: no such file, or no thresholds in it.
    """
    try:
        data = parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"Cannot read firmware.thresholds_file {str(path)!r}: {reason}; 'l1ad rates' writes it, with firmware.thresholds_file left out until then."
        ) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{str(path)!r} is not YAML: {' '.join(str(error).split())}.") from None
    values = data.get("thresholds") if isinstance(data, dict) else None
    if not isinstance(values, dict) or not isinstance(data.get("network"), str) or not all(map(_is_code, values.values())):
        raise ConfigError(
            f"{str(path)!r} needs the keys 'network' and 'thresholds' (names with integers) that 'l1ad rates' writes; run it again."
        )
    follows = _follows(data.get("follows", {}), values, path)
    thresholds = tuple(Threshold(name, value, follows.get(name)) for name, value in values.items())
    definitions = _definitions(data.get("definitions", {}), path)
    return ThresholdsFile(data["network"], thresholds, str(data.get("dataset", "")), definitions, str(data.get("menu", "")))


def _follows(data: object, values: Mapping[str, int], path: Path) -> dict[str, Follow]:
    """Read what thresholds follow; a name that is not a threshold would leave one that is as a plain integer."""
    try:
        found = {str(name): Follow.from_dict(one) for name, one in dict(data).items()}  # type: ignore[call-overload]
    except (ModelError, TypeError, ValueError) as error:
        raise ConfigError(f"{str(path)!r}, key 'follows': {error}") from None
    stray = next((name for name in found if name not in values), None)
    if stray is not None:
        raise ConfigError(
            f"{str(path)!r} has {stray!r} under 'follows', which is not a threshold of it; {nearest(stray, values)}"
        )
    return found


def _definitions(data: object, path: Path) -> dict[str, Definition]:
    try:
        found = {str(name): Definition(**one) for name, one in dict(data).items()}  # type: ignore[call-overload]
        if all(one.is_one for one in found.values()):
            return found
        raise ValueError
    except (TypeError, ValueError):
        keys = ", ".join(one.name for one in fields(Definition))
        raise ConfigError(
            f"{str(path)!r} needs under 'definitions' for each name {keys}, as 'l1ad rates' writes it; run it again."
        ) from None


def _is_code(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
