"""The command line: parse arguments, call one stage, show what it gives. The only module that sees every stage."""

from __future__ import annotations

import importlib
import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from l1ad import __version__
from l1ad.cli_config import ConfigPath, Force, Json, bench, config, doctor, explain, init, inspect, read_config, runs, show
from l1ad.cli_ending import ended, general_first
from l1ad.core.errors import ConfigError
from l1ad.core.extras import explaining_extras
from l1ad.toolchain.progress import VARIABLE, Verbosity

app = typer.Typer(
    name="l1ad",
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Scheduler = Annotated[
    str | None, typer.Option(help="Dask scheduler's address, 'local' for all cores here, 'none'; default: local for much data.")
]


def _stage(name: str, function: str | None = None) -> Any:
    """Import a stage when it is called, so that the command line starts at once."""
    return getattr(importlib.import_module(f"l1ad.stages.{name}"), function or name)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"l1ad {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only errors, and JSON where requested.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Also print which tools run, and progress in log files.")] = False,
) -> None:
    """Level-1 trigger autoencoders to firmware: train, convert, simulate and synthesise, exact to the last bit."""
    if quiet and verbose:
        raise ConfigError("--quiet and --verbose exclude each other; give one of them.")
    if quiet or verbose:
        os.environ[VARIABLE] = (Verbosity.QUIET if quiet else Verbosity.VERBOSE).value
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


for _command in (init, config, explain, runs, doctor, inspect, bench):
    app.command()(_command)


