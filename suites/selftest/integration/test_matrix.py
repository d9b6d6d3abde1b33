"""What one manifest can ask of each of its targets, in real containers."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from suites.selftest.harness import FOREIGN, NATIVE, ROOT, manifest_text, project, run_gate

pytestmark = pytest.mark.integration

SOURCE: Final = {
    "hello.c": '#include <stdio.h>\nint main(void) { printf("hi %s\\n", WORD); return 0; }\n',
    "zlib.c": (
        "#include <stdio.h>\n#include <string.h>\n#include <zlib.h>\n"
        "int main(void) { return strcmp(zlibVersion(), ZLIB_VERSION); }\n"
    ),
    "Makefile": (
        "zlib: zlib.c\n\t$(CC) -o $@ $< $$($(PKG_CONFIG) --cflags --libs zlib)\n"
        "check: zlib\n\t./zlib\n"
        "wrong: zlib\n\t./zlib; echo one line of it; exit 3\n"
    ),
    "CMakeLists.txt": (
        "cmake_minimum_required(VERSION 3.20)\nproject(x CXX)\nfind_package(ZLIB REQUIRED)\n"
        "add_executable(zlib zlib.cpp)\ntarget_link_libraries(zlib ZLIB::ZLIB)\n"
    ),
    "zlib.cpp": (
        "#include <iostream>\n#include <zlib.h>\n"
        "int main() { std::cout << zlibVersion() << std::endl; }\n"
    ),
}


def record(folder: Path, target: str) -> dict[str, Any]:
    """A target's record, as the run left it."""
    out = folder.parent / f"{folder.name}-out"
    found: dict[str, Any] = json.loads((out / "records" / target / "record.json").read_bytes())
    return found


def test_a_library_of_the_target_is_found_and_linked(tmp_path: Path) -> None:
    """pkg-config and CMake find the target's own library, and its programs run with it."""
    shared = {"architectures": [NATIVE, FOREIGN], "packages": ["zlib1g-dev"], "smoke": "{artifact}"}
    text = manifest_text(
        {
            "make": {
                "build": "make CC={cc} PKG_CONFIG={pkg_config} zlib",
                "artifacts": ["zlib"],
                **shared,
            },
            "cmake": {
                "build": "cmake -B out -DCMAKE_TOOLCHAIN_FILE={cmake_toolchain} . && "
                "cmake --build out -j{jobs}",
                "artifacts": ["out/zlib"],
                **shared,
            },
        }
    )
    folder = project(tmp_path / "demo", text, SOURCE)

    ended = run_gate(folder)

    assert ended.exit_code == 0, ended.output
    for name in ("make", "cmake"):
        for architecture in (NATIVE, FOREIGN):
            target = f"{name}-{architecture}-gcc"
            needed = record(folder, target)["artifacts"][0]["facts"]["needed"]

            assert "libz.so.1" in needed
            assert ended.verdicts(target)["architecture"] == "pass"


def test_a_package_of_the_builder_is_there_for_its_cpu(tmp_path: Path) -> None:
    """`build_packages` are programs that the build runs, whatever it compiles for."""
    text = manifest_text(
        {
            "demo": {
                "build": "pv --version && {cc} '-DWORD=\"x\"' -o hello hello.c",
                "artifacts": ["hello"],
                "architectures": [FOREIGN],
                "build_packages": ["pv"],
            }
        }
    )

    ended = run_gate(project(tmp_path / "demo", text, SOURCE))

    assert ended.exit_code == 0, ended.output


def test_the_projects_own_tests_run_on_the_target(tmp_path: Path) -> None:
    """`test` passes where the tests do, natively and under emulation; else it says how not."""
    shared = {
        "build": "make CC={cc} PKG_CONFIG={pkg_config} zlib",
        "artifacts": ["zlib"],
        "packages": ["zlib1g-dev"],
        "architectures": [NATIVE, FOREIGN],
    }
    text = manifest_text(
        {
            "honest": {**shared, "test": "make check"},
            "named": {**shared, "test": "{run} ./zlib"},
            "wrong": {**shared, "test": "make wrong"},
            "endless": {
                **shared,
                "architectures": [NATIVE],
                "test": "cat /dev/zero > /dev/null",
                "timeout": "20 s",
            },
        }
    )
    folder = project(tmp_path / "demo", text, SOURCE)

    ended = run_gate(folder)

    assert ended.exit_code == 1, ended.output
    for architecture in (NATIVE, FOREIGN):
        assert ended.verdicts(f"honest-{architecture}-gcc")["test"] == "pass"
        assert ended.verdicts(f"named-{architecture}-gcc")["test"] == "pass"
        wrong = ended.claims(f"wrong-{architecture}-gcc")

        assert wrong["built"]["verdict"] == "pass"
        assert wrong["test"]["verdict"] == "fail"
        assert "one line of it" in wrong["test"]["reason"]
        assert wrong["test"]["manifest_key"] == "projects.wrong.test"
    assert "qemu" in record(folder, f"named-{FOREIGN}-gcc")["test"]["runner"]
    assert "ran longer than the limit" in ended.claims(f"endless-{NATIVE}-gcc")["test"]["reason"]


