"""What a command writes is read to the last byte, wherever it stands when reading begins."""

from __future__ import annotations

import http.client
import socket
import threading
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.engine import hijacked

PIECES = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(min_size=1, max_size=200)))


def framed(pieces: list[tuple[int, bytes]]) -> bytes:
    """The pieces as an engine sends them."""
    return b"".join(
        bytes([kind, 0, 0, 0]) + len(piece).to_bytes(4, "big") + piece for kind, piece in pieces
    )


def _send(connection: socket.socket, content: bytes) -> None:
    connection.sendall(content)
    connection.close()


def answered(body: bytes) -> list[tuple[int, bytes]]:
    """What is read of an answer whose body comes with its header, from a real connection."""
    near, far = socket.socketpair()
    with near, far:
        head = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
        sender = threading.Thread(target=_send, args=(far, head + body))
        sender.start()
        response = http.client.HTTPResponse(near)
        response.begin()
        # As docker-py hands it out: the bare socket, and the response hung on it.
        stream = SimpleNamespace(
            _response=SimpleNamespace(raw=SimpleNamespace(_fp=response)), recv=near.recv
        )
        found = list(hijacked.frames(stream))
        sender.join()
        return found


def test_a_command_may_be_silent_for_longer_than_a_call() -> None:
    """Without its time limit a connection is waited on, until somebody has something to say."""
    near, far = socket.socketpair()
    with near, far:
        near.settimeout(0.01)
        stream = near.makefile("rb", buffering=0)
        with pytest.raises(TimeoutError):
            stream.read(1)
        near.settimeout(0.01)
        again = near.makefile("rb", buffering=0)

        hijacked.wait_on(again)

        assert near.gettimeout() is None


@given(PIECES)
def test_what_came_with_the_header_is_not_lost(pieces: list[tuple[int, bytes]]) -> None:
    """Every piece of both streams is read, in order, although all of it came at once."""
    found = answered(framed(pieces))

    for kind in (1, 2):
        assert b"".join(piece for each, piece in found if each == kind) == b"".join(
            piece for each, piece in pieces if each == kind
        )


@pytest.mark.parametrize("length", [1, 7, 8, 11])
def test_a_connection_that_ends_early_is_an_end(length: int) -> None:
    """Where the engine dies in the middle of a frame, what came of it is all there is."""
    found = answered(framed([(1, b"four")])[:length])

    assert b"".join(piece for _, piece in found) == b"four"[: max(0, length - 8)]
