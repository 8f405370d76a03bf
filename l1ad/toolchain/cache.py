"""Say where compiled code is kept between runs."""

from __future__ import annotations

import os
from pathlib import Path

CACHE_VARIABLE = "L1AD_CACHE_DIR"


def cache_folder() -> Path:
    """Give the folder of compiled code: ``$L1AD_CACHE_DIR``, else ``l1ad`` in the user's cache folder."""
    chosen = os.environ.get(CACHE_VARIABLE, "").strip()
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME", "").strip() or Path.home() / ".cache") / "l1ad"
