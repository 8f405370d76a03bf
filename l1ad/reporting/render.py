"""Write a page as one self-contained HTML file, as Markdown and as LaTeX tables."""

from __future__ import annotations

import functools
import itertools
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from l1ad.reporting.document import Block, Figure, Page, Section, State

if TYPE_CHECKING:
    from jinja2 import Environment

#: Colour that plots use for text and axes; it becomes the page's own ink, so that one picture serves light and dark pages.
INK = "#123456"
#: What ``INK`` becomes in a picture that stands alone: legible on light and dark.
_ALONE = "#808080"
_LABELS = {State.GOOD: "Holds", State.BAD: "Fails", State.WARNING: "Caution", State.NOTE: "Finding"}
_TEX = {
    **{char: f"\\{char}" for char in "&%$#_{}"},
    **{
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\u202f": r"\,",
        "–": "--",
        "…": r"\ldots{}",
    },
    **{
        "−": "$-$",
        "±": r"$\pm$",
        "×": r"$\times$",
        "·": r"$\cdot$",
        "→": r"$\to$",
        "≤": r"$\leq$",
        "≥": r"$\geq$",
        "≈": r"$\approx$",
    },
    **{
        "µ": r"$\mu$",
        "η": r"$\eta$",
        "φ": r"$\phi$",
        "σ": r"$\sigma$",
        "τ": r"$\tau$",
        "ρ": r"$\rho$",
        "Σ": r"$\Sigma$",
        "Δ": r"$\Delta$",
    },
    **{
        "ν": r"$\nu$",
        "ℓ": r"$\ell$",
        "²": "$^2$",
        "³": "$^3$",
        "β": r"$\beta$",
        "χ": r"$\chi$",
        "√": r"$\sqrt{}$",
        "⟨": r"$\langle$",
        "⟩": r"$\rangle$",
    },
    **{char: f"$^{{{digit}}}$" for char, digit in zip("⁻⁰¹⁴⁵⁶⁷⁸⁹⁺", "-01456789+", strict=True)},
    **{char: f"$_{digit}$" for digit, char in enumerate("₀₁₂₃₄₅₆₇₈₉")},
    **{"\u0304": "", "<": "$<$", ">": "$>$"},
}


def html(page: Page) -> str:
    """Make the page as HTML that needs no other file."""
    from markupsafe import Markup

    def picture(figure: Figure) -> Markup:
        return Markup(_inline(figure))  # our own SVG; the backend that drew it escaped its texts

    return (
        _environment(escape=True)
        .get_template("page.html.j2")
        .render(page=page, groups=_groups, picture=picture, labels=_LABELS, anchors=[section.anchor for section in page.sections])
    )


def markdown(page: Page) -> str:
    """Make the page as Markdown; figures are files in ``plots/``."""
    text = (
        _environment(escape=False).get_template("page.md.j2").render(page=page, labels=_LABELS, name=lambda b: type(b).__name__)
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def latex(page: Page) -> str:
    """Make the page's tables as LaTeX."""
    return _environment(escape=False).get_template("tables.tex.j2").render(page=page)


def write_page(page: Page, folder: Path, name: str) -> tuple[Path, ...]:
    """Write ``<name>.html``, ``.md``, ``.tex`` and ``plots/*.svg``.

    Args:
        page: what to write.
        folder: where to; it exists.
        name: file name without ending.

    Returns:
        The files, the HTML page first; when one of them cannot be written whole, none is.
    """
    texts = {f"{name}.html": html(page), f"{name}.md": markdown(page), f"{name}.tex": latex(page)}
    texts |= {f"plots/{figure.name}.svg": figure.svg.replace(INK, _ALONE) for figure in page.figures}
    with tempfile.TemporaryDirectory(prefix=f".{name}.", suffix=".partial", dir=folder) as work:
        for file, text in texts.items():
            (Path(work) / file).parent.mkdir(exist_ok=True)
            (Path(work) / file).write_text(text, encoding="utf-8")
        for file in texts:
            (folder / file).parent.mkdir(exist_ok=True)
            (Path(work) / file).replace(folder / file)
    return tuple(folder / file for file in texts)


@functools.lru_cache(maxsize=2)
def _environment(escape: bool) -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("l1ad.reporting"), autoescape=escape, undefined=StrictUndefined, keep_trailing_newline=True
    )
    environment.filters |= {
        "escape_md": escape_markdown,
        "escape_tex": escape_tex,
        "one_line": lambda text: " ".join(text.split()),
    }
    return environment


def _groups(section: Section) -> Iterator[tuple[str, list[Block]]]:
    """Put neighbouring blocks of one kind together, so that figures can stand side by side."""
    for kind, blocks in itertools.groupby(section.blocks, lambda block: type(block).__name__):
        yield kind, list(blocks)


def _inline(figure: Figure) -> str:
    """Prepare an SVG for use inside HTML: no prologue, theme's ink, identifiers that no other figure has, a name for readers."""
    text = figure.svg[figure.svg.index("<svg") :].replace(INK, "currentColor")
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\1{figure.name}-", text)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    return re.sub(r"<svg ", f'<svg role="img" aria-label="{_attribute(figure.caption)}" ', text, count=1)


def _attribute(text: str) -> str:
    from markupsafe import escape

    return str(escape(text))


def escape_markdown(text: str) -> str:
    """Escape what Markdown would take for markup in running text or in a table."""
    return re.sub(r"([\\`*_|<>\[\]])", r"\\\1", text).replace("\n", " ")


def escape_tex(text: str) -> str:
    """Escape what LaTeX would take for a command, and write the signs of our texts as commands."""
    return "".join(_TEX.get(char, char) for char in text).replace("\n", " ")
