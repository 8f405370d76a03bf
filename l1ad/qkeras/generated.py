"""Keep the sources that TensorFlow's autograph generates in a folder that goes with the process, or with the next one if it was killed."""

from __future__ import annotations

import atexit
import functools
import os
import re
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace

_PREFIX = "l1ad_autograph_"
_NAME = re.compile(rf"{_PREFIX}(\d+)_.*")


def keep_generated_sources_together() -> None:
    """Let autograph write into a folder of this process, which is removed when it ends; folders of processes that are gone are removed now.

    Autograph removes its files when the interpreter ends, which a killed process and a worker of ``multiprocessing`` never come to.
    """
    from tensorflow.python.autograph.pyct import loader

    if isinstance(loader.tempfile, SimpleNamespace):
        return  # done before in this process
    sweep(Path(tempfile.gettempdir()))
    folder = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}_")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    loader.tempfile = SimpleNamespace(NamedTemporaryFile=functools.partial(tempfile.NamedTemporaryFile, dir=folder))


def sweep(where: Path) -> None:
    """Remove what processes of this user that are gone have left.

    Args:
        where: the folder of temporary files, which others may write to: links and folders of others are left alone.
    """
    for path in where.glob(f"{_PREFIX}*"):
        found = _NAME.fullmatch(path.name)
        if found is None or path.is_symlink() or not path.is_dir() or path.stat().st_uid != os.getuid():
            continue
        if not _alive(int(found.group(1))):
            shutil.rmtree(path, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True
