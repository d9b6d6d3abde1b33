"""Temporary folders: plainly named, gone with their block, swept when their process died."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures import host, paths
from suites.selftest.harness import ROOT, environment


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("CROSSGATE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_scratch_folder_has_a_plain_name_and_goes_with_its_block(cache: Path) -> None:
    """Tools that are given the folder meet no character that means something to them."""
    with paths.scratch("base") as folder:
        inside = re.fullmatch(r"[A-Za-z0-9_-]+", folder.name)

        assert inside, folder.name
        assert paths.sweep_scratch() == 0
        assert folder.is_dir()

    assert not folder.exists()


def test_what_a_killed_process_left_is_swept(cache: Path) -> None:
    """A folder whose process is gone is removed, and nothing else is."""
    script = (
        "import os, signal\nfrom fixtures import paths\n"
        "with paths.scratch('base'): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment(), check=False)
    left = list((cache / "scratch").iterdir())
    (cache / "scratch" / "somebody's").mkdir()

    assert len(left) == 1
    assert paths.sweep_scratch() == 1
    assert [each.name for each in (cache / "scratch").iterdir()] == ["somebody's"]


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    """An error before the end leaves the old content, and nothing beside it."""
    file = tmp_path / "record.json"
    paths.write_atomically(file, "old")
    with pytest.raises(RuntimeError), paths.atomic(file) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise RuntimeError

    assert file.read_text() == "old"
    assert list(tmp_path.glob("*.part")) == list(tmp_path.glob(".*.part")) == []


@pytest.fixture
def no_proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A system that has no /proc, as macOS and Windows."""
    monkeypatch.setattr(host, "PROC", tmp_path / "proc")
    host._boot_id.cache_clear()
    yield
    host._boot_id.cache_clear()


def _age(folder: Path, seconds: float) -> Path:
    folder.mkdir(parents=True)
    os.utime(folder, (time.time() - seconds,) * 2)
    return folder


def _ended() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def test_without_proc_the_living_keep_their_folders(no_proc: None, cache: Path) -> None:
    """A folder goes with its owner's number; under a taken one, when it was long forgotten."""
    place = cache / "scratch"
    left = _age(place / f"__{_ended()}_0_base-a", 0)
    live = _age(place / f"__{os.getppid()}_0_base-b", paths.FORGOTTEN_S - 3600)
    reused = _age(place / f"__{os.getppid()}_0_base-c", paths.FORGOTTEN_S + 3600)
    with paths.scratch("own") as own:
        removed = paths.sweep_scratch()
        kept = sorted(place.iterdir())

    assert removed == 2
    assert kept == sorted([live, own])
    assert not left.exists()
    assert not reused.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="there is /proc on Linux alone")
def test_what_another_system_made_goes_when_it_is_old(cache: Path) -> None:
    """A folder shared with a virtual machine, or another namespace: only its age tells."""
    here = host.this_process()
    place = cache / "scratch"
    namespace = "".join(filter(str.isdigit, here.pid_namespace))
    names = [f"__{_ended()}_0_mac", f"{here.boot}_1{namespace}_{_ended()}_5_container"]
    for name in names:
        _age(place / f"{name}-young", 60)
        _age(place / f"{name}-old", paths.FORGOTTEN_S + 3600)
    before_the_boot = _age(place / "another-boot_1_1_1_base-a", 0)

    assert paths.sweep_scratch() == 3
    assert {each.name for each in place.iterdir()} == {f"{name}-young" for name in names}
    assert not before_the_boot.exists()


def test_a_plain_name_is_its_own() -> None:
    """The names of targets and of what is fetched are the names of their locks."""
    for name in ("zstd-arm64-gcc", "lib.v1-amd64-own", "debian-0a1b", "image-identity", "_x"):
        assert paths.plain_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "con",
        "con.x",
        "lpt1.gcc",
        "a:b",
        "a/b",
        "../a",
        "a\\b",
        "a.",
        ".",
        "..",
        "",
        "a b",
        "x" * 99,
    ],
)
def test_an_unusable_name_gets_a_usable_one(name: str) -> None:
    """What Windows or a path would take for something else becomes a file like any other."""
    made = paths.plain_name(name)

    assert re.fullmatch(r"[a-z0-9_-]*=[0-9a-f]{16}", made)
    assert len(made) < 100


@given(st.text(max_size=20), st.text(max_size=20))
def test_two_names_never_become_one(one: str, other: str) -> None:
    """Nor do they where case is folded: two locks of one process would wait for each other."""
    same = paths.plain_name(one).casefold() == paths.plain_name(other).casefold()

    assert same == (one == other)


def test_locks_that_differ_in_case_are_two(cache: Path) -> None:
    """Both can be held at once, by files that no file system takes for the same."""
    with paths.lock("Zlib-amd64-gcc"), paths.lock("zlib-amd64-gcc"), paths.lock("ZLIB-amd64-gcc"):
        names = [each.name for each in (cache / "locks").iterdir()]

    assert len({name.casefold() for name in names}) == len(names) == 3
