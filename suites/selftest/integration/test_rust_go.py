"""The toolchains rust and go: real dependencies, fetched before the build and checked, C included.

The packages are small, old and on registries that take nothing back.
"""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from fixtures.building import images, recipe, source
from fixtures.building.fetch import required
from fixtures.core import rows
from fixtures.core.errors import DependencyError, InfrastructureError
from fixtures.engine import setup
from fixtures.engine.client import Engine
from suites.selftest.harness import (
    FOREIGN,
    NATIVE,
    TIMEOUT_S,
    Result,
    environment,
    manifest_text,
    project,
    run_gate,
)

pytestmark = pytest.mark.integration

KEY: Final = "crossgate.toml: projects.speak"

CARGO_LOCK: Final = """\
version = 4

[[package]]
name = "cc"
version = "1.1.31"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "c2e7962b54006dcfcc61cb72735f4d89bb97061dd6a7ed882ec6b8ee53714c6f"
dependencies = [
 "shlex",
]

[[package]]
name = "cmake"
version = "0.1.51"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "fb1e43aa7fd152b1f968787f7dbcdeb306d1867ff373c69955211876c053f91a"
dependencies = [
 "cc",
]

[[package]]
name = "itoa"
version = "1.0.11"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "49f1f14873335454500d59611f1cf4a4b0f786f9ac11f4312a78e4cf2566695b"

[[package]]
name = "shlex"
version = "1.3.0"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "0fda2ff0d084019ba4d7c6f371c95d8fd75ce3524c3cb8fb653a3023f6323e64"

[[package]]
name = "speak"
version = "0.1.0"
dependencies = [
 "cc",
 "cmake",
 "itoa",
]
"""

B_LOCK: Final = """\
version = 4

[[package]]
name = "b"
version = "0.1.0"
dependencies = [
 "ryu",
]

[[package]]
name = "ryu"
version = "1.0.18"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "f3cb5ba0dc43242ce17de99c180e96db90b235b8a9fdc9543c96d2209116bd9f"
"""

ITOA: Final = "49f1f14873335454500d59611f1cf4a4b0f786f9ac11f4312a78e4cf2566695b"

CRATE: Final = {
    "Cargo.toml": """\
[package]
name = "speak"
version = "0.1.0"
edition = "2021"

[dependencies]
itoa = "=1.0.11"

[build-dependencies]
cc = "=1.1.31"
cmake = "=0.1.51"
""",
    "Cargo.lock": CARGO_LOCK,
    "build.rs": """\
fn main() {
    cc::Build::new().file("c/one.c").compile("one");
    cc::Build::new().cpp(true).file("c/two.cc").compile("two");
    let made = cmake::Config::new("c").build_target("three").build();
    println!("cargo:rustc-link-search=native={}/build", made.display());
    println!("cargo:rustc-link-lib=static=three");
}
""",
    "c/one.c": "int one(void) { return 1; }\n",
    "c/two.cc": 'extern "C" int two(void) { return 2; }\n',
    "c/three.c": "int three(void) { return 3; }\n",
    "c/CMakeLists.txt": """\
cmake_minimum_required(VERSION 3.20)
project(three C)
add_library(three STATIC three.c)
""",
    "src/main.rs": """\
extern "C" {
    fn one() -> i32;
    fn two() -> i32;
    fn three() -> i32;
}

fn main() {
    let sum = unsafe { one() + two() + three() };
    println!("says {}", itoa::Buffer::new().format(sum));
}
""",
}
"""A crate with a dependency, and with C and C++ that the crates cc and cmake compile."""

RUST: Final = {
    "source": {"path": "crate"},
    "toolchain": "rust",
    "build": "cargo build --release --locked --target {rust_target} -j{jobs}",
    "artifacts": ["target/*/release/speak"],
    "smoke": "{artifact} | grep -x 'says 6'",
}

GO_SUM: Final = """\
golang.org/x/text v0.0.0-20170915032832-14c0d48ead0c \
h1:qgOY6WgZOaTkIIMiVjBQcw93ERBE4m30iBm00nkL0i8=
golang.org/x/text v0.0.0-20170915032832-14c0d48ead0c/go.mod \
h1:NqM8EUOU14njkJ3fqMW+pc6Ldnwhi/IjpwHt7yyuwOQ=
rsc.io/quote v1.5.2 h1:w5fcysjrx7yqtD/aO+QwRjYZOKnaM9Uh2b40tElTs3Y=
rsc.io/quote v1.5.2/go.mod h1:LzX7hefJvL54yjefDEDHNONDjII0t9xZLPXsUe+TKr0=
rsc.io/sampler v1.3.0 h1:7uVkIFmeBqHfdjD+gZwtXXI+RODJ2Wc4O7MPEh/QiW4=
rsc.io/sampler v1.3.0/go.mod h1:T1hPZKmBbMNahiBKFy5HrXp6adAjACjK9JXDnKaTXpA=
"""

