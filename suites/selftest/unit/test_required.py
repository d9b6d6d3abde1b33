"""What a project depends on: which files say so, what they are fetched by, and when anew."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import tarfile
from pathlib import Path
from typing import Any, Final

import pytest

from fixtures.building import reproduce, source
from fixtures.building.fetch import clients, required
from fixtures.building.fetch.bundle import Bundle, from_folder
from fixtures.building.job import Job, steps_of
from fixtures.building.store import Store
from fixtures.core import keys, rows
from fixtures.core.errors import InfrastructureError, ManifestError
from suites.selftest.unit import samples

FETCHES: Final = {name: row.fetch for name, row in rows.toolchains().items() if row.fetch}
RUST: Final = FETCHES["rust"]
GO: Final = FETCHES["go"]

each_fetch = pytest.mark.parametrize("fetch", FETCHES.values(), ids=FETCHES)


def tree_of(folder: Path, *names: str) -> source.Tree:
    """A folder with files of these names, as a source."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"this is {name}", "utf-8")
    return source.read_tree(folder, key="x")


def named(fetch: rows.Fetch, tree: source.Tree | Bundle) -> required.Named:
    """What a source names, where it names anything."""
    found = required.named(fetch, tree)
    assert found is not None
    return found


@each_fetch
def test_a_row_is_whole(fetch: rows.Fetch) -> None:
    """What is looked for decides what is fetched, the script stops at errors, the place is ours."""
    assert set(fetch.roots) <= set(fetch.files)
    assert fetch.script.startswith("set -eu\n")
    assert "exit 3" in fetch.script
    assert re.fullmatch(r"/crossgate/[a-z]+", fetch.place)
    assert fetch.place in fetch.environment.values()
    assert re.fullmatch(r"the [A-Za-z ]+", fetch.what)


@each_fetch
def test_places_of_dependencies_are_their_own(fetch: rows.Fetch) -> None:
    """No two toolchains put what they fetch in the same place."""
    assert [each.place for each in FETCHES.values()].count(fetch.place) == 1


@each_fetch
def test_no_secret_and_no_place_is_handed_over(fetch: rows.Fetch) -> None:
    """The client gets no token, no path and no flag unless the project names it."""
    environment = dict.fromkeys(
        (
            "HOME", "PATH", "CARGO_HOME", "GOPATH", "GOFLAGS", "GOENV", "GOMODCACHE", "RUSTFLAGS",
            "CARGO_REGISTRY_TOKEN", "CARGO_REGISTRIES_CORP_TOKEN", "GOAUTH", "GOSUMDB",
        ),
        "Zq9-secret",
    )  # fmt: skip

    assert clients.hand_over(fetch.variables, (), environment, "x").variables == {}
    with pytest.raises(InfrastructureError, match=r"^k\.fetch_environment: TOKEN is not set"):
        clients.hand_over(fetch.variables, ("TOKEN",), environment, "k.fetch_environment")


@pytest.mark.parametrize(
    ("names", "roots"),
    [
        (("Cargo.toml", "Cargo.lock", "a/Cargo.toml", "b/c/Cargo.toml"), (".",)),
        (("a/Cargo.toml", "a/Cargo.lock", "a/x/Cargo.toml", "ab/Cargo.toml"), ("a", "ab")),
        (("README", "MyCargo.toml", "x/Cargo.toml.in"), None),
    ],
    ids=["at-the-top", "below", "none"],
)
def test_the_topmost_folders_are_asked(
    names: tuple[str, ...], roots: tuple[str, ...] | None, tmp_path: Path
) -> None:
    """A folder that names dependencies speaks for all that are in it."""
    found = required.named(RUST, tree_of(tmp_path, *names))

    assert (found.roots if found else None) == roots


def test_what_decides_is_known_by_its_content(tmp_path: Path) -> None:
    """The files that say what is needed, wherever they are, and no other."""
    tree = tree_of(
        tmp_path, "Cargo.toml", "Cargo.lock", "a/Cargo.toml", ".cargo/config.toml", "src/main.rs"
    )

    assert named(RUST, tree).files == {
        name: hashlib.sha256(f"this is {name}".encode()).hexdigest()
        for name in ("Cargo.toml", "Cargo.lock", "a/Cargo.toml", ".cargo/config.toml")
    }


def test_a_fetched_source_names_the_same(tmp_path: Path) -> None:
    """A source that came as a tar is asked as a folder is."""
    tree = tree_of(tmp_path / "source", "go.mod", "go.sum", "main.go", "x/go.mod")
    bundle = from_folder(tmp_path / "source", tmp_path / "it.tar", skip=frozenset())

    assert named(GO, bundle) == named(GO, tree)


