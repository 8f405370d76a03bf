"""Return the reader of each file format."""

from __future__ import annotations

from l1ad.data.adl1t import Adl1tReader
from l1ad.data.cicada import CicadaReader
from l1ad.data.formats import Format, Reader
from l1ad.data.fortymhz import FortyMhzReader
from l1ad.data.gelato import GelatoReader
from l1ad.data.gelato_merged import GelatoMergedReader
from l1ad.data.l1ntuple import L1NtupleReader
from l1ad.data.nanoaod import NanoAodReader
from l1ad.data.xaod import XaodReader


def reader(format_: Format) -> Reader:
    """Return the reader of a format."""
    readers: tuple[Reader, ...] = (
        Adl1tReader(),
        CicadaReader(),
        FortyMhzReader(),
        GelatoReader(),
        GelatoMergedReader(),
        L1NtupleReader(),
        NanoAodReader(),
        XaodReader(),
    )
    return next(candidate for candidate in readers if candidate.format is format_)
