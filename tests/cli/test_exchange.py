"""`thunes exchange serve`: what it says, what it serves, how it ends."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from thunes.cli.app import main
from thunes.market.files import write_file
from thunes.market.synthetic import generate

SERVE = [sys.executable, "-m", "thunes", "exchange", "serve", "--port", "0", "--json"]
PATIENCE = 20  # seconds


class Served:
    """A running command, and the one JSON object that it printed."""

    def __init__(self, *options: str) -> None:
        self.process = subprocess.Popen(
            [*SERVE, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()
        self.said: dict[str, Any] = json.loads(line)
        self.client = httpx.Client(base_url=self.said["http"], trust_env=False)

    def stop(self, by: signal.Signals = signal.SIGINT) -> int:
        self.client.close()
        self.process.send_signal(by)
        self.process.communicate(timeout=PATIENCE)
        return self.process.returncode


@pytest.fixture
def stepped() -> Iterator[Served]:
    served = Served("--stepped", "--account", "ann:secret:USDT=500")
    yield served
    if served.process.poll() is None:
        served.stop()


@pytest.mark.loopback
def test_a_script_can_drive_it(stepped: Served) -> None:
    begun = stepped.client.get("/api/v3/time").json()["serverTime"]
    moved = stepped.client.post("/sim/v1/clock/advance", json={"bars": 2}).json()
    assert stepped.client.get("/api/v3/time").json()["serverTime"] > begun
    assert moved
    assert [row["name"] for row in stepped.client.get("/sim/v1/accounts").json()] == ["ann"]
    conserved = stepped.client.get("/sim/v1/conservation").json()
    assert conserved["USDT"]["difference"] == "0"


@pytest.mark.loopback
def test_it_says_what_it_is(stepped: Served) -> None:
    said = stepped.said
    assert said["kind"] == "exchange"
    assert said["http"].startswith("http://127.0.0.1:")
    assert said["ws"].startswith("ws://127.0.0.1:")
    assert said["timestamps"].startswith("not checked")
    assert "stepped" in said["time"]
    assert "token" not in said


@pytest.mark.loopback
@pytest.mark.parametrize(("by", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_it_ends_in_good_order(by: signal.Signals, code: int) -> None:
    assert Served("--stepped").stop(by) == code


@pytest.mark.loopback
def test_klines_have_a_past_at_once() -> None:
    served = Served("--limits", "off")
    rows = served.client.get("/api/v3/klines", params={"symbol": "BTCUSDT", "interval": "1h", "limit": 1000}).json()
    assert len(rows) == 1_000
    assert served.said["limits"].startswith("OFF")
    served.stop()


@pytest.mark.loopback
def test_files_and_a_state_folder(tmp_path: Path) -> None:
    for symbol in ("BTCUSDT", "ETHUSDT"):
        write_file(generate(symbol, "1h", 50, seed=1), tmp_path / f"{symbol}-1h.parquet")
    options = ["--data", "BTCUSDT-1h.parquet,ETHUSDT-1h.parquet", "--stepped", "--state", "state"]
    served = Served(*options)
    assert served.said["symbols"] == "BTCUSDT, ETHUSDT"
    served.client.post("/sim/v1/accounts/key/deposit", json={"asset": "USDT", "amount": "5"})
    now = served.client.post("/sim/v1/clock/advance", json={"bars": 3}).json()
    served.stop(signal.SIGKILL)
    again = Served(*options)
    assert again.client.get("/sim/v1/conservation").json()["USDT"]["deposits"] == "10005"
    assert again.client.get("/sim/v1/clock").json()["now"] == now["now"]
    again.stop()


@pytest.mark.loopback
def test_beyond_loopback_the_control_needs_its_token() -> None:
    served = Served("--host", "0.0.0.0", "--stepped")  # noqa: S104
    url = f"http://127.0.0.1:{served.said['http'].rpartition(':')[2]}/sim/v1/clock"
    token = served.said["token"].split()[0]
    assert httpx.get(url, trust_env=False).status_code == 401
    assert httpx.get(url, headers={"X-Sim-Token": token}, trust_env=False).status_code == 200
    served.stop()


@pytest.mark.loopback
def test_without_control_there_is_none() -> None:
    served = Served("--no-control", "--stepped")
    assert served.client.get("/sim/v1/clock").status_code == 404
    served.stop()


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--stepped", "--speed", "2"], 2, "E-SPEED"),
        (["--speed", "0"], 2, "E-SPEED"),
        (["--account", "nonsense"], 2, "E-ACCOUNT"),
        (["--data", "missing.csv"], 4, "missing.csv"),
        (["--start", "1999-01-01"], 2, "E-EXCHANGE-START"),
        (["--exchange-info", "missing.json"], 4, "E-EXCHANGE-INFO"),
        (["--port", "99999"], 2, "port"),
        (["--symbol", "NOPE"], 4, "E-EXCHANGE-SYMBOL"),
    ],
)
def test_what_is_wrong_is_one_line(
    options: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["exchange", "serve", *options]) == code
    assert said in capsys.readouterr().err


@pytest.mark.loopback
def test_a_port_that_is_taken_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["exchange", "serve", "--port", str(taken.getsockname()[1])]) == 5
    assert "E-PORT" in capsys.readouterr().err


def test_the_command_alone_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exchange"]) == 0
    assert "serve" in capsys.readouterr().out
