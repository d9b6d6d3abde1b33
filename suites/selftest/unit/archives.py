"""Small archives of every kind, built byte by byte where no library of Python writes them."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from fixtures.inspection.containers.openers import open_container
from fixtures.inspection.found import Opened
from fixtures.inspection.limits import BLOCK, Guard, Limits

Files = Mapping[str, bytes]

FILES: Final[Files] = {
    "usr/bin/tool": b"\x7fELF" + bytes(range(256)) * 3,
    "usr/share/empty": b"",
    "usr/share/text": b"one line\n" * 50,
}


def guard(**limits: Any) -> Guard:
    """A guard whose clock stands still."""
    return Guard(Limits(**limits), clock=lambda: 0.0)


def opened(kind: str, content: bytes, name: str = "file", **limits: Any) -> Opened:
    """A container of a format of `identify`, opened by its reader."""
    return open_container(kind, io.BytesIO(content), len(content), guard(**limits), name)


def read(container: Opened) -> dict[str, bytes]:
    """All members by name, those of a part as ``part!member``."""
    found: dict[str, bytes] = {}
    for member in container.members:
        if member.opened is not None:
            inner = read(member.opened)
            found |= {f"{member.name}!{name}": content for name, content in inner.items()}
            continue
        assert member.content is not None
        pieces = bytearray()
        while piece := member.content.read(BLOCK):
            pieces += piece
        found[member.name] = bytes(pieces)
    return found


def skim(container: Opened) -> list[str]:
    """The findings of a container of which no member's content is asked for."""
    for member in container.members:
        if member.opened is not None:
            container.findings += skim(member.opened)
    return container.findings


def ar_member(name: bytes, content: bytes) -> bytes:
    """One member with its header and its filling."""
    header = b"%-16s%-12d%-6d%-6d%-8o%-10d`\n" % (name, 0, 0, 0, 0o644, len(content))
    return header + content + b"\n" * (len(content) % 2)


def ar(members: Iterable[tuple[bytes, bytes]]) -> bytes:
    """An archive of members in their order; names as they stand in the headers."""
    return b"!<arch>\n" + b"".join(ar_member(*member) for member in members)


def gnu_library(members: Sequence[tuple[bytes, bytes]], wide: bool = False) -> bytes:
    """A static library as GNU ar writes it: an index with a symbol of each member, long names."""
    table = b""
    named = []
    for name, content in members:
        if len(name) > 15:
            named.append((b"/%d" % len(table), content))
            table += name + b"/\n"
        else:
            named.append((name + b"/", content))
    kind, letter = (b"/SYM64/", "Q") if wide else (b"/", "I")
    symbols = b"".join(b"symbol%d\0" % place for place in range(len(named)))
    width = struct.calcsize(letter) * (1 + len(named)) + len(symbols)
    start = 8 + 60 + width + width % 2 + (60 + len(table) + len(table) % 2 if table else 0)
    places = []
    for name, content in named:
        places.append(start)
        start += len(ar_member(name, content))
    index = struct.pack(f">{letter}{len(named)}{letter}", len(named), *places) + symbols
    return ar([(kind, index), *([(b"//", table)] if table else []), *named])


def bsd_library(members: Sequence[tuple[bytes, bytes]]) -> bytes:
    """A static library as Apple's tools write it: a sorted index, all names before the content."""
    parts = [(b"#1/%d" % (len(name) + 3), name + b"\0\0\0" + content) for name, content in members]
    title = b"__.SYMDEF SORTED\0\0\0\0"
    strings = b"".join(b"_symbol%d\0" % place for place in range(len(parts)))
    strings += b"\0" * (len(strings) % 2)
    start = 8 + 60 + len(title) + 4 + 8 * len(parts) + 4 + len(strings)
    pairs = b""
    for place, part in enumerate(parts):
        pairs += struct.pack("<II", place, start)
        start += len(ar_member(*part))
    index = struct.pack("<I", len(pairs)) + pairs + struct.pack("<I", len(strings)) + strings
    return ar([(b"#1/%d" % len(title), title + index), *parts])


def tar(files: Files, *extra: tarfile.TarInfo, form: int = tarfile.GNU_FORMAT) -> bytes:
    """A tar archive of files and of entries without content, filled up as GNU tar does."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in extra:
            archive.addfile(info)
    return stream.getvalue()


def entry(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    """An entry of a tar archive without content."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


CONTROL: Final = b"Package: tool\nVersion: 1.0-2\nArchitecture: arm64\nDescription: a tool\n more\n"