MODULE: Final = {
    "go.mod": """\
module example.org/speak

go 1.22

require rsc.io/quote v1.5.2

require (
\tgolang.org/x/text v0.0.0-20170915032832-14c0d48ead0c // indirect
\trsc.io/sampler v1.3.0 // indirect
)
""",
    "go.sum": GO_SUM,
    "main.go": """\
package main

import (
\t"fmt"

\t"rsc.io/quote"
)

func main() { fmt.Println("says", number(), quote.Go() != "") }
""",
    "number_c.go": """\
//go:build cgo

package main

// int six(void) { return 6; }
import "C"

func number() int { return int(C.six()) }
""",
    "number.go": "//go:build !cgo\n\npackage main\n\nfunc number() int { return 5 }\n",
}
"""A module with a dependency, which says 6 where C is in it, and 5 where not."""

GO: Final = {
    "source": {"path": "module"},
    "toolchain": "go",
    "build": "CGO_ENABLED=0 GOARCH={goarch} go build -trimpath -o speak .",
    "artifacts": ["speak"],
    "smoke": "{artifact} | grep -x 'says 5 true'",
    "policy": {"linkage": "static", "hardening": "default", "paths": []},
}
CGO: Final = {
    **GO,
    "build": "CGO_ENABLED=1 CC={cc} GOARCH={goarch} go build -trimpath -o speak .",
    "smoke": "{artifact} | grep -x 'says 6 true'",
    "policy": {"linkage": "dynamic", "hardening": "default", "paths": []},
}
POLICY: Final = {"hardening": "default", "paths": [], "interpreter": "default", "glibc": "2.39"}


def files(folder: str, content: Mapping[str, str]) -> dict[str, str]:
    """Files in a folder."""
    return {f"{folder}/{name}": text for name, text in content.items()}


def built(folder: Path, projects: Mapping[str, Mapping[str, object]], *cpus: str) -> Result:
    """A run that builds the crate and the module as these projects say."""
    text = manifest_text(projects, architectures=list(cpus))
    project(folder, text, {**files("crate", CRATE), **files("module", MODULE)})
    return run_gate(folder, "-n", "0", "-k", "not cpu_time")


def refused(result: Result, target: str) -> str:
    """Why a target was not built."""
    claim: dict[str, Any] = result.claims(target)["built"]
    assert claim["verdict"] == "fail", result.output
    return str(claim["reason"])


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """A connection to the engine that the tests use."""
    connected = Engine(setup.find().address)
    yield connected
    connected.close()


@pytest.fixture
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own, with nothing in it."""
    monkeypatch.setenv("CROSSGATE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@cache
def image(engine: Engine, name: str) -> str:
    """The image in which a toolchain's client runs."""
    own = rows.architectures()[engine.info().architecture]
    return images.ensure(engine, recipe.shared(rows.toolchains()[name], own), print).tag


