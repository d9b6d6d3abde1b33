"""Mutated files of every format, read under the limits that hold for hostile ones.

    python -m suites.selftest.fuzz --count 100000

No mutation may crash or hang the reader or cost more than its memory, and no file that was cut
short may be taken for whole. A mutation is told by its seed and number, so what is found can be
had again with ``--seed`` and ``--only``.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import io
import json
import lzma
import mmap
import os
import random
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import zstandard

from fixtures.inspection.walk import READER_FAILED, inspect_stream
from fixtures.inspection.worker import limit_memory
from suites.selftest.unit import archives
from suites.selftest.unit.elf_images import IMAGES

MEMORY: Final = 512 * 1024**2
"""Bytes of address space of a process that reads."""

HANG_S: Final = 5.0
"""CPU seconds that no input may take."""

_ROOT: Final = Path(__file__).resolve().parents[2]
_INTERESTING: Final = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)


def seeds() -> dict[str, bytes]:
    """An intact file of each format, small, with machine code in every container."""
    elf = bytes(IMAGES["arm64"])
    files = {"usr/bin/tool": elf, "usr/share/text": b"words\n" * 20}
    flat = {name.rpartition("/")[2]: content for name, content in files.items()}
    layer = archives.tar(files)
    found: dict[str, bytes] = {f"elf-{name}": bytes(image) for name, image in IMAGES.items()}
    found |= {
        "elf-real": Path("/bin/true").read_bytes(),
        "ar-gnu": archives.gnu_library([(b"a.o/", elf), (b"b.o/", elf)]),
        "ar-bsd": archives.bsd_library([(b"a.o", elf)]),
        "deb": archives.deb(files),
        "rpm": archives.rpm(files),
        "tar": layer,
        "tar-gz": gzip.compress(layer, mtime=0),
        "tar-xz": lzma.compress(layer),
        "tar-bz2": bz2.compress(layer),
        "tar-zst": zstandard.ZstdCompressor(write_checksum=True).compress(layer),
        "zip": archives.zipped(files),
        "wheel": archives.wheel(files),
        "squashfs": archives.squashfs(flat),
        "appimage": archives.appimage(archives.squashfs(flat)),
        "cpio": archives.cpio(files),
        "oci": archives.tar(archives.oci({"linux/arm64": [layer], "linux/amd64": [layer]})),
        "docker": archives.tar(archives.docker_save([layer])),
    }
    return found | _more()


def _more() -> dict[str, bytes]:
    """Formats whose samples are built by modules of their own."""
    from suites.selftest.unit import macho_images, pe_images, wasm_images

    two = (macho_images.IMAGES["arm64"], macho_images.IMAGES["amd64"])
    return {
        **{f"pe-{name}": bytes(image) for name, image in pe_images.IMAGES.items()},
        **{f"macho-{name}": bytes(image) for name, image in macho_images.IMAGES.items()},
        "wasm": wasm_images.PROGRAM,
        "macho-fat": macho_images.fat(
            tuple((image.cpu, image.subtype, bytes(image)) for image in two)
        ),
    }


Mutate = Callable[[random.Random, bytearray, list[bytes]], bytearray]


def _flip(chance: random.Random, content: bytearray, _others: list[bytes]) -> bytearray:
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return content


def _number(chance: random.Random, content: bytearray, _others: list[bytes]) -> bytearray:
    for _ in range(chance.choice((1, 1, 2, 4))):
        layout = chance.choice(("<B", "<H", ">H", "<I", ">I", "<Q", ">Q"))
        size = struct.calcsize(layout)
        if len(content) > size:
            value = chance.choice((*_INTERESTING, len(content), chance.getrandbits(8 * size)))
            value &= (1 << (8 * size)) - 1
            struct.pack_into(layout, content, chance.randrange(len(content) - size), value)
    return content


def _cut(chance: random.Random, content: bytearray, _others: list[bytes]) -> bytearray:
    return content[: chance.randrange(len(content))]


def _drop(chance: random.Random, content: bytearray, _others: list[bytes]) -> bytearray:
    start = chance.randrange(len(content))
    del content[start : start + chance.choice((1, 2, 8, 100, 512))]
    return content


def _repeat(chance: random.Random, content: bytearray, _others: list[bytes]) -> bytearray:
    start = chance.randrange(len(content))
    piece = content[start : start + chance.choice((1, 8, 100, 512))]
    content[start:start] = piece * chance.choice((1, 2, 50))
    return content


def _splice(chance: random.Random, content: bytearray, others: list[bytes]) -> bytearray:
    other = chance.choice(others)
    start, place = chance.randrange(len(content)), chance.randrange(len(other))
    length = chance.choice((4, 16, 64, 512))
    content[start : start + length] = other[place : place + length]
    return content


def _digits(chance: random.Random, content: bytearray, _others: list[bytes]) -> bytearray:
    """Other digits where there are some: sizes in headers of archives are text."""
    places = [place for place, byte in enumerate(content) if 0x30 <= byte <= 0x39]
    for _ in range(chance.choice((1, 3, 10)) if places else 0):
        content[chance.choice(places)] = chance.choice(b"0179 f")
    return content


_MUTATIONS: Final[tuple[Mutate, ...]] = (_flip, _number, _cut, _drop, _repeat, _splice, _digits)


def mutation(seed: int, number: int, known: Mapping[str, bytes]) -> tuple[str, bytes, bool]:
    """The name of the seed, the mutated content, and whether it is the seed cut short."""
    chance = random.Random(f"{seed}/{number}")
    names = list(known)
    name = names[number % len(names)]
    mutate = chance.choice(_MUTATIONS)
    content = mutate(chance, bytearray(known[name]), list(known.values()))
    # Zeros that fill an archive up behind its end marker are no part of it.
    cut = mutate is _cut and any(known[name][len(content) :])
    return name, bytes(content), cut


def judge(content: bytes, *, cut: bool) -> str | None:
    """What is wrong with how one input was read; None where nothing is."""
    begin = time.process_time()
    try:
        found = inspect_stream(io.BytesIO(content), len(content), "input", deep=True)
        json.dumps(found.to_json())
    except MemoryError:
        return "it takes too much memory"
    except Exception:  # noqa: BLE001 - that is what is looked for
        return traceback.format_exc()
    took = time.process_time() - begin
    if took > HANG_S:
        return f"it takes {took:.1f} s"
    said = [finding for each in (found, *found.members) for finding in each.findings]
    if failed := [finding for finding in said if READER_FAILED in finding]:
        return failed[0]
    if cut and not said and content != b"!<arch>\n":
        # (A static library without members has eight bytes, and is one.)
        return f"cut to {len(content)} bytes it is taken for whole ({found.format})"
    return None


def _work(seed: int, numbers: range, place: Path) -> int:
    """Read mutations one by one; print what is wrong, leave the number at hand in a file."""
    known = seeds()
    limit_memory(MEMORY)
    counted: Counter[str] = Counter()
    with place.open("r+b") as file, mmap.mmap(file.fileno(), 8) as shared:
        for number in numbers:
            shared[:8] = number.to_bytes(8, "little")
            name, content, cut = mutation(seed, number, known)
            problem = judge(content, cut=cut)
            counted[name.partition("-")[0]] += 1
            if problem:
                print(json.dumps({"number": number, "name": name, "problem": problem}), flush=True)
    print(json.dumps({"counted": counted}), flush=True)
    return 0


def run(count: int, seed: int, processes: int = 2) -> tuple[list[dict[str, Any]], Counter[str]]:
    """All problems of `count` mutations, and how many of each format were read."""
    problems: list[dict[str, Any]] = []
    counted: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="crossgate-") as scratch:
        running = []
        for index in range(processes):
            place = Path(scratch, str(index))
            place.write_bytes(bytes(8))
            words = [f"--seed={seed}", f"--count={count}", f"--from={index}"]
            words += [f"--step={processes}", f"--place={place}"]
            command = [sys.executable, "-m", "suites.selftest.fuzz", "--worker", *words]
            process = subprocess.Popen(
                command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            running.append((process, place))
        for process, place in running:
            output, errors = process.communicate()
            for answer in _answers(output):
                if "counted" in answer:
                    counted.update(answer["counted"])
                else:
                    problems.append(answer)
            if process.returncode:
                number = int.from_bytes(place.read_bytes(), "little")
                died = f"the reader died ({process.returncode}): {errors[-500:]}"
                problems.append({"number": number, "name": "?", "problem": died})
    return problems, counted


def _answers(output: str) -> Iterator[dict[str, Any]]:
    for line in output.splitlines():
        yield json.loads(line)


def main() -> int:
    """Run it; 1 where anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, metavar="NUMBER", help="one mutation, in this process")
    parser.add_argument("--save", metavar="FILE", help="with --only: keep the input")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--from", type=int, dest="start", help=argparse.SUPPRESS)
    parser.add_argument("--step", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        return _work(asked.seed, range(asked.start, asked.count, asked.step), asked.place)
    if asked.only is not None:
        name, content, cut = mutation(asked.seed, asked.only, seeds())
        if asked.save:
            Path(asked.save).write_bytes(content)
        print(name, judge(content, cut=cut))
        return 0
    begin = time.monotonic()
    problems, counted = run(asked.count, asked.seed, os.cpu_count() or 1)
    for problem in problems[:50]:
        print(f"{problem['name']} {problem['number']}: {problem['problem']}")
    formats = ", ".join(f"{name} {number}" for name, number in sorted(counted.items()))
    print(f"{sum(counted.values())} inputs in {time.monotonic() - begin:.0f} s ({formats})")
    print(f"{len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
