"""Instruction sets for which an emulator is compiled; those that the compiler or this machine lacks are refused."""

from __future__ import annotations

import functools
import platform
import re
import tempfile
from pathlib import Path

from l1ad.core.errors import ConfigError, ToolFailedError
from l1ad.toolchain import GXX, require, run
from l1ad.toolchain.cache import processor

#: The machine's own instructions, and none beyond the compiler's own vectors.
NATIVE, PLAIN = "native", "plain"
#: What is measured when the names are asked for.
EXAMPLES = (NATIVE, "x86-64-v4", "alderlake", "x86-64-v3", "x86-64-v2", "x86-64", PLAIN)
#: What the kernel calls an instruction set that the compiler calls otherwise.
_CALLED = {"BMI": "bmi1"}
_MACRO = re.compile(r"^#define __((?:AVX|SSE4|SSSE|BMI|FMA)\w*?)__ 1$", re.MULTILINE)


def flags(march: str) -> tuple[str, ...]:
    """Return the compiler's options for a choice of instructions.

    Args:
        march: ``native``, ``plain``, or what g++'s ``-march`` takes.

    Raises:
        ConfigError: the compiler does not know it, or this machine lacks some of its instructions.
    """
    if platform.machine() not in ("x86_64", "AMD64"):
        if march not in (NATIVE, PLAIN):
            raise ConfigError(
                f"Instruction sets can be chosen on x86-64 only, this machine is {platform.machine()}; leave {march!r} out."
            )
        return ("-DL1AD_PLAIN",) if march == PLAIN else ()
    if march == PLAIN:
        return ("-march=x86-64", "-DL1AD_PLAIN")
    if march != NATIVE:
        missing = sorted(_named(march) - machine_flags())
        if missing:
            raise ConfigError(f"This machine cannot run {march!r}: it lacks {', '.join(missing)}; use 'native' or one with less.")
    return (f"-march={march}",)


@functools.cache
def _named(march: str) -> frozenset[str]:
    """Ask the compiler which instructions a name stands for."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", march):
        raise ConfigError(f"{march!r} is not an instruction set; use one of {', '.join(EXAMPLES)}, or what g++ -march takes.")
    with tempfile.TemporaryDirectory(prefix="l1ad_march_") as text:
        folder = Path(text)
        options = [f"-march={march}", "-dM", "-E", "-x", "c++", "/dev/null"]
        try:
            done = run(
                require(GXX), options, cwd=folder, log=folder / "macros.log", step="Asking the compiler for its instructions"
            )
        except ToolFailedError:
            raise ConfigError(
                f"The compiler does not know the instruction set {march!r}; use one of {', '.join(EXAMPLES)}, or what g++ -march takes."
            ) from None
        return frozenset(_CALLED.get(name, name.lower().replace("_", "")) for name in _MACRO.findall(done.text()))


def machine_flags() -> frozenset[str]:
    """Names of the processor's abilities, without underscores."""
    return frozenset(processor().partition(":")[2].replace("_", "").split())
