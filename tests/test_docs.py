"""What README and docs name is there: studies, commands and their options, targets, keys, files, modules."""

import importlib
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from l1ad import cli
from l1ad.config.describe import keys
from l1ad.core.extras import EXTRA_OF
from l1ad.studies.catalogue import STUDIES

PROJECT = Path(__file__).parents[1]
PAGES = sorted(
    [
        *PROJECT.glob("*.md"),
        *(PROJECT / "docs").rglob("*.md"),
        PROJECT / "data/sample/README.md",
        *(PROJECT / "docs/notebooks").glob("*.ipynb"),
        *(PROJECT / "configs").rglob("*.yaml"),
    ],
    key=lambda p: p.relative_to(PROJECT).as_posix(),
)
COMMANDS = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
#: Folders of the checkout whose files the docs name; those that a run makes are not there before it.
FOLDERS = ("l1ad/", "docs/", "configs/", "scripts/", "tests/", "data/sample")
#: What follows a section's name in the docs and is no key: Keras' method, files.
NO_KEYS = (".fit", ".json", ".yaml", ".html")
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(PROJECT).as_posix())


def text_of(page: Path) -> str:
    """Return a page's text: of a notebook its cells of text, of a configuration its comments."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".ipynb":
        return "\n\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown")
    return "\n".join(f"    {found}" for found in re.findall(r"(?:^|\s)# (.*)", text)) if page.suffix == ".yaml" else text


def code_of(page: Path) -> Iterator[str]:
    """Return what a page sets as code: indented and fenced lines, and what is between backticks; of a configuration all comments."""
    fenced = False
    for line in text_of(page).splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield line.strip()
        else:
            yield from re.findall(r"`([^`]+)`", line.replace(r"\|", "/"))


def calls(page: Path) -> Iterator[tuple[str, str]]:
    """Return every call of the command line: the command, and the rest of the line."""
    for code in code_of(page):
        for name, rest in re.findall(r"^(?:\S+/)?l1ad (?:CONFIG )?([a-z]+)\b(.*)", code):
            yield name, rest.partition("#")[0].partition("  ")[0]


def table(page: Path, head: str) -> Iterator[list[str]]:
    """Return the rows of the tables of a page whose first cell of the head matches."""
    inside = False
    for line in text_of(page).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            inside = False
        elif re.fullmatch(head, cells[0]):
            inside = True
        elif inside and not cells[0].startswith("---"):
            yield cells


@each_page
def test_commands_and_their_options_are_there(page: Path) -> None:
    for name, rest in calls(page):
        assert name in COMMANDS, f"{page.name} names 'l1ad {name}'"
        known = {option for parameter in COMMANDS[name].params for option in parameter.opts}
        unknown = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", rest)) - known
        assert not unknown, f"{page.name}: 'l1ad {name}' has no {unknown}"


def test_every_command_is_in_the_readme() -> None:
    named = {name for name, _ in calls(PROJECT / "README.md")}
    assert set(COMMANDS) <= named, f"README.md leaves out {sorted(set(COMMANDS) - named)}"


@each_page
def test_targets_of_make_are_there(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    called = {
        word for code in code_of(page) for line in re.findall(r"^make ([a-z -]+)", code) for word in line.split("  ")[0].split()
    }
    if page.name != "emulator.md":  # its 'make check' is of the package that is written
        assert called <= targets, f"{page.name} names 'make {called - targets}'"


def test_studies_of_the_table_are_those_there_are() -> None:
    named = [row[0].strip("`") for row in table(PROJECT / "docs/studies.md", "name")]
    assert sorted(named) == sorted(STUDIES)


@each_page
def test_studies_that_are_called_are_there(page: Path) -> None:
    for name, rest in calls(page):
        if name == "study":
            assert rest.split()[0] in {*STUDIES, "all", "NAME"}, f"{page.name}: l1ad study {rest}"


@each_page
def test_studies_that_are_named_are_there(page: Path) -> None:
    named = set(re.findall(r"\bstud(?:y|ies) `(\w+)`", text_of(page)))
    assert named <= set(STUDIES), f"{page.name} names the study {named - set(STUDIES)}"


@each_page
def test_keys_of_the_configuration_are_there(page: Path) -> None:
    known = {key.name for key in keys()}
    sections = {key.name for key in keys() if key.section is not None and "." not in key.name}
    for code in code_of(page):
        found = re.fullmatch(r"([a-z_]+)((?:\.[a-z_]+)+)(?:: .*)?", code)
        if found and found.group(1) in sections and found.group(2) not in NO_KEYS:
            assert found.group(1) + found.group(2) in known, f"{page.name} names key {code!r}"


@each_page
def test_keys_of_tables_are_there(page: Path) -> None:
    known = {key.name for key in keys()}
    for section in re.findall(r"^\| key under `([a-z.]+)`", text_of(page), re.MULTILINE):
        for row in table(page, f"key under `{section}`"):
            for name in re.findall(r"`([a-z_]+)`", row[0]):
                assert f"{section}.{name}" in known, f"{page.name} names key '{section}.{name}'"


@each_page
def test_files_are_there(page: Path) -> None:
    for code in code_of(page):
        for word in re.findall(r"[\w./*-]+", code):
            if word.startswith(FOLDERS) and not word.endswith("/docs"):
                assert list(PROJECT.glob(re.sub(r"\bNAME\b", "*", word.rstrip("./")))), f"{page.name} names file {word!r}"


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text_of(page)):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links {target!r}"


@each_page
def test_modules_and_what_is_in_them_are_there(page: Path) -> None:
    for code in code_of(page):
        for name in re.findall(r"(?<![\w./])l1ad(?:\.[A-Za-z_]\w*)+", code):
            if not re.search(r"\.(json|yaml|schema)", name):
                assert resolves(name), f"{page.name} names {name!r}"


def resolves(name: str) -> bool:
    """Return whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


