"""The projects that Crossgate brings along, built as their manifests say.

`./crossgate verify` builds the small ones for all their CPUs. The whole matrix of dropcompress,
with its comparisons, takes long:

    ./crossgate test --slow suites/selftest/integration/test_projects.py
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from suites.selftest.harness import (
    FOREIGN,
    NATIVE,
    ROOT,
    command,
    environment,
    manifest_text,
    project,
    run_gate,
)

pytestmark = pytest.mark.integration

PROJECTS: Final = ROOT / "suites" / "projects"
CPUS: Final = ("amd64", "arm64", "armv7", "riscv64", "s390x", "ppc64le")

EMULATED_AT_LEAST: Final = 5
"""How many times the CPU of a cross build an emulated one takes: the least that is published."""

DAILY_AT_MOST: Final = 0.05
"""What part of a cold build's CPU building again after a change takes; 0.2 is published."""


def copied(name: str, folder: Path) -> Path:
    """One of the projects, in a folder where reports may lie beside it."""
    return shutil.copytree(PROJECTS / name, folder, ignore=shutil.ignore_patterns("target"))


def verify(folder: Path, words: str) -> dict[str, dict[str, Any]]:
    """The records of a run that took as long as it needed and passed, by target."""
    done = subprocess.run(
        [*command(folder), "-n", "0", "-k", words],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:]
    records = (folder.parent / f"{folder.name}-out" / "records").glob("*/record.json")
    return {file.parent.name: json.loads(file.read_bytes()) for file in records}


def test_ctest_finds_a_library_that_miscounts(tmp_path: Path) -> None:
    """The C++ project's own tests run on the target, and a mistake in its library fails them."""
    folder = tmp_path / "tally"
    build = "cmake -S . -B out -DCMAKE_TOOLCHAIN_FILE={cmake_toolchain} && cmake --build out"
    text = manifest_text(
        {
            "tally": {
                "build": build,
                "artifacts": ["out/tally"],
                "smoke": "{artifact} --version",
                "test": "cmake -DCMAKE_CROSSCOMPILING_EMULATOR=\"$(echo {run} | tr ' ' ';')\" out"
                " && ctest --test-dir out --output-on-failure --no-tests=error",
            }
        },
        architectures=[FOREIGN],
    )
    copied("tally", folder)
    project(folder, text)
    words = folder / "src" / "words.cpp"
    right = words.read_text("utf-8")
    assert "return a.times > b.times;" in right
    words.write_text(right.replace("return a.times > b.times;", "return a.times < b.times;"))

    ended = run_gate(folder)

    assert ended.exit_code == 1, ended.output
    claims = ended.claims(f"tally-{FOREIGN}-gcc")
    assert claims["smoke"]["verdict"] == "pass"
    assert claims["test"]["verdict"] == "fail"
    assert "expected one=2 two=1" in claims["test"]["reason"]


@pytest.mark.slow
def test_three_codecs_for_another_cpu(tmp_path: Path) -> None:
    """The small cell of dropcompress: cross-built, it reads under emulation what it has written."""
    folder = copied("dropcompress", tmp_path / "drop")

    ended = run_gate(folder, "-k", f"droplite and {FOREIGN} and not emulated")

    assert ended.exit_code == 0, ended.output
    verdicts = ended.verdicts(f"droplite-{FOREIGN}-rust")
    assert verdicts.pop("time_ratio", "not applicable") == "not applicable"
    assert set(verdicts.values()) == {"pass"}


@pytest.mark.slow
def test_a_codec_that_loses_too_much_is_found_on_the_target(tmp_path: Path) -> None:
    """What `verify` holds the codecs to fails the smoke test where one of them is broken."""
    folder = copied("dropcompress", tmp_path / "drop")
    webp = folder / "src" / "codecs" / "webp.rs"
    right = webp.read_text("utf-8")
    broken = right.replace("WebPDecodeRGBAInto(", "WebPDecodeBGRAInto(").replace(
        "WebPDecodeRGBAInto,", "WebPDecodeBGRAInto,"
    )
    assert broken.count("WebPDecodeBGRAInto") == 2
    webp.write_text(broken)
    text = (folder / "crossgate.toml").read_text("utf-8")
    (folder / "crossgate.toml").write_text(text.replace("png,jpeg,webp", "webp"))

    ended = run_gate(folder, "-k", f"droplite and {NATIVE}")

    assert ended.exit_code == 1, ended.output
    claim = ended.claims(f"droplite-{NATIVE}-rust")["smoke"]
    assert claim["verdict"] == "fail"
    assert re.search(r"webp .* dB, below 30\.0", claim["reason"])


@pytest.mark.slow
def test_all_codecs_pass_on_six_cpus(tmp_path: Path) -> None:
    """dropcompress keeps all its claims on every CPU, also that no other's build costs more."""
    records = verify(copied("dropcompress", tmp_path / "drop"), "dropcompress")

    assert {record["architecture"] for record in records.values()} == set(CPUS)
    for record in records.values():
        packages = [Path(artifact["path"]).suffix for artifact in record["artifacts"]]
        assert sorted(packages) == ["", ".AppImage", ".deb"]


@pytest.mark.slow
def test_an_emulated_build_takes_many_times_the_cpu(tmp_path: Path) -> None:
    """The same three codecs, cross-built and in an emulated container: what is right is dear."""
    records = verify(copied("dropcompress", tmp_path / "drop"), "droplite and arm64")

    cross, emulated = (
        records[f"droplite-arm64-rust{end}"]["build"]["cpu_s"] for end in ("", "-emulated")
    )
    assert emulated >= EMULATED_AT_LEAST * cross


@pytest.mark.slow
def test_a_change_of_ones_own_is_there_in_a_moment(tmp_path: Path) -> None:
    """In the profile for daily work, one changed line costs a small part of a cold build."""
    records = verify(copied("dropcompress", tmp_path / "drop"), "dropdaily and arm64")

    record = records["dropdaily-arm64-rust"]
    assert record["rebuild"]["cpu_s"] <= DAILY_AT_MOST * record["build"]["cpu_s"]
