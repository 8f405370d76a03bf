"""Write and read artefacts: folders with a ``manifest.json``, made whole or not at all.

A stage writes into a working folder beside the target, whose name is the digest of everything that goes in; one rename makes it
the target. A stage that was killed leaves its working folder: a stage that can resume finds its checkpoints there, any other
starts clean. The artefact's own digest covers its files, so that the next stage knows what it was made from.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from l1ad.core.errors import ArtefactError, reason_of
from l1ad.core.json_text import parse_json
from l1ad.core.plain import Origin
from l1ad.core.provenance import installed_versions
from l1ad.core.scratch import bring_back, leftovers, locked, place_of, put_in_place, remove, working_folder

MANIFEST = "manifest.json"
#: Form that artefacts are written in, and the oldest that is read.
SPEC_VERSION, OLDEST_SPEC_VERSION = 1, 1
#: Threads that hash, and bytes that each takes at a time.
_HASHING_THREADS, _HASHED_BYTES = 2, 4 * 2**20


@dataclass(frozen=True, slots=True)
class Manifest:
    """Describe an artefact: what it is, what it was made from, and by what.

    Attributes:
        kind: the artefact's kind, as ``dataset``.
        spec_version: version of the folder's form.
        digest: SHA-256 over the artefact's files (logs left out).
        key: SHA-256 over inputs, config, seed and code: equal keys mean nothing has changed.
        inputs: digest of each input.
        config: the resolved configuration the stage used.
        versions: package versions.
        seed: the seed, if the stage has one.
        summary: what the stage has to say; free of times, so that equal runs give equal manifests.
    """

    kind: str
    spec_version: int
    digest: str
    key: str
    inputs: dict[str, str]
    config: dict[str, Any]
    versions: dict[str, str]
    seed: int | None
    summary: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        values = (self.kind, self.digest, self.key, self.inputs, self.config, self.versions, self.summary)
        if [type(value) for value in values] != [str] * 3 + [dict] * 4:
            raise TypeError("a manifest's values have the wrong types")


@dataclass(slots=True)
class Draft:
    """An artefact that is being written.

    Attributes:
        path: working folder; everything written here becomes the artefact.
        resumed: whether an earlier, killed attempt at the same thing left this folder.
        summary: filled by the stage before it ends.
    """

    path: Path
    resumed: bool
    summary: dict[str, Any] = field(default_factory=dict)


#: The commands that write each kind, where they are not called as it is.
_WRITERS = {
    "dataset": "'l1ad prepare'",
    "model": "'l1ad train' or 'l1ad import'",
    "float_model": "'l1ad train'",
    "hls_project": "'l1ad convert'",
    "rates_comparison": "'l1ad rates'",
    "study": "'l1ad study'",
}


def writer_of(kind: str) -> str:
    """Name the command that writes an artefact, by its kind, or by the folder's name where any kind is accepted."""
    found = _WRITERS.get(kind)
    known = ("csim", "verify", "rates", "emulator", "vectors", "scan", "report", "synth")
    return found or next((f"'l1ad {name}'" for name in known if kind.split("_")[0] == name), "the command that writes it")


def origin_of(path: Path, kind: str) -> Origin:
    """Return where an artefact's settings and summary stand, for whoever reads them."""
    return Origin(path / MANIFEST, writer_of(kind))


