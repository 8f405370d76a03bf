"""Write and read the file that carries a score's integer thresholds from ``l1ad rates`` to the firmware."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from l1ad.core.errors import ConfigError
from l1ad.core.network import Threshold
from l1ad.core.yaml_text import parse_yaml


@dataclass(frozen=True, slots=True)
class ThresholdsFile:
    """Hold integer thresholds and the digest of the network whose score they cut on."""

    network_digest: str
    thresholds: tuple[Threshold, ...]

    def text(self, title: str, remarks: Iterable[str]) -> str:
        """Write it as YAML.

        Args:
            title: first line, a comment.
            remarks: one for each threshold.
        """
        lines = [f"# {title}", f'network: "{self.network_digest}"', "thresholds:" if self.thresholds else "thresholds: {}"]
        lines += [f"  {t.name}: {t.value}  # {remark}" for t, remark in zip(self.thresholds, remarks, strict=True)]
        return "\n".join(lines) + "\n"


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
            f"{str(path)!r} wants the keys 'network' and 'thresholds' (names with integers) that 'l1ad rates' writes; run it again."
        )
    return ThresholdsFile(data["network"], tuple(Threshold(name, value) for name, value in values.items()))


def _is_code(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
