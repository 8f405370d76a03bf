"""Read the declarations of an hls4ml firmware's C++ as data: types, numbers, arrays, configurations and the layers' calls."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from l1ad.core.errors import L1adError, ModelError
from l1ad.core.fixed import FixedPoint, FloatArray, IntArray

_BLOCK_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_TYPEDEF = re.compile(r"\btypedef\s+([^;{}]+?)\s+(\w+)\s*;")
_USING = re.compile(r"\busing\s+(\w+)\s*=\s*([^;{}]+?)\s*;")
_NUMBER = re.compile(
    r"\b(?:const|constexpr)\s+(?:static\s+)?(?:int|unsigned|unsigned\s+int|bool|size_t)\s+(\w+)\s*=\s*([^;{}]+?)\s*;"
)
_DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+(\d+)[ \t]*$", re.MULTILINE)
_STRUCT = re.compile(r"\bstruct\s+(\w+)\s*:\s*nnet::(\w+)\s*\{([^{}]*)\}\s*;")
_ARRAY = re.compile(r"\b(\w+(?:\s*<[^<>;{}]*>)?)\s+(\w+)\s*\[\s*([^\[\]{};]*?)\s*\]\s*=\s*\{([^{}]*)\}\s*;")
_CALL = re.compile(r"\b(\w+)::(\w+)\s*<([^;(){}]*)>\s*\(([^;(){}]*)\)\s*;[ \t]*(?:@(\w*)@)?")
_ALIAS = re.compile(r"\bauto\s*&\s*(\w+)\s*=\s*(\w+)\s*;")
_LITERAL = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?[fF]?")
_LONGEST_CHAIN = 20
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Array:
    """An array that has values: the type it is declared with, its size and the literals, as text."""

    type: str
    size: str
    text: str


@dataclass(frozen=True, slots=True)
class Struct:
    """A layer's configuration: what it derives from, its own types, and its other values as text."""

    base: str
    types: Mapping[str, str]
    values: Mapping[str, str]
    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a layer's function: namespace, function, template arguments, arguments, and the name behind it as a comment."""

    space: str
    function: str
    templates: tuple[str, ...]
    arguments: tuple[str, ...]
    name: str

    def __str__(self) -> str:
        return f"{self.space}::{self.function}"


@dataclass(slots=True, eq=False)
class Declarations:
    """Collect what the files of one firmware declare.

    Attributes:
        types: text of each type by its name.
        numbers: constants by name.
        arrays: arrays that have values.
        structs: configurations of layers.
        twice: names that are declared differently in two places; they are refused when somebody asks for them.
    """

    types: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)
    structs: dict[str, Struct] = field(default_factory=dict)
    twice: set[str] = field(default_factory=set)

    def read(self, text: str) -> None:
        """Add the declarations of a file's text."""
        plain = stripped(text)
        for name, base, body in _STRUCT.findall(plain):
            self._add(self.structs, name, _struct(base, body))
        rest = _STRUCT.sub(" ", plain)
        for type_, name, size, body in _ARRAY.findall(rest):
            self._add(self.arrays, name, Array(type_, size, " ".join(body.split())))
        for name, value in [*_NUMBER.findall(rest), *_DEFINE.findall(plain)]:
            self._add(self.numbers, name, value)
        for text_, name in _TYPEDEF.findall(rest):
            self._add(self.types, name, " ".join(text_.split()))
        for name, text_ in _USING.findall(rest):
            self._add(self.types, name, " ".join(text_.split()))

    def _add(self, found: dict[str, Item], name: str, value: Item) -> None:
        if found.setdefault(name, value) != value:
            self.twice.add(name)

    def _require_once(self, name: str) -> None:
        if name in self.twice:
            raise ModelError(f"{name!r} is declared twice and differently in the sources; give the folder of one firmware.")

    def type(self, text: str) -> FixedPoint:
        """Resolve a type, by its name or written out.

        Raises:
            ModelError: it is not declared, or is not a fixed-point type.
        """
        found = " ".join(text.split())
        for _ in range(_LONGEST_CHAIN):
            if found not in self.types:
                break
            self._require_once(found)
            found = self.types[found]
        if found.startswith("nnet::array"):
            raise ModelError(f"Type {text!r} is {found!r}: a firmware with io_stream is not imported; use io_parallel.")
        # The fifth argument is a number of saturation bits, which AP_SAT (0) is sometimes written for.
        found = re.sub(r",\s*AP_SAT\s*>$", ">", found) if found.count(",") == 4 else found
        try:
            return FixedPoint.parse(found)
        except L1adError:
            raise ModelError(
                f"Type {text!r} is {found!r}, expected a fixed-point type of 1 to 62 bits; give the folder with the whole firmware."
            ) from None

    def number(self, text: str, what: str) -> int:
        """Evaluate a whole number, the name of one, or a product of such.

        Raises:
            ModelError: it is none.
        """
        return _product(text, self.numbers, what, _LONGEST_CHAIN)

    def struct(self, name: str) -> Struct:
        """Find a layer's configuration.

        Raises:
            ModelError: there is none.
        """
        self._require_once(name)
        if name not in self.structs:
            raise ModelError(f"Configuration {name!r} is not declared; give the folder with its parameters.h.")
        return self.structs[name]

    def codes(self, name: str) -> tuple[IntArray, FixedPoint]:
        """Quantise an array's values as the compiler does, to the type it is declared with.

        Returns:
            Integer codes, one-dimensional, and their type.

        Raises:
            ModelError: the sources have no values for it, or they are not numbers, or not as many as declared.
        """
        self._require_once(name)
        if name not in self.arrays:
            raise ModelError(f"The values of array {name!r} are not in the sources; give the folder with its weights.")
        array, type_ = self.arrays[name], self.type(self.arrays[name].type)
        values = _numbers(array.text, f"Array {name!r}")
        if array.size.isdigit() and int(array.size) != len(values):
            raise ModelError(
                f"Array {name!r} is declared with {array.size} elements and holds {len(values)}; the file is damaged."
            )
        return type_.to_int(values), type_


