"""Make the reference pages of the documentation site from docstrings, configuration and command line; a hook of mkdocs."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import typer.main
from mkdocs.structure.files import File, Files

import l1ad
from l1ad import cli
from l1ad.config.describe import keys

_SECTION = re.compile(r"^(Args|Returns|Raises|Attributes|Yields):$")
_ENTRY = re.compile(r"^([\w.*]+): (.*)$")


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages to the site's files."""
    pages = {"commands": commands_page(), "configuration": configuration_page(), "python": python_page()}
    for name, content in pages.items():
        files.append(File.generated(config, f"reference/{name}.md", content=content))
    return files


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def configuration_page() -> str:
    """List every key of the configuration."""
    lines = ["# Configuration keys", "", "`l1ad explain KEY` says the same on the command line.", ""]
    rows: list[str] = []
    for key in keys():
        if key.section is not None and "." not in key.name:
            rows += ["", f"## {key.name}", "", _escaped(key.text), "", "| key | meaning | takes | default |", "|---|---|---|---|"]
        elif "." in key.name:
            default = "" if key.default is None else f"`{_escaped(key.default)}`"
            rows.append(f"| `{key.name}` | {_escaped(key.text)} | {_escaped(key.takes)} | {default} |")
        else:
            lines.append(f"- `{key.name}`: {_escaped(key.text)}")
    return "\n".join([*lines, *rows]) + "\n"


def commands_page() -> str:
    """List every command with its options."""
    lines = ["# Commands", "", "`l1ad --quiet` prints errors only, `l1ad --verbose` also which tools run."]
    for name, command in typer.main.get_command(cli.app).commands.items():  # type: ignore[attr-defined]
        lines += ["", f"## l1ad {name}", "", str(command.help), "", "| argument | meaning |", "|---|---|"]
        for parameter in command.params:
            title = ", ".join(parameter.opts) if parameter.param_type_name == "option" else str(parameter.metavar)
            lines.append(f"| `{title}` | {_escaped(getattr(parameter, 'help', '') or '')} |")
    return "\n".join(lines) + "\n"


def python_page() -> str:
    """Describe every public name by its docstring."""
    lines = ["# Python", ""]
    for name in l1ad.__all__:
        found = getattr(l1ad, name)
        lines += ["", f"## l1ad.{name}", "", f"```python\n{name}{_signature(found)}\n```", "", *_docstring(found)]
        for member, value in vars(found).items() if inspect.isclass(found) else ():
            text = inspect.getdoc(getattr(value, "__func__", value))
            if not member.startswith("_") and text and (inspect.isroutine(value) or isinstance(value, property | classmethod)):
                lines += ["", f"### {name}.{member}", "", *_docstring(getattr(value, "__func__", value))]
    return "\n".join(lines) + "\n"


def _signature(found: Any) -> str:
    try:
        return str(inspect.signature(found)).replace("l1ad.", "")
    except (TypeError, ValueError):
        return ""


def _docstring(found: Any) -> Iterator[str]:
    """Write a docstring of sections as Markdown."""
    inside, example = False, False
    for line in (inspect.getdoc(found) or "").splitlines():
        text = line.strip()
        if (line.startswith(">>> ") or example) and text:
            yield line if example else f"\n```python\n{line}"
            example = True
            continue
        if example:
            yield "```"
            example = False
        if _SECTION.match(text):
            inside = True
            yield f"\n**{text[:-1]}**\n"
        elif inside and (entry := _ENTRY.match(text)):
            yield f"- `{entry[1]}`: {_escaped(entry[2].replace('``', '`'))}"
        else:
            yield f"  {_escaped(text.replace('``', '`'))}" if inside else _escaped(text.replace("``", "`"))
    if example:
        yield "```"
