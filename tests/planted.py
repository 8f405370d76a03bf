"""Make a shared library that says when it is loaded, and put it where another one is expected."""

from __future__ import annotations

import subprocess
from pathlib import Path

SOURCE = (
    '#include <cstdio>\n__attribute__((constructor)) static void loaded() {{ if (FILE *f = fopen("{sign}", "w")) fclose(f); }}\n'
)


def plant(library: Path, sign: Path) -> None:
    """Replace a library by one that makes the file ``sign`` when it is loaded."""
    source = sign.with_suffix(".cpp")
    source.write_text(SOURCE.format(sign=sign))
    library.unlink(missing_ok=True)
    library.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["g++", "-shared", "-fPIC", str(source), "-o", str(library)], check=True)
