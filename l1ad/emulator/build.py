"""Compile the emulator's source for this machine, once: the library is kept by what went into it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from l1ad.core.errors import InputError
from l1ad.core.network import Network
from l1ad.emulator.march import flags as march_flags
from l1ad.emulator.source import HEADERS, header, kernel_source
from l1ad.toolchain import GXX, FoundTool, require, run
from l1ad.toolchain.cache import CACHE_VARIABLE, cache_folder, compile_once, is_ours, private_folder, processor

LIBRARY = "emulator.so"
FLAGS = ("-std=c++17", "-O3", "-fwrapv", "-fno-math-errno", "-fPIC", "-shared", "-fopenmp")


def library(network: Network, march: str = "native", *, traced: bool = False) -> Path:
    """Return the compiled emulator of a network, compiling it unless that was done before.

    Args:
        network: the network.
        march: the instructions to use: ``native``, ``plain`` (the compiler's vectors), or what g++'s ``-march`` takes.
        traced: whether the emulator keeps inner values.

    Returns:
        The shared library.

    Raises:
        ConversionError: the network has no exact emulator.
        ToolMissingError: there is no C++ compiler.
        ToolFailedError: the compiler failed; its message and the source file are named.
        ConfigError: the compiler or the machine does not have these instructions.
        InputError: the folder of compiled code cannot be written, or others can.
    """
    compiler, source = require(GXX), kernel_source(network, traced=traced)
    flags = (*FLAGS, *march_flags(march))
    key = _key(compiler, source, flags)
    folder = cache_folder() / "emulator" / key
    target = folder / LIBRARY
    if is_ours(target, key):
        return target
    _compile(compiler, source, flags, folder)
    if not is_ours(target, key):
        raise InputError(
            f"There is compiled code in {str(folder)!r} that this user did not compile, and it cannot be replaced; remove the folder, or set "
            f"{CACHE_VARIABLE} to one of your own."
        )
    return target


def _key(compiler: FoundTool, source: str, flags: tuple[str, ...]) -> str:
    """Digest everything that decides the library, the processor's abilities included."""
    parts = [source, *(header(name) for name in HEADERS), *flags, *compiler.command, compiler.version or "", processor()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _compile(compiler: FoundTool, source: str, flags: tuple[str, ...], folder: Path) -> None:
    def make(work: Path) -> None:
        write_sources(work, source)
        run(compiler, [*flags, "kernel.cpp", "-o", LIBRARY], cwd=work, log=work / "compile.log", step="Compiling the emulator")

    try:
        private_folder(folder.parent, tighten=True)
        compile_once(folder, LIBRARY, folder.name, make)
    except OSError as error:
        raise InputError(
            f"Compiled emulators cannot be kept in {str(folder.parent)!r}: {error.strerror or error}; set {CACHE_VARIABLE} to a folder "
            "that can be written."
        ) from None


def write_sources(folder: Path, source: str) -> None:
    """Write a kernel and the headers it includes."""
    (folder / "kernel.cpp").write_text(source, encoding="utf-8")
    for name in HEADERS:
        (folder / name).write_text(header(name), encoding="utf-8")
