"""`thunes exchange`: a local exchange that speaks Binance Spot, on a port of this machine."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from thunes.cli.options import Interval, Json

if TYPE_CHECKING:
    from thunes.model import Candles
    from thunes.simulator.exchange import Exchange
    from thunes.simulator.server.host import Host
    from thunes.simulator.server.parts import Parts

app = typer.Typer(rich_markup_mode="rich")

DEFAULT_DATA = "synthetic:7"
DEFAULT_SPEED = 60.0  # a minute of the market each second: something happens while one looks
DEFAULT_ACCOUNT = "key:secret:USDT=10000,BTC=0.5"
PAST = 1_000  # candles before the start, so that klines have a past

Switch = Literal["on", "off"]


@app.callback(invoke_without_command=True)
def exchange(context: typer.Context) -> None:
    """A local exchange for any Binance client: REST, WebSocket API, streams, and faults on demand."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def serve(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: a free one.")] = 9750,
    data: Annotated[str, typer.Option(metavar="SOURCE[,FILE…]", help="synthetic:SEED, or files.")] = DEFAULT_DATA,
    symbol: Annotated[list[str] | None, typer.Option(help="One for each part of --data.")] = None,
    interval: Interval = None,
    account: Annotated[list[str] | None, typer.Option(metavar="KEY:SECRET:ASSET=AMOUNT,…")] = None,
    speed: Annotated[float | None, typer.Option(help="Times the wall's pace. Default: 60.", show_default=False)] = None,
    stepped: Annotated[bool, typer.Option("--stepped", help="Time moves only by POST /sim/v1/clock/advance.")] = False,
    start: Annotated[str | None, typer.Option(help="UTC. Default: after the first 1,000 candles.")] = None,
    exchange_info: Annotated[Path | None, typer.Option(help="A dump of exchangeInfo, .json or .json.gz.")] = None,
    state: Annotated[Path | None, typer.Option(help="A folder to restart from. Default: begin afresh.")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    limits: Annotated[Literal["real", "off"], typer.Option(help="Weights, order counts, bans.")] = "real",
    time_checks: Annotated[Switch | None, typer.Option(help="Of timestamps. Default: on at speed 1.")] = None,
    host: Annotated[str, typer.Option(help="Beyond loopback the control API asks for a token.")] = "127.0.0.1",
    control: Annotated[bool, typer.Option("--control/--no-control", help="The API under /sim/v1.")] = True,
    as_json: Json = False,
) -> None:
    """Serve until Ctrl-C. Without --account there is one: key:secret with 10,000 USDT and 0.5 BTC.

    Example: thunes exchange serve --data synthetic:7 --speed 60
    """
    from thunes.errors import UsageError
    from thunes.simulator.server.build import Given, started
    from thunes.simulator.server.customers import parse_account
    from thunes.simulator.server.host import Host
    from thunes.simulator.server.parts import Options, new_token

    if stepped and speed is not None:
        raise UsageError("E-SPEED", "stepped time has no speed.", "Give one of --stepped and --speed.")
    accounts = [parse_account(text) for text in account or [DEFAULT_ACCOUNT]]
    if len({one.api_key for one in accounts}) < len(accounts):
        raise UsageError("E-ACCOUNT", "two accounts have the same key.", "Give each a key of its own.")
    candles = _load(data, symbol or [], interval)
    options = Options(
        limits=limits == "real",
        time_checks=None if time_checks is None else time_checks == "on",
        control=control,
        token=new_token(host),
        hosts=(host,),
    )
    begin = start or _after_the_past(candles)
    pace = None if stepped else DEFAULT_SPEED if speed is None else speed
    given = Given(candles, exchange_info, begin, speed=pace, seed=seed)
    with started(given, accounts, options, state) as parts:
        server = Host(parts, host, port)
        server.on_ready = lambda: _announce(server, parts, state, as_json=as_json)
        server.serve_alone()
    if server.stopped_by == signal.SIGINT:
        raise KeyboardInterrupt


def _load(data: str, symbols: list[str], interval: str | None) -> list[Candles]:
    from thunes.cli.loading import load_candles
    from thunes.errors import UsageError

    files = [data] if data.startswith("synthetic") else data.split(",")
    if not all(files):
        raise UsageError("E-EXCHANGE-DATA", f"--data {data!r} has a part that is empty.", "Give a source or files.")
    names: list[str | None] = [*symbols] if symbols else [None] * len(files)
    if len(files) == 1:
        return [load_candles(name, interval, data) for name in names]
    if len(names) != len(files):
        raise UsageError("E-EXCHANGE-DATA", f"{len(names)} symbols for {len(files)} files.", "Give one for each.")
    return [load_candles(name, interval, file) for name, file in zip(names, files, strict=True)]


def _after_the_past(candles: list[Candles]) -> int:
    """The open time at which the longest past that was asked for is there, at most half of the candles."""
    first = candles[0].open_time
    return int(first[min(PAST, first.size // 2)])


def _announce(server: Host, parts: Parts, state: Path | None, *, as_json: bool) -> None:
    from thunes.cli.output import console, emit_json

    facts = _facts(server, parts, state)
    if as_json:
        emit_json("exchange", facts)
    else:
        for name, value in facts.items():
            console.print(f"{name:<12}{value}", markup=False, soft_wrap=True)
        console.print("Ctrl-C stops it.")
    console.file.flush()


def _facts(server: Host, parts: Parts, state: Path | None) -> dict[str, object]:
    from thunes.clock import iso

    exchange = parts.exchange
    facts: dict[str, object] = {
        "http": f"http://{server.address}",
        "ws": f"ws://{server.address}",
        "symbols": ", ".join(exchange.feed.symbols),
        "accounts": ", ".join(exchange.customers),
        "time": f"{iso(exchange.now_ms)} UTC, {_pace(exchange)}; candles end {iso(exchange.feed.end_ms)}",
        "timestamps": "checked" if parts.time_checks else "not checked: no client's clock can follow this time",
        "limits": "real" if parts.options.limits else "OFF: nothing is refused for asking too often",
        "control": "/sim/v1" if parts.control else "off",
        "state": str(state) if state else "none: a restart begins afresh",
    }
    if parts.options.token:
        facts["token"] = f"{parts.options.token} (header X-Sim-Token)"
    return facts


def _pace(exchange: Exchange) -> str:
    return "stepped" if exchange.speed is None else f"{exchange.speed:g} × the wall's pace"
