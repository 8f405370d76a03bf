"""Configurations and runs on the command line."""

import io
import json
from pathlib import Path

import pytest

import l1ad
from l1ad import cli
from l1ad.config import load_config
from l1ad.toolchain.progress import VARIABLE
from tests.networks import make_network
from tests.runs_made import make_run

PROJECT = Path(__file__).parents[1]
SAMPLE = PROJECT / "data" / "sample"


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["l1ad", *map(str, words)])
    return cli.main()


@pytest.fixture
def init_words(tmp_path: Path) -> list[object]:
    signal = f"ztautau={SAMPLE / 'gelato_ztautau.h5'}"
    data = SAMPLE / "gelato_background.h5"
    return ["init", tmp_path / "deep" / "mine.yaml", "--layout", "l1topo44", "--data", data, "--signal", signal]


def test_version_and_help(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"l1ad {l1ad.__version__}\n"
    assert run(monkeypatch) == 0
    shown = capsys.readouterr()
    assert "explain" in shown.out
    assert shown.err == ""


def test_init_writes_a_configuration_that_names_the_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, init_words: list[object]
) -> None:
    assert run(monkeypatch, *init_words) == 0
    config = load_config(tmp_path / "deep" / "mine.yaml")
    assert config.name == "mine"
    assert config.path(config.data.background["background"].files[0]) == SAMPLE / "gelato_background.h5"
    assert config.path(config.data.signals["ztautau"].files[0]) == SAMPLE / "gelato_ztautau.h5"
    assert config.run == tmp_path / "deep" / "runs" / "mine"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("l1topo44", "l1topo4", r"There is no layout 'l1topo4'; did you mean 'l1topo44'"),
        ("l1topo44", "axol1tl57", "has no data set 'L1_egammas'"),
        ("--layout", "--layot", "No such option: --layot"),
        ("gelato_background.h5", "gelato_backgrund.h5", "There is no file"),
        ("mine.yaml", "my-trigger.yaml", "key 'name': must consist of letters, digits and underscores"),
        ("ztautau=", "z-tautau=", "--signal needs NAME=FILE"),
        ("ztautau=", "background=", "--signal needs NAME=FILE with a name of its own"),
    ],
)
def test_a_mistake_is_one_sentence_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    init_words: list[object],
    old: str,
    new: str,
    message: str,
) -> None:
    assert run(monkeypatch, *(str(word).replace(old, new) for word in init_words)) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.startswith("l1ad: ")
    assert told.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_init_keeps_a_file_that_is_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, init_words: list[object]
) -> None:
    file = tmp_path / "deep" / "mine.yaml"
    file.parent.mkdir()
    file.write_text("mine")
    assert run(monkeypatch, *init_words) == 2
    assert "already exists; give another name, or --force" in capsys.readouterr().err
    assert file.read_text() == "mine"
    assert run(monkeypatch, *init_words, "--force") == 0
    assert load_config(file).name == "mine"


def test_init_with_the_sample_brings_files_that_can_be_prepared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "deep" / "first.yaml"
    assert run(monkeypatch, "init", file, "--sample", "--layout", "l1topo44") == 2
    assert "--sample brings its own layout and files; leave out" in capsys.readouterr().err
    assert not file.parent.exists()
    assert run(monkeypatch, "init", file, "--sample") == 0
    result = l1ad.prepare(file)
    assert l1ad.Dataset.load(result.path).n_events == 29_279 + 7 * 1000
    with pytest.raises(l1ad.L1adError, match=r"^A configuration needs a layout and data, or sample=True without them"):
        l1ad.init(tmp_path / "other.yaml", layout="l1topo44", sample=True)


def test_init_without_a_layout_lists_them(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "init", "mine.yaml") == 2
    assert "give --layout with one of axol1tl57, cicada252, fortymhz57, gelato60, hlt48, l1topo44" in capsys.readouterr().err


def test_config_resolved_schema_and_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    demo = PROJECT / "configs" / "demo.yaml"
    assert run(monkeypatch, "config", demo, "--resolved", "--json") == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(load_config(demo).plain()))
    assert run(monkeypatch, "config", "--schema") == 0
    assert "training" in json.loads(capsys.readouterr().out)["properties"]
    for words in ([], [demo, "--schema"]):
        assert run(monkeypatch, "config", *words) == 2
        assert "Give a configuration" in capsys.readouterr().err


def test_runs_tells_what_is_stale(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    config = make_run(tmp_path, make_network())
    manifest = config.run / "model" / "manifest.json"
    assert run(monkeypatch, "runs", tmp_path / "runs", "--json") == 0
    assert json.loads(capsys.readouterr().out)["runs"] == [{"run": "tiny", "artefacts": ["dataset", "model"], "stale": []}]
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"inputs": {"dataset": "of yesterday"}}))
    assert run(monkeypatch, "runs", tmp_path / "runs", "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)["runs"]
    assert found["stale"] == ["model was made from another dataset than the run holds now; run its stage again."]


def test_runs_without_any_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(monkeypatch, "runs", tmp_path) == 2
    assert "'l1ad run CONFIG' makes one." in capsys.readouterr().err
    assert run(monkeypatch, "runs", tmp_path / "no") == 2
    assert "There is no folder" in capsys.readouterr().err


def test_the_shell_completes_commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name, value in {"_L1AD_COMPLETE": "complete_bash", "COMP_WORDS": "l1ad expl", "COMP_CWORD": "1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch)
    assert ended.value.code == 0
    assert capsys.readouterr().out.strip() == "explain"


def test_quiet_prints_errors_only_wherever_it_is_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv(VARIABLE, "normal")  # what the command sets is taken back afterwards
    make_run(tmp_path, make_network())
    for words in (["--quiet", "runs", tmp_path / "runs"], ["runs", tmp_path / "runs", "--quiet"]):
        assert run(monkeypatch, *words) == 0
        assert capsys.readouterr() == ("", "")
    assert run(monkeypatch, "runs", tmp_path / "runs", "--quiet", "--json") == 0
    assert json.loads(capsys.readouterr().out)["runs"]
    assert run(monkeypatch, "runs", tmp_path / "no", "--quiet") == 2
    assert "There is no folder" in capsys.readouterr().err
    assert run(monkeypatch, "runs", "--quiet", "--verbose") == 2
    assert capsys.readouterr().err == "l1ad: --quiet and --verbose exclude each other; give one of them.\n"


def test_paths_are_printed_from_where_the_user_stands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "config", tmp_path / "no.yaml") == 2
    assert "Cannot read configuration 'no.yaml'" in capsys.readouterr().err
    make_run(tmp_path, make_network())
    assert run(monkeypatch, "runs", tmp_path / "runs") == 0
    assert str(tmp_path) not in capsys.readouterr().out


def test_init_asks_in_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, init_words: list[object]
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    answers = f"\n{SAMPLE / 'gelato_background.h5'}\nztautau={SAMPLE / 'gelato_ztautau.h5'}\n\n"
    monkeypatch.setattr("sys.stdin", Terminal(answers))
    assert run(monkeypatch, "init", tmp_path / "asked.yaml") == 0
    assert "Layout (axol1tl57, " in capsys.readouterr().err
    config = load_config(tmp_path / "asked.yaml")
    assert (config.layout, config.firmware.board, list(config.data.signals)) == ("l1topo44", "l1topo", ["ztautau"])
