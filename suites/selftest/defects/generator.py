"""Makes from the table of planted defects what is built, and then what is judged.

The first manifest has one project, whose build makes the defective and the intact artifacts of all
rows with the real tools of its architecture. The second has a prebuilt project for each of them.
"""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from fixtures.core import rows
from suites.selftest.harness import NATIVE

HERE: Final = Path(__file__).resolve().parent
PROJECT: Final = "planted"
TWINS: Final = ("intact", "defect")

_OTHER: Final = {"": "s390x", "s390x": "amd64"}
_CLAIMS_OF_BUDGETS: Final = {
    "size": "size",
    "size_allocated": "allocated",
    "size_stripped": "stripped",
    "size_compressed": "compressed",
}

# What all rows compile and pack by. `package` puts the program where packages have it, `deb` makes
# one of a folder (which goes), `wheel` one of the library, with a machine that is patched in and
# one that is damaged where asked.
_PRELUDE: Final = r"""
CFLAGS="-O2 -fPIE -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"
LDFLAGS_UNSTRIPPED="-pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--build-id"
CFLAGS="$CFLAGS -fdebug-prefix-map=$PWD=."
LDFLAGS="$LDFLAGS_UNSTRIPPED -s"
LIBRARY="$CFLAGS -fPIC -shared"
LINKED_UNNAMED="-Wl,-z,relro -Wl,-z,now -Wl,--build-id -s"
LINKED_UNVERSIONED="$LINKED_UNNAMED -Wl,-soname,libdemo.so.1"
LINKED="$LINKED_UNVERSIONED -Wl,--version-script=source/demo.map"
package() {{
    mkdir -p "$1/usr/bin"
    {cc} $CFLAGS -o "$1/usr/bin/demo" source/demo.c $LDFLAGS
}}
deb() {{
    mkdir -p "$1/DEBIAN"
    printf '%s\n' 'Package: demo' 'Version: 1.0' "Architecture: $2" \
        'Maintainer: Demo <demo@example.org>' 'Description: a demonstration' > "$1/DEBIAN/control"
    dpkg-deb --root-owner-group --build "$1" "$out/demo_1.0_$3.deb" > /dev/null
    rm -r "$1"
}}
wheel() {{
    {cc} $LIBRARY -o libdemo.so.1 source/library.c $LINKED
    if [ -n "${{2:-}}" ]; then python3 source/pack.py machine libdemo.so.1 "$2"; fi
    python3 source/pack.py wheel "$out/demo-1.0-cp311-cp311-manylinux_2_36_$processor.whl" \
        "cp311-cp311-manylinux_2_36_$1" libdemo.so.1
    if [ -n "${{3:-}}" ]; then
        python3 source/pack.py damage "$out"/*.whl libdemo.so.1
    fi
    rm libdemo.so.1
}}
"""


@dataclass(frozen=True, kw_only=True)
class Defect:
    """One row; `policy` and `budget` are all that is claimed of it, those of its kind included."""

    name: str
    claim: str
    intact: str
    defect: str
    says: str
    policy: Mapping[str, Any] = field(default_factory=dict)
    budget: Mapping[str, Any] = field(default_factory=dict)
    architectures: Sequence[str] | None = None

    def is_of(self, architecture: str) -> bool:
        """Whether the defect can be planted for an architecture."""
        if self.architectures is None:
            return True
        foreign = "foreign" in self.architectures and architecture != NATIVE
        return foreign or architecture in self.architectures


def table() -> dict[str, Any]:
    """The table as it stands."""
    return tomllib.loads((HERE / "defects.toml").read_text("utf-8"))


def defects() -> tuple[Defect, ...]:
    """All rows, with what their kinds say."""
    whole = table()
    return tuple(
        _defect(name, row, whole["kinds"][row["kind"]]) for name, row in whole["defects"].items()
    )


def _defect(name: str, row: Mapping[str, Any], kind: Mapping[str, Any]) -> Defect:
    policy = {**kind.get("policy", {}), **row.get("policy", {})}
    budget = {**kind.get("budget", {}), **row.get("budget", {})}
    for claim in row.get("without", ()):
        policy.pop(claim, None)
        budget.pop(_CLAIMS_OF_BUDGETS.get(claim, ""), None)
    return Defect(
        name=name,
        claim=row["claim"],
        intact=row.get("intact") or kind["intact"],
        defect=row["defect"],
        says=row["says"],
        policy=policy,
        budget=budget,
        architectures=row.get("architectures"),
    )


def write_build(folder: Path, architectures: Sequence[str]) -> None:
    """The project that is built: the table's sources, and a recipe for each architecture."""
    shutil.copytree(HERE / "source", folder / "source")
    tables = [
        f"[projects.{PROJECT}]",
        'source = { path = "." }',
        'toolchain = "gcc"',
        f"architectures = {_toml(list(architectures))}",
        'artifacts = ["out/**"]',
        'build = "false"',
    ]
    for architecture in architectures:
        tables += [
            f"[projects.{PROJECT}.overrides.{architecture}]",
            f"build = {_toml(recipe(architecture))}",
        ]
    (folder / "crossgate.toml").write_text("\n".join(tables) + "\n", "utf-8")


def recipe(architecture: str) -> str:
    """The commands that make all artifacts of an architecture."""
    words = {name: of.get(architecture, "") for name, of in table()["words"].items()}
    given = {**_variables(architecture), **words}
    lines = [*(f"{name}='{text}'" for name, text in given.items()), _PRELUDE]
    for defect in defects():
        if defect.is_of(architecture):
            for twin in TWINS:
                commands = getattr(defect, twin).strip()
                place = f"out/{defect.name}/{twin}"
                lines.append(f"( out={place}; mkdir -p $out\n{commands}\n)")
    return "\n".join(lines)


def write_judged(folder: Path, architecture: str, artifacts: Path) -> None:
    """The manifest of all that was built for an architecture; `artifacts` has the build's out/."""
    tables = []
    for defect in defects():
        if defect.is_of(architecture):
            for twin in TWINS:
                place = artifacts / "out" / defect.name / twin
                tables += [
                    f"[projects.{defect.name}-{twin}]",
                    f"source = {{ prebuilt = {_toml(str(place))} }}",
                    f"architectures = {_toml([architecture])}",
                    'artifacts = ["**"]',
                    f"policy = {_toml(_filled(defect.policy, architecture))}",
                    f"budget = {_toml(defect.budget)}",
                ]
    folder.mkdir(parents=True)
    shutil.copy(HERE / "abi.txt", folder)
    (folder / "crossgate.toml").write_text("\n".join(tables) + "\n", "utf-8")


def _variables(architecture: str) -> dict[str, str]:
    row, other = (
        rows.architectures()[name] for name in (architecture, _OTHER.get(architecture, _OTHER[""]))
    )
    return {
        "architecture": row.name,
        "triplet": row.triplet,
        "debian": row.debian,
        "processor": row.processor,
        "platform": row.platform,
        "other_debian": other.debian,
        "other_processor": other.processor,
        "other_platform": other.platform,
    }


def _filled(value: Any, architecture: str) -> Any:
    """A policy with the other platform's name in it."""
    match value:
        case str():
            return value.replace("$other_platform", _variables(architecture)["other_platform"])
        case list():
            return [_filled(each, architecture) for each in value]
        case dict():
            return {name: _filled(each, architecture) for name, each in value.items()}
    return value


def _toml(value: Any) -> str:
    """A value as TOML writes it: as JSON does, but for tables."""
    if isinstance(value, dict):
        return (
            "{ "
            + ", ".join(f"{_toml(name)} = {_toml(each)}" for name, each in value.items())
            + " }"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)
