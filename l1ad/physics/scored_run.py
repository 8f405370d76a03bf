"""Take a run's scores and its background, as rates are counted on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from l1ad.config import Config
from l1ad.config.physics import RatesConfig
from l1ad.core.artefact import is_artefact
from l1ad.core.dataset import Dataset, Split
from l1ad.core.errors import ArtefactError, InputError
from l1ad.core.scoreset import ScoreSet, Source, load_scores
from l1ad.core.thresholds import load_thresholds
from l1ad.core.trained import load_trained
from l1ad.physics.rates import RateSample, crossing_rate_khz, menu_taken
from l1ad.physics.veto import Veto
from l1ad.scores.performance import ScoredSample, background_of

_FIRMWARE = (Source.CSIM, Source.EMULATOR, Source.RTL, Source.QKERAS)


def load_run_scores(folder: Path) -> tuple[ScoreSet, ...]:
    """Load what is there, the firmware's scores last.

    Raises:
        ArtefactError: there is none.
    """
    order = (Source.FLOAT, *reversed(_FIRMWARE))
    found = tuple(load_scores(folder, source) for source in order if (folder / f"{source.value}.json").is_file())
    if not found:
        raise ArtefactError(f"There are no scores in {str(folder)!r}; run 'l1ad csim' first.")
    return found


def require_network(config: Config, scores: Sequence[ScoreSet]) -> None:
    """Refuse scores of another network than the run's model or the configured thresholds.

    Raises:
        InputError: names both digests and what to run.
    """
    digests = {score.model_digest for score in scores if score.source is not Source.FLOAT}
    wanted: dict[str, str] = {}
    if is_artefact(config.run / "model", "model"):
        wanted[f"the model {str(config.run / 'model')!r}"] = load_trained(config.run / "model").network.digest
    if config.firmware.thresholds_file is not None:
        path = config.path(config.firmware.thresholds_file)
        wanted[f"the thresholds in {str(path)!r}"] = load_thresholds(path).network_digest
    if config.firmware.thresholds_network is not None:
        wanted["firmware.thresholds_network"] = config.firmware.thresholds_network
    for digest in digests:
        for what, other in wanted.items():
            if not digest.startswith(other):
                raise InputError(
                    f"The scores in {str(config.run / 'csim')!r} are of network {digest[:12]}, {what} of {other[:12]}; run 'l1ad convert' and 'l1ad csim' "
                    "again, with firmware.thresholds_file left out."
                )


def counted_split(config: RatesConfig) -> Split | None:
    """Return the part of the background that counts; None for all of it."""
    return Split.TEST if config.background == "test" else None


def counted_background(
    config: RatesConfig, dataset: Dataset, scores: ScoreSet, veto: Veto | None
) -> tuple[ScoredSample, RateSample]:
    """Return the background that rates are counted on, with its events' numbers.

    Raises:
        InputError: scores of another dataset, or none of the background was scored.
    """
    background = background_of(dataset, scores, counted_split(config))
    taken = menu_taken(dataset, background.rows, veto)
    return background, RateSample(background.scores, background.weight, taken, crossing_rate_khz(config))
