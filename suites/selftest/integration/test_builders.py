"""BuildKit and the classic builder make the same images, and neither leaves anything behind."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from fixtures import paths
from fixtures.building import context, images, recipe
from fixtures.core import dockerfile, rows, targets
from fixtures.core.builders import VARIABLE, Builder
from fixtures.core.errors import InfrastructureError
from fixtures.engine import build_cache, buildkit
from fixtures.engine.client import Engine
from fixtures.manifest_file import load_manifest
from suites.selftest.harness import NATIVE, ROOT, manifest_text, project
from suites.selftest.integration import engines

pytestmark = pytest.mark.integration

PATIENCE_S: Final = 300

DIFFERS: Final = ("var/log/", "var/cache/ldconfig/aux-cache")
"""Files whose content has times in it, whoever builds."""

OWN: Final = """\
ARG BASE
FROM ${BASE}
ARG TARGETARCH
LABEL dev.crossgate.made="image" selftest="{unique}"
COPY . /given/
RUN echo "${TARGETARCH}" > /given/cpu && printf '\\033[31m::error::red\\n'
"""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file of an image: what is the same however it was built."""

    kind: bytes
    mode: int
    owner: tuple[int, int]
    link: str
    sha256: str


class Builders:
    """An engine by each builder, and images with names of a test's own that go with it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._set = monkeypatch.setenv
        self.address = engines.address()
        self.unique = uuid.uuid4().hex[:10]
        self._engines: list[Engine] = []
        self._tags: set[str] = set()

    def by(self, builder: Builder) -> Engine:
        """An engine that builds by one of them; the test is skipped where that is not offered."""
        self._set(VARIABLE, builder.value)
        engine = Engine(self.address)
        self._engines.append(engine)
        try:
            assert engine.images.builder.builder is builder
        except InfrastructureError as error:
            pytest.skip(str(error))
        return engine

    def packages(self, words: str) -> recipe.Recipe:
        """An image of ours with some packages in it, by the Dockerfile that has all users'."""
        native = rows.architectures()[NATIVE]
        # An option that means nothing, so that no layer of an earlier run is taken.
        arguments = {"FOREIGN": "", "PACKAGES": f"-oSelftest::Run={self.unique} {words}"}
        return recipe.helper(f"packages-selftest-{self.unique}", native, arguments)

    def own(self, folder: Path, text: str, **files: str) -> recipe.Recipe:
        """An image by a Dockerfile of a user's own, and its context."""
        name = f"s{self.unique}"
        toolchain = {"dockerfile": "image/Dockerfile", "placeholders": {"cc": "cc"}}
        keys = {"toolchain": toolchain, "build": "true", "artifacts": ["x"]}
        place = project(
            folder,
            manifest_text({name: keys}, architectures=[NATIVE]),
            {
                "image/Dockerfile": text.replace("{unique}", self.unique),
                **{f"image/{name}": each for name, each in files.items()},
            },
        )
        file = place / "crossgate.toml"
        (target,) = targets.expand(load_manifest(file, file.name), NATIVE)
        return recipe.of_target(target, place, file.name)

    def made(self, builder: Builder, image: recipe.Recipe) -> tuple[images.Image, str]:
        """An image, made anew, and its log."""
        engine = self.by(builder)
        self._tags.add(image.tag)
        engine.images.remove(image.tag)
        recipe.identity_file(image).unlink(missing_ok=True)
        made = images.ensure(engine, image, print)
        log = paths.cache_dir() / "logs" / f"image-{image.name}.log"
        return made, log.read_text("utf-8")

    def forget_later(self, *tags: str) -> None:
        """Have images removed with the test."""
        self._tags.update(tags)

    def files(self, tag: str) -> dict[str, Entry]:
        """All files of an image."""
        api: Any = self._engines[-1].api
        container = api.create_container(tag, command=["true"])["Id"]
        try:
            with tempfile.TemporaryFile() as file:
                for piece in api.export(container):
                    file.write(piece)
                file.seek(0)
                with tarfile.open(fileobj=file) as archive:
                    return {each.name: _entry(archive, each) for each in archive}
        finally:
            api.remove_container(container, force=True)

    def close(self) -> None:
        """Remove all images of the test, what BuildKit keeps of them, and the connections."""
        engine = Engine(self.address)
        self._engines.append(engine)
        for tag in self._tags:
            engine.images.remove(tag)
        # What a failed build by the classic builder got done is an image without a name.
        for each in engine.api.images(filters={"label": f"selftest={self.unique}"}):
            engine.images.remove(each["Id"])
        for engine in self._engines:
            engine.close()


