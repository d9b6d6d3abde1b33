"""What a host is, is told from recorded snapshots: every backend, each with its source."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import pytest

from fixtures.cli import doctor_text
from fixtures.core.doctor import cores, detect, handlers, mountinfo, snapshot, tables
from fixtures.core.doctor.facts import Backend, Memory
from fixtures.core.doctor.snapshot import Snapshot
from fixtures.core.errors import RecordError
from fixtures.doctor import look

FOLDER: Final = Path(__file__).with_name("hosts")
HOSTS: Final = {file.stem: json.loads(file.read_bytes()) for file in sorted(FOLDER.glob("*.json"))}

each_host = pytest.mark.parametrize("name", HOSTS)


def told(name: str) -> dict[str, Any]:
    """The facts of a recorded host, as JSON has them."""
    return detect.detect(snapshot.from_json(HOSTS[name]["snapshot"])).to_json()


@pytest.mark.parametrize(
    ("options", "files"),
    [
        ("rw,cpu,cpuacct", ("cpu.cfs_quota_us", "cpu.cfs_period_us")),
        ("rw,memory", ("memory.limit_in_bytes",)),
        ("rw,cpu,memory", ("cpu.cfs_quota_us", "cpu.cfs_period_us", "memory.limit_in_bytes")),
        ("rw,cpuset", None),
    ],
)
def test_groups_of_version_1_have_a_mount_for_each_limit(
    options: str, files: tuple[str, ...] | None
) -> None:
    """Those of CPU time and of memory are read, wherever they are mounted."""
    text = f"30 22 0:28 / /sys/fs/cgroup/x rw - cgroup cgroup {options}\n"

    assert cores.tops(text) == ((("/sys/fs/cgroup/x", files),) if files else ())


def test_a_limit_of_memory_above_the_engine_is_what_builds_get() -> None:
    """As of a container that the engine is in; the highest number of version 1 is no limit."""
    info = {"MemTotal": 8 * 1024**3}
    taken = Snapshot(system="Linux", release="6", machine="x86_64", info=info)
    path, unlimited = "/sys/fs/cgroup/memory.max", 9223372036854771712

    def memory(limit: int | None) -> Memory:
        above = {} if limit is None else {path: f"{limit}\n"}
        return detect.detect(replace(taken, above=above)).memory

    assert memory(2 * 1024**3).for_builds == 2 * 1024**3
    assert memory(16 * 1024**3).for_builds == 8 * 1024**3
    assert (memory(None).for_builds, memory(None).engine_limit_bytes) == (8 * 1024**3, None)
    assert memory(unlimited).engine_limit_bytes is None
    facts = detect.detect(replace(taken, above={path: f"{2 * 1024**3}\n"}))
    assert "8.00 GiB for the engine, 2.00 GiB for all of its containers" in doctor_text._memory(
        facts
    )
    nobody = Memory(total_bytes=None, available_bytes=None, limit_bytes=None, engine_bytes=None)
    assert (nobody.for_builds, replace(nobody, engine_limit_bytes=5).for_builds) == (None, 5)


def at(facts: Any, path: str) -> Any:
    """A value in nested objects; handlers in short."""
    if path == "handlers":
        found = facts["handlers"]
        return found and [
            [each["architecture"], each["by"], each["fixed"], each["version"]] for each in found
        ]
    for part in path.split("."):
        facts = facts[part]
    return facts


@each_host
def test_each_host_is_told_as_it_is(name: str) -> None:
    """All that is expected of a snapshot is what is made of it."""
    facts = told(name)
    expected = HOSTS[name]["expected"]

    assert {path: at(facts, path) for path in expected} == expected


@each_host
def test_each_host_has_a_source_and_no_person(name: str) -> None:
    """A snapshot says where it is from, and holds nobody's name or address."""
    assert HOSTS[name]["source"].startswith("https://")
    assert HOSTS[name]["note"].endswith(".")
    text = json.dumps(HOSTS[name]["snapshot"])
    assert not re.findall(r"/(?:Users|home)/(?!me|user|core)\w+", text)


@each_host
def test_each_host_says_what_of_it_its_source_says(name: str) -> None:
    """What was read in the source is named, and is there; all else has its form and no more.

    Where a source is a document of a form, and no report of a host, nothing of it is confirmed.
    """
    reported = "/issues/" in HOSTS[name]["source"] or "/pull/" in HOSTS[name]["source"]

    assert bool(HOSTS[name]["confirmed"]) == reported
    for path in HOSTS[name]["confirmed"]:
        part = HOSTS[name]["snapshot"]
        for key in path.split(" > "):
            part = part[key]