def test_a_go_workspace_speaks_for_its_modules(tmp_path: Path) -> None:
    """Where there is a go.work, the modules below are its own."""
    assert named(GO, tree_of(tmp_path, "go.work", "a/go.mod", "b/go.mod")).roots == (".",)


def test_what_is_vendored_is_not_fetched(tmp_path: Path) -> None:
    """A module that brings what it depends on needs nothing."""
    tree = tree_of(tmp_path, "go.mod", "go.sum", "vendor/modules.txt")

    assert required.named(GO, tree) is None


@pytest.mark.parametrize("name", ["Cargo.toml", "Cargo.lock", ".cargo/config.toml"])
def test_they_are_fetched_anew_when_what_names_them_changes(name: str, tmp_path: Path) -> None:
    """What is kept is kept by the files that name it, and no change of code moves it."""
    names = ("Cargo.toml", "Cargo.lock", ".cargo/config.toml", "src/main.rs")
    before = required.folder_of(RUST, named(RUST, tree_of(tmp_path, *names)))
    (tmp_path / "src" / "main.rs").write_text("other", "utf-8")
    same = required.folder_of(RUST, named(RUST, tree_of(tmp_path)))
    (tmp_path / name).write_text("other", "utf-8")
    after = required.folder_of(RUST, named(RUST, tree_of(tmp_path)))

    assert before == same
    assert before != after


@pytest.mark.parametrize(
    "change",
    [{"script": "true"}, {"place": "/crossgate/other"}, {"environment": {"A": "b"}}],
    ids=lambda change: str(next(iter(change))),
)
def test_how_they_are_fetched_counts(change: dict[str, Any], tmp_path: Path) -> None:
    """Another row fetches anew, and what is built of it has another key."""
    other = dataclasses.replace(RUST, **change)
    wanted = named(RUST, tree_of(tmp_path, "Cargo.toml"))
    rust = rows.toolchains()["rust"]
    targets = [
        samples.target(toolchain=dataclasses.replace(rust, fetch=fetch)) for fetch in (RUST, other)
    ]
    before, after = (keys.parts(each, source="x", image="x") for each in targets)

    assert required.folder_of(RUST, wanted) != required.folder_of(other, wanted)
    assert keys.changes(before, after) == [keys.PARTS["recipe"]]


def job_with(tmp_path: Path, **changes: Any) -> Job:
    """A job with the dependencies of a crate."""
    tree = tree_of(tmp_path / "source", "Cargo.toml")
    archive = tmp_path / "it's.tar"
    with tarfile.open(archive, "w"):
        pass
    bundle = Bundle(file=archive, sha256=hashlib.sha256(archive.read_bytes()).hexdigest())
    return Job(
        target=samples.target(),
        image="x",
        source=tree,
        cpus=1,
        store=Store(reports=tmp_path / "reports", root=tmp_path),
        required=required.Required(fetch=RUST, bundle=bundle),
        **changes,
    )


def test_a_build_is_told_where_they_are(tmp_path: Path) -> None:
    """The row's variables are the build's, and what the manifest sets comes before them."""
    told = steps_of(job_with(tmp_path)).environment
    mine = steps_of(job_with(tmp_path, environment={"CARGO_HOME": "/mine"})).environment

    assert told["CARGO_HOME"] == RUST.place
    assert mine["CARGO_HOME"] == "/mine"


def test_the_reproducer_has_them(tmp_path: Path) -> None:
    """The script streams in what was fetched, and tells the build of it."""
    job = job_with(tmp_path)
    script = reproduce.script(job, steps_of(job))

    assert f'docker cp - "$container":{RUST.place} < ' in script
    assert "it'\"'\"'s.tar" in script
    assert f"--env CARGO_HOME={RUST.place}" in script
    assert script.index("docker cp - ") < script.index("--env CARGO_HOME")


def test_what_was_damaged_is_not_used(tmp_path: Path) -> None:
    """A kept archive that is not what was fetched any more goes into no container."""
    job = job_with(tmp_path)
    assert job.required is not None
    job.required.bundle.file.write_bytes(b"other")

    with pytest.raises(InfrastructureError, match="damaged; remove that file"):
        job.required.put(None)  # type: ignore[arg-type]


def test_an_image_of_ones_own_may_fetch_as_a_toolchain_does() -> None:
    """`fetch` names whose dependencies an image's builds have; others are refused by name."""
    text = samples.HONEST.replace('"gcc"', '{ image = "rust:1.90", fetch = "rust" }')
    text = text.replace("{cc}", "cc")

    assert samples.load(text).projects[0].toolchain.fetch == RUST
    with pytest.raises(ManifestError, match=r"toolchain\.fetch: expected .*rust"):
        samples.load(text.replace('fetch = "rust"', 'fetch = "gcc"'))
