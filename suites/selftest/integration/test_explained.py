"""Verdicts that say why, from real builds: where bytes went though stripped, what took longest."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from fixtures.cli import main as cli
from fixtures.core.size_explanation import from_json
from fixtures.inspection.attribution.apart import attribution_of
from suites.selftest.harness import FOREIGN, NATIVE, manifest_text, project, run_gate

pytestmark = pytest.mark.integration

TARGETS: Final = tuple(f"demo-{name}-gcc" for name in (NATIVE, FOREIGN))
ARTIFACTS: Final = ("demo", "bare", "out/copy")
NINJA: Final = """\
rule cc
  command = $$CC -O1 -g -c -o $out $in
rule link
  command = $$CC -o $out $in
rule strip
  command = $$CC -o $out $in && $$STRIP $out
rule bare
  command = $$CC -s -o $out $in
rule copy
  command = cp $in $out && /usr/bin/$$STRIP $out
build main.o: cc main.c
build part.o: cc part.c
build demo: strip main.o part.o
build bare: bare part.o main.o
build linked/copy: link main.o part.o
build out/copy: copy linked/copy
"""
FILES: Final = {
    "build.ninja": NINJA,
    "main.c": "int part(int);\nint main(int count, char **_) { return part(count); }\n",
    "part.c": "int part(int x) { return x; }\n",
    "README.md": "A demo.\n",
}
ADDED: Final = (
    "int part(int x) { return x; }\n"
    'static const char added[9000] __attribute__((used)) = "added";\n'
)


def keys(**budget: Any) -> dict[str, object]:
    """A project that strips: by its tool, by its linker, and a copy by a path of its own."""
    return {
        "architectures": [NATIVE, FOREIGN],
        "build": "CC={cc} STRIP={strip} ninja",
        "artifacts": list(ARTIFACTS),
        **({"budget": budget} if budget else {}),
    }


def git(folder: Path, *words: str) -> None:
    """A command of git's, by somebody."""
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def built(folder: Path, target: str) -> dict[str, bytes]:
    """The artifacts of a target."""
    return {
        name: (folder.parent / f"{folder.name}-out/artifacts" / target / name).read_bytes()
        for name in ARTIFACTS
    }


def test_a_growth_is_told_by_symbols_though_all_is_stripped(tmp_path: Path) -> None:
    """By twins that were kept on both sides; and what no one kept is told to have none."""
    bounds = {"cpu_time": "1 ms", "regression": {"size": "1%", "size_allocated": "1%"}}
    folder = project(tmp_path / "demo", manifest_text({"demo": keys(**bounds)}), FILES)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    git(folder, "checkout", "-qb", "change")
    (folder / "part.c").write_text(ADDED)
    git(folder, "commit", "-qam", "two")

    result = run_gate(folder, "-n", "0", "-q", "--against", "main", "-k", "size_reg or cpu_time")

    out = tmp_path / "demo-out"
    for target in TARGETS:
        claim = result.claims(target)["size_regression"]
        assert claim["verdict"] == "fail", result.output
        for name in ("demo", "out/copy"):
            assert f"{name} in memory +" in claim["reason"]
            for side in (out, out / "base"):
                twin = side / "twins" / target / name
                artifact = side / "artifacts" / target / name
                assert attribution_of(artifact).unnamed_share > 0.01
                assert attribution_of(artifact, twin).unnamed_share < 0.01
        assert "added +9,000 (new)" in claim["reason"]
        assert claim["reason"].count("bare: stripped, without an unstripped twin") == 1
        assert not (out / "twins" / target / "bare").exists()
        for difference in from_json(claim["attribution"]).values():
            assert all(table.change == difference.change for table in difference.tables.values())
        slow = result.claims(target)["cpu_time"]
        assert slow["verdict"] == "fail"
        assert "slowest by ninja's log: " in slow["reason"]
        assert "(of 6)" in slow["reason"]
    assert result.report["sizes"] == {"demo": "all: symbol added is new"}
    assert "note: sizes of demo: all: symbol added is new" in result.output
    assert all(each["timings"][0]["tool"] == "ninja" for each in result.report["targets"])

    # What is not compared with anything is built with nothing before its tools.
    plain = project(tmp_path / "plain", manifest_text({"demo": keys()}), {**FILES, "part.c": ADDED})
    assert run_gate(plain, "-n", "0", "-q", "-k", "test_built").exit_code == 0
    for target in TARGETS:
        assert built(folder, target) == built(plain, target)
        assert not (tmp_path / "plain-out" / "twins" / target).exists()


def test_a_growth_beyond_the_baseline_is_told_by_sections(tmp_path: Path) -> None:
    """The baseline keeps a few lines of each file, which add up to its size."""
    text = manifest_text({"demo": keys(regression={"size": "1%", "size_allocated": "1%"})})
    folder = project(tmp_path / "demo", text, FILES)
    given = ["--manifest", str(folder / "crossgate.toml")]
    given += ["--report-dir", str(tmp_path / "demo-out")]
    run_gate(folder, "-n", "0", "-q", "-k", "test_built")
    assert cli.main(["baseline", "update", "--yes", *given]) == 0
    entry = json.loads((folder / "reports/baseline.json").read_bytes())["targets"][TARGETS[0]]
    (folder / "part.c").write_text(ADDED)

    result = run_gate(folder, "-n", "0", "-q", "-k", "size_regression")

    for name in ARTIFACTS:
        lines = entry["attributed"][name]
        in_file = sum(lines["both"].values()) + sum(lines["file"].values())
        in_memory = sum(lines["both"].values()) + sum(lines["memory"].values())
        assert in_file == entry["artifacts"][name]["size"]
        assert in_memory == entry["artifacts"][name]["allocated"]
        assert len(json.dumps(lines, indent=1).splitlines()) < 30
    claim = result.claims(TARGETS[0])["size_regression"]
    assert claim["verdict"] == "fail", result.output
    assert "sections .rodata +9,0" in claim["reason"]
    assert " in memory +" in claim["reason"]
    assert result.report["sizes"] == {"demo": "all: section .rodata grew"}


HOSTILE: Final = """\
set -e
{cc} -g -o demo main.c part.c
cd /crossgate/twins/kept
mkfifo 1-1-demo
ln -s /etc/passwd 2-1-demo
truncate -s 3G 3-1-demo
{cc} -o 4-1-demo /work/src/main.c -x c - << 'END'
int part(int x) {{ return x + 1; }}
END
printf x > "5-1-de
mo"
for number in $(seq 100); do echo > "$number-9-other"; done
cd /work/src
{strip} demo
"""


def test_what_a_build_puts_among_the_twins_is_only_looked_at(tmp_path: Path) -> None:
    """Links, pipes, another program, a file beyond bounds: the right one is found."""
    given = keys(regression={"size": "1%"})
    given |= {"architectures": [NATIVE], "build": HOSTILE, "artifacts": ["demo"]}
    folder = project(tmp_path / "demo", manifest_text({"demo": given}), FILES)

    result = run_gate(folder, "-n", "0", "-q", "-k", "test_built or size_regression")

    assert result.exit_code == 0, result.output
    twin = tmp_path / "demo-out" / "twins" / TARGETS[0] / "demo"
    artifact = tmp_path / "demo-out" / "artifacts" / TARGETS[0] / "demo"
    found = attribution_of(artifact, twin)
    assert {"main", "part"} <= {part.symbol for part in found.parts}
