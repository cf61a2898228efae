"""The rules of tests/conftest.py hold."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from thunes.settings import NAMES

REFUSED = (RuntimeError, UserWarning)  # pytest-socket warns too, and a warning is an error here


def test_a_test_has_no_sockets() -> None:
    with pytest.raises(REFUSED):
        socket.create_connection(("127.0.0.1", 9))
    with pytest.raises(REFUSED):
        socket.getaddrinfo("localhost", 80)


@pytest.mark.loopback
def test_a_loopback_test_reaches_this_machine_and_no_other() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    with pytest.raises(REFUSED):
        socket.create_connection(("192.0.2.1", 80), timeout=0.1)


def test_a_test_starts_in_an_empty_folder_without_our_settings(tmp_path: Path) -> None:
    assert Path.cwd() == tmp_path
    assert not list(tmp_path.iterdir())
    assert not {name.upper() for name in os.environ} & set(NAMES)
