"""The toolchain zig: a chosen glibc, musl, and programs for Windows and macOS, each judged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from fixtures.core import rows
from suites.selftest.harness import FOREIGN, Result, manifest_text, project, run_gate

pytestmark = pytest.mark.integration

# getrandom() is glibc's since 2.25: linked against an older one there is none.
NEW: Final = """\
#include <stdio.h>
#include <sys/random.h>
int main(void)
{
    unsigned char byte;
    printf("%s\\n", getrandom(&byte, 1, 0) == 1 ? "hi" : "no");
    return 0;
}
"""
PLAIN: Final = '#include <stdio.h>\nint main(void) { puts("hi"); return 0; }\n'
CXX: Final = """\
#include <iostream>
#include <stdexcept>
#include <string>
int main()
{
    try {
        throw std::runtime_error("hi");
    } catch (const std::exception &error) {
        std::cout << std::string(error.what()) << std::endl;
    }
}
"""
FILES: Final = {"new.c": NEW, "plain.c": PLAIN, "plain.cc": CXX}
SAYS_HI: Final = "{artifact} | grep -x hi"


def zig(**more: object) -> dict[str, object]:
    """A project for zig that makes the program `hello`."""
    return {"toolchain": "zig", "artifacts": ["hello"], **more}


def run(folder: Path, projects: Mapping[str, Mapping[str, object]], *arguments: str) -> Result:
    """A gate run on projects in one folder with the three sources."""
    return run_gate(project(folder, manifest_text(projects), FILES), *arguments)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """One run: what is right for a CPU that is not this host's and for macOS, and what is not."""
    linux = {"architectures": [FOREIGN], "smoke": SAYS_HI}
    new = zig(**linux, build="{cc} -O2 -o hello new.c")
    mac = zig(architectures=["darwin-arm64"], build="{cc} -O2 -o hello plain.c")
    # As a build does whose configure script found another compiler.
    elf = "zig cc -target x86_64-linux-gnu.2.28 -O2 -o hello plain.c"
    projects = {
        "held": {**new, "policy": {"glibc": "2.28"}},
        "broken": {**new, "policy": {"glibc": "2.17"}},
        "old": {**new, "toolchain": {"zig": {"glibc": "2.17"}}},
        # Two, since a claim that is made of no architecture at all is refused.
        "mac": {
            **mac,
            "architectures": ["darwin-arm64", FOREIGN],
            "policy": {"glibc": "2.28", "hardening": "default", "stripped": False},
        },
        "wrong-mac": {**mac, "build": "zig cc -target x86_64-macos -O2 -o hello plain.c"},
        "wrong-windows": zig(architectures=["windows-amd64"], build=elf),
    }
    return run(tmp_path_factory.mktemp("zig") / "zig", projects)


def test_a_chosen_glibc_is_the_ceiling(result: Result) -> None:
    """What is linked for glibc 2.28 needs no newer one, is the CPU's, and runs under QEMU."""
    assert result.verdicts(f"held-{FOREIGN}-zig") == {
        "built": "pass",
        "architecture": "pass",
        "smoke": "pass",
        "glibc": "pass",
    }
    assert "at most 2.25" in result.claims(f"held-{FOREIGN}-zig")["glibc"]["reason"]


def test_a_lower_ceiling_than_the_chosen_glibc_is_broken(result: Result) -> None:
    """A program for 2.28 that is claimed to run with 2.17 fails in that claim, and there alone."""
    claims = result.claims(f"broken-{FOREIGN}-zig")

    assert {name for name, each in claims.items() if each["verdict"] != "pass"} == {"glibc"}
    assert "needs glibc 2.25, the ceiling is 2.17" in claims["glibc"]["reason"]


def test_what_a_chosen_glibc_has_not_does_not_link(result: Result) -> None:
    """A function that came after the chosen glibc is not there: the build fails and names it."""
    built = result.claims(f"old-{FOREIGN}-zig")["built"]

    assert built["verdict"] == "fail"
    assert "getrandom" in built["reason"]


@pytest.mark.slow
def test_cxx_needs_no_library_of_its_own(tmp_path: Path) -> None:
    """C++ runs with its library linked in; llvm's strip leaves a program that still runs."""
    keys = zig(
        architectures=[FOREIGN],
        smoke=SAYS_HI,
        build="{cxx} -O2 -o hello plain.cc && {strip} hello",
        policy={"glibc": "2.28", "needed": ["lib*.so.*"], "stripped": True, "paths": []},
    )

    claims = run(tmp_path / "cxx", {"hello": keys}).claims(f"hello-{FOREIGN}-zig")

    assert {each["verdict"] for each in claims.values()} == {"pass"}
    assert "stdc++" not in claims["needed"]["reason"]


def test_macos_is_an_architecture_of_its_own(result: Result) -> None:
    """A program for macOS is judged as one; that it has no glibc is no pass."""
    assert result.verdicts("mac-darwin-arm64-zig") == {
        "built": "pass",
        "architecture": "pass",
        "glibc": "not applicable",
        "hardening": "pass",
        "stripped": "pass",
    }


