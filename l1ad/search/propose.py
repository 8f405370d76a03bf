"""Propose the next trials of a scan: from a model of those before, evenly, or around the networks that none beats.

What is proposed depends on the scan's seed, the number of the first trial proposed and the trials before it, on nothing else: a scan that was
killed proposes what it would have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from l1ad.config.scan import LOGARITHMIC, OBJECTIVES, ScanConfig
from l1ad.search.space import Space
from l1ad.search.storage import Trial

#: Draws after which a point that was tried before is proposed again.
_DRAWS = 50
#: Part of the kept weights that one round of shrinking prunes.
SHRINKAGE = (0.1, 0.2, 0.3)
#: How far a step on an interval goes, as part of it (one standard deviation).
_STEP = 0.15


def front(trials: Sequence[Trial], objectives: Sequence[str]) -> list[Trial]:
    """Return the trials that no other beats in all objectives, ascending in LUTs; of equal ones the first.

    Args:
        trials: those that did not fail and those that did, which are left out.
        objectives: names of what counts.
    """
    done = [trial for trial in trials if trial.reason is None]
    if not done:
        return []
    signs = np.array([-1.0 if OBJECTIVES[name] else 1.0 for name in objectives])
    points = signs * np.array([[trial.found[name] for name in objectives] for trial in done])
    kept = [i for i, point in enumerate(points) if not _beaten(points, i, point)]
    return sorted((done[i] for i in kept), key=lambda trial: (trial.found["lut"], trial.number))


def _beaten(points: Any, index: int, point: Any) -> bool:
    no_worse = (points <= point).all(axis=1)
    better = no_worse & (points < point).any(axis=1)
    earlier = no_worse[:index] & (points[:index] == point).all(axis=1)
    return bool(better.any() or earlier.any())


def propose(
    scan: ScanConfig, space: Space, done: Sequence[Trial], first: int, own: Mapping[str, Any] | None = None
) -> list[Trial]:
    """Propose a batch of trials.

    Args:
        scan: strategy, seed and size of the batch.
        space: what is proposed from.
        done: the trials before the first one proposed.
        first: number of the first one proposed.
        own: the configuration itself as a point, which is tried first; None for none.
    """
    random = np.random.default_rng([scan.seed, first])
    known = {_key(trial.parameters, trial.shrink) for trial in done}
    draw = _drawing(scan, space, done, first, random)
    found = []
    for number in range(first, first + scan.batch):
        trial = Trial(0, own) if number == 0 and own is not None else _new(draw, number, known)
        known.add(_key(trial.parameters, trial.shrink))
        found.append(trial)
    return found


def _key(parameters: Mapping[str, Any], shrink: tuple[float, ...]) -> tuple[Any, ...]:
    return (*sorted(parameters.items()), shrink)


def _new(draw: Any, number: int, known: set[tuple[Any, ...]]) -> Trial:
    """Draw until a point has not been tried, or a few dozen times."""
    for _ in range(_DRAWS):
        parameters, shrink = draw()
        if _key(parameters, shrink) not in known:
            break
    return Trial(number, parameters, shrink)


def _drawing(scan: ScanConfig, space: Space, done: Sequence[Trial], first: int, random: np.random.Generator) -> Any:
    """Return what draws one point and its further sparsities."""
    best = front(done, scan.objectives)
    if scan.strategy == "random" or (scan.strategy == "tuner" and first < scan.startup) or not best:
        return lambda: (drawn(space, random), ())
    if scan.strategy == "front":
        return lambda: _changed(space, best[random.integers(len(best))], random)
    if scan.strategy == "shrink":
        return lambda: _shrunk(best[random.integers(len(best))], random)
    study = _study(scan, space, done, first)
    return lambda: (study.ask(space.distributions()).params, ())


def drawn(space: Space, random: np.random.Generator) -> dict[str, Any]:
    """Draw a point evenly: every choice alike, intervals evenly on their scale."""
    found: dict[str, Any] = {key: choices[random.integers(len(choices))] for key, choices in space.choices.items()}
    return found | {key: _within(key, bounds, float(random.random())) for key, bounds in space.intervals.items()}


def _within(key: str, bounds: tuple[float, float], part: float) -> float:
    low, high = np.log(bounds) if key in LOGARITHMIC else bounds
    value = low + part * (high - low)
    return float(np.clip(np.exp(value) if key in LOGARITHMIC else value, *bounds))


def _part(key: str, bounds: tuple[float, float], value: float) -> float:
    low, high, at = np.log((*bounds, value)) if key in LOGARITHMIC else (*bounds, value)
    return float((at - low) / (high - low)) if high > low else 0.0


def _changed(space: Space, trial: Trial, random: np.random.Generator) -> tuple[dict[str, Any], tuple[float, ...]]:
    """Change one or two parameters of a trial: a choice to one beside it, a number by a small step."""
    found = dict(trial.parameters)
    free = [key for key in space.keys if len(space.choices.get(key, (0, 0))) > 1 and _is_open(space, key)]
    for key in random.permutation(free)[: random.integers(1, 3)]:
        if key in space.choices:
            choices = space.choices[key]
            place = choices.index(found[key]) + (1 if random.random() < 0.5 else -1)
            found[key] = choices[place % len(choices)]
        else:
            bounds = space.intervals[key]
            found[key] = _within(key, bounds, min(max(_part(key, bounds, found[key]) + _STEP * random.normal(), 0.0), 1.0))
    return found, ()


def _is_open(space: Space, key: str) -> bool:
    low, high = space.intervals.get(key, (0.0, 1.0))
    return low < high


def _shrunk(trial: Trial, random: np.random.Generator) -> tuple[dict[str, Any], tuple[float, ...]]:
    """Prune a part of what a trial's network has left."""
    parameters = dict(trial.parameters)
    former = (trial.shrink or (parameters.get("sparsity", 0.0),))[-1]
    step = SHRINKAGE[random.integers(len(SHRINKAGE))]
    return parameters, (*trial.shrink, round(1.0 - (1.0 - former) * (1.0 - step), 6))


def _study(scan: ScanConfig, space: Space, done: Sequence[Trial], first: int) -> Any:
    """Make a study in memory of the trials before, with a sampler that is seeded with the number of the first one proposed.

    LUTs and latency count by their logarithm: a tenth less is as good for a small network as for a large one.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(
        seed=scan.seed * 100_003 + first, n_startup_trials=1, multivariate=True, constant_liar=True
    )
    directions = ["maximize" if OBJECTIVES[name] else "minimize" for name in scan.objectives]
    study = optuna.create_study(sampler=sampler, directions=directions)
    for trial in done:
        if trial.reason is None and not trial.shrink:
            values = [_counted(name, trial.found[name]) for name in scan.objectives]
            made = optuna.trial.create_trial(params=dict(trial.parameters), distributions=space.distributions(), values=values)
            study.add_trial(made)
    return study


def _counted(name: str, value: float) -> float:
    return value if OBJECTIVES[name] else float(np.log(max(value, 1.0)))