def deb(
    files: Files = FILES,
    control: bytes = CONTROL,
    *,
    suffix: str = ".gz",
    pack: Any = gzip.compress,
    extra: Sequence[tuple[bytes, bytes]] = (),
) -> bytes:
    """A Debian package with both parts packed in the same way."""
    data = tar({f"./{name}": content for name, content in files.items()})
    about = tar({"./control": control, "./md5sums": b""})
    return ar(
        [
            (b"debian-binary", b"2.0\n"),
            (f"control.tar{suffix}".encode(), pack(about)),
            (f"data.tar{suffix}".encode(), pack(data)),
            *extra,
        ]
    )


def zipped(files: Files, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def wheel(files: Files, tag: str = "cp311-cp311-linux_aarch64", **recorded: str) -> bytes:
    """A wheel; `recorded` are lines of its RECORD in the place of true ones, by file name."""
    about = "demo-1.0.dist-info"
    whole = {**files, f"{about}/WHEEL": f"Wheel-Version: 1.0\nTag: {tag}\n".encode()}
    lines = []
    for name, content in whole.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(recorded.get(name, f"{name},sha256={digest},{len(content)}"))
    record = "\n".join(line for line in [*lines, f"{about}/RECORD,,"] if line)
    return zipped({**whole, f"{about}/RECORD": record.encode()})


def cpio(files: Files, *, magic: bytes = b"070701", fill: int = 4) -> bytes:
    """A cpio archive of the new format, filled up to a multiple of `fill` bytes."""
    content = b""
    for name, data in [*files.items(), ("TRAILER!!!", b"")]:
        raw = name.encode() + b"\0"
        checksum = sum(data) if magic == b"070702" else 0
        mode = 0o100644 if name != "TRAILER!!!" else 0
        fields = (1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), checksum)
        content += magic + b"".join(b"%08X" % field for field in fields) + raw
        content += bytes(-len(content) % 4) + data
        content += bytes(-len(content) % 4)
    return content + bytes(-len(content) % fill)


def _rpm_header(tags: Sequence[tuple[int, int, bytes]]) -> bytes:
    """A header of tags, each with its type and its value's bytes; integers come first."""
    index, store = b"", b""
    for tag, kind, value in tags:
        index += struct.pack(">4I", tag, kind, len(store), 1)
        store += value
    return (
        b"\x8e\xad\xe8\x01" + bytes(4) + struct.pack(">II", len(tags), len(store)) + index + store
    )


def rpm(
    files: Files = FILES,
    architecture: str = "aarch64",
    *,
    compressor: str = "gzip",
    pack: Any = gzip.compress,
) -> bytes:
    """A binary RPM package with sizes and digests."""
    payload: bytes = pack(cpio({f"./{name}": content for name, content in files.items()}))
    texts = {1000: "tool", 1001: "1.0", 1002: "2", 1022: architecture, 1044: "tool-1.0-2.src.rpm"}
    texts |= {1124: "cpio", 1125: compressor, 5092: hashlib.sha256(payload).hexdigest()}
    header = _rpm_header(
        [
            (5093, 4, struct.pack(">I", 8)),
            *((tag, 6, value.encode() + b"\0") for tag, value in texts.items()),
        ]
    )
    signature = _rpm_header(
        [
            (1000, 4, struct.pack(">I", len(header) + len(payload))),
            (273, 6, hashlib.sha256(header).hexdigest().encode() + b"\0"),
        ]
    )
    lead = struct.pack(">4sBBhh66shh16s", b"\xed\xab\xee\xdb", 3, 0, 0, 1, b"tool", 1, 5, b"")
    return lead + signature + bytes(-len(signature) % 8) + header + payload