def test_every_room_is_on_the_map() -> None:
    text = (PROJECT / "docs/architecture.md").read_text(encoding="utf-8")
    rooms = {path.parent.name for path in (PROJECT / "l1ad").glob("*/__init__.py")}
    missing = sorted(room for room in rooms if not re.search(rf"\b{room}\b", text))
    assert not missing, f"docs/architecture.md leaves out {missing}"


def test_extras_that_messages_name_are_those_of_the_package() -> None:
    text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    optional = text.partition("[project.optional-dependencies]")[2].partition("\n[project.scripts]")[0]
    blocks = dict(re.findall(r"^(\w+) = \[(.*?)^\]", optional, re.MULTILINE | re.DOTALL))
    for package, extra in EXTRA_OF.items():
        if package != "keras":  # comes with tensorflow
            assert re.search(rf'^  "{package.replace("_", "-")}[=><]', blocks[extra], re.MULTILINE), (
                f"{package} is not in {extra}"
            )


def test_the_table_of_extras_has_every_extra_its_python_its_packages_and_every_command() -> None:
    text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    optional = tomllib.loads(text)["project"]["optional-dependencies"]
    rows = {row[0].strip("`[]"): row[1:] for row in table(PROJECT / "docs/install.md", "what")}
    assert set(rows) == {"core", *optional} - {"test", "docs", "dev"}
    brought = {
        "numba": "numba",
        "pyarrow": "pyarrow",
        "pandas": "pandas",
        "tensorflow": "TensorFlow",
        "alkaid": "alkaid",
        "hls4ml": "hls4ml",
    }
    for package, name in brought.items():
        assert name in rows[EXTRA_OF[package]][1], f"{package} is not in the row of {EXTRA_OF[package]}"
    on_311 = {extra for extra in ("train", "hls") if rows[extra][0] == "3.11"}
    assert on_311 == {"train", "hls"}
    assert all(rows[extra][0] == "3.11 to 3.13" for extra in set(rows) - on_311 - {"all"})
    works = " ".join(row[2] for row in rows.values())
    named = {code.split()[0] for code in re.findall(r"`([^`]+)`", works)}
    assert set(COMMANDS) <= named, f"docs/install.md leaves out {sorted(set(COMMANDS) - named)}"
    assert all(row[3] for extra, row in rows.items() if extra not in ("core", "all")), (
        "an extra does not say what works without it"
    )
