"""Take values out of a report's XML: each must be there exactly once."""

from __future__ import annotations

from xml.etree import ElementTree

from l1ad.vendor.parsers.text import Source, decimal, decimal_or_none


def parse(source: Source) -> ElementTree.Element:
    """Read a file as XML.

    Raises:
        ReportError: it is not well-formed, so cut off or damaged, or it declares entities, which no tool does.
    """
    text = "\n".join(source.lines)
    if "<!" in text.replace("<!--", ""):
        raise source.error("declares entities, which no report does")
    try:
        return ElementTree.fromstring(text.strip())
    except ElementTree.ParseError as error:
        raise source.cut_off(f"it is not well-formed ({error})") from None


def child(source: Source, element: ElementTree.Element, name: str) -> ElementTree.Element:
    """Return the only child of a name.

    Raises:
        ReportError: there is none, or more than one.
    """
    found = element.findall(name)
    if len(found) != 1:
        raise source.cut_off(f"{element.tag} has {len(found)} elements {name}, expected 1")
    return found[0]


def text(source: Source, element: ElementTree.Element, name: str) -> str:
    """Return the text of the only child of a name, which must have one.

    Raises:
        ReportError: no such child, more than one, or it is empty.
    """
    value = (child(source, element, name).text or "").strip()
    if not value:
        raise source.cut_off(f"{name} is empty")
    return value


def maybe(source: Source, element: ElementTree.Element, name: str) -> str | None:
    """Return the text of the only child of a name, ``None`` where there is no such child."""
    return text(source, element, name) if element.find(name) is not None else None


def number(source: Source, element: ElementTree.Element, name: str) -> float:
    """Return the number in the only child of a name."""
    return decimal(source, text(source, element, name), name)


def number_or_none(source: Source, element: ElementTree.Element, name: str) -> float | None:
    """Return the number in the only child of a name, ``None`` where there is no child or it says ``NA``."""
    value = maybe(source, element, name)
    return None if value is None else decimal_or_none(source, value, name)