def test_a_build_gets_the_variables_that_it_is_promised_alone(tmp_path: Path) -> None:
    """What is on the allow-list arrives and is part of the key; nothing else of it does."""
    text = manifest_text(
        {
            "demo": {
                "build": 'test -z "${{XG_OTHER:-}}" && test "$XG_SET" = "a b" && '
                '{cc} "-DWORD=\\"$XG_PASSED\\"" -o hello hello.c',
                "artifacts": ["hello"],
                "architectures": [NATIVE],
                "smoke": "{artifact} | grep -x 'hi one' || {artifact} | grep -x 'hi two'",
                "environment": ["XG_PASSED", "XG_SET=a b", "XG_ABSENT"],
            }
        }
    )
    folder = project(tmp_path / "demo", text, SOURCE)
    first = run_gate(folder, XG_PASSED="one", XG_OTHER="x")
    same = run_gate(folder, XG_PASSED="one", XG_OTHER="y")
    other = run_gate(folder, XG_PASSED="two")
    script = folder.parent / "demo-out" / "records" / f"demo-{NATIVE}-gcc" / "reproduce.sh"
    repeated = subprocess.run(
        ["sh", str(script)],
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "XG_PASSED": "two"},
        check=False,
        capture_output=True,
    )

    assert (first.exit_code, same.exit_code, other.exit_code) == (0, 0, 0), first.output
    assert same.report["targets"][0]["reused"]
    assert not other.report["targets"][0]["reused"]
    assert "--env XG_PASSED " in script.read_text("utf-8")
    assert repeated.returncode == 0, repeated.stderr


def test_the_sources_own_file_is_no_artifact(tmp_path: Path) -> None:
    """A file that was in the source is not made by touching or copying it over itself."""
    build = {
        "build": "{cc} '-DWORD=\"x\"' -o made hello.c && touch kept && cp -p kept x && mv x kept"
    }
    shared = {"architectures": [NATIVE]}
    text = manifest_text(
        {
            "made": {**build, **shared, "artifacts": ["made"]},
            "kept": {**build, **shared, "artifacts": ["kept"]},
        }
    )
    ended = run_gate(project(tmp_path / "demo", text, {**SOURCE, "kept": b"\x7fELF of old"}))

    assert ended.verdicts(f"made-{NATIVE}-gcc")["built"] == "pass"
    assert ended.verdicts(f"kept-{NATIVE}-gcc")["built"] == "fail"
    assert "was in the source already" in ended.claims(f"kept-{NATIVE}-gcc")["built"]["reason"]


def test_overrides_and_profiles_choose(tmp_path: Path) -> None:
    """An override changes one architecture's build and limits; a profile takes some targets."""
    text = manifest_text(
        {
            "demo": {
                "build": "{cc} '-DWORD=\"plain\"' -o hello hello.c",
                "artifacts": ["hello"],
                "architectures": [NATIVE, FOREIGN],
                "smoke": "{artifact} | grep -x 'hi plain'",
                "overrides": {
                    FOREIGN: {
                        "build": "{cc} '-DWORD=\"special\"' -o hello hello.c",
                        "smoke": "{artifact} | grep -x 'hi special'",
                        "cpus": 1,
                        "memory": "512 MiB",
                        "budget": {"size": "1 B"},
                    }
                },
            }
        }
    )
    folder = project(tmp_path / "demo", text, SOURCE)

    every = run_gate(folder)
    dev = run_gate(folder, "--profile", "dev")
    unknown = run_gate(folder, "--profile", "rel")

    assert every.exit_code == 1
    assert set(every.verdicts(f"demo-{NATIVE}-gcc").values()) == {"pass"}
    foreign = every.claims(f"demo-{FOREIGN}-gcc")
    assert foreign["smoke"]["verdict"] == "pass"
    assert foreign["size"]["verdict"] == "fail"
    assert foreign["size"]["manifest_key"] == f"projects.demo.overrides.{FOREIGN}.budget.size"
    assert record(folder, f"demo-{FOREIGN}-gcc")["conditions"]["memory_bytes"] == 512 * 1024**2
    assert dev.exit_code == 0
    assert [each["id"] for each in dev.report["targets"]] == [f"demo-{NATIVE}-gcc"]
    assert unknown.exit_code == 4
    assert 'did you mean "release"?' in unknown.output


def test_the_plan_follows_the_host(tmp_path: Path) -> None:
    """Which strategy is native follows from the host that builds run on."""
    text = manifest_text(
        {
            "demo": {
                "build": "true",
                "artifacts": ["hello"],
                "architectures": ["amd64", "arm64", "riscv64"],
                "strategy": ["auto", "emulated"],
            }
        }
    )
    file = project(tmp_path / "demo", text, SOURCE) / "crossgate.toml"

    def plan(host: str) -> dict[str, tuple[str, str]]:
        words = ["./crossgate", "plan", "--json", "--host", host, "--manifest", str(file)]
        done = subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
        return {
            each["id"]: (each["strategy"], each["platform"]) for each in json.loads(done.stdout)
        }

    assert plan("x64") == {
        "demo-amd64-gcc": ("native", "linux/amd64"),
        "demo-arm64-gcc": ("cross", "linux/amd64"),
        "demo-arm64-gcc-emulated": ("emulated", "linux/arm64"),
        "demo-riscv64-gcc": ("cross", "linux/amd64"),
        "demo-riscv64-gcc-emulated": ("emulated", "linux/riscv64"),
    }
    assert plan("aarch64") == {
        "demo-amd64-gcc": ("cross", "linux/arm64"),
        "demo-amd64-gcc-emulated": ("emulated", "linux/amd64"),
        "demo-arm64-gcc": ("native", "linux/arm64"),
        "demo-riscv64-gcc": ("cross", "linux/arm64"),
        "demo-riscv64-gcc-emulated": ("emulated", "linux/riscv64"),
    }
