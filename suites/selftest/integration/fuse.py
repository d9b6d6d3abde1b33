"""A file system of user space that is an empty folder: the least that the kernel takes for one.

The protocol: https://man7.org/linux/man-pages/man4/fuse.4.html and the kernel's
include/uapi/linux/fuse.h. Run as a script with the folder to mount it on; it says ``ready``, and
serves until its standard input ends.
"""

from __future__ import annotations

import ctypes
import os
import select
import stat
import struct
import sys

FORGET = 2
HEADER = struct.Struct("<IIQQIIII")
ENOENT, ENOSYS = -2, -38

# fuse_attr_out of the one folder (its attributes begin behind 16 bytes, its mode 60 further on),
# fuse_statfs_out and fuse_init_out; and no such file, whatever is looked up.
_FOLDER = bytes(16) + struct.pack("<Q", 1) + bytes(52)
ANSWERS = {
    1: (ENOENT, b""),
    3: (0, _FOLDER + struct.pack("<II", stat.S_IFDIR | 0o755, 2) + bytes(20)),
    17: (0, struct.pack("<QQQQQIIII", 1000, 500, 500, 10, 10, 4096, 255, 4096, 0) + bytes(24)),
    26: (0, struct.pack("<IIIIHHI", 7, 31, 65536, 0, 12, 9, 65536) + bytes(40)),
}
"""By opcode (LOOKUP, GETATTR, STATFS, INIT): an errno, 0 for none, and the answer's body."""


def main(folder: str) -> None:
    """Mount, serve, and let go."""
    device = os.open("/dev/fuse", os.O_RDWR)
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    if libc.mount(b"nowhere", folder.encode(), b"fuse.crossgate", 0, options):
        sys.exit(os.strerror(ctypes.get_errno()))
    try:
        print("ready", flush=True)
        while True:
            ready, _, _ = select.select([device, 0], [], [])
            if device not in ready:
                break
            _, opcode, unique, *_ = HEADER.unpack_from(os.read(device, 1 << 17))
            if opcode != FORGET:
                error, body = ANSWERS.get(opcode, (ENOSYS, b""))
                os.write(device, struct.pack("<IiQ", 16 + len(body), error, unique) + body)
    finally:
        libc.umount2(folder.encode(), 2)


if __name__ == "__main__":
    main(sys.argv[1])
