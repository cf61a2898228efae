"""What the commands print: results on stdout, talk on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from decimal import Decimal
from pathlib import PurePath
from threading import Timer
from typing import Any, TextIO

import orjson
from rich.console import Console

SCHEMA = 1  # grows when a field of any JSON output changes its meaning or goes
PATIENCE = 1.0  # seconds before anything moves on the screen

console = Console(highlight=False)  # the result, for people
talk = Console(stderr=True, highlight=False)  # everything else: progress, notes, banners


def emit_json(kind: str, payload: Mapping[str, Any]) -> None:
    """Print one JSON object on stdout: its kind, the schema version, then the payload. NaN and infinity become null."""
    options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    body = orjson.dumps({"kind": kind, "schema": SCHEMA, **payload}, default=_as_text, option=options)
    sys.stdout.write(body.decode() + "\n")


def _as_text(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"no JSON form for {type(value).__name__}")


def shown(line: str) -> str:
    """The line without what a terminal would obey: what people, exchanges and files say may hold control characters."""
    return "".join(character if character.isprintable() else "?" for character in line)


def mark(symbol: str, ascii_form: str) -> str:
    """The symbol where stderr can write it, else its ASCII form."""
    try:
        symbol.encode(sys.stderr.encoding or "ascii")
    except UnicodeEncodeError:
        return ascii_form
    return symbol


def strategy_prints() -> redirect_stdout[TextIO]:
    """Whatever a strategy's own code prints is talk: inside this, stdout is stderr."""
    return redirect_stdout(sys.stderr)


@contextmanager
def spinner(label: str) -> Iterator[None]:
    """Turn a wheel on stderr, if that is a terminal and the work takes more than a second."""
    status = talk.status(label)
    timer = Timer(PATIENCE, status.start)
    timer.daemon = True
    if talk.is_terminal:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if timer.is_alive():
            timer.join()
        status.stop()
