"""Decode the words that ATLAS Level-1 muon candidates come in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Thresholds in GeV by threshold number (from 1): barrel (RPC) and end-caps (TGC), as GELATO's ntuple maker has them.
RPC_GEV = (4.0, 6.0, 8.0, 10.0, 12.0, 14.0)
TGC_GEV = (3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 18.0, 20.0)
#: Bits of the Run-3 word (athena TrigT1MuctpiBits/MuCTPI_Bits.h): threshold number, sector address, and in the address end-cap and forward.
_THRESHOLD_SHIFT, _THRESHOLD_MASK = 8, 0xF
_SECTOR_SHIFT, _SECTOR_MASK = 21, 0xFF
_ENDCAP, _FORWARD = 0x80, 0x40
#: Set in words of Run 3; those of Run 2 have the threshold number at bits 11 to 13.
_RUN3_BIT = 31
_RUN2_THRESHOLD_SHIFT, _RUN2_THRESHOLD_MASK = 11, 0x7


def muon_pt_gev(words: NDArray[np.uint32], threshold_mev: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Return the pT threshold that each candidate passed; numbers without threshold give 0.

    Words of Run 2 number the thresholds of the run's menu, which a file has beside them if at all. The tables above are Run 3's.

    Args:
        words: ``roiWord`` of each candidate, ``(n,)``.
        threshold_mev: ``thrValue`` of each candidate in MeV, ``(n,)``, used for words of Run 2 only.

    Returns:
        GeV, ``(n,)``; NaN for words of Run 2 whose threshold is not known.
    """
    number = (words >> np.uint32(_THRESHOLD_SHIFT)) & np.uint32(_THRESHOLD_MASK)
    sector = (words >> np.uint32(_SECTOR_SHIFT)) & np.uint32(_SECTOR_MASK)
    barrel = (sector & np.uint32(_ENDCAP | _FORWARD)) == 0
    run3 = np.where(barrel, _table(RPC_GEV)[number], _table(TGC_GEV)[number])
    known = np.zeros(len(words)) if threshold_mev is None else np.maximum(threshold_mev, 0.0)
    run2 = np.where(known > 0, known / 1000.0, np.nan)
    run2[(words >> np.uint32(_RUN2_THRESHOLD_SHIFT)) & np.uint32(_RUN2_THRESHOLD_MASK) == 0] = 0.0
    return np.where(words >> np.uint32(_RUN3_BIT) == 1, run3, run2)


def _table(thresholds: tuple[float, ...]) -> NDArray[np.float64]:
    table = np.zeros(_THRESHOLD_MASK + 1)
    table[1 : len(thresholds) + 1] = thresholds
    return table