def stripped(text: str) -> str:
    """Drop comments and pragmas; a name behind a layer's call stays, between two ``@``."""
    lines = []
    for line in _BLOCK_COMMENT.sub(" ", text.replace("@", " ")).splitlines():
        code, _, comment = line.partition("//")
        if code.lstrip().startswith("#pragma"):
            continue
        name = comment.strip()
        keep = "::" in code and code.rstrip().endswith(";") and re.fullmatch(r"\w+", name)
        lines.append(f"{code} @{name}@" if keep else code)
    return "\n".join(lines)


def calls(text: str) -> Iterator[Call | tuple[str, str]]:
    """Return the calls of layers' functions in their order, and between them the aliases ``auto& new = old`` as two names."""
    plain = stripped(text)
    found = [(m.start(), m) for pattern in (_CALL, _ALIAS) for m in pattern.finditer(plain)]
    for _, match in sorted(found, key=lambda entry: entry[0]):
        if match.re is _ALIAS:
            yield match[1], match[2]
        elif match[2] != "load_weights_from_txt":
            yield Call(match[1], match[2], _split(match[3]), _split(match[4]), match[5] or "")


def _numbers(text: str, what: str) -> FloatArray:
    parts = [part for part in re.split(r"[\s,]+", text) if part]
    wrong = next((part for part in parts if not _LITERAL.fullmatch(part)), None)
    if wrong is not None:
        raise ModelError(f"{what} holds {wrong[:40]!r}, expected numbers; nothing in a firmware's sources is evaluated.")
    return np.array([float(part.rstrip("fF")) for part in parts])


def _struct(base: str, body: str) -> Struct:
    types = {name: text for text, name in _TYPEDEF.findall(body)}
    values = dict(_NUMBER.findall(body))
    return Struct(base, types, values, " ".join(body.split()))


def _split(text: str) -> tuple[str, ...]:
    """Split at commas that are not inside angle brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += {"<": 1, ">": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return tuple(part.strip() for part in parts)


def _product(text: str, known: Mapping[str, str], what: str, left: int) -> int:
    value = 1
    for part in text.split("*"):
        factor = part.strip()
        if factor in known and left:
            value *= _product(known[factor], known, what, left - 1)
        elif factor.isdigit() and len(factor) < 10:
            value *= int(factor)
        else:
            raise ModelError(f"{what} is {text[:60]!r}, expected a whole number; nothing in a firmware's sources is evaluated.")
    return value
