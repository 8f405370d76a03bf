"""Return a model's layers names that every generated language and tool takes, or refuse them in one sentence."""

from __future__ import annotations

import re

from l1ad.core.errors import ModelError
from l1ad.core.identifier import port_fault

#: Nodes and files of our own, and of hls4ml, that a layer's name would meet.
_OURS = frozenset(
    {
        "bias",
        "cell",
        "clock",
        "code",
        "config",
        "data",
        "difference",
        "div",
        "entry",
        "input",
        "inputs",
        "l1ad",
        "latch",
        "layer",
        "ldiv",
        "lldiv",
        "mask",
        "mbstate",
        "model",
        "model_default",
        "nnet",
        "output",
        "outputs",
        "ptrdiff",
        "reset",
        "result",
        "scaled",
        "scaling",
        "score",
        "size",
        "square",
        "ssize",
        "table",
        "threshold",
        "time",
        "top",
        "trigger",
        "va_list",
        "wchar",
        "weight",
        "weights",
        "wint",
    }
)
#: hls4ml's and the C library's own, before ``_t`` and alone.
_THEIRS = re.compile(r"(u?int(_fast|_least)?(\d+|max|ptr)?|(layer|config|weight|bias|result|accum|w|b|s)\d+|n_.*|ap_.*|l1ad_.*)")
#: What is put behind a layer's name for what belongs to it.
_BEHIND = (
    "accum",
    "accumulator",
    "active",
    "bias",
    "config",
    "input",
    "linear",
    "output",
    "result",
    "sum",
    "sums",
    "t",
    "weight",
)
_LONGEST = 64


def firmware_names(names: tuple[str, ...]) -> dict[str, str]:
    """Make the firmware's names of layers: small letters, digits and single underscores, a letter first, no word that is taken.

    ``Dense-1`` becomes ``dense_1``, ``entry`` becomes ``entry_layer``.

    Args:
        names: the model's, each once.

    Returns:
        Names by the model's.

    Raises:
        ModelError: two become the same, or one is too long.
    """
    plain = {name: _plain(name) for name in names}
    found = {name: text if _is_free(text, set(plain.values())) else f"{text}_layer" for name, text in plain.items()}
    seen: dict[str, str] = {}
    for name, text in found.items():
        if len(text) > _LONGEST:
            raise ModelError(
                f"Layer name {name[:80]!r} has more than {_LONGEST} letters; rename the layer before saving the model."
            )
        if text in seen:
            raise ModelError(
                f"Layers {seen[text]!r} and {name!r} would both be called {text!r} in the firmware; rename one before saving the model."
            )
        seen[text] = name
    return found


def _plain(name: str) -> str:
    """Write a name in the characters that VHDL, the strictest, takes."""
    text = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return text if re.match(r"[a-z]", text) else f"layer_{text}".rstrip("_")


def _is_free(text: str, others: set[str]) -> bool:
    if port_fault(text) is not None or text in _OURS or _THEIRS.fullmatch(text):
        return False
    return not any(text.endswith(f"_{end}") and text.removesuffix(f"_{end}") in others for end in _BEHIND)
