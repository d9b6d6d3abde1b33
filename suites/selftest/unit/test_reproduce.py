"""The reproducer: what it mounts and sends is what the build had, from every system."""

from __future__ import annotations

import csv
import dataclasses
import os
import re
import subprocess
from pathlib import Path

import pytest

from fixtures.building import layout, reproduce, source
from fixtures.building.job import Job, Steps, steps_of
from fixtures.building.store import Store
from fixtures.engine.spec import ContainerSpec
from suites.selftest.unit import samples

DOCKER = """#!/bin/sh
# Stands in for an engine whose only container is this host.
case $1 in exec) ;; *) echo "unexpected: $*" >&2; exit 1; esac
while [ "$1" != sh ]; do shift; done
exec "$@"
"""


def _job(tree: source.Tree, tmp_path: Path, **changes: object) -> Job:
    store = Store(reports=tmp_path / "reports", root=tmp_path)
    job = Job(target=samples.target(), image="x", source=tree, cpus=1, store=store)
    return dataclasses.replace(job, **changes)  # type: ignore[arg-type]


def _steps(tree: source.Tree, tmp_path: Path, **changes: object) -> tuple[Job, Steps]:
    job = _job(tree, tmp_path, **changes)
    return job, steps_of(job)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A source as a checkout of Windows has it: no bits, a link as text, CRLF."""
    root = tmp_path / "source"
    (root / "src").mkdir(parents=True)
    (root / "configure").write_bytes(b"#!/bin/sh\r\necho 'a\\r'\r\n")
    (root / "src" / "it's.c").write_bytes(b"int a;\r\n")
    (root / "link").write_bytes(b"src/it's.c")
    return root


def _exact(folder: Path) -> source.Tree:
    return source.read_tree(folder, key="x", system="linux")


def _lossy(folder: Path) -> source.Tree:
    """The tree of the folder, where git tells what is lost."""
    return dataclasses.replace(
        _exact(folder),
        links={b"link": b"src/it's.c"},
        executable=frozenset({b"configure"}),
        crlf=frozenset({b"configure", b"src/it's.c"}),
        exact=False,
    )


@pytest.mark.parametrize("path", ["C:\\Users\\me", "/home/a,b", '/home/a "b"'])
def test_a_mount_is_one_line_of_csv(path: str) -> None:
    """Whatever is in the folder's name, docker reads it as one field (RFC 4180)."""
    spec = ContainerSpec(
        image="x",
        target="x",
        ttl_s=1,
        cpus=1,
        memory_bytes=1,
        processes=1,
        binds={path: layout.SOURCE},
    )
    words = reproduce.options(spec)
    [fields] = csv.reader([words[words.index("--mount") + 1]])

    assert fields == ["type=bind", f"source={path}", f"target={layout.SOURCE}", "readonly"]


def test_a_tree_is_mounted_only_where_it_is_exact_and_seen(folder: Path, tmp_path: Path) -> None:
    """Elsewhere it is sent: bits, links and line ends would be lost, or the folder not be there."""
    exact, lossy = _exact(folder), _lossy(folder)
    mounted, _ = _steps(exact, tmp_path)

    assert mounted.mount == str(folder)
    assert _steps(exact, tmp_path)[1].spec.binds == {str(folder): layout.SOURCE}
    assert _job(lossy, tmp_path).mount is None
    assert _job(exact, tmp_path, address="ssh://me@engine").mount is None
    assert _job(exact, tmp_path, shared=False).mount is None
    assert _steps(lossy, tmp_path)[1].spec.binds == {}


def test_what_a_disk_could_not_hold_is_mended(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a checkout of Windows the reproducer builds the same tree as the build did."""
    monkeypatch.setattr(layout, "TREE", str(folder))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "docker").write_text(DOCKER, "utf-8")
    (tmp_path / "bin" / "docker").chmod(0o755)
    (folder / "configure").chmod(0o666)
    (folder / "src" / "it's.c").chmod(0o777)
    job, steps = _steps(_lossy(folder), tmp_path)
    text = reproduce.script(job, steps)
    mends = re.findall(r"^docker exec --interactive .* < .*$", text, re.MULTILINE)
    environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    words = ["sh", "-eu", "-c", "container=x\n" + "\n".join(mends)]
    subprocess.run(words, env=environment, check=True)

    assert len(mends) == 4
    assert (folder / "configure").read_bytes() == b"#!/bin/sh\necho 'a\\r'\n"
    assert (folder / "src" / "it's.c").read_bytes() == b"int a;\n"
    assert (folder / "link").readlink() == Path("src/it's.c")
    assert (folder / "configure").stat().st_mode & 0o777 == 0o755
    assert (folder / "src" / "it's.c").stat().st_mode & 0o777 == 0o644


def test_an_exact_tree_needs_no_mending(folder: Path, tmp_path: Path) -> None:
    """Where the disk holds everything, the script is no longer than it has to be."""
    job, steps = _steps(_exact(folder), tmp_path, shared=False)

    assert '--interactive --user 0:0 "$container" sh -c \'cd' not in reproduce.script(job, steps)
    assert {file.name for file in steps.lists.values()} == {"sums", "files", "folders"}


def test_git_bash_leaves_the_containers_places_alone(folder: Path, tmp_path: Path) -> None:
    """Told before the first command: else /work would become a folder of Windows."""
    job, steps = _steps(_exact(folder), tmp_path)
    text = reproduce.script(job, steps)

    assert text.index("MSYS_NO_PATHCONV=1") < text.index("docker image inspect")
    assert text.startswith("#!/bin/sh\n")
    assert "\r" not in text
