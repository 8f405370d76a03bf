"""The part of the command line beside the flow: configurations, runs, tools, files and benchmarks."""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from l1ad.core.errors import ConfigError, nearest
from l1ad.toolchain.progress import Verbosity, verbosity

ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="Configuration file, as configs/demo.yaml.")]
Force = Annotated[bool, typer.Option("--force", help="Rebuild even if nothing has changed.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]


def read_config(path: Path) -> Any:
    """Read a configuration."""
    from l1ad.config import load_config

    return load_config(path)


def show(result: Any, as_json: bool) -> None:
    """Print a stage's result: JSON on demand, else its lines, or nothing with --quiet."""
    data = result if isinstance(result, dict) else result.to_dict()
    if as_json:
        typer.echo(json.dumps(data, indent=1, default=str))
        return
    if verbosity() is Verbosity.QUIET:
        return
    from l1ad.reporting.terminal import render

    render(data)


def init(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="File to write, as my_trigger.yaml.")],
    layout: Annotated[str | None, typer.Option(help="Shipped layout or YAML file.")] = None,
    data: Annotated[list[str] | None, typer.Option(help="Background file or pattern; may be given several times.")] = None,
    signal: Annotated[list[str] | None, typer.Option(help="Signal as NAME=FILE; may be given several times.")] = None,
    board: Annotated[str, typer.Option(help="Shipped board or YAML file.")] = "l1topo",
    sample: Annotated[bool, typer.Option("--sample", help="Use a small simulated sample, copied beside the file.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it exists.")] = False,
    as_json: Json = False,
) -> None:
    """Write a commented configuration for files of your own, or for the small sample that l1ad carries."""
    from l1ad.core.layout import shipped_layouts
    from l1ad.stages.init import init as write
    from l1ad.stages.init import init_sample

    if sample:
        if layout or data or signal:
            raise ConfigError("--sample brings its own layout and files; leave out --layout, --data and --signal.")
        show(init_sample(config, board=board, force=force), as_json)
        return
    if layout is None and data is None and sys.stdin.isatty():
        layout, data, signal, board = _asked(board)
    if layout is None:
        raise ConfigError(
            f"A configuration needs a layout; give --layout with one of {', '.join(shipped_layouts())}, or a YAML file; or --sample."
        )
    show(write(config, layout=layout, data=data or (), signals=_signals(signal or []), board=board, force=force), as_json)


def _asked(board: str) -> tuple[str, list[str], list[str], str]:
    """Ask for what a configuration needs."""
    from l1ad.core.layout import shipped_layouts

    layout = typer.prompt(f"Layout ({', '.join(shipped_layouts())}, or a YAML file)", default="l1topo44", err=True)
    data = typer.prompt("Background files or patterns, with spaces between", err=True).split()
    signals = typer.prompt(
        "Signals as NAME=FILE, with spaces between, or nothing", default="", show_default=False, err=True
    ).split()
    return layout, data, signals, typer.prompt("Board", default=board, err=True)


def _signals(given: list[str]) -> dict[str, str]:
    """Read ``NAME=FILE``."""
    found: dict[str, str] = {}
    for text in given:
        name, sign, file = text.partition("=")
        if not (sign and file and name.isidentifier()) or name in {*found, "background"}:
            raise ConfigError(
                f"--signal needs NAME=FILE with a name of its own, as ztautau=Ztautau.h5, got {text!r}; write it so."
            )
        found[name] = file
    return found


def config(
    path: Annotated[Path | None, typer.Argument(metavar="[CONFIG]", help="Configuration file to check.")] = None,
    resolved: Annotated[bool, typer.Option("--resolved", help="Print every key, those left out with their defaults.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema of configurations, for editors.")] = False,
    as_json: Json = False,
) -> None:
    """Check a configuration, print it with all defaults, or print the JSON schema."""
    from l1ad.config import describe

    if (path is None) != schema:
        raise ConfigError("Give a configuration, with --resolved or not, or --schema without one; see l1ad config --help.")
    if path is None:
        typer.echo(json.dumps(describe.schema(), indent=1))
        return
    found = read_config(path)
    if resolved and not as_json:
        typer.echo(describe.resolved(found), nl=False)
        return
    where = {"config": str(path), "name": found.name, "run": str(found.run), "project": str(found.project)}
    show(found.plain() if resolved else where, as_json)


def explain(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Name of a key, as training.teachers or teachers.")],
    as_json: Json = False,
) -> None:
    """Explain a key of the configuration: meaning, values, default."""
    from l1ad.config.describe import find_key

    show(find_key(key).to_dict(), as_json)


def runs(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Folder of the runs.")] = Path("runs"), as_json: Json = False
) -> None:
    """List the runs in a folder, their artefacts, and what is stale and why."""
    from l1ad.stages.runs import runs as listed

    show(listed(folder), as_json)


def doctor(as_json: Json = False) -> None:
    """List the tools, versions and extras found here, and what each stage can do with them."""
    from l1ad.toolchain import doctor as examine

    found = examine()
    show(asdict(found), as_json)


def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of any supported format.")],
    page: Annotated[Path | None, typer.Option("--page", help="HTML page to write; default: in the current directory.")] = None,
    max_events: Annotated[int, typer.Option(help="Number of events to read.")] = 50_000,
    layout: Annotated[str | None, typer.Option(help="Layout in which objects are shown.")] = None,
    as_json: Json = False,
) -> None:
    """Describe what a file is, and draw the distributions of its objects."""
    from l1ad.stages.inspect import inspect as stage

    target = page or Path(f"{file.stem}_inspect.html")
    show(stage(file, page=target, max_events=max_events, layout=layout), as_json)


def bench(
    name: Annotated[str, typer.Argument(metavar="NAME", help="emulator, train, data or all.")] = "all",
    march: Annotated[
        str | None,
        typer.Option(help="Emulator only: instruction sets to compare, as 'native,x86-64-v3,plain'; values of g++ -march."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure throughput, memory and growth, with ratios against the peers in the same run."""
    names = ("emulator", "train", "data")
    if name not in (*names, "all"):
        raise ConfigError(f"There is no benchmark {name!r}; {nearest(name, (*names, 'all'))}")
    if march is not None and name != "emulator":
        raise ConfigError(f"Option --march is for the emulator, got {name!r}; run 'l1ad bench emulator --march {march}'.")
    chosen, options = names if name == "all" else (name,), {"march": tuple(march.split(","))} if march else {}
    results = {one: importlib.import_module(f"l1ad.benchmarks.{one}").run(**options) for one in chosen}
    show(results if name == "all" else results[name], as_json)
