"""Words that the house's English does not use stand in no message, docstring, document or template."""

import re
from pathlib import Path

PROJECT = Path(__file__).parents[1]
#: With what is written instead.
STILTED = {
    r"\bwants\b": "needs, expects",
    r"\banew\b": "again",
    r"\bis passed by\b": "is exceeded",
    r"\bthis is no \w": "this is not a",
    r"\bwhich is no \w": "which is not a",
    r"\bdoes nothing that has not changed\b": "rebuilds only what changed",
    r"\b[Ww]anted [`'\"a-z]+, got\b": "expected …, got",
    r'"""Give the ': "Return the",
    r'"""Say whether ': "Return whether",
    r'"""Hold (?!the lock)': "a noun",
}


def test_what_users_and_developers_read_is_written_as_they_would() -> None:
    pages = [*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md"), *PROJECT.glob("configs/**/*.yaml"), PROJECT / "pyproject.toml"]
    files = [path for path in (PROJECT / "l1ad").rglob("*") if path.suffix in {".py", ".j2", ".cpp", ".h", ".yaml"}]
    found = [
        f"{path.relative_to(PROJECT)}:{number}: {words} ({instead})"
        for path in [*pages, *files]
        if path.name != "CHANGELOG.md"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for pattern, instead in STILTED.items()
        for words in re.findall(pattern, line)
    ]
    assert not found, "\n".join(found)
