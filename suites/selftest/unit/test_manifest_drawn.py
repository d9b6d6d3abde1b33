"""Manifests that are drawn at random: each is read as it says, or refused in one line."""

from __future__ import annotations

import json
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from fixtures.core import manifest, rows
from fixtures.core.errors import ManifestError
from fixtures.core.readers import Limits
from fixtures.core.text import printable
from suites.selftest.unit.samples import SHA256, load

# Every key that the manifest knows or will know, so that drawn documents get past the first one.
KEYS: Final = (
    *("defaults", "projects", "profiles", "tool", "crossgate", "demo"),
    *("source", "path", "debian", "version", "sha256", "git", "toolchain", "architectures"),
    *("build", "artifacts", "smoke", "budget", "size", "cpu_time", "time_ratio", "to", "max"),
    *("waivers", "target", "claim", "ceiling", "reason", "link", "expires"),
    *("cpus", "memory", "processes", "timeout", "on_unmeasurable", "policy", "regression"),
)
WORDS: Final = ("gcc", "arm64", "amd64", "x64", ".", "zig", "1 MiB", "60 s", "skip", "{cc}", "make")

texts = st.one_of(st.sampled_from(WORDS), st.text(st.characters(codec="utf-8")))
scalars = st.one_of(
    texts, st.booleans(), st.floats(), st.integers(-(2**63), 2**63 - 1), st.dates(), st.datetimes()
)
keys = st.one_of(st.sampled_from(KEYS), st.text(st.characters(codec="utf-8")))
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


def toml(value: Any) -> str:
    """A value as TOML writes it, tables inline."""
    match value:
        case str():
            # JSON's escapes are TOML's too, but for DEL, which TOML wants escaped.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case bool():
            return str(value).lower()
        case dict():
            pairs = ", ".join(f"{toml(key)} = {toml(inner)}" for key, inner in value.items())
            return f"{{ {pairs} }}"
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case int() | float():
            return repr(value)
        case _:
            return str(value.isoformat())


def document(tables: dict[str, Any]) -> str:
    """A document with a line for each table."""
    return "".join(f"{toml(key)} = {toml(value)}\n" for key, value in tables.items())


def honest() -> dict[str, Any]:
    """An honest manifest as the tables that TOML makes of it."""
    return {
        "defaults": {"memory": "1 GiB"},
        "projects": {
            "demo": {
                "source": {"debian": "zstd", "version": "1.5.7+dfsg-1", "sha256": SHA256},
                "toolchain": "gcc",
                "architectures": ["amd64", "arm64"],
                "build": "make CC={cc} -j{jobs}",
                "artifacts": ["demo"],
                "smoke": "{artifact} --version",
                "budget": {"size": "1 MiB", "time_ratio": {"to": "amd64", "max": 1.5}},
            }
        },
    }


def loads_or_complains(content: bytes, file: str = "crossgate.toml") -> None:
    """A manifest with projects, or a complaint that a person can read."""
    try:
        loaded = manifest.load(content, file)
    except ManifestError as error:
        message = str(error)
    else:
        message = file
        assert loaded.projects
    # One line that no terminal acts on, and that a person can read to its end.
    assert message.startswith(file)
    assert message == printable(message)
    assert len(message) < 4000


@given(st.binary())
def test_any_bytes_load_or_are_refused(content: bytes) -> None:
    """Whatever bytes a manifest holds, they give a Manifest or ManifestError."""
    loads_or_complains(content)


@given(st.text(st.characters(codec="utf-8")), st.sampled_from(["crossgate.toml", "pyproject.toml"]))
def test_any_text_loads_or_is_refused(text: str, file: str) -> None:
    """Whatever text a manifest holds, it gives a Manifest or ManifestError."""
    loads_or_complains(text.encode(), file)


@given(st.dictionaries(keys, values, max_size=4), st.sampled_from(["x.toml", "pyproject.toml"]))
def test_any_tables_load_or_are_refused(tables: dict[str, Any], file: str) -> None:
    """Whatever tables a manifest holds, they give a Manifest or ManifestError."""
    loads_or_complains(document(tables).encode(), file)


def places(table: dict[str, Any]) -> list[tuple[str, ...]]:
    """Every dotted place in an honest manifest, as a tuple of keys."""
    found: list[tuple[str, ...]] = []
    for key, value in table.items():
        found.append((key,))
        if isinstance(value, dict):
            found += [(key, *inner) for inner in places(value)]
    return found


@given(st.sampled_from(places(honest())), keys, values, st.sampled_from(["set", "drop", "add"]))
def test_any_change_to_an_honest_manifest_loads_or_is_refused(
    place: tuple[str, ...], key: str, value: Any, change: str
) -> None:
    """One wrong value, one key too few or too many: a Manifest or ManifestError."""
    tables = honest()
    inner = tables
    for step in place[:-1]:
        inner = inner[step]
    match change:
        case "set":
            inner[place[-1]] = value
        case "drop":
            del inner[place[-1]]
        case _:
            inner[key] = value

    loads_or_complains(document(tables).encode())


projects = st.fixed_dictionaries(
    {
        "source": st.just({"path": "."}),
        "toolchain": st.just("gcc"),
        "architectures": st.lists(
            st.sampled_from(rows.toolchains()["gcc"].architectures), min_size=1, unique=True
        ),
        "build": st.sampled_from(["make", "make {cc}", "make -j{jobs} {{x}}"]),
        "artifacts": st.lists(
            st.from_regex(r"[a-z*]{1,8}(/[a-z*]{1,8})?", fullmatch=True),
            min_size=1,
            max_size=3,
            unique=True,
        ),
    },
    optional={
        "smoke": st.just("{artifact} -V"),
        "cpus": st.integers(1, 1024),
        "memory": st.integers(64 * 1024**2, 2**40),
        "processes": st.integers(16, 1_000_000),
        "timeout": st.integers(1, 86400),
        "on_unmeasurable": st.sampled_from(["skip", "fail"]),
        "budget": st.fixed_dictionaries(
            {}, optional={"size": st.integers(0, 2**40), "cpu_time": st.integers(0, 10**6)}
        ),
    },
)
names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True)


@given(st.dictionaries(names, projects, min_size=1, max_size=4))
def test_what_an_honest_manifest_says_is_what_is_read(tables: dict[str, dict[str, Any]]) -> None:
    """Every honest manifest loads, in its order, with each value as it was written."""
    loaded = load(document({"projects": tables}))

    assert [project.name for project in loaded.projects] == list(tables)
    for project, raw in zip(loaded.projects, tables.values(), strict=True):
        budget = raw.get("budget", {})

        assert project.architectures == tuple(raw["architectures"])
        assert (project.build, project.smoke) == (raw["build"], raw.get("smoke"))
        assert project.artifacts == tuple(raw["artifacts"])
        assert project.budget.size_bytes == budget.get("size")
        assert project.budget.cpu_time_s == budget.get("cpu_time")
        assert project.limits.cpus == raw.get("cpus")
        assert project.limits.memory_bytes == raw.get("memory", Limits().memory_bytes)
        assert project.limits.processes == raw.get("processes", Limits().processes)
        assert project.limits.timeout_s == raw.get("timeout", Limits().timeout_s)
        assert project.on_unmeasurable == raw.get("on_unmeasurable", "skip")
