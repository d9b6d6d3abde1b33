"""Dockerfiles as text: what needs BuildKit, and what our own look like for it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from fixtures.core import dockerfile, rows

OURS: Final = sorted(rows.DOCKER_DIR.glob("*/*Dockerfile"))

PLAIN: Final = """\
FROM ${BASE}
LABEL a="b"
# Why it is there.
# cache: apt
RUN apt-get update \\
    # a comment inside
    && apt-get install -y gcc
RUN true
"""


def test_a_cached_command_gets_its_mounts_and_nothing_else_changes() -> None:
    """The row asks for the mounts on the RUN below it; all other lines stay, line by line."""
    made = dockerfile.for_buildkit(PLAIN, "key").splitlines()

    old = PLAIN.splitlines()
    assert len(made) == len(old)
    assert [n for n, line in enumerate(made) if line != old[n]] == [4, 7]
    assert made[4].startswith("RUN --mount=type=tmpfs,target=/mnt --mount=type=cache,")
    assert ",id=crossgate-apt-key,target=/mnt/apt,sharing=locked " in made[4]
    assert made[4].endswith("; apt-get update \\")
    assert made[7] == f"RUN {dockerfile.MARK} true"


def test_without_a_key_there_is_the_mark_and_no_cache() -> None:
    """An image that gets no cache is built by the same commands."""
    made = dockerfile.for_buildkit(PLAIN, None)

    assert "--mount" not in made
    assert made.replace(f"{dockerfile.MARK} ", "") == PLAIN


def test_several_caches_on_one_command() -> None:
    """A row may name more than one, each of which gets a folder of its own."""
    made = dockerfile.for_buildkit("FROM x\n# cache: apt, pip\nRUN pip install a\n", "k")

    assert re.findall(r"target=(\S+?)[, ]", made) == ["/mnt", "/mnt/apt", "/mnt/pip"]
    assert "export PIP_CACHE_DIR=/mnt/pip;" in made


@pytest.mark.parametrize("form", ['["true"]', "--network=none true", "<<EOF"])
def test_a_command_that_takes_no_others_in_front_is_left_alone(form: str) -> None:
    """Only a plain shell command can have another one in front of it."""
    text = f"FROM x\nRUN {form}\n"

    assert dockerfile.for_buildkit(text, "k") == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("# cache: aptt\nRUN x\n", "line 1: expected a cache (apt, pip, cargo, go), found 'aptt'"),
        ("# cache:\nRUN x\n", "line 1: expected a cache"),
        ("# cache: apt\nCOPY a b\n", "line 2: a cache is asked for above what is no RUN command"),
        ('# cache: apt\nRUN ["a"]\n', "line 2: a cache is asked for above what is no RUN command"),
        ("RUN x\n# cache: apt\n", "below the last RUN"),
    ],
)
def test_a_row_that_means_nothing_is_refused(text: str, told: str) -> None:
    """A cache that is asked for in vain is a mistake, and not a slow build."""
    with pytest.raises(ValueError, match=re.escape(told)):
        dockerfile.for_buildkit(text, "k")


@pytest.mark.parametrize("file", OURS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_our_own_need_no_buildkit_and_cache_each_use_of_apt(file: Path) -> None:
    """The classic builder takes each as it is; BuildKit downloads nothing twice for any of them."""
    text = file.read_text("utf-8")
    made = list(dockerfile.instructions(dockerfile.for_buildkit(text, "k")))

    assert dockerfile.needs(text) == ()
    assert 'LABEL dev.crossgate.made="image"' in text
    for each in made:
        if each.word == "RUN":
            assert dockerfile.MARK in each.rest
            assert ("id=crossgate-apt-k" in each.rest) == bool(
                re.search(r"apt-get|install\.sh", each.rest.partition("APT_CONFIG")[2] or each.rest)
            )
            assert (
                "rm -rf /var/lib/apt/lists/* /var/cache/apt/*" in each.rest
                or "crossgate-apt" not in each.rest
            )


NEEDS: Final = [
    ("FROM x\nRUN --mount=type=cache,target=/x make\n", [(2, "RUN --mount")]),
    ("FROM x\nrun \\\n  --network=none make\n", [(2, "RUN --network")]),
    ("FROM x\n\nRUN <<EOF\necho a\nEOF\nCOPY --link a b\n", [(3, "RUN <<EOF"), (6, "COPY --link")]),
    ("FROM x\nCOPY <<-'END' /a\nRUN --mount=x\n\tEND\n", [(2, "COPY <<-'END'")]),
    ("FROM x\nADD --checksum=sha256:0 http://a /\n", [(2, "ADD --checksum")]),
    ("FROM x\nCOPY --chown=1 --chmod=755 a b\n", [(2, "COPY --chmod")]),
    ("# escape=`\nFROM x\nRUN `\n --mount=a b\n", [(3, "RUN --mount")]),
    # What looks like it and is not.
    ("FROM x\nRUN tool --mount=a --network\n", []),
    ("FROM x\nRUN echo $((1<<n))\nRUN cat <<n\n", []),
    ("FROM x\n# RUN --mount=a\nCOPY --from=y --chown=0 a b\n", []),
    ("# syntax=docker/dockerfile:1\nFROM x\nRUN make\n", []),
]


@pytest.mark.parametrize(("text", "found"), NEEDS)
def test_what_needs_buildkit_is_named_by_line(text: str, found: list[tuple[int, str]]) -> None:
    """Flags and here-documents that the classic builder does not know, and nothing like them."""
    assert [(each.line, each.words) for each in dockerfile.needs(text)] == found


def test_declared_arguments_of_the_platform_are_given() -> None:
    """What BuildKit fills in by itself, the classic builder gets handed where it is declared."""
    text = "ARG TARGETARCH\nFROM x\nARG TARGETVARIANT=v9 OTHER\nARG TARGETOS\n"

    given = dockerfile.target_arguments(text, "linux/arm/v7")
    assert given == {"TARGETARCH": "arm", "TARGETVARIANT": "v7", "TARGETOS": "linux"}
    assert dockerfile.target_arguments("FROM x\n", "linux/arm64") == {}


OFFLINE: Final = (
    "failed to solve with frontend dockerfile.v0: failed to solve with frontend gateway.v0: failed "
    'to do request: Head "https://r.example/v2/docker/dockerfile/manifests/1": no such host: '
    "resolve image config for docker.io/docker/dockerfile:1"
)


def test_a_frontend_that_can_not_be_had_is_told_as_such() -> None:
    """The row that asks for it is named, and that the engine's own may do."""
    text = "# syntax=docker/dockerfile:1\nFROM x\n"

    assert "its row `# syntax=docker/dockerfile:1` has the engine fetch" in dockerfile.hint(
        text, OFFLINE
    )
    assert dockerfile.hint("FROM x\n", OFFLINE) == ""
    assert dockerfile.hint(text, "executor failed running [/bin/sh -c false]: exit code: 1") == ""


def test_an_engine_too_old_for_a_dockerfile_is_told_as_such() -> None:
    """An old BuildKit takes a here-document's first line for an instruction."""
    said = "dockerfile parse error line 3: unknown instruction: ECHO"

    told = dockerfile.hint("FROM x\nRUN <<EOF\nECHO a\nEOF\n", said)
    assert told.startswith("line 2: this engine's own BuildKit may be too old for RUN <<EOF")
    assert dockerfile.hint("FROM x\nECHO a\n", said) == ""
