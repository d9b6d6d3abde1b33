"""A small C project that every comparison for gcc can be measured by, in some seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fixtures import host

OWN: Final = host.architecture() or "amd64"
FOREIGN: Final = "amd64" if OWN == "arm64" else "arm64"
FILES: Final = 3

_MANIFEST: Final = f"""
[projects.small]
source = {{ path = "." }}
toolchain = "gcc"
architectures = ["{OWN}", "{FOREIGN}"]
build = "make CC={{cc}} -j{{jobs}} small"
artifacts = ["small"]
change = {{ file = "main.c", find = "number = 0", replace = "number = {{n}}" }}
memory = "1 GiB"
timeout = "5 min"

[projects.small.dependencies]
files = ["Makefile", "library*.c"]
build = "make CC={{cc}} -j{{jobs}} library.a"
keep = ["library.a"]
"""
_MAKEFILE: Final = """
OBJECTS = $(patsubst %.c,%.o,$(wildcard library*.c))
small: main.o library.a
	$(CC) -O2 -o $@ main.o library.a
# That an object is not there is no reason to make it again where the library is newer than its
# source: of what is staged, only the library is kept.
.SECONDARY: $(OBJECTS)
library.a: $(OBJECTS)
	$(AR) rcs $@ $(OBJECTS)
%.o: %.c
	$(CC) -O2 -c -o $@ $<
"""


def make(folder: Path) -> Path:
    """The project in a folder; its manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Makefile").write_text(_MAKEFILE)
    names = [f"part{number}" for number in range(FILES)]
    for number, name in enumerate(names):
        (folder / f"library{number}.c").write_text(_library(name))
    declared = "".join(f"int {name}(int n);\n" for name in names)
    calls = " + ".join(f"{name}(number)" for name in names)
    (folder / "main.c").write_text(
        f"{declared}int main(void) {{ int number = 0; return ({calls}) & 1; }}\n"
    )
    manifest = folder / "crossgate.toml"
    manifest.write_text(_MANIFEST)
    return manifest


def _library(name: str) -> str:
    """Enough for a compiler to do that its start is not all there is to measure."""
    functions = "".join(
        f"static int {name}_{number}(int n) {{\n"
        f"  int sum = {number};\n"
        "  for (int i = 0; i < n; i++)\n"
        f"    sum = sum * {number + 3} + (i ^ sum) % {number + 7};\n"
        "  return sum;\n}\n"
        for number in range(150)
    )
    calls = " + ".join(f"{name}_{number}(n)" for number in range(150))
    return f"{functions}int {name}(int n) {{ return {calls}; }}\n"
