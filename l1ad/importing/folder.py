"""Find the sources of one firmware in a folder: an hls4ml project, or the emulator that CMSSW builds from one."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from l1ad.core.errors import ModelError, reason_of
from l1ad.importing.adders import Adders, adder_functions
from l1ad.importing.cpp import Array, Declarations, stripped

#: Folders that hold libraries, tests and simulations of a firmware, none of its own numbers.
_OTHERS = frozenset({"nnet_utils", "ap_types", "tb_data", "__pycache__"})
#: Where hls4ml writes layers out.
_GENERATED = "nnet_utils/nnet_code_gen.h"
_ENDINGS = (".h", ".hpp", ".cpp", ".txt")
#: Bytes of sources at most; those of the field have less than one million.
MAX_BYTES = 64 * 2**20
_MOST_FILES = 2000


@dataclass(frozen=True, slots=True)
class Sources:
    """The texts of a firmware.

    Attributes:
        path: the folder that was given.
        firmware: texts of the files beside ``defines.h`` and of its weights, by relative name.
        around: texts of the files around them: scaling, score, interface.
    """

    path: Path
    firmware: dict[str, str]
    around: dict[str, str]

    @property
    def texts(self) -> dict[str, str]:
        """All texts, by relative name."""
        return {**self.firmware, **self.around}

    @property
    def digest(self) -> str:
        """SHA-256 of all texts, in hex."""
        found = hashlib.sha256()
        for name, text in sorted(self.texts.items()):
            found.update(f"{name}\0{len(text)}\0{text}".encode())
        return found.hexdigest()

    def declarations(self) -> Declarations:
        """Read what the files declare; arrays that only a ``.txt`` file holds are read from it."""
        found = Declarations()
        for name, text in self.texts.items():
            if name.endswith((".h", ".hpp")) and not name.endswith(_GENERATED):
                found.read(text)
        for name, text in self.firmware.items():
            stem = Path(name).stem
            if name.endswith(".txt") and stem not in found.arrays and (type_ := _declared_type(stem, self.firmware)):
                found.arrays[stem] = Array(type_, "", text)
        return found

    def adders(self) -> dict[str, Adders]:
        """Layers that are written out as trees of adders, by the name of their function."""
        return {
            name: found
            for file, text in self.firmware.items()
            if file.endswith(_GENERATED)
            for name, found in adder_functions(stripped(text)).items()
        }

    def top(self) -> str:
        """Text of the one file that calls the layers.

        Raises:
            ModelError: there is none, or there are several.
        """
        found = [name for name, text in self.firmware.items() if name.endswith(".cpp") and "nnet::" in stripped(text)]
        if len(found) != 1:
            raise ModelError(
                f"{str(self.path)!r} has {len(found)} files beside defines.h that call layers {sorted(found)!r}, expected one; "
                "give the folder of one firmware."
            )
        return self.firmware[found[0]]


def is_firmware(path: Path) -> bool:
    """Return whether a folder holds the sources of a firmware by hls4ml."""
    return path.is_dir() and bool(_defines(path))


def read_sources(path: Path) -> Sources:
    """Read the sources of one firmware.

    Args:
        path: an hls4ml project, or the folder of one version of an emulator.

    Returns:
        The texts.

    Raises:
        ModelError: there is no ``defines.h``, there are several, or the files are too many, too large or no text.
    """
    found = _defines(path)
    if len(found) != 1:
        names = [str(file.parent.relative_to(path)) for file in found]
        raise ModelError(
            f"{str(path)!r} holds {len(found)} firmwares {names[:5]!r}, expected one; give the folder of one of them."
        )
    inner = found[0].parent
    files = [file for folder in (inner, inner / "weights") for file in _files(folder)]
    files += [inner / _GENERATED] if (inner / _GENERATED).is_file() else []
    beside = [] if path == inner else [file for file in _files(path) if not file.name.endswith(("_test.cpp", "_bridge.cpp"))]
    left = MAX_BYTES
    texts: dict[Path, str] = {}
    for file in [*files, *beside]:
        left -= file.stat().st_size
        if left < 0 or len(texts) >= _MOST_FILES:
            raise ModelError(
                f"The sources in {str(path)!r} take more than {MAX_BYTES // 2**20} MB; this is not a trigger network."
            )
        texts[file] = _text(file)
    own = {str(file.relative_to(path)): texts[file] for file in files}
    return Sources(path, own, {str(file.relative_to(path)): texts[file] for file in beside if file not in files})


def _defines(path: Path) -> list[Path]:
    candidates = [path, *(entry for entry in _folders(path)), *(inner for entry in _folders(path) for inner in _folders(entry))]
    return sorted(folder / "defines.h" for folder in candidates if (folder / "defines.h").is_file())


def _folders(path: Path) -> list[Path]:
    return sorted(
        entry for entry in path.iterdir() if entry.is_dir() and entry.name not in _OTHERS and not entry.name.startswith(".")
    )


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(entry for entry in folder.iterdir() if entry.suffix in _ENDINGS and entry.is_file())


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(
            f"Cannot read {str(file)!r}: {reason_of(error) if isinstance(error, OSError) else 'it is not text'}."
        ) from None


def _declared_type(name: str, texts: dict[str, str]) -> str | None:
    """Find the type of an array whose declaration has no values."""
    pattern = re.compile(rf"\b(\w+(?:\s*<[^<>;{{}}]*>)?)\s+{re.escape(name)}\s*\[[^\[\]{{}};]*\]\s*;")
    found = {match[1] for text in texts.values() for match in pattern.finditer(stripped(text)) if match[1] != "extern"}
    return found.pop() if len(found) == 1 else None
