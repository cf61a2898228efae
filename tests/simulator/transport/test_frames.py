from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from thunes.simulator.transport.frames import PING, PONG, frame, text_frame


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 200_000])
def test_a_text_frame_is_that_of_websockets(size: int) -> None:
    payload = b"x" * size
    assert text_frame(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)


@given(st.binary(max_size=125))
def test_control_frames_are_those_of_websockets(payload: bytes) -> None:
    assert frame(PING, payload) == Frame(Opcode.PING, payload).serialize(mask=False)
    assert frame(PONG, payload) == Frame(Opcode.PONG, payload).serialize(mask=False)
