"""The one settings object: defaults, then `.env`, then the environment; the later one wins.

Defaults are the safe ones: no key, no order, no exchange reached but for public candles. Nothing is guessed: an unknown
key in `.env` is an error, an environment variable that looks like a misspelt setting a warning.
"""

from __future__ import annotations

import difflib
import os
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from dotenv.parser import Binding, parse_stream
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from thunes.errors import SettingsError, ThunesError

Limit = Annotated[Decimal, Field(ge=0, lt=10**12)]
Share = Annotated[Decimal, Field(ge=0, le=1)]
OUR_PREFIX = "THUNES_"  # settings have no prefix; whoever writes one means the name behind it


class Settings(BaseSettings):
    """What a user can set, each by its name in capitals. Frozen; money is `Decimal` in quote currency."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="forbid", frozen=True)

    environment: Literal["sim", "paper", "testnet", "live"] = "sim"
    default_symbol: Annotated[str, Field(pattern=r"^[A-Z0-9]{2,30}$")] = "BTCUSDT"
    default_interval: str = "1h"
    default_quote_amount: Annotated[Decimal, Field(gt=0, lt=10**12)] = Decimal(25)  # per entry
    max_loss_per_trade: Limit = Decimal(5)
    max_daily_loss: Limit = Decimal(20)
    max_positions: Annotated[int, Field(ge=0, le=1_000)] = 3
    cool_down_minutes: Annotated[int, Field(ge=0, le=525_600)] = 60  # after a losing exit
    risk_profile: Literal["tiny", "helios"] = "tiny"  # what bounds all that is not set above and below
    max_order_notional: Limit | None = None
    max_gross_exposure: Limit | None = None  # all that is held and being bought
    max_drawdown: Share | None = None  # fraction of the highest equity
    max_price_age_seconds: Annotated[Decimal, Field(ge=0, le=3_600)] | None = None
    max_price_deviation: Share | None = None  # fraction of the price decided on
    max_orders_per_bar: Annotated[int, Field(ge=0, le=1_000)] | None = None  # entries in one symbol
    max_orders_per_day: Annotated[int, Field(ge=0, le=10**6)] | None = None  # entries
    gate_max_p: Annotated[float, Field(gt=0, lt=1)] = 0.005  # of G1, the SPA test
    gate_min_recent_t: Annotated[float, Field(ge=-10, le=10)] = 0.5  # of G2
    gate_min_round_trips: Annotated[float, Field(ge=0, le=10**6)] = 10.0  # a year, of G0
    gate_min_exposure: Annotated[float, Field(ge=0, le=1)] = 0.05
    gate_max_exposure: Annotated[float, Field(ge=0, le=1)] = 0.95
    gate_min_years: Annotated[float, Field(ge=0, le=100)] = 2.0
    state_dir: Path = Path()  # holds logs/ artifacts/ store/ state/<environment>/
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    binance_data_url: str = "https://data-api.binance.vision"
    binance_archive_url: str = "https://data.binance.vision"
    binance_testnet_url: str = "https://testnet.binance.vision"
    binance_testnet_api_key: SecretStr | None = None
    binance_testnet_api_secret: SecretStr | None = None
    binance_api_key: SecretStr | None = None
    binance_api_secret: SecretStr | None = None
    telegram_bot_token: SecretStr | None = None
    telegram_chat_id: str | None = None

    @field_validator("state_dir")
    @classmethod
    def _home(cls, value: Path) -> Path:
        return value.expanduser()

    @field_validator("gate_max_exposure")
    @classmethod
    def _above_the_least(cls, value: float, info: ValidationInfo) -> float:
        if value <= info.data.get("gate_min_exposure", 0.0):
            raise ValueError("should be more than GATE_MIN_EXPOSURE")
        return value

    @field_validator("default_interval")
    @classmethod
    def _known_interval(cls, value: str) -> str:
        from thunes.model import interval_ms

        try:
            interval_ms(value)
        except ThunesError as error:
            raise ValueError(f"{error.message} {error.hint}") from error
        return value

    @field_validator("binance_data_url", "binance_archive_url", "binance_testnet_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if not re.fullmatch(r"https?://[^\s/@]+(/[^\s@]*)?", value):
            raise ValueError("should be an http or https address without a password")
        return value.rstrip("/")


NAMES = tuple(name.upper() for name in Settings.model_fields)
SECRETS = tuple(name.upper() for name, field in Settings.model_fields.items() if field.annotation == SecretStr | None)
ADDRESSES = ("BINANCE_DATA_URL", "BINANCE_ARCHIVE_URL", "BINANCE_TESTNET_URL")
UNSHOWN = (*SECRETS, *ADDRESSES)  # a refused address may hold a password


class SettingsWarning(UserWarning):
    """Something in the environment looks like a setting and is not one."""


class Assignment(NamedTuple):
    """A line of `.env`."""

    value: str
    line: int


@dataclass(frozen=True)
class LoadedSettings:
    """The settings in force, and for each name in capitals where its value comes from."""

    settings: Settings
    origins: Mapping[str, str]


def load_settings(folder: Path | None = None) -> Settings:
    """The settings in force for a folder (default: the current one) that may hold a `.env`."""
    return load_with_origins(folder).settings


def load_with_origins(folder: Path | None = None) -> LoadedSettings:
    """Load, saying of each value where it comes from.

    Errors: one `SettingsError` that names everything wrong at once, with file and line. Warns (`SettingsWarning`) of
    environment variables that look like misspelt settings.
    """
    path = (folder or Path()) / ".env"
    assignments, problems = _read(path)
    origins = {name: _origin(name, assignments, path.name) for name in NAMES}
    in_file = {name.lower(): assignments[name].value for name in NAMES if origins[name].startswith(path.name)}
    try:
        settings = Settings(**in_file)  # type: ignore[arg-type]  # text, which validation turns into each type
    except ValidationError as error:
        raise _refusal(problems + [_value_problem(e, origins) for e in error.errors()]) from None
    if problems:
        raise _refusal(problems)
    for text in misspelt(os.environ):
        warnings.warn(text, SettingsWarning, stacklevel=3)
    return LoadedSettings(settings, origins)


def misspelt(variables: Iterable[str]) -> list[str]:
    """A sentence for each variable that is nearly, but not, the name of a setting."""
    found = {v: _suggestion(v.upper()) for v in sorted(variables) if v.upper() not in NAMES}
    return [f"environment variable {v} is not a setting{suggestion}." for v, suggestion in found.items() if suggestion]


def _suggestion(name: str) -> str:
    near = difflib.get_close_matches(name.removeprefix(OUR_PREFIX), NAMES, n=1, cutoff=0.87)
    return f" (did you mean {near[0]}?)" if near else ""


def _read(path: Path) -> tuple[dict[str, Assignment], list[str]]:
    """The assignments of a `.env` by name, and a sentence for every wrong line; a missing file is an empty one."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            bindings = [b for b in parse_stream(file) if b.error or b.key]
    except FileNotFoundError:
        return {}, []
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError("E-SETTINGS-FILE", f"cannot read {path}: {error}.", "Make it a UTF-8 text file.") from error
    return _sort_out(path.name, bindings)


