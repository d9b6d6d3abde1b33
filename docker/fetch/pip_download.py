#!/usr/bin/python3
"""`pip download` of one package into /fetched, which runs nothing of what it downloads.

pip asks a source distribution's build backend for metadata, and with that runs the package's
code, before it hands over a file that was only to be downloaded. It asks in a process of
``sys.executable``: here that is this file, which answers in the backend's place with the name
and version that were asked for (https://peps.python.org/pep-0517/; the protocol between the
two processes is that of pyproject-hooks).
"""

from __future__ import annotations

import json
import os
import re
import runpy
import sys
from pathlib import Path

_OPTIONS = [
    "download",
    "--dest=/fetched",
    "--no-deps",
    # Or it would install the backend, which nobody asks.
    "--no-build-isolation",
    "--use-pep517",
    # The package is not for this Python but for whatever the build uses.
    "--ignore-requires-python",
    "--no-cache-dir",
    "--no-input",
    "--progress-bar=off",
    "--disable-pip-version-check",
]


def _answer(hook: str, folder: Path) -> None:
    answer: object = []
    if hook == "prepare_metadata_for_build_wheel":
        asked = json.loads((folder / "input.json").read_text("utf-8"))["kwargs"]
        name, version = os.environ["PACKAGE"], os.environ["VERSION"]
        answer = f"{re.sub('[-_.]+', '_', name)}-{version}.dist-info"
        place = Path(asked["metadata_directory"], answer)
        place.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (place / "METADATA").write_text(metadata, "utf-8")
    (folder / "output.json").write_text(json.dumps({"return_val": answer}), "utf-8")


if len(sys.argv) == 4 and sys.argv[1].endswith("_in_process.py"):
    _answer(sys.argv[2], Path(sys.argv[3]))
else:
    sys.executable = __file__
    sys.argv = ["pip", *_OPTIONS, *sys.argv[1:]]
    runpy.run_module("pip", run_name="__main__", alter_sys=True)