def test_every_backend_has_a_snapshot() -> None:
    """No row of the table is without a host that it was told of, but those named here."""
    seen = {host["expected"]["backend"] for host in HOSTS.values()}

    assert set(Backend) - seen == {Backend.LIMA}
    assert list(tables.backends()) == [each.value for each in Backend]


def test_rows_are_whole() -> None:
    """Every share is a file system's row, every pattern compiles, every row has a source."""
    for row in tables.backends().values():
        assert row.share in tables.file_systems()
        assert row.source.startswith("https://")
        assert set(row.when) <= {
            *("system", "kernel", "own_kernel", "operating_system", "name", "security", "labels"),
            *("components", "address", "settings", "same_kernel", "in_container"),
        }
        for pattern in row.when.values():
            re.compile(pattern)
    for kind in tables.file_systems().values():
        assert kind.source.startswith("https://")
        assert kind.small_files[0] <= kind.small_files[1]
        assert kind.build_gain[0] <= kind.build_gain[1] <= 100
        assert kind.slow == bool(kind.mend)
        if kind.laboratory:
            # What is said to be usual, and what was measured, don't contradict each other.
            assert kind.small_files[0] <= kind.laboratory[0] <= kind.laboratory[1]
            assert kind.laboratory[1] <= kind.small_files[1]
    for file in tables.settings():
        shares = {means["share"] for means in file.means if "share" in means}
        assert shares <= set(tables.file_systems())


def test_the_lima_machine_is_told_by_its_name() -> None:
    """An engine in a machine of Lima that no other maker has named is Lima's."""
    raw = json.loads(json.dumps(HOSTS["rancher-desktop"]["snapshot"]))
    raw["info"]["Name"] = "lima-docker"

    assert detect.detect(snapshot.from_json(raw)).backend is Backend.LIMA


def test_a_snapshot_survives_json() -> None:
    """What is written is read again as it was."""
    for host in HOSTS.values():
        taken = snapshot.from_json(host["snapshot"])

        assert snapshot.from_json(json.loads(snapshot.to_json(taken))) == taken


@pytest.mark.parametrize(
    "raw",
    [
        None,
        [],
        {"system": "Linux"},
        {"system": 1, "release": "", "machine": ""},
        {"system": "", "release": "", "machine": "", "files": {"a": 1}},
        {"system": "", "release": "", "machine": "", "info": []},
        {"system": "", "release": "", "machine": "", "places": {"source": {"path": 1}}},
        {"system": "", "release": "", "machine": "", "places": {"source": {"path": "", "x": 1}}},
        {"system": "", "release": "", "machine": "", "cpus": True},
        {"system": "", "release": "", "machine": "", "tried": "a"},
        {"system": "", "release": "", "machine": "", "more": 1},
        {"system": "", "release": "", "machine": "", "schema": 99},
    ],
)
def test_what_is_no_snapshot_is_refused(raw: Any) -> None:
    """A file of another form is one error, and no traceback."""
    with pytest.raises(RecordError):
        snapshot.from_json(raw)


def test_an_engine_that_says_nonsense_is_told_all_the_same() -> None:
    """An engine's answers may be of any form: what can't be read is not known."""
    said = {
        "info": {"NCPU": "many", "MemTotal": -1, "DriverStatus": 7, "SecurityOptions": None},
        "version": {"Components": [1, {"Name": None}], "ApiVersion": "x.y", "Platform": 3},
    }
    raw = {"system": "Linux", "release": "", "machine": "pdp11", **said}
    facts = detect.detect(snapshot.from_json(raw))

    assert (facts.cpu.engine, facts.memory.engine_bytes, facts.cpu.architecture) == (None,) * 3
    assert facts.engine is not None
    assert not facts.engine.buildkit


@pytest.mark.parametrize("name", ["docker/{}", "system.slice/docker-{}.scope", "a/b/libpod-{}"])
def test_the_groups_above_a_container_are_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """However deep, and as each engine calls them: all that are above it, and not its own."""
    top, container = tmp_path / "groups", "0123abcd" * 8
    own = top / "outer" / name.format(container)
    own.mkdir(parents=True)
    (own / "cpu.max").write_text("50000 100000\n")
    (own / "memory.max").write_text("1073741824\n")
    (top / "outer" / "cpu.max").write_text("150000 100000\n")
    (top / "outer" / "memory.max").write_text("2147483648\n")
    (top / "other").mkdir()
    (top / "other" / "cpu.max").write_text("1000 100000\n")
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "mountinfo").write_text(f"30 22 0:28 / {top} rw - cgroup2 cgroup2 rw\n")
    monkeypatch.setattr("fixtures.host.PROC", tmp_path)

    assert cores.quota(look.above(container)) == 1.5
    assert cores.memory_limit(look.above(container)) == 2 * 1024**3
    assert look.above("f" * 64) == {}
    (tmp_path / "self" / "mountinfo").write_text("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n")
    assert look.above(container) == {}