def _sort_out(file: str, bindings: list[Binding]) -> tuple[dict[str, Assignment], list[str]]:
    known: dict[str, Assignment] = {}
    problems = []
    for binding in bindings:
        name, line = (binding.key or "").upper(), _line(binding)
        if binding.error or binding.value is None:
            problems.append(f"{file}:{line} is not NAME=value")
        elif name not in NAMES:
            problems.append(f"{file}:{line} unknown key {binding.key}" + _suggestion(name))
        elif name in known:
            problems.append(f"{file}:{line} sets {name} again, after line {known[name].line}")
        else:
            known[name] = Assignment(binding.value, line)
    return known, problems


def _line(binding: Binding) -> int:
    """The line a statement stands on; the parser counts the blank lines before it as its own."""
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")


def _origin(name: str, assignments: Mapping[str, Assignment], file: str) -> str:
    if any(variable.upper() == name and value for variable, value in os.environ.items()):
        return "environment"
    if name in assignments and assignments[name].value:
        return f"{file}:{assignments[name].line}"
    return "default"


def _value_problem(error: Any, origins: Mapping[str, str]) -> str:
    name = str(error["loc"][0]).upper()
    shown = name if name in UNSHOWN else f"{name}={error['input']}"
    reason = error["msg"].removeprefix("Value error, ").removeprefix("Input ").rstrip(".?")
    return f"{origins[name]} {shown} {reason}"


def _refusal(problems: list[str]) -> SettingsError:
    return SettingsError("E-SETTINGS", "; ".join(problems) + ".", "Names and defaults: .env.example.")
