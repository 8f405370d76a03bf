import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from l1ad.reporting import document as d
from l1ad.reporting import render

SVG = f'<?xml version="1.0"?>\n<svg width="10" height="10"><g id="a" fill="{render.INK}" clip-path="url(#a)"/></svg>'


def page() -> d.Page:
    table = d.Table(
        "A <b> | B", (*d.text_columns("Signal"), *d.number_columns("AUC [%]")), (("A→4ℓ & co_x", "91.2"),), "100 % sure"
    )
    blocks = (
        d.Text("Plain *text*."),
        d.Verdict(d.State.BAD, "It <fails>."),
        table,
        d.Figure("one", 'A "plot"', SVG),
        d.Figure("two", "x", SVG),
    )
    return d.Page("Run <demo>", "lead", (d.Section("What & why", blocks),), ("l1ad 1",))


class Checker(HTMLParser):
    """Collect tags, and every reference to another file."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.outside: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.outside += [v for k, v in attrs if k in ("src", "href", "xlink:href") and not v.startswith(("#", "data:"))]
        self.ids += [values["id"]] if "id" in values else []
        if tag not in ("meta", "br", "img", "link", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_html_is_whole_self_contained_and_escaped():
    text = render.html(page())
    checker = Checker()
    checker.feed(text)
    assert checker.open == []
    assert checker.outside == []
    assert len(set(checker.ids)) == len(checker.ids)
    assert "Run &lt;demo&gt;" in text
    assert "It &lt;fails&gt;." in text
    assert 'class="verdict bad"' in text
    assert '<td class="n">91.2</td>' in text


def test_pictures_take_the_pages_ink_and_own_their_identifiers():
    text = render.html(page())
    assert render.INK not in text
    assert 'id="one-a" fill="currentColor" clip-path="url(#one-a)"' in text
    assert 'aria-label="A &#34;plot&#34;"' in text


def test_markdown_escapes_cells_and_names_the_plots():
    text = render.markdown(page())
    assert "| A→4ℓ & co\\_x | 91.2 |" in text
    assert "|:---|---:|" in text
    assert "**A \\<b\\> \\| B**" in text
    assert "> **Fails:** It \\<fails\\>." in text
    assert "](plots/one.svg)" in text
    assert "\n\n\n" not in text


def test_latex_escapes_and_is_balanced():
    text = render.latex(page())
    assert r"A$\to$4$\ell$ \& co\_x & 91.2 \\" in text
    assert r"\caption{A $<$b$>$ | B}" in text
    assert r"100 \% sure" in text
    assert text.count(r"\begin{") == text.count(r"\end{") == 2


def test_write_page_writes_every_form(tmp_path: Path):
    files = render.write_page(page(), tmp_path, "report")
    assert [file.relative_to(tmp_path).as_posix() for file in files] == [
        "report.html",
        "report.md",
        "report.tex",
        "plots/one.svg",
        "plots/two.svg",
    ]
    assert render.INK not in (tmp_path / "plots/one.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("char", ["⁻", "⁹", "₃", "ν", "≤", "\u202f"])
def test_signs_of_our_texts_have_a_latex_form(char):
    assert char not in render.escape_tex(char)


def test_a_folded_section_shows_its_title_alone():
    text = render.html(
        d.Page("p", "", (d.Section("Apart", (d.Text("inside"),), folded=True), d.Section("Open", (d.Text("here"),))))
    )
    assert (
        text.index("<h2>Apart")
        < text.index("<details>")
        < text.index("<p>inside")
        < text.index("</details>")
        < text.index("<p>here")
    )
    assert text.count("<details>") == 1
    checker = Checker()
    checker.feed(text)
    assert checker.open == []


def test_a_wide_table_scrolls_in_its_own_frame():
    columns = d.number_columns(*(f"c{i}" for i in range(44)))
    text = render.html(d.Page("p", "", (d.Section("s", (d.Table("Wide", columns, (("1",) * 44,)),)),)))
    frame = text[text.index('<div class="wide"') :]
    assert frame.startswith('<div class="wide" tabindex="0" role="region" aria-label="Wide"><table>')
    assert ".wide { overflow-x: auto" in text


def test_a_figure_can_be_enlarged_without_a_script():
    html = render.html(page())
    figures = re.findall(r"<figure>.*?</figure>", html, re.DOTALL)
    assert figures
    assert all(re.search(r'<label[^>]*><input type="checkbox" class="zoom">\s*<svg', figure) for figure in figures)
    assert "figure:has(.zoom:checked) { flex-basis: 100%" in html
    assert "<script" not in html