def read_manifest(path: Path, kind: str | None = None) -> Manifest:
    """Read an artefact's manifest.

    Args:
        path: the artefact's folder.
        kind: the expected kind, or None for any.

    Raises:
        ArtefactError: no artefact there, another kind, or a newer form than this version reads.
    """
    file = path / MANIFEST
    wanted = f"a {kind!r} artefact" if kind else "an artefact"
    try:
        manifest = Manifest(**parse_json(file.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        raise ArtefactError(
            f"Expected {wanted} at {str(path)!r}, found no {MANIFEST} there; run {writer_of(kind or path.name)} first."
        ) from None
    except (TypeError, ValueError):
        raise ArtefactError(
            f"{str(file)!r} is not a manifest of this project; remove the folder and run its stage again."
        ) from None
    _require_readable(path, manifest)
    if kind is not None and manifest.kind != kind:
        raise ArtefactError(f"Expected {wanted} at {str(path)!r}, got one of kind {manifest.kind!r}; give the right folder.")
    return manifest


def _require_readable(path: Path, manifest: Manifest) -> None:
    form = manifest.spec_version
    if not isinstance(form, int) or form < OLDEST_SPEC_VERSION:
        raise ArtefactError(
            f"{str(path)!r} has format version {form!r}, older than this version of l1ad reads (from {OLDEST_SPEC_VERSION} on); "
            f"run {writer_of(manifest.kind)} again."
        )
    if form > SPEC_VERSION:
        raise ArtefactError(
            f"{str(path)!r} has format version {form}, this version of l1ad reads up to {SPEC_VERSION}; update l1ad."
        )


def is_artefact(path: Path, kind: str) -> bool:
    """Return whether a folder is a whole artefact of a kind."""
    try:
        read_manifest(path, kind)
    except ArtefactError:
        return False
    return True


def stage_key(kind: str, inputs: Mapping[str, str], config: Mapping[str, Any], seed: int | None, code: str) -> str:
    """Digest everything that decides what a stage writes.

    Args:
        kind: the artefact's kind.
        inputs: digest of each input.
        config: the stage's part of the configuration, plain data.
        seed: the seed, if any.
        code: ``code_digest`` of the stage.
    """
    text = json.dumps([kind, SPEC_VERSION, dict(inputs), dict(config), seed, code], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def is_current(target: Path, kind: str, key: str) -> bool:
    """Return whether the target already is what a stage with this key would write."""
    return is_artefact(target, kind) and read_manifest(target).key == key


@contextmanager
def writing(
    target: Path,
    kind: str,
    *,
    key: str,
    inputs: Mapping[str, str],
    config: Mapping[str, Any],
    seed: int | None = None,
    resumable: bool = False,
) -> Iterator[Draft]:
    """Write an artefact: the body fills the draft's folder, leaving it makes the artefact.

    An exception (also Ctrl-C) in the body leaves the target as it was; the working folder stays only if ``resumable``; where
    none stays, folders that were made above it go too.

    Args:
        target: the artefact's folder.
        kind: its kind.
        key: ``stage_key`` of what goes in.
        inputs: digest of each input.
        config: the stage's configuration, plain data.
        seed: the seed, if any.
        resumable: whether the body continues from what an earlier attempt left.

    Yields:
        The draft.

    Raises:
        ArtefactError: the target's folder cannot be written, or the disk is full.
    """
    place = place_of(target)
    with _said(target), _folders_above(place), locked(place):
        for stale in leftovers(target) if place != target else ():
            remove(stale)
        draft = _open_draft(place, key, resumable)
        with _dropped(draft.path, resumable):
            yield draft
            _finish(draft, place, kind, key, inputs, config, seed)


@contextmanager
def _said(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ArtefactError(
            f"Could not write {str(target)!r}: {reason_of(error)}; free some disk space or choose another place."
        ) from error


@contextmanager
def _folders_above(place: Path) -> Iterator[None]:
    """Remove the folders that were made for an artefact alone when it fails, innermost first; one that holds anything stays."""
    made = [folder for folder in place.parents if not folder.exists()]
    try:
        yield
    except BaseException:
        with suppress(OSError):
            for folder in made:
                folder.rmdir()
        raise


@contextmanager
def _dropped(work: Path, keep: bool) -> Iterator[None]:
    """Remove a draft that fails, unless it is kept to go on with."""
    try:
        yield
    except BaseException:
        if not keep:
            remove(work)
        raise


def _open_draft(place: Path, key: str, resumable: bool) -> Draft:
    if place.exists() and not (place / MANIFEST).is_file() and (not place.is_dir() or any(place.iterdir())):
        raise ArtefactError(
            f"{str(place)!r} exists and is not an artefact of this project; move it away or choose another output."
        )
    bring_back(place)
    work = working_folder(place, key)
    for stale in leftovers(place):
        if not (resumable and stale == work):
            remove(stale)
    resumed = work.is_dir()
    work.mkdir(exist_ok=True)
    return Draft(work, resumed)


def _finish(
    draft: Draft,
    target: Path,
    kind: str,
    key: str,
    inputs: Mapping[str, str],
    config: Mapping[str, Any],
    seed: int | None,
) -> None:
    manifest = Manifest(
        kind, SPEC_VERSION, folder_digest(draft.path), key, dict(inputs), dict(config), installed_versions(), seed, draft.summary
    )
    text = json.dumps(asdict(manifest), indent=1, sort_keys=True, default=str)
    (draft.path / MANIFEST).write_text(text + "\n", encoding="utf-8")
    put_in_place(draft.path, target)


def folder_digest(path: Path, keep: Callable[[str], bool] = lambda name: not name.endswith((".log", ".png", ".html"))) -> str:
    """Digest a folder's files by name and content; logs, pictures and pages are left out, and so is the manifest.

    Args:
        path: the folder.
        keep: which relative names count.
    """
    files: dict[str, Path] = {}
    for root, folders, names in os.walk(path):
        folders.sort()
        files |= {(Path(root) / name).relative_to(path).as_posix(): Path(root) / name for name in sorted(names)}
    counted = {relative: file for relative, file in files.items() if relative != MANIFEST and keep(relative)}
    sizes = {relative: file.stat().st_size for relative, file in counted.items()}
    pieces = [(counted[relative], first) for relative, size in sizes.items() for first in range(0, size, _HASHED_BYTES)]
    digest = hashlib.sha256(json.dumps(sizes).encode())
    # Hashing lets other threads run.
    with ThreadPoolExecutor(_HASHING_THREADS) as threads:
        for one in threads.map(_piece_digest, pieces):
            digest.update(one)
    return digest.hexdigest()


def _piece_digest(piece: tuple[Path, int]) -> bytes:
    path, first = piece
    with path.open("rb") as file:
        file.seek(first)
        return hashlib.sha256(file.read(_HASHED_BYTES)).digest()