def _entry(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    file = archive.extractfile(member) if member.isreg() else None
    told = not member.name.startswith(DIFFERS)
    return Entry(
        kind=member.type,
        mode=member.mode,
        owner=(member.uid, member.gid),
        link=member.linkname,
        sha256=hashlib.sha256(file.read()).hexdigest() if file and told else "",
    )


@pytest.fixture
def builders(monkeypatch: pytest.MonkeyPatch) -> Iterator[Builders]:
    """Both builders of the engine, with what a test makes by them cleaned up."""
    made = Builders(monkeypatch)
    try:
        yield made
    finally:
        made.close()


def until(what: str, is_so: Callable[[], object]) -> None:
    """Wait for something to be so."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, f"after {PATIENCE_S} s still not: {what}"
        time.sleep(0.1)


def different(one: dict[str, Entry], other: dict[str, Entry]) -> dict[str, object]:
    """The files that are not the same in two images."""
    names = sorted(set(one) | set(other))
    return {
        name: (one.get(name), other.get(name)) for name in names if one.get(name) != other.get(name)
    }


def test_both_make_the_same_image_of_ours(builders: Builders) -> None:
    """Same name, same identity, same files down to modes and owners; the log says who built."""
    image = builders.packages("hello")
    new, said_new = builders.made(Builder.BUILDKIT, image)
    new_files = builders.files(new.tag)
    old, said_old = builders.made(Builder.CLASSIC, image)
    old_files = builders.files(old.tag)

    assert said_new.startswith("built by BuildKit, by ")
    assert said_old.startswith("built by the classic builder (CROSSGATE_BUILDER=classic)\n")
    assert new == old
    assert "usr/bin/hello" in old_files
    assert different(new_files, old_files) == {}
    # What another package changes is seen, and nothing is downloaded for it that was there.
    more, said = builders.made(Builder.BUILDKIT, builders.packages("hello xxd"))
    assert more.identity != new.identity
    more_files = builders.files(more.tag)
    assert "usr/bin/xxd" in different(more_files, old_files)
    assert "Unpacking hello" in said
    got = [line for line in said.splitlines() if re.match(r"#\d+ [\d.]+ Get:", line)]
    assert not [line for line in got if " Packages " in line or " hello " in line], got
    # Of all that was there to make it, the image itself has nothing.
    assert not [name for name in more_files if name.startswith(("mnt/", "var/lib/apt/lists/"))]
    assert not [name for name in more_files if name.endswith((".deb", "pkgcache.bin"))]


def test_both_take_the_same_of_a_users_folder(builders: Builders, tmp_path: Path) -> None:
    """Its ignore file holds, all is root's, the CPU is told, and no terminal codes come out."""
    files = {"kept.txt": "a", "left.txt": "b", "Dockerfile.dockerignore": "left.txt\n"}
    files[".dockerignore"] = "kept.txt\n"
    image = builders.own(tmp_path / "p", OWN, **files)
    seen = []
    for builder in Builder:
        made, said = builders.made(builder, image)
        seen.append(builders.files(made.tag))
        assert "::error::red" in said
        assert "\x1b" not in said

    new, old = seen
    assert different(new, old) == {}
    assert "given/left.txt" not in new
    assert new["given/kept.txt"].owner == (0, 0)
    cpu = hashlib.sha256(f"{rows.architectures()[NATIVE].platform.split('/')[1]}\n".encode())
    assert new["given/cpu"].sha256 == cpu.hexdigest()


def test_what_needs_buildkit_works_there_and_is_told_elsewhere(
    builders: Builders, tmp_path: Path
) -> None:
    """A user's own mounts; the classic builder's lack is one error with the line and the mend."""
    text = f"{OWN}RUN --mount=type=tmpfs,target=/mnt touch /mnt/a /there\n"
    image = builders.own(tmp_path / "p", text)
    made, _ = builders.made(Builder.BUILDKIT, image)

    assert "there" in builders.files(made.tag)
    with pytest.raises(InfrastructureError) as refused:
        builders.made(Builder.CLASSIC, image)
    told = str(refused.value)
    assert "image/Dockerfile, line 7: RUN --mount needs BuildKit, and" in told
    assert "CROSSGATE_BUILDER=classic" in told


def test_a_failed_build_quotes_the_end_of_its_log(builders: Builders, tmp_path: Path) -> None:
    """By either, what the command said and how it ended."""
    long = "".join(f": {number}; " for number in range(100))
    image = builders.own(tmp_path / "p", f"{OWN}RUN {long} echo oh-no >&2; exit 7\n")
    for builder in Builder:
        with pytest.raises(InfrastructureError, match="could not be built") as failed:
            builders.made(builder, image)
        assert "oh-no" in str(failed.value)
        assert re.search(r"(exit code|returned a non-zero code): 7$", str(failed.value))


@pytest.mark.parametrize("name", ["arm64", "armv7", "riscv64"])
def test_a_foreign_base_that_only_the_engine_has_is_found(
    builders: Builders, tmp_path: Path, name: str
) -> None:
    """No registry is asked for it, and what is made on top is for its CPU, too."""
    architecture = rows.architectures()[name]
    below, tag = (f"crossgate/selftest-{part}:{builders.unique}" for part in ("base", "above"))
    context.of_texts({"file": "of the base"}, tmp_path / "base.tar")
    text = 'ARG BASE\nFROM ${BASE}\nLABEL dev.crossgate.made="image"\nCOPY a /b\n'
    context.of_texts({"Dockerfile": text, "a": "a"}, tmp_path / "context.tar")
    builders.forget_later(below, tag)
    for builder in Builder:
        engine = builders.by(builder)
        engine.images.load_root(tmp_path / "base.tar", below, architecture)
        engine.images.build(
            tmp_path / "context.tar", tag, {"BASE": below}, print, platform=architecture.platform
        )
        assert engine.images.platform_of(tag) == architecture.platform
        assert tag in [each for _, tags, _ in engine.images.all() for each in tags]
        engine.images.remove(tag)


def test_a_build_that_does_not_end_is_ended(builders: Builders, tmp_path: Path) -> None:
    """At its deadline the client is killed, and that is what the error says."""
    engine = builders.by(Builder.BUILDKIT)
    client = engine.images.builder.client
    assert client is not None
    text = f"ARG BASE\nFROM ${{BASE}}\nRUN echo {builders.unique} && sleep 3000\n"
    context.of_texts({"Dockerfile": text}, tmp_path / "context.tar")

    with pytest.raises(InfrastructureError, match="was not built within 3 s"):
        buildkit.build(
            client,
            builders.address,
            tmp_path / "context.tar",
            f"crossgate/selftest-late:{builders.unique}",
            {"BASE": engines.base_tag(NATIVE)},
            print,
            dockerfile="Dockerfile",
            platform=None,
            deadline_s=3,
        )


SCRIPT: Final = """\
import sys
from pathlib import Path
from fixtures.building import context
from fixtures.engine.client import Engine
archive = Path(sys.argv[1])
engine = Engine(sys.argv[2])
engine.images.build(archive, sys.argv[3], {"BASE": sys.argv[4]}, print)
"""


def test_the_build_of_a_killed_process_ends_and_what_is_ours_is_found(
    builders: Builders, tmp_path: Path
) -> None:
    """The engine's work stops with the client, and its pieces go by their mark, no one else's."""
    engine = builders.by(Builder.BUILDKIT)
    mark = f"{dockerfile.MARK} echo {builders.unique}"
    text = f"ARG BASE\nFROM ${{BASE}}\nRUN echo {builders.unique} > /one\n"
    text += f"RUN echo {builders.unique} two && sleep 3000\n"
    archive = tmp_path / "context.tar"
    context.of_texts({"Dockerfile": dockerfile.for_buildkit(text, "k")}, archive)
    tag = f"crossgate/selftest-killed:{builders.unique}"
    words = [str(archive), builders.address, tag, engines.base_tag(NATIVE)]

    def pieces() -> list[dict[str, Any]]:
        listed = engine.api.df()["BuildCache"] or ()
        return [each for each in listed if mark in each["Description"]]

    started = subprocess.Popen([sys.executable, "-c", SCRIPT, *words], cwd=ROOT)
    try:
        until("a step that runs", lambda: any("two" in each["Description"] for each in pieces()))
        assert started.poll() is None
        os.kill(started.pid, signal.SIGKILL)
        started.wait()
        until("the end of the step", lambda: not any(each["InUse"] for each in pieces()))
    finally:
        started.kill()
        started.wait()
    cleaned = build_cache.clean(engine.api, mark)

    assert cleaned.removed >= 1
    assert cleaned.size_bytes > 0
    assert pieces() == []
    assert engine.images.id_of(tag) is None
