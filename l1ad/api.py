"""The Python interface: each command of the flow as a function of a configuration, or of the path of one.

>>> import l1ad
>>> l1ad.FixedPoint.parse("ap_fixed<8,4,AP_RND_CONV,AP_SAT>").max
7.9375
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from l1ad.config import Config, load_config
from l1ad.core.errors import ConfigError
from l1ad.core.extras import explaining_extras

if TYPE_CHECKING:
    from l1ad.stages.compare_rates import CompareRatesResult
    from l1ad.stages.convert import ConvertResult
    from l1ad.stages.csim import CsimResult
    from l1ad.stages.init import InitResult
    from l1ad.stages.prepare import PrepareResult
    from l1ad.stages.rates import RatesResult
    from l1ad.stages.report import ReportResult
    from l1ad.stages.scan import PickResult, ScanResult
    from l1ad.stages.score import ScoreResult
    from l1ad.stages.simulate import SimulateResult
    from l1ad.stages.study import StudiesResult
    from l1ad.stages.synth import SynthResult
    from l1ad.stages.train import TrainResult
    from l1ad.stages.verify import VerifyResult

#: What every function takes: a configuration that was read, or the path of its file.
AnyConfig = Config | str | Path


def _read(config: AnyConfig) -> Config:
    return config if isinstance(config, Config) else load_config(config)


def init(
    path: str | Path,
    *,
    layout: str | Path | None = None,
    data: str | Path | Sequence[str | Path] = (),
    signals: Mapping[str, str | Path] | None = None,
    board: str | Path = "l1topo",
    sample: bool = False,
    force: bool = False,
) -> InitResult:
    """Write a commented configuration for given files, or for the small sample that the package carries.

    Args:
        path: the file to write; its name becomes the configuration's.
        layout: a shipped layout, or the path of a YAML file.
        data: background files or patterns.
        signals: a file or pattern for each signal, by name.
        board: a shipped board, or the path of a YAML file.
        sample: copy the small sample into ``sample`` beside the file and use it; with neither layout, data nor signals.
        force: overwrite a file that is there.

    Raises:
        ConfigError: a layout is missing, or given with ``sample``.
    """
    from l1ad.stages import init as stage

    if sample != (layout is None) or (sample and (data or signals)):
        raise ConfigError("A configuration needs a layout and data, or sample=True without them; give one of the two.")
    if sample:
        return stage.init_sample(Path(path), board=str(board), force=force)
    files = [str(file) for file in ([data] if isinstance(data, str | Path) else data)]
    named = {name: str(file) for name, file in (signals or {}).items()}
    return stage.init(Path(path), layout=str(layout), data=files, signals=named, board=str(board), force=force)


@explaining_extras
def simulate(config: AnyConfig, *, force: bool = False) -> SimulateResult:
    """Generate trigger events with Pythia 8 and a parametrised detector (extra ``simulate``).

    Args:
        config: a configuration, or the path of its file.
        force: do it again even if nothing has changed.
    """
    from l1ad.stages import simulate as stage

    return stage.simulate(_read(config), force=force)


@explaining_extras
def prepare(config: AnyConfig, *, force: bool = False, skip_bad: bool = False, scheduler: str | None = None) -> PrepareResult:
    """Turn raw files into a dataset of hardware integers.

    Args:
        config: a configuration, or the path of its file.
        force: do it again even if nothing has changed.
        skip_bad: leave out files that cannot be read, and list them in the result.
        scheduler: a Dask scheduler's address, ``local`` or ``none``.
    """
    from l1ad.stages import prepare as stage

    return stage.prepare(_read(config), force=force, skip_bad=skip_bad, scheduler=scheduler)


@explaining_extras
def train(config: AnyConfig, *, force: bool = False, float_only: bool = False) -> TrainResult:
    """Train the float baseline and the quantised network (extra ``train``).

    Args:
        config: a configuration, or the path of its file.
        force: train again even if nothing has changed.
        float_only: stop after the float baseline.
    """
    from l1ad.stages import train as stage

    return stage.train(_read(config), force=force, float_only=float_only)


@explaining_extras
def convert(config: AnyConfig, *, force: bool = False) -> ConvertResult:
    """Write the HLS project (extra ``hls``, and ``train`` where hls4ml converts QKeras layers).

    Args:
        config: a configuration, or the path of its file.
        force: do it again even if nothing has changed.
    """
    from l1ad.stages import convert as stage

    return stage.convert(_read(config), force=force)


@explaining_extras
def csim(config: AnyConfig, *, force: bool = False) -> CsimResult:
    """Run the compiled C simulation and compare it with QKeras as integers and with float as physics.

    Args:
        config: a configuration, or the path of its file.
        force: do it again even if nothing has changed.

    Raises:
        MismatchError: two implementations that must agree do not.
    """
    from l1ad.stages import csim as stage

    return stage.csim(_read(config), force=force)


@explaining_extras
def synth(config: AnyConfig, *, tool: str | None = None, force: bool = False) -> SynthResult:
    """Synthesise with the vendor's tool, or by the open flow (extra ``rtl``).

    Args:
        config: a configuration, or the path of its file.
        tool: ``auto``, ``vitis``, ``vivado`` or ``open``; the configuration's by default.
        force: do it again even if nothing has changed.
    """
    from l1ad.stages import synth as stage

    return stage.synth(_read(config), tool=tool, force=force)


@explaining_extras
def verify(config: AnyConfig, *, events: int = 100_000, force: bool = False) -> VerifyResult:
    """Compare all implementations pairwise, on data and on adversarial inputs.

    Args:
        config: a configuration, or the path of its file.
        events: number of events.
        force: do it again even if nothing has changed.

    Raises:
        MismatchError: two implementations differ.
    """
    from l1ad.stages import verify as stage

    return stage.verify(_read(config), events=events, force=force)


@explaining_extras
def score(config: AnyConfig, files: str | Path | Sequence[str | Path], output: str | Path, *, force: bool = False) -> ScoreResult:
    """Score files of any supported format with the exact emulator.

    Args:
        config: a configuration, or the path of its file.
        files: dataset folders, raw files or patterns.
        output: the file to write: ``.h5``, ``.hdf5`` or ``.root``.
        force: do it again even if nothing has changed.
    """
    from l1ad.stages import score as stage

    chosen = [files] if isinstance(files, str | Path) else files
    return stage.score(_read(config), [str(file) for file in chosen], Path(output), force=force)


@explaining_extras
def report(
    runs: AnyConfig | Sequence[AnyConfig],
    *,
    output: str | Path | None = None,
    baseline: str | None = None,
    fail_if: str | None = None,
    force: bool = False,
) -> ReportResult:
    """Write one table and one page over any number of runs.

    Args:
        runs: configurations or their files, run folders, folders of one synthesis, or vendor reports.
        output: the report's folder; by default ``report`` in the first run.
        baseline: name of the run that the others are compared with.
        fail_if: a limit such as ``lut > 5000 or latency_ns > 25``.
        force: write it again even if nothing has changed.

    Raises:
        LimitError: the limit is exceeded; the report is written all the same.
    """
    from l1ad.stages import report as stage

    places = [runs] if isinstance(runs, Config | str | Path) else runs
    folder = None if output is None else Path(output)
    return stage.report([_place(one) for one in places], force=force, output=folder, baseline=baseline, fail_if=fail_if)


def _place(run: AnyConfig) -> Config | Path:
    """Read what is a configuration's file; anything else is the place of results."""
    if isinstance(run, Config):
        return run
    path = Path(run)
    return load_config(path) if path.suffix in (".yaml", ".yml") else path