def fetch(engine: Engine, name: str, folder: Path, **content: str | None) -> required.Required:
    """What the crate or module needs, some of its files changed or (None) not there."""
    whole: dict[str, str | None] = {**(CRATE if name == "rust" else MODULE), **content}
    tools, row = image(engine, name), rows.toolchains()[name].fetch
    project(folder, "", {key: text for key, text in whole.items() if text is not None})
    assert row is not None
    found = required.get(engine, tools, row, source.read_tree(folder, key="x"), key=KEY)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def crate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The crate, built natively and for another CPU."""
    folder = tmp_path_factory.mktemp("rust") / "work"
    return folder, built(folder, {"speak": {**RUST, "policy": POLICY}}, NATIVE, FOREIGN)


@pytest.mark.parametrize("cpu", [NATIVE, FOREIGN])
def test_a_crate_is_built_for_another_cpu(crate: tuple[Path, Result], cpu: str) -> None:
    """Rust, C, C++ and CMake are all compiled for the target, and its claims hold."""
    _, result = crate

    assert set(result.verdicts(f"speak-{cpu}-rust").values()) == {"pass"}, result.output
    assert f"speak-{cpu}-rust: fetch:" in result.output


def test_the_reproducer_builds_offline(crate: tuple[Path, Result]) -> None:
    """`reproduce.sh` has what was fetched, and builds without a network too."""
    folder, _ = crate
    records = folder.with_name(f"{folder.name}-out") / "records"
    script = records / f"speak-{FOREIGN}-rust" / "reproduce.sh"
    done = subprocess.run(
        ["sh", str(script)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "Compiling itoa v1.0.11" in done.stderr


def test_without_what_was_fetched_there_is_nothing(tmp_path: Path) -> None:
    """A build that looks elsewhere finds no network: all of it came in the fetch phase."""
    elsewhere = "env -u CARGO_HOME cargo build --locked --target {rust_target}"
    other = "GOPROXY=https://crossgate.invalid GOMODCACHE=/tmp/other go build -o speak ."
    result = built(
        tmp_path / "work", {"a": {**RUST, "build": elsewhere}, "b": {**GO, "build": other}}, NATIVE
    )
    records = tmp_path / "work-out" / "records"

    assert "ended with exit code" in refused(result, f"a-{NATIVE}-rust")
    assert "ended with exit code" in refused(result, f"b-{NATIVE}-go")
    assert "itoa" in (records / f"a-{NATIVE}-rust" / "build.log").read_text("utf-8")
    assert "rsc.io/quote" in (records / f"b-{NATIVE}-go" / "build.log").read_text("utf-8")


def test_go_is_built_with_and_without_c(tmp_path: Path) -> None:
    """A module is built statically without cgo, and with it by the cross compiler.

    Without it for this host's CPU, one is in the bundled matrix.
    """
    projects = {"off": {**GO, "architectures": [FOREIGN]}, "on": CGO}
    result = built(tmp_path / "work", projects, NATIVE, FOREIGN)

    for name, cpu in (("off", FOREIGN), ("on", NATIVE), ("on", FOREIGN)):
        found = result.verdicts(f"{name}-{cpu}-go")
        assert set(found.values()) == {"pass"}, result.output


def test_a_stale_lock_is_the_projects_failure(tmp_path: Path) -> None:
    """A lock that does not fit fails the target, with the mend, and nothing is built."""
    text = manifest_text({"speak": RUST}, architectures=[NATIVE])
    stale = {**CRATE, "Cargo.toml": CRATE["Cargo.toml"].replace("=1.0.11", "=1.0.10")}
    folder = project(tmp_path / "work", text, files("crate", stale))
    result = run_gate(folder, "-n", "0")

    assert result.exit_code == 1
    assert "Cargo.lock does not fit Cargo.toml" in refused(result, f"speak-{NATIVE}-rust")
    assert "cargo update --workspace" in result.output
    assert "projects.speak.source" in result.output


Case = tuple[str, Mapping[str, str | None], str]

WRONG: Final[Mapping[str, Case]] = {
    "no-lock": ("rust", {"Cargo.lock": None}, "there is no Cargo.lock in the source"),
    "checksum": (
        "rust",
        {"Cargo.lock": CARGO_LOCK.replace(ITOA, "0" * 64)},
        r"(?s)another checksum than the registry.*itoa",
    ),
    "no-toml": ("rust", {"Cargo.toml": "[package"}, r"Cargo\.toml"),
    "no-sum": ("go", {"go.sum": None}, r"go\.mod and go\.sum do not name all"),
    "part-of-sums": (
        "go",
        {
            "go.sum": "".join(
                line for line in GO_SUM.splitlines(True) if "sampler v1.3.0 " not in line
            )
        },
        r"(?s)go\.sum do not name all.*missing go\.sum entry.*sampler",
    ),
    "stale-mod": (
        "go",
        {"go.mod": "module example.org/speak\n\ngo 1.22\n"},
        r"(?s)do not name all.*rsc\.io/quote",
    ),
    "sum": (
        "go",
        {"go.sum": GO_SUM.replace("h1:w5fc", "h1:x5fc")},
        r"(?s)go\.sum has another sum than what came.*rsc\.io/quote",
    ),
    "newer-go": (
        "go",
        {"go.mod": MODULE["go.mod"].replace("go 1.22", "go 1.99")},
        r"requires go >= 1\.99",
    ),
}
"""What is wrong with a project, and what is said of it."""


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_pinned_is_refused(
    case: str, engine: Engine, tmp_path: Path, cache_folder: Path
) -> None:
    """A missing, stale or wrong lock is one error that names the file; nothing is kept."""
    name, content, words = WRONG[case]

    with pytest.raises(DependencyError, match=words):
        fetch(engine, name, tmp_path / "source", **content)

    assert not list(cache_folder.rglob("*.tar"))


UNKNOWN: Final[Mapping[str, Case]] = {
    "crate": (
        "rust",
        {
            "Cargo.toml": CRATE["Cargo.toml"].replace("itoa", "crossgate-has-none"),
            "Cargo.lock": CARGO_LOCK.replace('"itoa"', '"crossgate-has-none"'),
        },
        "crossgate-has-none",
    ),
    "module": (
        "go",
        {
            "go.mod": MODULE["go.mod"].replace("quote v1.5.2", "quote v1.5.999"),
            "go.sum": GO_SUM.replace("quote v1.5.2", "quote v1.5.999"),
        },
        r"rsc\.io/quote@v1\.5\.999",
    ),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_can_not_be_had_is_named(
    case: str, engine: Engine, tmp_path: Path, cache_folder: Path
) -> None:
    """What the registry does not have is named by its client, and is nobody's code's fault."""
    name, content, words = UNKNOWN[case]

    with pytest.raises(InfrastructureError, match=rf"(?s){KEY} is built of could not.*{words}"):
        fetch(engine, name, tmp_path / "source", **content)

    assert not list(cache_folder.rglob("*.tar"))


@pytest.mark.parametrize(
    ("name", "file"),
    [("rust", "itoa-1.0.11/src/lib.rs"), ("go", "rsc.io/quote@v1.5.2/quote.go")],
)
@pytest.mark.usefixtures("cache_folder")
def test_they_are_fetched_once(name: str, file: str, engine: Engine, tmp_path: Path) -> None:
    """What came is kept for all that need the same, and comes to the same bytes again."""
    first = fetch(engine, name, tmp_path / "source")
    with tarfile.open(first.bundle.file) as tar:
        times = {member.mtime for member in tar}
        assert file in tar.getnames()
    kept = required.get(
        engine,
        "crossgate/no-such-image:1",
        first.fetch,
        source.read_tree(tmp_path / "source", key="x"),
        key=KEY,
    )

    assert kept == first
    assert len(times) == 1

    first.bundle.file.write_bytes(b"damaged")

    assert sizes(fetch(engine, name, tmp_path / "source")) != {}


def sizes(found: required.Required) -> dict[str, int]:
    """The members of what was fetched, with their sizes."""
    with tarfile.open(found.bundle.file) as tar:
        return {member.name: member.size for member in tar}


@pytest.mark.usefixtures("cache_folder")
def test_a_crate_may_bring_what_it_depends_on(engine: Engine, tmp_path: Path) -> None:
    """Where the project's own configuration of cargo names a folder of crates, none is fetched."""
    config = '[source.crates-io]\nreplace-with = "own"\n[source.own]\ndirectory = "vendor"\n'

    found = fetch(engine, "rust", tmp_path / "source", **{".cargo/config.toml": config})

    assert set(sizes(found)) == {".fetched", "config.toml"}


