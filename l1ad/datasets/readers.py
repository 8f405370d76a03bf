"""Give the reader of each file format."""

from __future__ import annotations

from l1ad.datasets.formats import Format, Reader
from l1ad.datasets.fortymhz import FortyMhzReader
from l1ad.datasets.gelato import GelatoReader
from l1ad.datasets.gelato_merged import GelatoMergedReader
from l1ad.datasets.l1ntuple import L1NtupleReader
from l1ad.datasets.nanoaod import NanoAodReader
from l1ad.datasets.xaod import XaodReader


def reader(format_: Format) -> Reader:
    """Give the reader of a format."""
    readers: tuple[Reader, ...] = (
        FortyMhzReader(),
        GelatoReader(),
        GelatoMergedReader(),
        L1NtupleReader(),
        NanoAodReader(),
        XaodReader(),
    )
    return next(candidate for candidate in readers if candidate.format is format_)