def squashfs(files: Files, *, block: int = 4096, fill: bool = True) -> bytes:
    """A SquashFS image without compression: files at the top, the small ones in one fragment."""
    data, inodes, fragment = bytearray(bytes(96)), bytearray(), bytearray()
    listing = bytearray()
    for number, (name, content) in enumerate(sorted(files.items()), 2):
        whole = len(content) // block * block
        start, tail, sizes = len(data), content[whole:], []
        for place in range(0, whole, block):
            # Nothing is stored of a block of zeros.
            stored = content[place : place + block].strip(b"\0") != b""
            sizes.append(block | 1 << 24 if stored else 0)
            data += content[place : place + block] if stored else b""
        where = (0, len(fragment)) if tail else (0xFFFFFFFF, 0)
        fragment += tail
        at = len(inodes)
        inodes += struct.pack("<HHHHII", 2, 0o644, 0, 0, 0, number)
        inodes += struct.pack("<IIII", start, *where, len(content))
        inodes += struct.pack(f"<{len(sizes)}I", *sizes)
        raw = name.encode()
        listing += struct.pack("<HhHH", at, number - 2, 2, len(raw) - 1) + raw
    listing[:0] = struct.pack("<III", len(files) - 1, 0, 2)
    root = len(inodes)
    inodes += struct.pack("<HHHHII", 1, 0o755, 0, 0, 0, 1)
    inodes += struct.pack("<IIHHI", 0, 2, len(listing) + 3, 0, 1)

    fragment_at = len(data)
    data += fragment
    inodes_at = len(data)
    data += _metadata(inodes)
    listing_at = len(data)
    data += _metadata(listing)
    entry_at = len(data)
    data += _metadata(struct.pack("<QII", fragment_at, len(fragment) | 1 << 24, 0))
    fragments_at = len(data)
    data += struct.pack("<Q", entry_at)
    id_at = len(data)
    data += _metadata(bytes(4))
    ids_at = len(data)
    data += struct.pack("<Q", id_at)
    none = 0xFFFFFFFFFFFFFFFF
    data[:96] = struct.pack(
        "<5I6H8Q",
        *(0x73717368, len(files) + 1, 0, block, 1),
        *(1, block.bit_length() - 1, 0, 1, 4, 0),
        *(root, len(data), ids_at, none, inodes_at, listing_at, fragments_at, none),
    )
    return bytes(data) + bytes(-len(data) % 4096 if fill else 0)


def _metadata(content: bytes | bytearray) -> bytes:
    return struct.pack("<H", len(content) | 0x8000) + content


def appimage(image: bytes, kind: int = 2) -> bytes:
    """A file system behind the smallest runtime: an ELF header with one segment that is it."""
    ident = b"\x7fELF\2\1\1\0AI" + bytes([kind]) + bytes(5)
    header = ident + struct.pack("<HHIQQQIHHHHHH", 2, 183, 1, 0, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, 160, 160, 4096)
    return header + segment + b"the runtime's code\0".ljust(40, b".") + image


def digest(content: bytes) -> str:
    """A blob's digest in an image."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def blob_name(content: bytes) -> str:
    """Where an image layout keeps a blob."""
    return f"blobs/sha256/{hashlib.sha256(content).hexdigest()}"


def document(value: Any) -> bytes:
    """A JSON document."""
    return json.dumps(value).encode()


def descriptor(kind: str, content: bytes, **more: Any) -> dict[str, Any]:
    """What leads to a blob; `kind` is the last part of its media type."""
    media_type = f"application/vnd.oci.image.{kind}"
    return {"mediaType": media_type, "digest": digest(content), "size": len(content), **more}


def platform(name: str) -> dict[str, str]:
    """A platform's fields of ``linux/arm/v7``."""
    return dict(zip(("os", "architecture", "variant"), name.split("/"), strict=False))


def config(name: str, layers: int) -> bytes:
    """An image's config."""
    ids = [digest(bytes([place])) for place in range(layers)]
    return document({**platform(name), "rootfs": {"type": "layers", "diff_ids": ids}})


def oci(
    images: Mapping[str, Sequence[bytes]], *, configs: Mapping[str, str] | None = None
) -> dict[str, bytes]:
    """The files of an image layout: layers by platform; `configs` say another one."""
    files: dict[str, bytes] = {"oci-layout": document({"imageLayoutVersion": "1.0.0"})}
    listed = []
    for name, layers in images.items():
        about = config((configs or {}).get(name, name), len(layers))
        manifest = document(
            {
                "schemaVersion": 2,
                "config": descriptor("config.v1+json", about),
                "layers": [descriptor("layer.v1.tar", layer) for layer in layers],
            }
        )
        files |= {blob_name(content): content for content in (about, manifest, *layers)}
        listed.append(descriptor("manifest.v1+json", manifest, platform=platform(name)))
    files["index.json"] = document({"schemaVersion": 2, "manifests": listed})
    return files


def docker_save(layers: Sequence[bytes], name: str = "linux/arm64") -> dict[str, bytes]:
    """The files of ``docker save`` as engines before 25 wrote them."""
    about = document({**platform(name), "rootfs": {"diff_ids": [digest(each) for each in layers]}})
    files = {f"{hashlib.sha256(each + b'id').hexdigest()}/layer.tar": each for each in layers}
    path = f"{hashlib.sha256(about).hexdigest()}.json"
    saved = [{"Config": path, "RepoTags": ["tool:latest"], "Layers": list(files)}]
    return {**files, path: about, "manifest.json": document(saved)}