@pytest.mark.usefixtures("cache_folder")
def test_crates_beside_each_other_are_all_asked(engine: Engine, tmp_path: Path) -> None:
    """Where no crate is at the top, each with a lock is asked; one without is somebody else's."""
    here = {f"a b/{name}": text for name, text in CRATE.items()}
    head = '[package]\nname = "b"\nversion = "0.1.0"\n'
    other = {
        "b/Cargo.toml": f'{head}[dependencies]\nryu = "=1.0.18"\n',
        "b/src/lib.rs": "",
        "b/Cargo.lock": B_LOCK,
        "c/Cargo.toml": '[package]\nname = "c"\nversion = "0.1.0"\n',
    }

    found = sizes(
        fetch(engine, "rust", tmp_path / "source", **dict.fromkeys(CRATE), **here, **other)
    )

    assert {"itoa-1.0.11", "ryu-1.0.18"} < set(found)


def test_nothing_of_a_project_is_run_to_fetch(
    engine: Engine, tmp_path: Path, cache_folder: Path
) -> None:
    """Programs that a project's configuration of cargo names are not called."""
    evil = "#!/bin/sh\necho evil > /crossgate/crates/EVIL\nexit 1\n"
    config = (
        '[build]\nrustc = "./evil"\nrustc-wrapper = "./evil"\nrustc-workspace-wrapper = "./evil"\n'
    )

    found = fetch(
        engine, "rust", tmp_path / "source", **{"evil": evil, ".cargo/config.toml": config}
    )

    assert "EVIL" not in sizes(found)
    assert found.bundle.file.is_relative_to(cache_folder)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rust", "go", "cgo"])
def test_all_cpus_are_served(name: str, tmp_path: Path) -> None:
    """A crate, and a module with and without C, keep the default policy on every CPU."""
    row = {"rust": {**RUST, "policy": POLICY}, "go": GO, "cgo": CGO}[name]
    toolchain = rows.toolchains()[str(row["toolchain"])]
    result = built(tmp_path / "work", {"speak": row}, *toolchain.architectures)

    for cpu in toolchain.architectures:
        verdicts = result.verdicts(f"speak-{cpu}-{toolchain.name}")
        assert set(verdicts.values()) == {"pass"}, result.output
