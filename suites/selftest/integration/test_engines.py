"""Engines that are not like a developer's own: without its files, with one CPU, without images."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from suites.selftest.harness import (
    FOREIGN,
    NATIVE,
    TIMEOUT_S,
    Result,
    manifest_text,
    project,
    run_gate,
)
from suites.selftest.integration import engines

pytestmark = pytest.mark.integration

HELLO: Final = '#include <stdio.h>\nint main(void) { puts("hi"); return 0; }\n'
FILES: Final = {
    "hello.c": HELLO,
    "tool.sh": "#!/bin/sh\necho the tool runs\n",
    "zero": "",
    "a name with spaces.txt": "spaces",
    "größe – 大きさ.txt": "unicode",
    "back\\slash and 'quotes' \"of\" $all `kinds`": "shell",
    "two\nlines": "newline",
    "-dash": "option",
    ".hidden/deep/file": "deep",
}
LINKS: Final = {"link": "hello.c", "dangling": "nowhere at all", "in": ".hidden/deep"}
LOOK: Final = (
    "find . -printf '%y %m %U:%G %l %p\\n' | LC_ALL=C sort; "
    "find . -type f -print0 | sort -z | xargs -0 sha256sum; ./tool.sh; "
    "{cc} -static -o hello hello.c"
)
"""Lists the workspace, so that two ways to fill it can be compared."""


def made(folder: Path) -> Path:
    """A project with a name of each kind, for two architectures."""
    text = manifest_text(
        {"hello": {"build": LOOK, "artifacts": ["hello"], "smoke": "{artifact} | grep -x hi"}},
        architectures=[NATIVE, FOREIGN],
    )
    project(folder, text, FILES)
    for name, target in LINKS.items():
        (folder / name).symlink_to(target)
    (folder / "empty" / "inner").mkdir(parents=True)
    # Of no encoding: a name is bytes.
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9")).write_bytes(b"latin")
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all projects of this module."""
    return tmp_path_factory.mktemp("engines")


@pytest.fixture(scope="module")
def near(base: Path) -> tuple[Path, Result]:
    """The project as it is built on an engine that sees it."""
    folder = made(base / "near")
    return folder, run_gate(folder)


@pytest.fixture(scope="module")
def second(base: Path, near: tuple[Path, Result]) -> Iterator[engines.SecondEngine]:
    """An engine that sees an empty folder for one project, and none for another."""
    made(base / "empty")
    made(base / "missing" / "work")
    with engines.second_engine([base / "empty", base / "missing"]) as engine:
        engine.take(engines.image_tags(near[0]))
        yield engine


def gate(folder: Path, base: Path, address: str) -> Result:
    """A run on another engine, with a cache of its own: image identities go by engine."""
    cache = str(base / "cache")
    return run_gate(folder, "--fresh", DOCKER_HOST=address, CROSSGATE_CACHE=cache)


def test_an_engine_of_this_host_reads_the_folder(near: tuple[Path, Result]) -> None:
    """Where the engine sees this host's files, the source is mounted; what else is compared."""
    folder, result = near

    assert result.exit_code == 0, result.output
    for architecture in (NATIVE, FOREIGN):
        assert record(folder, architecture)["execution"]["staged"] == "mounted"
    assert "the tool runs" in log(folder, NATIVE)


@pytest.mark.parametrize(
    ("way", "there"), [("tcp", "empty"), ("unix", "empty"), ("unix", "missing/work")]
)
def test_an_engine_without_our_files_is_sent_them(
    near: tuple[Path, Result], second: engines.SecondEngine, base: Path, way: str, there: str
) -> None:
    """An engine that sees an empty folder, or none, builds from the same files as one that does.

    Names of any bytes, modes, links and empty folders arrive; the artifacts come back; and the
    reproducer does it again.
    """
    folder = base / there
    if way == "tcp":
        with engines.over_tcp(second) as address:
            result = gate(folder, base, address)
    else:
        result = gate(folder, base, second.address)

    assert result.exit_code == 0, result.output
    for architecture in (NATIVE, FOREIGN):
        found = record(folder, architecture)
        assert found["execution"]["staged"] == "sent"
        assert log(folder, architecture) == log(near[0], architecture)
        assert (
            found["artifacts"][0]["sha256"]
            == record(near[0], architecture)["artifacts"][0]["sha256"]
        )
        assert output(folder, f"artifacts/hello-{architecture}-gcc/hello").stat().st_size
        assert set(result.verdicts(f"hello-{architecture}-gcc").values()) == {"pass"}
    assert reproduced(second, folder, NATIVE) == log(folder, NATIVE)


