"""Nine of ten error sentences are expected by a test; the script that counts them knows one from the other."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def load() -> Any:
    spec = importlib.util.spec_from_file_location("messages", ROOT / "scripts" / "messages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["messages"] = module  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


messages = load()


def test_nine_of_ten_sentences_are_expected_by_a_test() -> None:
    found, tests = messages.sentences(ROOT / "l1ad"), messages.expected(ROOT / "tests")
    missing = [str(sentence) for sentence in found if not messages.is_expected(sentence, tests)]
    assert len(found) > 700
    assert len(missing) < 0.1 * len(found), "\n".join(missing)


def test_a_sentence_is_known_by_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "l1ad").mkdir()
    source = 'raise InputError(f"The jet {name!r} has no energy at all; give it some.")\nraise ValueError("nothing")\n'
    (tmp_path / "l1ad" / "a.py").write_text(source + 'raise source.cut_off(f"row {n} is not there; write it")\n')
    sentence, row = (one for one in messages.sentences(tmp_path / "l1ad") if "nothing" not in one.pieces)
    assert (sentence.file, sentence.line, sentence.pieces) == (
        "l1ad/a.py",
        1,
        ("The jet ", " has no energy at all; give it some."),
    )
    assert row.pieces == ("row ", " is not there; write it")
    assert messages.is_expected(sentence, "match='has no energy at all; give it'")
    assert not messages.is_expected(sentence, "The jet has no energy; give it some.")
