"""The command `thunes`: its commands, and how an error becomes one line and an exit code."""

from __future__ import annotations

import io
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from thunes.cli import (
    audit,
    backtest,
    data,
    decay,
    exchange,
    flatten,
    optimize,
    orders,
    paper,
    parity,
    promote,
    promoted,
    reoptimize,
    risk,
    settings,
    strategies,
    sweep,
    unpause,
    version,
    walk_forward,
    why,
)
from thunes.cli.output import mark, shown
from thunes.errors import DataError, ThunesError

EXIT_CODES = (
    "Exit codes: 0 done, 1 failed, 2 usage, 3 settings, 4 data missing, stale or bad, 5 exchange or network, "
    "6 gate refused, 7 risk halted, 8 reconcile mismatch, 9 lock held, 130 interrupted."
)

INTERRUPTED = 130

app = typer.Typer(name="thunes", epilog=EXIT_CODES, pretty_exceptions_enable=False, rich_markup_mode="rich")


@app.callback(invoke_without_command=True)
def thunes(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Research crypto strategies on candles; every number is checked against vectorbt.

    Example: thunes backtest --strategy sma_cross --data synthetic:7
    """
    context.obj["debug"] = debug
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


app.command()(backtest.backtest)
app.command()(sweep.sweep)
app.command()(optimize.optimize)
app.command()(promote.promote)
app.command()(paper.paper)
app.command()(parity.parity)
app.command()(risk.risk)
app.command()(risk.kill)
app.command()(risk.resume)
app.command()(unpause.unpause)
app.command()(flatten.flatten)
app.command()(orders.positions)
app.command()(orders.balance)
app.command()(orders.orders)
app.command()(why.why)
app.command("walk-forward")(walk_forward.walk_forward)
app.command("new-strategy")(strategies.new_strategy)
app.command()(decay.decay)
app.command()(reoptimize.reoptimize)
app.command()(settings.settings)
app.command()(version.version)
app.add_typer(audit.app, name="audit")
app.add_typer(data.app, name="data")
app.add_typer(exchange.app, name="exchange")
app.add_typer(orders.app, name="order")
app.add_typer(promoted.app, name="promoted")
app.add_typer(strategies.app, name="strategies")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; a bug's exception passes through."""
    with warnings.catch_warnings():
        warnings.showwarning = _note
        return _run(argv)


def _run(argv: Sequence[str] | None) -> int:
    options = {"debug": False}
    try:
        code = app(args=argv, prog_name="thunes", standalone_mode=False, obj=options)
        sys.stdout.flush()
    except ThunesError as error:
        if options["debug"]:
            traceback.print_exc()
        return _complain(str(error), error.exit_code)
    except typer.TyperException as error:
        return _complain(_usage_line(error), error.exit_code)
    except (typer.Abort, KeyboardInterrupt):  # typer turns the one into the other, but not everywhere
        code = INTERRUPTED
    except BrokenPipeError:
        return _close_stdout()
    except OSError as error:
        return _refused(error, options["debug"])
    if code == INTERRUPTED:  # what typer makes of a KeyboardInterrupt
        return _complain("interrupted. [E-INTERRUPTED]", INTERRUPTED)
    return code if isinstance(code, int) else 0


def run() -> None:
    """The console script: a closed stream takes nothing, and what one cannot encode becomes a question mark."""
    sys.stdout, sys.stderr = (stream or Path(os.devnull).open("w") for stream in (sys.stdout, sys.stderr))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    sys.exit(main())


def _note(message: Warning | str, *_: object, **__: object) -> None:
    """A warning as one line on stderr."""
    sys.stderr.write(f"! {' '.join(str(message).split())}\n")


def _complain(line: str, code: int) -> int:
    """One line on stderr; a control byte, which a file's header may hold, must not reach the terminal."""
    sys.stderr.write(f"{mark('✗', 'x')} {shown(' '.join(line.split()))}\n")
    return code


def _refused(error: OSError, debug: bool) -> int:
    """What the operating system did not let us do: with a file, which is data, or with our own output."""
    if debug:
        traceback.print_exc()
    if error.filename is None:
        _close_stdout()
        return _complain(f"cannot write the output: {error.strerror or error}. [E-OUTPUT]", 1)
    return _complain(f"{error.filename}: {error.strerror}. [E-FILE]", DataError.exit_code)


def _usage_line(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    hint = f" See '{context.command_path} --help'." if context else ""
    message = error.format_message()
    return f"{message}{'' if message.endswith(('.', '?')) else '.'}{hint} [E-USAGE]"


def _close_stdout() -> int:
    """The reader of our pipe has gone: say nothing, also not when Python flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
