"""Strategies by name, by entry point and by path. Nothing is imported before it is asked for."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from thunes.errors import StrategyError, ThunesError, UsageError, did_you_mean
from thunes.strategies.base import Strategy, where

GROUP = "thunes.strategies"
BUILT_IN = {
    "bollinger_reversion": "BollingerReversion",
    "buy_and_hold": "BuyAndHold",
    "donchian_breakout": "DonchianBreakout",
    "ema_cross": "EmaCross",
    "macd_trend": "MacdTrend",
    "rsi_reversion": "RsiReversion",
    "sma_cross": "SmaCross",
}
HASH = "__thunes_source_hash__"  # of a module: what its file said when it was imported


def names() -> list[str]:
    """All registered names: the built-in ones and those of installed packages."""
    return sorted({*BUILT_IN, *_installed()})


def load(name_or_path: str) -> type[Strategy]:
    """The strategy class of a registered name, or of ``FILE.py:Class`` (``FILE.py`` where it defines only one).

    A file is imported anew whenever its content has changed, so editing and loading again works in one process.

    Errors: `UsageError` for an unknown name, file or class; `StrategyError` for a file that cannot be imported.
    """
    path, _, wanted = name_or_path.partition(":")
    if path.endswith(".py"):
        return _chosen(_imported(Path(path)), path, wanted)
    if name_or_path in BUILT_IN:
        return _checked(getattr(importlib.import_module(f"thunes.strategies.{name_or_path}"), BUILT_IN[name_or_path]))
    if (entry := _installed().get(name_or_path)) is not None:
        return _from_package(entry)
    hint = did_you_mean(name_or_path, names())
    raise UsageError("E-STRATEGY-UNKNOWN", f"unknown strategy {name_or_path!r}.", f"{hint} A file: FILE.py:Class.")


def source_hash(strategy: type[Strategy]) -> str:
    """SHA-256, in hex, of the file that defines a strategy, as it was read before it was imported.

    Empty where there is no file, as in a notebook: such a strategy can be researched, not promoted.
    """
    recorded = getattr(sys.modules.get(strategy.__module__), HASH, None)
    if recorded is not None:
        return str(recorded)
    try:
        return hashlib.sha256(Path(inspect.getfile(strategy)).read_bytes()).hexdigest()
    except (TypeError, OSError):
        return ""


def _installed() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def _from_package(entry: EntryPoint) -> type[Strategy]:
    try:
        digest = _digest_of_module(entry.module)
        strategy = _checked(entry.load())
        if digest and not hasattr(sys.modules[entry.module], HASH):
            setattr(sys.modules[entry.module], HASH, digest)
    except ThunesError:
        raise
    except (Exception, SystemExit) as error:
        raise StrategyError("E-STRATEGY-IMPORT", f"{entry.name} = {entry.value} raised {where(error)}.") from error
    return strategy


def _digest_of_module(name: str) -> str:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        return ""
    return hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest()


def _imported(path: Path) -> ModuleType:
    """The module of a file, under a name of its own for each place and content; hashed first, then run."""
    try:
        source = path.read_bytes()
    except OSError as error:
        raise UsageError("E-STRATEGY-FILE", f"cannot read {path}: {error.strerror}.") from error
    digest = hashlib.sha256(source).hexdigest()
    place = hashlib.sha256(f"{path.resolve()}\n{digest}".encode()).hexdigest()[:16]
    name = f"thunes_strategy_{path.stem}_{place}"
    if name not in sys.modules:
        module = ModuleType(name)
        vars(module).update({"__file__": str(path), HASH: digest})
        sys.modules[name] = module  # dataclasses look their module up there
        try:
            _run(source, module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def _run(source: bytes, module: ModuleType) -> None:
    path = str(module.__file__)
    try:
        code = compile(source, path, "exec")
    except SyntaxError as error:
        raise StrategyError("E-STRATEGY-SYNTAX", f"{path}:{error.lineno}: {error.msg}.") from error
    except ValueError as error:  # null bytes, to a Python before 3.11.4
        raise StrategyError("E-STRATEGY-SYNTAX", f"{path}: {error}.") from error
    try:
        exec(code, vars(module))  # noqa: S102 the very bytes that were hashed
    except ThunesError:
        raise
    except (Exception, SystemExit) as error:
        raise StrategyError("E-STRATEGY-IMPORT", f"importing {path} raised {where(error, path)}.") from error


def _chosen(module: ModuleType, path: str, wanted: str) -> type[Strategy]:
    """The strategy of that name that the file itself defines; its only one where no name is given."""
    found = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Strategy) and value.__module__ == module.__name__
    }
    if not found:
        raise UsageError("E-STRATEGY-UNKNOWN", f"{path} defines no subclass of thunes.Strategy.")
    if not wanted and len(found) == 1:
        return next(iter(found.values()))
    if wanted not in found:
        what = f"{path} defines no strategy {wanted!r}." if wanted else f"{path} defines several strategies: name one."
        raise UsageError("E-STRATEGY-UNKNOWN", what, did_you_mean(wanted, found))
    return found[wanted]


def _checked(value: object) -> type[Strategy]:
    if isinstance(value, type) and issubclass(value, Strategy):
        return value
    raise StrategyError("E-STRATEGY-CLASS", f"{value!r} is no subclass of thunes.Strategy.")
