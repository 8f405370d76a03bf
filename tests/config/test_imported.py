"""The files that say how a model is imported are strict: an unknown key, a wrong type or no YAML is one sentence."""

from pathlib import Path
from typing import Any

import pytest

from l1ad.config.imported import ScalingFile, TypesFile, read_section
from l1ad.core.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "model", "message"),
    [
        (
            "shfit: [1]",
            ScalingFile,
            r"^.*f.yaml: key 'shfit' is unknown; did you mean 'shift'\?$|^.*key 'shift' is missing; add it\.$",
        ),
        ("offset: [1]", ScalingFile, r"^.*f.yaml: key 'shift' is missing; add it\.$"),
        ("layers: {a: {weigth: x}}", TypesFile, r"^.*f.yaml: key 'layers.a.weigth' is unknown; did you mean 'weight'\?$"),
        ("input: fix<1>", TypesFile, r"^.*f.yaml: key 'input': Expected a type like .*, got 'fix<1>'\.$"),
        ("[1, 2]", TypesFile, r"^.*f.yaml must be a mapping with keys such as .*, got list\.$"),
        ("a: [", TypesFile, r"^.*f.yaml is not YAML: .*$"),
    ],
)
def test_wrong_files(tmp_path: Path, text: str, model: Any, message: str) -> None:
    (tmp_path / "f.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_section(tmp_path / "f.yaml", model)


def test_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^Cannot read '.*none.yaml': No such file or directory; give a YAML file\.$"):
        read_section(tmp_path / "none.yaml", ScalingFile)
