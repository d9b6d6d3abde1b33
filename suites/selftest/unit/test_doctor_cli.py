"""``crossgate doctor`` as a person meets it, without an engine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.cli import doctor_text
from fixtures.cli import main as cli
from fixtures.core.doctor import detect, snapshot
from fixtures.core.doctor.findings import Case
from fixtures.core.doctor.prediction import Wanted
from suites.selftest.harness import ROOT, environment, project

MANIFEST = """
[projects.hello]
source = { path = "." }
toolchain = "gcc"
architectures = ["amd64", "arm64"]
build = "make"
artifacts = ["hello"]
"""
NOBODY = "unix:///nowhere/engine.sock"


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    """A project's folder with a manifest and a source."""
    return project(tmp_path / "hello", MANIFEST, {"hello.c": "int main(void) { return 0; }\n"})


def doctor(folder: Path, *words: str, **changed: str | None) -> subprocess.CompletedProcess[str]:
    """Run the doctor on a project, its records beside it."""
    given = ["--manifest", str(folder / "crossgate.toml"), "--report-dir", str(folder / "out")]
    return subprocess.run(
        [sys.executable, "-m", "fixtures.cli.main", "doctor", *given, *words],
        cwd=ROOT,
        env=environment(**changed),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_without_an_engine_it_says_so_and_what_to_do(hello: Path) -> None:
    """That is a finding, the first one, and no failure: all the rest is told as well."""
    done = doctor(hello, DOCKER_HOST=NOBODY)

    assert done.returncode == 0, done.stderr
    assert re.search(r"(?m)^1\. STOPS BUILDS: no container engine answers$", done.stdout)
    assert "unset DOCKER_HOST" in done.stdout
    assert re.search(r"(?m)^CPU +\S", done.stdout)
    assert "no such socket" in done.stdout


def test_a_quick_look_is_json_and_leaves_nothing(hello: Path) -> None:
    """The document has the parts that are promised, and nothing is written anywhere."""
    done = doctor(hello, "--quick", "--json", DOCKER_HOST=NOBODY)
    document = json.loads(done.stdout)

    assert set(document) == {
        *("schema", "host", "measured", "findings", "predictions", "checked", "auto", "guide"),
        *("builds", "instead"),
    }
    assert document["host"]["backend"] == "unknown"
    assert document["host"]["source"]["path"] == str(hello.resolve())
    assert document["findings"][0]["id"] == "engine-missing"
    assert set(document["findings"][0]) >= {"title", "evidence", "change", "expected_gain"}
    assert [each["target"] for each in document["predictions"]] == [
        "hello-amd64-gcc",
        "hello-arm64-gcc",
    ]
    assert not (hello / "out").exists()


def test_a_quick_look_needs_no_slow_import(hello: Path) -> None:
    """docker-py, testcontainers and lief would take longer than the look itself."""
    code = (
        "import sys; from fixtures.cli import main; "
        f"main.main(['doctor', '--quick', '--manifest', {str(hello / 'crossgate.toml')!r}, "
        f"'--report-dir', {str(hello / 'out')!r}]); "
        "print(sorted({'docker', 'testcontainers', 'requests', 'lief'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--from", "/none.json"), "--from /none.json: can't be read"),
        (("--frm", "x"), "unrecognized arguments"),
    ],
)
def test_wrong_input_is_one_message(hello: Path, words: tuple[str, ...], message: str) -> None:
    """What is wrong is named, with pytest's exit code for wrong usage."""
    done = doctor(hello, "--quick", *words, DOCKER_HOST=NOBODY)

    assert done.returncode == 4
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_manifest_is_one_message(tmp_path: Path) -> None:
    """As everywhere, the mistake is named with its place."""
    (tmp_path / "crossgate.toml").write_text("[projects.a]\nsorce = 1\n")
    done = doctor(tmp_path, "--quick")

    assert done.returncode == 4
    assert "projects.a" in done.stderr


def test_where_nothing_is_found_out_that_is_an_error(
    hello: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither a CPU nor an engine: exit code 3, and no table that looks like an answer."""
    from fixtures.doctor import look

    nothing = snapshot.Snapshot(system="Plan9", release="", machine="")
    monkeypatch.setattr(look, "take", lambda *_, **__: nothing)

    assert cli.main(["doctor", "--quick", "--manifest", str(hello / "crossgate.toml")]) == 3
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "nothing could be found out" in shown.err


def test_what_an_engine_says_is_harmless_on_a_terminal() -> None:
    """Names and versions are the engine's own words: no control character gets through."""
    hostile = "\x1b[31mevil\x07 ##vso[task.complete]"
    raw = {
        "system": "Linux",
        "release": hostile,
        "machine": "x86_64",
        "cpus": 2,
        "address": "unix:///x",
        "info": {"KernelVersion": hostile, "Driver": hostile, "OperatingSystem": hostile},
        "version": {"Version": hostile, "ApiVersion": hostile},
        "places": {"source": {"path": f"/a{hostile}"}},
    }
    facts = detect.detect(snapshot.from_json(raw))
    wanted = Wanted(id="a", project="a", architecture="amd64", toolchain="gcc", strategy="native")
    case = Case(facts=facts, measured=None, wanted=[wanted], predictions=[])
    shown = "\n".join(doctor_text.lines(case, [], quick=True))

    assert "evil" in shown
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "##vso" not in shown


def test_the_folder_in_the_source_goes_and_one_of_a_killed_run_too(tmp_path: Path) -> None:
    """What is made beside a project's files is gone however it ends, at the latest next time."""
    from fixtures.doctor import measure

    code = "from fixtures import paths; print(paths.owned(''), end='')"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    left = tmp_path / f"{measure.PREFIX}{ran.stdout.decode()}left"
    left.mkdir()
    (left / "file").write_text("x")
    (tmp_path / "kept").write_text("x")
    making = measure._folder_in(tmp_path)
    folder, problem = making.__enter__()

    assert (folder and folder.is_dir(), problem) == (True, "")
    assert not left.exists()
    making.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert [file.name for file in tmp_path.iterdir()] == ["kept"]
    with measure._folder_in(tmp_path / "none") as (folder, problem):
        assert folder is None
        assert "can't be written to" in problem


def test_a_second_doctor_leaves_the_first_ones_folder_alone(tmp_path: Path) -> None:
    """Two at once measure in a folder each, and nobody's own files are anybody's to remove."""
    from fixtures.doctor import measure

    mine = tmp_path / f"{measure.PREFIX}notes_of_my_own_x"
    mine.mkdir()
    with measure._folder_in(tmp_path) as (first, _):
        with measure._folder_in(tmp_path) as (second, _):
            assert first is not None
            assert second is not None
            assert first.is_dir()
            assert second.is_dir()
        assert first.is_dir()
        assert not second.exists()
    assert [file.name for file in tmp_path.iterdir()] == [mine.name]