@explaining_extras
def rates(config: AnyConfig, *, force: bool = False) -> RatesResult:
    """Count total, pure and shared rates; find the integer thresholds of the target rates.

    Args:
        config: a configuration, or the path of its file.
        force: do it again even if nothing has changed.
    """
    from l1ad.stages import rates as stage

    return stage.rates(_read(config), force=force)


@explaining_extras
def compare_rates(old: str | Path, config: AnyConfig, *, force: bool = False) -> CompareRatesResult:
    """Describe what a run's network and data do to thresholds that were derived before.

    Args:
        old: the ``thresholds.yaml`` that ``rates`` wrote, the folder of it or of its run, or that run's configuration.
        config: the new run's configuration, or the path of its file.
        force: do it again even if nothing has changed.
    """
    from l1ad.stages import compare_rates as stage

    return stage.compare_rates(_read(config), Path(old), force=force)


@explaining_extras
def study(name: str, config: AnyConfig, *, force: bool = False) -> StudiesResult:
    """Run a physics study, or all.

    Args:
        name: a study's name, or ``all``.
        config: a configuration, or the path of its file.
        force: do it again even if nothing has changed.
    """
    from l1ad.stages import study as stage

    return stage.study(_read(config), name, force=force)


@explaining_extras
def scan(config: AnyConfig, *, force: bool = False, scheduler: str | None = None) -> ScanResult:
    """Search the networks that no other beats in efficiency, LUTs and latency; killed and called again, it goes on.

    Args:
        config: a configuration, or the path of its file.
        force: begin again, without the trials there are.
        scheduler: where trials run: ``none`` here, ``local`` on all cores, a Dask scheduler's address.
    """
    from l1ad.stages import scan as stage

    return stage.scan(_read(config), force=force, scheduler=scheduler)


@explaining_extras
def pick(config: str | Path, number: int) -> PickResult:
    """Write the configuration that makes the network of a scan's trial again.

    Args:
        config: the file of the configuration that was scanned.
        number: number of the trial.
    """
    from l1ad.stages import scan as stage

    return stage.pick(load_config(config), Path(config), number)