def reproduced(engine: engines.SecondEngine, folder: Path, architecture: str) -> str:
    """What the build prints when its reproducer is run."""
    script = output(folder, f"records/hello-{architecture}-gcc/reproduce.sh")
    done = subprocess.run(
        ["sh", str(script)],
        env=engines.on(engine.address),
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode("utf-8", "backslashreplace")


def test_an_engine_with_one_cpu_is_not_asked_for_more(
    second: engines.SecondEngine, base: Path
) -> None:
    """Targets that share one CPU all pass; what asks for eight gets the one that is there.

    A build learns of it as {jobs}, and the record holds it.
    """
    keys = {"artifacts": ["hello"], "smoke": "{artifact} | grep -x hi"}
    build = "echo jobs {jobs}; {cc} -o hello hello.c"
    text = manifest_text(
        {"shared": {"build": build, **keys}, "asking": {"build": build, "cpus": 8, **keys}},
        architectures=[NATIVE, FOREIGN],
    )
    folder = project(base / "one-cpu", text, {"hello.c": HELLO})
    result = gate(folder, base, second.address)

    assert result.exit_code == 0, result.output
    for name in ("shared", "asking"):
        for architecture in (NATIVE, FOREIGN):
            found = record(folder, architecture, name)
            assert found["build"]["cpus"] == found["conditions"]["cpus"] == 1
            assert found["execution"]["staged"] == "mounted"
            assert log(folder, architecture, name) == "jobs 1\n"
            assert set(result.verdicts(f"{name}-{architecture}-gcc").values()) == {"pass"}


@pytest.fixture(scope="module")
def names() -> Iterator[engines.Names]:
    """Names for images, which are gone in the end."""
    given = engines.Names()
    yield given
    given.forget()


def in_image(folder: Path, image: str) -> Result:
    """A run of a project that is built in an image by name."""
    keys = {"toolchain": {"image": image}, "build": "true", "artifacts": ["hello"]}
    text = manifest_text({"given": keys}, architectures=[NATIVE])
    return run_gate(project(folder, text, {"hello.c": HELLO}), "-n", "0")


def problem_of(result: Result) -> str:
    """The one infrastructure error of a run that ended with nothing else."""
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    found = {claim["reason"] for each in result.report["targets"] for claim in each["claims"]}
    assert len(found) == 1, found
    (reason,) = found
    return str(reason)


def test_an_image_with_programs_of_another_cpu_is_refused(
    near: tuple[Path, Result], names: engines.Names, tmp_path: Path
) -> None:
    """What is inside an image counts, not what the engine says; the error has both and the name."""
    other = output(near[0], f"artifacts/hello-{FOREIGN}-gcc/hello").read_bytes()
    image = names.imported(engines.root({"bin/sh": other}))
    reason = problem_of(in_image(tmp_path / "work", image))
    assert f"the image {image} for linux/{NATIVE} could not be pulled" in reason
    assert f"linux/{NATIVE} as the engine says" in reason
    assert f"its /bin/sh is a program for {FOREIGN}" in reason


@pytest.mark.parametrize("content", ["nothing", "a dangling link", "a script", "a circle"])
def test_an_image_without_a_shell_is_refused(
    names: engines.Names, tmp_path: Path, content: str
) -> None:
    """An image in which there is no shell that is a program is refused before anything starts."""
    roots = {
        "nothing": engines.root({"data": b"nothing to run"}),
        "a dangling link": engines.root({}, {"bin/sh": "busybox"}),
        "a script": engines.root({"bin/sh": b"#!/bin/other\n"}),
        "a circle": engines.root({}, {"bin/sh": "bash", "bin/bash": "/bin/sh"}),
    }
    image = names.imported(roots[content])
    reason = problem_of(in_image(tmp_path / "work", image))
    assert f"the image {image} " in reason
    assert "holds no program /bin/sh" in reason


def test_a_registry_that_does_not_answer_is_one_error(tmp_path: Path) -> None:
    """An image that nobody has and no registry serves is one error that names it and why."""
    image = "127.0.0.1:1/nothing:1"
    result = in_image(tmp_path / "work", image)
    reason = problem_of(result)
    assert f"the image {image} for linux/{NATIVE} could not be pulled: " in reason
    assert "connection refused" in reason


def test_a_missing_handler_is_said_before_anything_is_made(tmp_path: Path) -> None:
    """Where a CPU can't be emulated and Crossgate may not see to it, the command is printed.

    At once: making an image of a foreign CPU takes minutes, and would fail.
    """
    text = manifest_text(
        {"hello": {"build": "{cc} -o hello hello.c", "artifacts": ["hello"]}},
        architectures=["s390x"],
        strategy="emulated",
    )
    folder = project(tmp_path / "work", text, {"hello.c": HELLO})
    with engines.without_handler("s390x"):
        result = run_gate(folder, "-n", "0", CROSSGATE_SETUP="never")
    reason = problem_of(result)
    assert "linux/s390x can't be run here" in reason
    assert "no handler for s390x" in reason
    assert "CROSSGATE_SETUP=never" in reason
    assert re.search(r"docker run --rm --privileged crossgate/qemu:\w+ sh -c ", reason)
    assert "making the" not in result.output


def output(folder: Path, name: str) -> Path:
    """A file of what a run left."""
    return folder.with_name(f"{folder.name}-out") / name


def record(folder: Path, architecture: str, name: str = "hello") -> dict[str, Any]:
    """The record of a target."""
    place = output(folder, f"records/{name}-{architecture}-gcc/record.json")
    found: dict[str, Any] = json.loads(place.read_bytes())
    return found


def log(folder: Path, architecture: str, name: str = "hello") -> str:
    """What a target's build printed."""
    place = output(folder, f"records/{name}-{architecture}-gcc/build.log")
    return place.read_text("utf-8", "backslashreplace")