def test_a_program_for_another_mac_is_caught(result: Result) -> None:
    """A Mach-O program for amd64 where arm64 was declared fails, by machine."""
    claims = result.claims("wrong-mac-darwin-arm64-zig")

    assert claims["built"]["verdict"] == "pass"
    assert claims["architecture"]["verdict"] == "fail"
    assert (
        "expected darwin-arm64 (CPU_TYPE_ARM64, 64-bit), found amd64 (CPU_TYPE_X86_64"
        in (claims["architecture"]["reason"])
    )


def test_a_program_for_linux_where_windows_was_declared_is_caught(result: Result) -> None:
    """An ELF program of the right CPU is no Windows program."""
    claims = result.claims("wrong-windows-windows-amd64-zig")

    assert claims["built"]["verdict"] == "pass"
    assert claims["architecture"]["verdict"] == "fail"
    assert (
        "expected a Windows (PE) file for windows-amd64, found an ELF file for amd64"
        in (claims["architecture"]["reason"])
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["windows-amd64", "windows-arm64", "darwin-amd64"])
def test_programs_for_each_system(tmp_path: Path, name: str) -> None:
    """zig makes C for each architecture of another system, by CMake too, and each is judged."""
    lists = (
        "cmake_minimum_required(VERSION 3.20)\nproject(hello C)\n"
        "add_executable(hello plain.c)\nset_target_properties(hello PROPERTIES SUFFIX '')\n"
    ).replace("''", '""')
    folder = project(
        tmp_path / "hello",
        manifest_text(
            {
                "hello": zig(
                    architectures=[name],
                    build="cmake -B out -G Ninja -DCMAKE_TOOLCHAIN_FILE={cmake_toolchain} && "
                    "cmake --build out && cp out/hello hello && {strip} hello",
                    policy={"hardening": "default", "stripped": True, "paths": []},
                    budget={"size": "2 MiB", "allocated": "2 MiB"},
                )
            }
        ),
        {**FILES, "CMakeLists.txt": lists},
    )

    result = run_gate(folder)

    assert set(result.verdicts(f"hello-{name}-zig").values()) == {"pass"}, result.output


@pytest.mark.slow
def test_musl_is_linked_into_a_program(tmp_path: Path) -> None:
    """With musl a program is static, and runs under QEMU without a loader."""
    keys = zig(
        toolchain={"zig": {"libc": "musl"}},
        architectures=["riscv64"],
        build="{cc} -O2 -o hello plain.c",
        smoke=SAYS_HI,
        policy={"linkage": "static", "needed": []},
    )

    result = run(tmp_path / "musl", {"hello": keys})

    assert set(result.verdicts("hello-riscv64-zig").values()) == {"pass"}, result.output


@pytest.mark.slow
@pytest.mark.parametrize("source", ["plain.c", "plain.cc"])
@pytest.mark.parametrize(
    "name", [each for each in rows.toolchains()["zig"].architectures if each in rows.of_linux()]
)
def test_programs_for_each_cpu(tmp_path: Path, name: str, source: str) -> None:
    """zig makes C and C++ for each of its CPUs, for its default glibc, and it runs."""
    libcs = rows.toolchains()["zig"].libcs
    assert libcs is not None
    compiler = "{cxx}" if source.endswith(".cc") else "{cc}"
    keys = zig(
        architectures=[name],
        build=f"{compiler} -O2 -o hello {source}",
        smoke=SAYS_HI,
        policy={
            "glibc": libcs.version_for(name),
            "hardening": "default",
            "baseline": "default",
        },
    )

    result = run(tmp_path / "each", {"hello": keys})
    verdicts = result.verdicts(f"hello-{name}-zig")

    # What files of some CPUs declare of them is nothing, which is told as such.
    assert set(verdicts.values()) - {"unmeasurable"} == {"pass"}, result.output
    assert verdicts["glibc"] == "pass"


RUST: Final = {
    "Cargo.toml": '[package]\nname = "hello"\nversion = "0.1.0"\nedition = "2021"\n',
    "Cargo.lock": 'version = 3\n\n[[package]]\nname = "hello"\nversion = "0.1.0"\n',
    "src/main.rs": """\
fn main() {
    let threads: Vec<_> = (0..2).map(|n| std::thread::spawn(move || n + 1)).collect();
    let sum: i32 = threads.into_iter().map(|each| each.join().unwrap()).sum();
    println!("{}", if sum == 3 { "hi" } else { "no" });
}
""",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", rows.toolchains()["zigbuild"].architectures)
def test_rust_for_a_chosen_glibc(tmp_path: Path, name: str) -> None:
    """cargo zigbuild links Rust for each CPU against a chosen glibc, and it runs."""
    libcs = rows.toolchains()["zigbuild"].libcs
    assert libcs is not None
    keys = {
        "toolchain": "zigbuild",
        "architectures": [name],
        "build": "cargo zigbuild --release --target {rust_target}.{glibc} && "
        "cp target/{rust_target}/release/hello hello",
        "artifacts": ["hello"],
        "smoke": SAYS_HI,
        "policy": {"glibc": libcs.version_for(name), "hardening": "default"},
    }

    result = run_gate(project(tmp_path / "rust", manifest_text({"hello": keys}), RUST))

    assert set(result.verdicts(f"hello-{name}-zigbuild").values()) == {"pass"}, result.output
