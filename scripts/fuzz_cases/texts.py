"""Spoil plain data, and the YAML or JSON that it is written as; what is asked for twice with one seed is the same twice."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from random import Random
from typing import Any

import yaml

#: What a payload would leave behind if anything of it were run.
CANARY = "PWNED"
#: Text of each language that a name, a path or a title can end in.
PAYLOADS = (
    f'\n#include <cstdlib>\nint zz = system("touch {CANARY}");\n//',
    f'"); system("touch {CANARY}"); ("',
    f'zz; initial $system("touch {CANARY}"); //',
    f'*/ `include `"{CANARY}`" /*',
    f"[exec touch {CANARY}]",
    f"zz; exec touch {CANARY}; #",
    f"$(shell touch {CANARY})",
    f"$(touch {CANARY})",
    f"`touch {CANARY}`",
    f"; touch {CANARY} #",
    f"| touch {CANARY}",
    f"{{{{ cycler.__init__.__globals__.os.system('touch {CANARY}') }}}}",
    f"__import__('os').system('touch {CANARY}')",
    f"<script>fetch('//x/{CANARY}')</script>",
    f"zz\ninclude /tmp/{CANARY}",
    f"-o{CANARY}",
    f"../../{CANARY}",
    f"/tmp/{CANARY}",
    f"\x1b]0;{CANARY}\x07",
)
#: Names that are reserved, look like others or are none.
NAMES = (
    *("", " ", ".", "..", "con", "class", "module", "signal", "proc", "int", "__init__", "_", "a__b", "a_", "1a", "a-b", "a.b"),
    *(
        "jеt",
        "ｊet",
        "jet\u200b",
        "je\u0301t",
        "jet\u202e",
        "MET",
        "met ",
        "scоre",
        "ℓ",
        "µ",
        "Ⅳ",
        "\x00",
        "a" * 81,
        "a" * 100_000,
        "\ud800",
    ),
    *("system", "main", "std", "score", "scaled", "clk", "trigger_a", "ap_fixed", "end", "begin", "entity", "set", "l1ad_top"),
)
#: Values of other kinds and sizes than anybody asked for.
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 62, 63, 64, 255, 10**9, 2**31, 2**63, -(2**63), 2**64, 10**30, 10**400),
    *(0.0, -0.0, 1e-320, 1e308, 0.5, float("nan"), float("inf"), -float("inf")),
    *([], {}, [[]], [{}], {"a": {}}, [None], [1, "a"], {"class_name": "Lambda"}, "1", "1e400", "yes", "~", "0x10", "1_000"),
    *(
        "ap_fixed<8,4>",
        "ap_fixed<99,4>",
        "ap_fixed<8,-999>",
        "ap_fixed<8,4,AP_RND,AP_NONE,7>",
        "uint<0>",
        "int<63>",
        "uint<" + "9" * 50,
    ),
)
#: Placeholders that are unquoted after the data have been written.
_RAW = {
    "@digits@": "9" * 6000,
    "@deep@": "[" * 3000 + "]" * 3000,
    "@call@": f'!!python/object/apply:os.system ["touch {CANARY}"]',
    "@new@": f"!!python/object/new:subprocess.Popen [[touch, {CANARY}]]",
    "@name@": "!!python/name:os.system",
    "@date@": "2026-99-99",
    "@stamp@": "!!timestamp hello",
    "@binary@": "!!binary é",
    "@integer@": "!!int hello",
    "@float@": "!!float hello",
    "@flag@": "!!bool hello",
    "@set@": "!!set {a, b}",
    "@pairs@": "!!omap [a: 1]",
    "@long@": "1" + ":59" * 2000,
    "@other@": "!unknown {a: 1}",
}
_RAW_JSON = {
    "@digits@": "9" * 6000,
    "@deep@": "[" * 100_000 + "]" * 100_000,
    "@call@": "NaN",
    "@new@": "-Infinity",
    "@name@": "1e999",
    "@date@": '"\\ud800"',
    "@stamp@": '{"a": 1, "a": 2}',
}


def value(random: Random) -> Any:
    """Choose something that does not belong there."""
    return copy.deepcopy(
        random.choice((random.choice(PAYLOADS), random.choice(NAMES), random.choice(VALUES), random.choice(list(_RAW))))
    )


def name(random: Random) -> str:
    """Choose a text that is no name."""
    return random.choice((random.choice(PAYLOADS), random.choice(NAMES)))


def places(data: Any) -> list[tuple[Any, Any]]:
    """List every place in plain data as container and key, the outer ones first."""
    keys = list(data) if isinstance(data, dict) else list(range(min(len(data), 40))) if isinstance(data, list) else []
    return [(data, key) for key in keys] + [place for key in keys for place in places(data[key])]


def poisoned(random: Random, data: Any) -> Any:
    """Give plain data with one to three places spoilt."""
    data = copy.deepcopy(data)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        found = places(data)
        if not found:
            return value(random)
        random.choice((_replaced, _replaced, _replaced, _renamed, _dropped, _repeated, _moved))(
            random, *random.choice(found), found
        )
    return data


def _replaced(random: Random, at: Any, key: Any, found: Any) -> None:
    at[key] = value(random)


def _renamed(random: Random, at: Any, key: Any, found: Any) -> None:
    if isinstance(at, dict):
        at[random.choice((name(random), random.choice((1, None, True, 1.5))))] = at.pop(key)
    else:
        at[key] = name(random)


def _dropped(random: Random, at: Any, key: Any, found: Any) -> None:
    del at[key]


def _repeated(random: Random, at: Any, key: Any, found: Any) -> None:
    if isinstance(at, list):
        at.extend([copy.deepcopy(at[key])] * random.choice((1, 3, 2000)))
    else:
        at[f"{key}2"] = copy.deepcopy(at[key])


def _moved(random: Random, at: Any, key: Any, found: Any) -> None:
    other, other_key = random.choice(found)
    at[key] = copy.deepcopy(other[other_key])


def written(data: Any, language: str) -> str:
    """Write plain data as YAML or JSON, placeholders as the raw text that they stand for."""
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True) if language == "yaml" else json.dumps(data, default=str)
    for mark, raw in (_RAW if language == "yaml" else _RAW_JSON).items():
        for quoted in (f"'{mark}'", f'"{mark}"', mark):
            text = text.replace(quoted, raw)
    return text


def spoilt(random: Random, text: str, language: str) -> bytes:
    """Spoil a text as text: aliases, depth, keys that are there twice, foreign bytes, a cut."""
    tricks: tuple[Callable[[Random, str], str | bytes], ...] = (
        _cut,
        _flipped,
        _wide,
        _marked,
        _latin,
        _doubled,
        _long,
        _deep,
        _junk,
    )
    if language == "yaml":
        tricks += (_laughs, _merges, _loop, _documents, _anchors)
    made = random.choice(tricks)(random, text)
    return made if isinstance(made, bytes) else made.encode("utf-8", "surrogatepass")


def _cut(random: Random, text: str) -> str:
    return text[: random.randrange(len(text) + 1)]


def _flipped(random: Random, text: str) -> bytes:
    data = bytearray(text.encode("utf-8", "surrogatepass"))
    for _ in range(random.choice((1, 3, 30)) if data else 0):
        data[random.randrange(len(data))] = random.randrange(256)
    return bytes(data)


def _wide(random: Random, text: str) -> bytes:
    return text.encode(random.choice(("utf-16", "utf-32", "utf-16-be")), "surrogatepass")


def _marked(random: Random, text: str) -> str:
    return random.choice(("\ufeff", "\x00", "\x85", "\u2028", "%YAML 9.9\n---\n", "%TAG ! tag:x,2000:\n---\n")) + text


def _latin(random: Random, text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass") + b"\xff\xfe\xe9"


def _doubled(random: Random, text: str) -> str:
    lines = text.splitlines(keepends=True)
    at = random.randrange(len(lines) + 1)
    return "".join([*lines[:at], *lines[max(0, at - 1) : at], *lines[at:]])


def _long(random: Random, text: str) -> str:
    return text + random.choice((" " * 5_000_000, "# " + "x" * 5_000_000, "\nzz: " + "x" * 2_000_000, "\n" * 200_000))


def _deep(random: Random, text: str) -> str:
    opened = random.choice(("[", "{a: ", "- ", "? ", '{"a":', "a:\n "))
    return text + "\nzz: " + opened * random.choice((60, 900, 20_000))


def _junk(random: Random, text: str) -> bytes:
    return random.choice(
        (b"", b"\n", b"null", b"[]", b"1", b'"a"', b"---", b"\x89HDF\r\n\x1a\n", b"PK\x03\x04", random.randbytes(500))
    )


def _laughs(random: Random, text: str) -> str:
    levels = ["a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    levels += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, random.choice((3, 9, 12)))]
    last = f"*a{len(levels) - 1}"
    return "\n".join(levels) + "\n" + text + random.choice(("", f"\nzz: {last}\n", f"\nname: {last}\n"))


def _merges(random: Random, text: str) -> str:
    levels = ["m0: &m0 {a: 1}"]
    levels += [f"m{i}: &m{i} {{<<: [{', '.join([f'*m{i - 1}'] * 9)}]}}" for i in range(1, random.choice((3, 7)))]
    return "\n".join(levels) + "\n" + text


def _loop(random: Random, text: str) -> str:
    return (
        random.choice(("zz: &z [*z]\n", "&z {zz: *z}\n", "zz: &z {<<: *z}\n", "name: &z [*z]\n", "slots: &z [*z, *z]\n")) + text
    )


def _documents(random: Random, text: str) -> str:
    return text + "\n---\n" + text


def _anchors(random: Random, text: str) -> str:
    return (
        text + "\n" + "\n".join(f"k{i}: &k{i} *k{i - 1}" if i % 2 else f"k{i}: &k{i} 1" for i in range(random.choice((2, 5000))))
    )
