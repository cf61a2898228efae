"""A new strategy to start from: two short files that pass as written."""

from __future__ import annotations

import keyword
import sys
from importlib.util import find_spec
from pathlib import Path

from thunes.errors import UsageError

STRATEGY = '''"""{cls}: say here why it should earn money, and for whom."""

from thunes import Line, Strategy, indicators, param


class {cls}(Strategy):
    """Long while the close is above its own average, flat otherwise."""

    window: int = param(50, "bars", first=10, last=200)

    lines = {{"mean": Line(indicators.sma, "close", "window")}}

    @staticmethod
    def rule(held, close, mean):
        return close > mean
'''

TEST = """from pathlib import Path

import thunes

STRATEGY = str(Path(__file__).with_name("{name}.py")) + ":{cls}"
CANDLES = thunes.load_candles("BTCUSDT", "1h", data="synthetic:1", last=1000)


def test_no_future_changes_the_past():
    report = thunes.check_lookahead(STRATEGY, CANDLES)
    assert report.passed, report


def test_it_trades():
    assert thunes.backtest(STRATEGY, CANDLES).stats["trades"] > 0
"""


def write_strategy(name: str, folder: Path) -> tuple[Path, Path]:
    """Write NAME.py and test_NAME.py into a folder; both or, with a `UsageError`, neither."""
    cls = class_name(name)
    contents = {
        folder / f"{name}.py": STRATEGY.format(cls=cls),
        folder / f"test_{name}.py": TEST.format(name=name, cls=cls),
    }
    for path in contents:
        if path.exists():
            raise UsageError("E-NEW-EXISTS", f"{path.name} exists.", "Choose another name, or move it away.")
    try:
        for path, text in contents.items():
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        for path in contents:
            path.unlink(missing_ok=True)
        raise UsageError("E-NEW-FOLDER", f"cannot write here: {error.strerror}.", "Change to another folder.") from None
    strategy, test = contents
    return strategy, test


def class_name(name: str) -> str:
    """`my_idea` → `MyIdea`; refuses what cannot be imported, or would hide a module that others import."""
    cls = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    if not (name.isidentifier() and cls.isidentifier()) or keyword.iskeyword(name) or keyword.iskeyword(cls):
        raise UsageError("E-NEW-NAME", f"{name!r} is no Python name.", "Use letters, digits and _, such as my_idea.")
    if name in sys.stdlib_module_names or _installed(name):
        raise UsageError("E-NEW-NAME", f"{name}.py would hide the module {name!r}.", f"Try my_{name}.")
    return cls


def _installed(name: str) -> bool:
    """Whether importing this name finds something that lies elsewhere than here."""
    spec = find_spec(name)
    return spec is not None and spec.origin is not None and Path(spec.origin).parent != Path.cwd()