def test_the_deepest_and_latest_mount_counts() -> None:
    """A folder is on the mount nearest above it, and on the last of those at one place."""
    mounts = mountinfo.parse(
        "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
        "2 1 0:9 / /a rw shared:1 - nfs4 host:/x rw\n"
        "3 1 0:10 / /a/b rw - tmpfs none rw\n"
        "4 1 0:11 / /a rw - xfs /dev/sdb rw\n"
        "nonsense\n"
    )

    def kind(path: str) -> str:
        found = mountinfo.mount_of(path, mounts)
        return found.type if found else ""

    assert [kind(path) for path in ("/", "/a/c", "/a/b/c", "/ab")] == [
        "ext4",
        "xfs",
        "tmpfs",
        "ext4",
    ]
    assert mountinfo.mount_of("/", ()) is None


def test_handlers_that_are_off_or_of_no_cpu_are_none() -> None:
    """All switched off, one switched off, a script's handler: none of them runs a program."""
    folder = handlers.FOLDER
    magic = "7f454c4601010100000000000000000002002800"
    one = f"enabled\ninterpreter /q/qemu-arm\nflags: F\noffset 0\nmagic {magic}\n"
    files = {f"{folder}/status": "enabled\n", f"{folder}/arm": one}

    def found(**changed: str) -> list[str] | None:
        texts = files | {f"{folder}/{name}": text for name, text in changed.items()}
        them = handlers.handlers(texts, {}, ("amd64",))
        return None if them is None else [each.architecture for each in them]

    assert found() == ["armv7"]
    assert found(status="disabled\n") == []
    assert found(arm=one.replace("enabled", "disabled")) == []
    assert found(python="enabled\ninterpreter /usr/bin/python3\nflags: \nextension .py\n") == [
        "armv7"
    ]
    assert handlers.handlers({}, {}, ()) is None
    assert handlers.handlers({}, {}, (), contained=False) == ()


def test_where_nobody_mounted_binfmt_misc_there_is_no_handler() -> None:
    """On the engine's own kernel that is seen; in a container beside the engine it can't be."""
    raw = HOSTS["vm-of-an-image"]["snapshot"]
    files = {path: text for path, text in raw["files"].items() if handlers.FOLDER not in path}
    beside = {**files, "/proc/self/cgroup": "0::/docker/0123abcd\n"}

    def found(files: Any) -> Any:
        return detect.detect(snapshot.from_json({**raw, "files": files})).handlers

    assert found(files) == ()
    assert found(beside) is None


@pytest.mark.skipif(sys.platform != "linux", reason="there is /proc on Linux alone")
def test_this_machine_is_told_from_its_own_snapshot(tmp_path: Path) -> None:
    """A snapshot taken here, through JSON, says what this process runs on."""
    taken = look.take({"source": tmp_path}, engine=False)
    facts = detect.detect(snapshot.from_json(json.loads(snapshot.to_json(taken))))

    assert facts.system == "Linux"
    assert facts.cpu.usable is not None
    assert facts.cpu.count is not None
    assert 0 < facts.cpu.usable <= facts.cpu.count
    assert facts.source is not None
    assert facts.source.told == "mounts"
    assert facts.source.free_bytes
    assert facts.memory.total_bytes


def test_secrets_of_a_proxy_are_in_no_snapshot(tmp_path: Path) -> None:
    """Neither in the snapshot nor in the facts is a name or password."""
    environment = {
        "HTTPS_PROXY": "http://me:hunter2@proxy.example.org:3128",
        "http_proxy": "me:hunter2@proxy.example.org:3128",
        "SSL_CERT_FILE": str(tmp_path / "none.pem"),
        "TOKEN": "hunter2",
    }
    taken = look.take({"source": tmp_path}, engine=False, environment=environment)

    assert "hunter2" not in json.dumps(asdict(taken))
    assert detect.detect(taken).proxies["HTTPS_PROXY"] == "http://proxy.example.org:3128"
    assert detect.detect(taken).certificates == {"SSL_CERT_FILE": False}