@app.command()
def prepare(
    config: ConfigPath,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Skip files that cannot be read, and list them.")] = False,
    scheduler: Scheduler = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Turn raw files into a dataset of hardware integers."""
    show(_stage("prepare")(read_config(config), force=force, skip_bad=skip_bad, scheduler=scheduler), as_json)


@app.command()
def simulate(config: ConfigPath, force: Force = False, as_json: Json = False) -> None:
    """Generate trigger events with Pythia 8 and a parametrised detector."""
    show(_stage("simulate")(read_config(config), force=force), as_json)


@app.command()
def train(
    config: ConfigPath,
    float_: Annotated[bool, typer.Option("--float", help="Train the floating-point baseline only.")] = False,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Train the autoencoder, quantisation-aware (or the float baseline)."""
    show(_stage("train")(read_config(config), float_only=float_, force=force), as_json)


@app.command()
def convert(config: ConfigPath, force: Force = False, as_json: Json = False) -> None:
    """Write the HLS project: scaling, network, score and comparators behind named ports."""
    show(_stage("convert")(read_config(config), force=force), as_json)


@app.command()
def csim(config: ConfigPath, force: Force = False, as_json: Json = False) -> None:
    """Run the compiled C simulation over the data and compare it with QKeras (exactly) and float (physics)."""
    show(_stage("csim")(read_config(config), force=force), as_json)


@app.command()
def synth(
    config: ConfigPath,
    tool: Annotated[str | None, typer.Option(help="auto, vitis, vivado or open; default: the configuration's.")] = None,
    route: Annotated[str | None, typer.Option(help="ecp5: also place and route the open flow's RTL on that family.")] = None,
    fail_if: Annotated[
        str | None, typer.Option(help="Limit beyond which the command fails, as 'lut_high > 700 or latency_of_budget > 1'.")
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Synthesise: with the vendor's tool where it is, else by the open flow (alkaid, Verilator, Yosys)."""
    show(_stage("synth")(read_config(config), tool=tool, route=route, fail_if=fail_if, force=force), as_json)


@app.command()
def report(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN…", help="Configurations, run folders, synthesis folders or vendor reports.")
    ],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Output folder; default: in the first run.")] = None,
    baseline: Annotated[str | None, typer.Option(help="Run that the others are compared with.")] = None,
    fail_if: Annotated[
        str | None, typer.Option(help="Limit beyond which the command fails, as 'lut > 5000 or latency_ns > 25'.")
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Put any number of runs side by side: one table, one HTML page, Markdown, CSV, JSON, LaTeX."""
    inputs = [read_config(path) if path.suffix in (".yaml", ".yml") else path for path in runs]
    result = _stage("report")(inputs, force=force, output=output, baseline=baseline, fail_if=fail_if)
    show(result, as_json)


@app.command()
def rates(
    config: ConfigPath,
    compare: Annotated[
        Path | None,
        typer.Option(metavar="OLD", help="Instead: compare with thresholds derived earlier (a run, or thresholds.yaml)."),
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Count total, pure and shared rates; find the integer thresholds of the target rates."""
    if compare is not None:
        show(_stage("compare_rates")(read_config(config), compare, force=force), as_json)
        return
    show(_stage("rates")(read_config(config), force=force), as_json)


@app.command()
def study(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A study's name, or all.")],
    config: ConfigPath,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Run a physics study: what does the score mean, how stable is it, what does a larger network bring."""
    show(_stage("study")(read_config(config), name, force=force), as_json)


@app.command()
def scan(
    config: ConfigPath,
    pick: Annotated[
        int | None, typer.Option(metavar="N", help="Instead: write the configuration that makes the network of trial N again.")
    ] = None,
    scheduler: Scheduler = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Search the networks that no other beats in efficiency, LUTs and latency; killed and run again, it goes on."""
    if pick is not None:
        show(_stage("scan", "pick")(read_config(config), config, pick), as_json)
        return
    show(_stage("scan")(read_config(config), force=force, scheduler=scheduler), as_json)


@app.command()
def verify(
    config: ConfigPath,
    events: Annotated[int, typer.Option(help="Number of events, from data and adversarial ones.")] = 100_000,
    capture: Annotated[
        Path | None, typer.Option(help="Instead: check this dump of a board's buffer, or a folder of them.")
    ] = None,
    played: Annotated[Path | None, typer.Option(help="Events that were played in; default: the run's dataset.")] = None,
    side: Annotated[str, typer.Option(help="What was captured: output (answers) or input.")] = "output",
    buffer: Annotated[int, typer.Option(help="Number of the file that was played in, from 0.")] = 0,
    links: Annotated[Path | None, typer.Option(help="Link map instead of the board's.")] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Compare all implementations pairwise, on data and on adversarial inputs; or a board's capture with the specification."""
    if capture is None:
        show(_stage("verify")(read_config(config), events=events, force=force), as_json)
        return
    options = {"side": side, "buffer": buffer, "events": played, "links": links}
    show(_stage("capture", "verify_capture")(read_config(config), capture, **options), as_json)


@app.command()
def vectors(
    config: ConfigPath,
    format_: Annotated[str, typer.Option("--format", help="empv2, empv1, apx, memh, ugt or topo.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Output folder.")],
    events: Annotated[Path | None, typer.Option(help="Dataset folder or .npy file; default: the run's dataset.")] = None,
    count: Annotated[int | None, typer.Option(help="Number of events, from the first; default: all.")] = None,
    links: Annotated[Path | None, typer.Option(help="Link map instead of the board's.")] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write what a laboratory plays into the board, and what the board must answer."""
    result = _stage("vectors")(
        read_config(config), format=format_, output=output, events=events, count=count, links=links, force=force
    )
    show(result, as_json)


@app.command()
def trace(
    config: ConfigPath,
    event: Annotated[int, typer.Option(help="Event number, as shown by 'l1ad verify'.")],
    played: Annotated[Path | None, typer.Option(help="Dataset folder or .npy file that the event is from.")] = None,
    as_json: Json = False,
) -> None:
    """Show one event at every node, and the first node, neuron and bit where two implementations diverge."""
    show(_stage("trace")(read_config(config), event=event, played=played), as_json)


@app.command()
def score(
    files: Annotated[list[str], typer.Argument(metavar="FILES…", help="Dataset folders, raw files or patterns.")],
    config: Annotated[Path, typer.Option("--config", "-c", help="Configuration whose model is used.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Output file: .h5, .hdf5 or .root.")],
    scheduler: Scheduler = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Score any amount of data with the exact emulator."""
    show(_stage("score")(read_config(config), files, output, force=force, scheduler=scheduler), as_json)


@app.command()
def emulator(config: ConfigPath, force: Force = False, as_json: Json = False) -> None:
    """Write a self-contained C++ emulator with interfaces for CMSSW and Athena."""
    show(_stage("emulator_package")(read_config(config), force=force), as_json)


@app.command("import")
def import_(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL",
            help="A QKeras HDF5 or .keras file, a .keras file of HGQ2, a firmware's folder, or a configuration of kind 'imported'.",
        ),
    ],
    layout: Annotated[str | None, typer.Option(help="Shipped layout or YAML file.")] = None,
    scaling: Annotated[Path | None, typer.Option(help="YAML file with the shift and offset of every column.")] = None,
    types: Annotated[Path | None, typer.Option(help="YAML file with the firmware's types.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the network; default: the file's.")] = None,
    score: Annotated[str, typer.Option(help="Score computed on the chip.")] = "latent_l2",
    runs: Annotated[Path, typer.Option(help="Folder for the artefacts.")] = Path("runs"),
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Import a model made elsewhere; nothing in its file is executed."""
    request_class = _stage("import_model", "ImportRequest")
    if model.suffix in (".yaml", ".yml"):
        request = request_class.from_config(read_config(model))
    elif layout is None:
        raise ConfigError(
            f"Importing {str(model)!r} needs --layout and, except for a firmware that contains its own, --scaling; give both."
        )
    else:
        request = request_class.from_options(
            model, layout=layout, scaling=scaling, types=types, name=name, score=score, runs=runs
        )
    show(_stage("import_model")(request, force=force), as_json)


def _run_stage(name: str, settings: Any, force: bool) -> Any:
    """Run one stage of the flow; a model made elsewhere is imported where others are trained, and of the studies ``met`` belongs to it."""
    if name == "study":
        return _stage("study")(settings, "met", force=force, forgiving=True)
    if name == "train" and settings.model.kind == "imported":
        return _stage("import_model")(_stage("import_model", "ImportRequest").from_config(settings), force=force)
    return _stage(name)(settings, force=force)


@app.command()
def run(config: ConfigPath, force: Force = False, as_json: Json = False) -> None:
    """Run the whole flow: prepare, train, convert, csim, synth, study met (the first and the last where data are named), report."""
    from l1ad.reporting.terminal import note

    settings = read_config(config)
    results: dict[str, Any] = {}
    networks, with_data = ("train", "convert", "csim", "synth"), bool(settings.data.background)
    for name in ("prepare", *networks, "study", "report") if with_data else (*networks, "report"):
        began = time.monotonic()
        note(f"{name} …")
        results[name] = _run_stage(name, settings, force)
        state = "done" if results[name].fresh else "nothing has changed"
        note(f"{name}: {state}, {time.monotonic() - began:.1f} s, {results[name].path}")
    show({name: result.to_dict() for name, result in results.items()} if as_json else results["report"], as_json)


def main() -> int:
    """Run the command line and return its exit code; an error is one sentence on standard error."""
    return ended(lambda: explaining_extras(app)(args=general_first(sys.argv[1:]), prog_name="l1ad", standalone_mode=False))


if __name__ == "__main__":
    raise SystemExit(main())
