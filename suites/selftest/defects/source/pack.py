"""What no tool of a toolchain image does: patched bytes, wheels and image archives.

For Debian's python3-minimal, which has neither zipfile nor tarfile.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path

LAYER = "application/vnd.oci.image.layer.v1.tar"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"


def read(path: str) -> bytes:
    """A file's content."""
    return Path(path).read_bytes()


def write(path: str, content: bytes) -> None:
    """A file, and the folders above it."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def machine(path: str, number: str) -> None:
    """Another e_machine in an ELF header."""
    content = bytearray(read(path))
    struct.pack_into("<H" if content[5] == 1 else ">H", content, 18, int(number))
    write(path, bytes(content))


def flag(path: str, bit: str) -> None:
    """One more bit in the e_flags of an ELF header."""
    content = bytearray(read(path))
    layout, offset = "<I" if content[5] == 1 else ">I", 48 if content[4] == 2 else 36
    (flags,) = struct.unpack_from(layout, content, offset)
    struct.pack_into(layout, content, offset, flags | 1 << int(bit))
    write(path, bytes(content))


def byte(path: str, offset: str, value: str) -> None:
    """One byte of a file."""
    content = bytearray(read(path))
    content[int(offset)] = int(value)
    write(path, bytes(content))


def cut(path: str, left_out: str) -> None:
    """A file without its last bytes."""
    write(path, read(path)[: -int(left_out)])


def noise(path: str, size: str) -> None:
    """Bytes that no compression makes smaller, the same at each time."""
    blocks = (hashlib.sha256(str(each).encode()).digest() for each in range(int(size) // 32))
    write(path, b"".join(blocks))


def damage(path: str, part: str) -> None:
    """One byte in the middle of where a file holds another."""
    content = bytearray(read(path))
    place = content.index(read(part)) + len(read(part)) // 2
    content[place] ^= 0xFF
    write(path, bytes(content))


def wheel(path: str, tag: str, library: str) -> None:
    """A wheel with one library; `tag` is what its WHEEL file says."""
    info = "demo-1.0.dist-info"
    files = {
        "demo/__init__.py": b"",
        f"demo/{Path(library).name}": read(library),
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: %s\n" % tag.encode(),
    }
    record = "".join(
        f"{name},sha256={_base64(content)},{len(content)}\n" for name, content in files.items()
    )
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    write(path, _zip(files))


def _base64(content: bytes) -> str:
    digest = hashlib.sha256(content).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _zip(files: dict[str, bytes]) -> bytes:
    """An archive of stored files: APPNOTE.TXT 4.3.7, 4.3.12 and 4.3.16."""
    content, directory = b"", b""
    for name, each in files.items():
        about = struct.pack(
            "<HHHHHIIIHH", 20, 0, 0, 0, 33, zlib.crc32(each), *(len(each),) * 2, len(name), 0
        )
        directory += b"PK\1\2" + struct.pack("<H", 0x314) + about
        directory += struct.pack("<HHHII", 0, 0, 0, 0o100644 << 16, len(content)) + name.encode()
        content += b"PK\3\4" + about + name.encode() + each
    end = struct.pack(
        "<4s4H2IH", b"PK\5\6", 0, 0, *(len(files),) * 2, len(directory), len(content), 0
    )
    return content + directory + end


def docker(path: str, platform: str, folder: str) -> None:
    """What `docker save` writes of an image with a folder as its one layer."""
    layer = _tar(folder)
    system, cpu, variant = f"{platform}//".split("/")[:3]
    of = {"os": system, "architecture": cpu, **({"variant": variant} if variant else {})}
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{_hex(layer)}"]}
    config = _json({**of, "rootfs": rootfs})
    names = f"{_hex(config)}.json", f"{_hex(layer)}/layer.tar"
    about = {"Config": names[0], "RepoTags": ["demo:1.0"], "Layers": [names[1]]}
    _save(path, {names[0]: config, names[1]: layer, "manifest.json": _json([about])})


def oci(path: str, *images: str) -> None:
    """An OCI layout with an image of one layer for each `PLATFORM=FOLDER`."""
    files = {"oci-layout": _json({"imageLayoutVersion": "1.0.0"})}
    manifests = []

    def blob(kind: str, content: bytes) -> dict[str, object]:
        files[f"blobs/sha256/{_hex(content)}"] = content
        return {"mediaType": kind, "digest": f"sha256:{_hex(content)}", "size": len(content)}

    for image in images:
        platform, _, folder = image.partition("=")
        system, cpu, variant = f"{platform}//".split("/")[:3]
        of = {"os": system, "architecture": cpu, **({"variant": variant} if variant else {})}
        layer = _tar(folder)
        rootfs = {"type": "layers", "diff_ids": [f"sha256:{_hex(layer)}"]}
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": blob(CONFIG, _json({**of, "rootfs": rootfs})),
            "layers": [blob(LAYER, layer)],
        }
        manifests.append({**blob(MANIFEST, _json(manifest)), "platform": of})
    files["index.json"] = _json({"schemaVersion": 2, "manifests": manifests})
    _save(path, files)


def _tar(folder: str) -> bytes:
    command = [
        "tar",
        "--sort=name",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        "--mtime=@0",
        "-C",
        folder,
        "-cf",
        "-",
        ".",
    ]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout


def _save(path: str, files: dict[str, bytes]) -> None:
    folder = f"{path}.folder"
    for name, content in files.items():
        write(f"{folder}/{name}", content)
    subprocess.run(["tar", "-C", folder, "-cf", path, *sorted(files)], check=True)
    subprocess.run(["rm", "-rf", folder], check=True)


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _hex(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


COMMANDS = {
    each.__name__: each for each in (machine, flag, byte, cut, noise, damage, wheel, docker, oci)
}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])
