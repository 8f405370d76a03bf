"""Score events with the compiled emulator: always equal to ``spec.reference``, and fast."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import LayoutError
from l1ad.core.fixed import IntArray
from l1ad.core.network import Network
from l1ad.emulator.build import library
from l1ad.emulator.source import traced_nodes
from l1ad.spec import reference

_ENTRY = {np.dtype(np.int16): "l1ad_score_int16", np.dtype(np.int32): "l1ad_score_int32", np.dtype(np.int64): "l1ad_score_int64"}


class Emulator:
    """The compiled emulator of one network.

    Attributes:
        network: the network.
        path: the shared library.
    """

    def __init__(self, network: Network, *, threads: int = 0, march: str = "native") -> None:
        """Compile the emulator, or take the one compiled before.

        Args:
            network: the network.
            threads: threads that share a batch; 0 takes all cores.
            march: instructions to use: ``native``, ``plain`` (the compiler's vectors), or what g++'s ``-march`` takes.

        Raises:
            ConversionError: the network has no exact emulator.
            ConfigError: the compiler or the machine does not have these instructions.
            ToolMissingError: there is no C++ compiler.
            ToolFailedError: the compiler failed.
        """
        self.network = network
        self.path: Path = library(network, march)
        self._threads = threads
        self._library = ctypes.CDLL(str(self.path))
        for name in _ENTRY.values():
            entry = getattr(self._library, name)
            entry.argtypes = (ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_int)
            entry.restype = ctypes.c_int

    @property
    def instructions(self) -> str:
        """Name of the instructions that the scores are computed with, such as ``AVX2``."""
        entry = self._library.l1ad_instructions
        entry.restype = ctypes.c_char_p
        return str(entry().decode())

    def scores(self, x_hw: NDArray[np.integer[Any]]) -> IntArray:
        """Score a batch.

        Args:
            x_hw: hardware integers, shape ``(n_events, n_columns)``; int16, int32 and int64 in C order are read in place,
                anything else is converted first.

        Returns:
            Codes of ``network.score.total``, int64, shape ``(n_events,)``.

        Raises:
            LayoutError: ``x_hw`` does not fit the layout; names the column and how many values are outside.
        """
        rows = self._rows(x_hw)
        out = np.empty(len(rows), dtype=np.int64)
        entry = getattr(self._library, _ENTRY[rows.dtype])
        if entry(rows.ctypes.data, len(rows), out.ctypes.data, self._threads):
            self.network.layout.check(rows, "Events to score")
        return out

    def trace(self, x_hw: NDArray[np.integer[Any]]) -> dict[str, IntArray]:
        """Score events one by one and give the inner values; compiles a second, slower emulator.

        Args:
            x_hw: as for ``scores``.

        Returns:
            By node, in order: ``scaled``, ``<layer>.output``, int64 ``(n_events, n)``, and ``score`` ``(n_events,)``.

        Raises:
            LayoutError: ``x_hw`` does not fit the layout.
        """
        rows = self._rows(x_hw).astype(np.int64)
        sizes = traced_nodes(self.network)
        nodes = np.empty((len(rows), sum(sizes.values())), dtype=np.int64)
        out = np.empty(len(rows), dtype=np.int64)
        entry = ctypes.CDLL(str(library(self.network, traced=True))).l1ad_trace
        entry.argtypes = (ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)
        if entry(rows.ctypes.data, len(rows), out.ctypes.data, nodes.ctypes.data):
            self.network.layout.check(rows, "Events to trace")
        edges = np.cumsum(list(sizes.values()))[:-1]
        return dict(zip(sizes, np.split(nodes, edges, axis=1), strict=True)) | {"score": out}

    def _rows(self, x_hw: NDArray[np.integer[Any]]) -> NDArray[np.integer[Any]]:
        array = np.asarray(x_hw)
        layout = self.network.layout
        if array.ndim != 2 or array.shape[1] != layout.n_columns or not np.issubdtype(array.dtype, np.integer):
            layout.check(array, "Events to score")
        if array.dtype == np.uint64 and array.size and array.max() > np.iinfo(np.int64).max:
            raise LayoutError("Events to score: values beyond int64 are not hardware integers; check where they come from.")
        if array.dtype not in _ENTRY:
            array = array.astype(np.int64)
        return np.ascontiguousarray(array)

    def bits(self, codes: IntArray, x_hw: NDArray[np.integer[Any]] | None = None) -> NDArray[np.bool_]:
        """Compare scores with the network's thresholds, shape ``(n_events, n_thresholds)``; as ``reference.bits``."""
        return reference.bits(self.network, codes, x_hw)
