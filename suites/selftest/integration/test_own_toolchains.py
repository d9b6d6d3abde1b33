"""Toolchains of the user's own: a Dockerfile, an image by its name, and one without GNU tools."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from suites.selftest.harness import (
    FOREIGN,
    NATIVE,
    ROOT,
    TIMEOUT_S,
    Result,
    environment,
    manifest_text,
    project,
    run_gate,
)
from suites.selftest.integration import engines

pytestmark = pytest.mark.integration

HELLO: Final = '#include <stdio.h>\nint main(void) { puts("hi"); return 0; }\n'
SAYS_HI: Final = "{artifact} | grep -x hi"
IMAGE_CHANGED: Final = "the toolchain image (recipe or installed packages) changed"

DOCKERFILE: Final = """\
ARG BASE
FROM ${BASE}
LABEL dev.crossgate.made="image"
RUN apt-get update \\
    && apt-get install -y --no-install-recommends gcc libc6-dev \\
    && rm -rf /var/lib/apt/lists/*
ARG WORD
RUN echo "for $WORD" > /word
COPY mycc /usr/local/bin/mycc
"""

BUSYBOX: Final = """\
ARG BASE
FROM ${BASE} AS tools
LABEL dev.crossgate.made="image"
RUN apt-get update \\
    && apt-get install -y --no-install-recommends busybox-static \\
    && mkdir -p /new/bin /new/tmp && chmod 1777 /new/tmp && cp /bin/busybox /new/bin/ \\
    && chroot /new /bin/busybox --install -s /bin
FROM scratch
COPY --from=tools /new /
"""


def record(folder: Path, target: str) -> dict[str, Any]:
    """The record of a target."""
    place = folder.with_name(f"{folder.name}-out") / "records" / target / "record.json"
    found: dict[str, Any] = json.loads(place.read_bytes())
    return found


def log(folder: Path, target: str) -> str:
    """What a target's build printed."""
    place = folder.with_name(f"{folder.name}-out") / "records" / target / "build.log"
    return place.read_text("utf-8")


def plan(folder: Path) -> dict[str, Any]:
    """What ``crossgate plan`` says of a project's one target."""
    words = ["--manifest", str(folder / "crossgate.toml")]
    words += ["--report-dir", str(folder.with_name(f"{folder.name}-out"))]
    done = subprocess.run(
        [str(ROOT / "crossgate"), "plan", "--json", *words],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    (found,) = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def with_dockerfile(folder: Path, dockerfile: str | None, **more: object) -> Path:
    """A project that is built in an image by its own Dockerfile, None for one that is not there."""
    toolchain = {
        "dockerfile": "docker/Dockerfile",
        "arguments": {"WORD": "{architecture}"},
        "placeholders": {"cc": "mycc"},
        "name": "mine",
    }
    keys = {
        "source": {"path": "src"},
        "toolchain": toolchain,
        "build": "cat /word; {cc} -o hello hello.c",
        "artifacts": ["hello"],
        **more,
    }
    files = {"src/hello.c": HELLO, "docker/mycc": '#!/bin/sh\nexec gcc -O1 "$@"\n'}
    if dockerfile is not None:
        files["docker/Dockerfile"] = dockerfile
    return project(folder, manifest_text({"selftest": keys}, architectures=[NATIVE]), files)


def test_a_dockerfile_stands_on_crossgates_base(tmp_path: Path) -> None:
    """A Dockerfile with ARG BASE gets the base, its arguments are filled in, and it is used.

    When a file beside it changes, the image and what was built in it are made again.
    """
    folder, name = with_dockerfile(tmp_path / "work", DOCKERFILE), f"selftest-{NATIVE}-mine"
    first = run_gate(folder, "-n", "0")
    before = record(folder, name)
    kept = plan(folder)
    (folder / "docker" / "mycc").write_text('#!/bin/sh\nexec gcc -O2 "$@"\n', "utf-8")
    changed = plan(folder)
    second = run_gate(folder, "-n", "0")

    assert first.exit_code == second.exit_code == 0, first.output + second.output
    assert set(first.verdicts(name).values()) == {"pass"}
    assert log(folder, name) == f"for {NATIVE}\n"
    assert before["execution"]["mode"] == "native"
    assert before["execution"]["compiler_target"]
    assert before["execution"]["staged"] == "sent"
    assert (kept["action"], kept["reasons"]) == ("reuse", [])
    assert (changed["action"], changed["reasons"]) == ("build", [IMAGE_CHANGED])
    assert second.report["targets"][0]["reused"] is False
    assert record(folder, name)["key"] != before["key"]


def test_a_dockerfile_that_is_not_there_is_a_mistake_of_the_manifest(tmp_path: Path) -> None:
    """It is one usage error that names the key and the file, before anything is made."""
    folder = with_dockerfile(tmp_path / "work", None)
    result = run_gate(folder, "-n", "0")
    key = "projects.selftest.toolchain.dockerfile: there is no file"

    assert result.exit_code == 4
    assert result.output.count(f"{key} {folder / 'docker' / 'Dockerfile'}") == 1
    assert "Traceback" not in result.output


def test_a_dockerfile_that_fails_shows_the_end_of_its_log(tmp_path: Path) -> None:
    """The engine's and the command's last words are in one error, which names the image."""
    # All to one stream: the engine does not keep the order of two.
    lines = "(for i in $(seq 50); do echo line $i of it; done; echo the reason) >&2; exit 7"
    dockerfile = f'ARG BASE\nFROM ${{BASE}}\nLABEL dev.crossgate.made="image"\nRUN {lines}\n'
    folder = with_dockerfile(tmp_path / "work", dockerfile)
    result = run_gate(folder, "-n", "0")
    (target,) = result.report["targets"]
    reason = target["reason"]

    assert result.exit_code == 1
    assert {claim["verdict"] for claim in target["claims"]} == {"error"}
    assert reason.startswith(f"the image crossgate/own-selftest-{NATIVE}:")
    assert "could not be built:\n" in reason
    assert reason in result.output
    assert "  | line 50 of it\n" in reason
    assert "  | the reason\n" in reason
    assert "code: 7" in reason
    assert "line 1 of it\n" not in reason
    assert "Traceback" not in result.output


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A static program for each of two architectures, in the image of one of which it was made."""
    text = manifest_text(
        {"hello": {"build": "{cc} -static -o hello hello.c", "artifacts": ["hello"]}},
        architectures=[NATIVE, FOREIGN],
    )
    folder = project(tmp_path_factory.mktemp("static") / "work", text, {"hello.c": HELLO})
    result = run_gate(folder)
    assert result.exit_code == 0, result.output
    out = folder.with_name("work-out") / "artifacts"
    return {name: out / f"hello-{name}-gcc" / "hello" for name in (NATIVE, FOREIGN)}


@pytest.fixture
def names() -> Iterator[engines.Names]:
    """Names for images, which are gone in the end."""
    given = engines.Names()
    yield given
    given.forget()


def test_an_image_is_known_by_its_content_and_not_by_its_name(
    programs: dict[str, Path], names: engines.Names, tmp_path: Path
) -> None:
    """When a name has got another content, what was built under it is built again.

    The image's own user, entry point and folder are not what commands are run as, by and in.
    """
    below = engines.image_tags(programs[NATIVE].parents[3] / "work")[0]
    image = names.new()
    text = manifest_text(
        {
            "given": {
                "toolchain": {"image": image, "placeholders": {"cc": "gcc"}},
                "build": "cat /word; {cc} -o hello hello.c",
                "artifacts": ["hello"],
                "smoke": SAYS_HI,
            }
        },
        architectures=[NATIVE],
    )
    folder, name = project(tmp_path / "work", text, {"hello.c": HELLO}), f"given-{NATIVE}-image"
    results: list[Result] = []
    plans = []
    for word in ("one", "two"):
        dockerfile = (
            f"FROM {below}\nRUN echo {word} > /word\nUSER 65534\n"
            'WORKDIR /elsewhere\nENTRYPOINT ["/bin/false"]\n'
        )
        engines.docker("build", "--quiet", "--tag", image, "-", content=dockerfile.encode())
        plans.append(plan(folder))
        results.append(run_gate(folder, "-n", "0"))

        assert results[-1].exit_code == 0, results[-1].output
        assert set(results[-1].verdicts(name).values()) == {"pass"}
        assert results[-1].report["targets"][0]["reused"] is False
        assert log(folder, name) == f"{word}\n"
        assert plan(folder)["action"] == "reuse"
    assert [each["action"] for each in plans] == ["build", "build"]


def test_an_image_of_nothing_but_busybox_will_do(programs: dict[str, Path], tmp_path: Path) -> None:
    """Without GNU's tools, a package manager or an emulator of its own, an image is enough.

    What it made is found, told from what was there, measured and run; a foreign program by the
    emulator that Crossgate brings.
    """
    keys = {
        "source": {"path": "src"},
        "toolchain": {"dockerfile": "docker/Dockerfile", "name": "busybox"},
        "smoke": SAYS_HI,
    }
    copy = "mkdir -p out && cat {architecture} > out/hello && chmod +x out/hello"
    text = manifest_text(
        {
            "plain": {
                **keys,
                "build": copy,
                "artifacts": ["out/hello"],
                "test": "{run} ./out/hello | grep -x hi",
            },
            "glob": {**keys, "build": f"{copy}; ln -s hello out/link", "artifacts": ["out/*"]},
        },
        architectures=[NATIVE, FOREIGN],
    )
    files: dict[str, str | bytes] = {
        f"src/{name}": file.read_bytes() for name, file in programs.items()
    }
    folder = project(tmp_path / "work", text, {**files, "docker/Dockerfile": BUSYBOX})
    result = run_gate(folder)

    assert result.exit_code == 0, result.output
    for project_name in ("plain", "glob"):
        for architecture, program in programs.items():
            name = f"{project_name}-{architecture}-busybox"
            found = record(folder, name)
            (artifact,) = found["artifacts"]
            runner = result.claims(name)["smoke"]["reason"]
            assert set(result.verdicts(name).values()) == {"pass"}
            assert artifact["path"] == "out/hello"
            assert Path(artifact["file"]).read_bytes() == program.read_bytes()
            assert found["build"]["cpu_s"] > 0
            assert found["build"]["peak_memory_bytes"] > 0
            assert ("qemu-" in runner) == (architecture == FOREIGN)


def test_without_gnu_tools_too_nothing_of_the_source_is_taken_for_made(
    programs: dict[str, Path], tmp_path: Path
) -> None:
    """Where find can't tell what changed, a program that was there before is still refused."""
    text = manifest_text(
        {
            "plain": {
                "source": {"path": "src"},
                "toolchain": {"dockerfile": "docker/Dockerfile", "name": "busybox"},
                "build": "true",
                "artifacts": ["there"],
            }
        },
        architectures=[NATIVE],
    )
    files: dict[str, str | bytes] = {
        "src/there": programs[NATIVE].read_bytes(),
        "docker/Dockerfile": BUSYBOX,
    }
    result = run_gate(project(tmp_path / "work", text, files), "-n", "0")
    claim = result.claims(f"plain-{NATIVE}-busybox")["built"]

    assert result.exit_code == 1
    assert claim["verdict"] == "fail"
    assert '"there" was in the source already' in claim["reason"]
