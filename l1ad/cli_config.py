"""Be the part of the command line that writes, checks and explains configurations and lists runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from l1ad.core.errors import ConfigError

ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="Configuration file, as configs/demo.yaml.")]
Force = Annotated[bool, typer.Option("--force", help="Do it again even if nothing has changed.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]


def read_config(path: Path) -> Any:
    """Read a configuration."""
    from l1ad.config import load_config

    return load_config(path)


def show(result: Any, as_json: bool) -> None:
    """Print a stage's result: JSON on demand, else its lines."""
    data = result if isinstance(result, dict) else result.to_dict()
    if as_json:
        typer.echo(json.dumps(data, indent=1, default=str))
        return
    from l1ad.reporting.terminal import render

    render(data)


def init(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="File to write, as my_trigger.yaml.")],
    layout: Annotated[str | None, typer.Option(help="Shipped layout or YAML file.")] = None,
    data: Annotated[list[str] | None, typer.Option(help="Background file or pattern; may be given several times.")] = None,
    signal: Annotated[list[str] | None, typer.Option(help="Signal as NAME=FILE; may be given several times.")] = None,
    board: Annotated[str, typer.Option(help="Shipped board or YAML file.")] = "l1topo",
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")] = False,
    as_json: Json = False,
) -> None:
    """Write a commented configuration for files of your own."""
    from l1ad.core.layout import shipped_layouts
    from l1ad.stages.init import init as write

    if layout is None:
        raise ConfigError(
            f"A configuration needs a layout; give --layout with one of {', '.join(shipped_layouts())}, or a YAML file."
        )
    show(write(config, layout=layout, data=data or (), signals=_signals(signal or []), board=board, force=force), as_json)


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
    key: Annotated[str, typer.Argument(metavar="KEY", help="A key's name, as training.teachers or teachers.")],
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
