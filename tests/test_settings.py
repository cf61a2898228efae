from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from thunes.cli.app import main
from thunes.errors import SettingsError
from thunes.settings import (
    NAMES,
    SECRETS,
    Settings,
    SettingsWarning,
    load_settings,
    load_with_origins,
    misspelt,
)

PLANTED = "wHj7planted9secret"  # pragma: allowlist secret


def write(text: str) -> None:
    Path(".env").write_text(text, encoding="utf-8")


def refusal() -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert caught.value.exit_code == 3
    return str(caught.value)


def test_the_defaults_reach_no_exchange_and_hold_no_key() -> None:
    settings = load_settings()
    assert settings.environment == "sim"
    assert all(getattr(settings, name.lower()) is None for name in SECRETS)


def test_the_example_file_names_every_setting_with_its_default(root: Path) -> None:
    write((root / ".env.example").read_text())
    lines = [line.partition("=") for line in Path(".env").read_text().splitlines() if line and line[0] != "#"]
    assert sorted(name for name, *_ in lines) == sorted(NAMES)
    assert load_settings() == Settings()


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    write("MAX_POSITIONS=5\n\n# a comment\nMAX_DAILY_LOSS=7.50\n")
    monkeypatch.setenv("MAX_POSITIONS", "9")
    loaded = load_with_origins()
    assert (loaded.settings.max_positions, loaded.origins["MAX_POSITIONS"]) == (9, "environment")
    assert (loaded.settings.max_daily_loss, loaded.origins["MAX_DAILY_LOSS"]) == (Decimal("7.50"), ".env:4")
    assert (loaded.settings.log_level, loaded.origins["LOG_LEVEL"]) == ("INFO", "default")


def test_an_empty_value_means_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    write("BINANCE_API_KEY=\nMAX_POSITIONS=5\n")
    monkeypatch.setenv("MAX_POSITIONS", "")
    loaded = load_with_origins()
    assert loaded.settings.binance_api_key is None
    assert (loaded.settings.max_positions, loaded.origins["MAX_POSITIONS"]) == (5, ".env:2")


def test_everything_wrong_is_named_at_once_with_file_and_line(monkeypatch: pytest.MonkeyPatch) -> None:
    write("ENVIROMENT=live\n\nMAX_DAILY_LOSS=-4\nMAX_DAILY_LOSS=5\nno assignment\nXYZ=\nLOG_LEVEL=loud\n")
    monkeypatch.setenv("MAX_POSITIONS", "many")
    message = refusal()
    for problem in (
        ".env:1 unknown key ENVIROMENT (did you mean ENVIRONMENT?)",
        ".env:3 MAX_DAILY_LOSS=-4 should be greater than or equal to 0",
        ".env:4 sets MAX_DAILY_LOSS again, after line 3",
        ".env:5 is not NAME=value",
        ".env:6 unknown key XYZ",
        ".env:7 LOG_LEVEL=loud should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'",
        "environment MAX_POSITIONS=many should be a valid integer",
    ):
        assert problem in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "line",
    [
        "MAX_LOSS_PER_TRADE=-0.01",
        "MAX_POSITIONS=-1",
        "MAX_POSITIONS=99999999999999999999",
        "MAX_DAILY_LOSS=1e999999",
        "COOL_DOWN_MINUTES=-1",
        "DEFAULT_QUOTE_AMOUNT=0",
        "MAX_DAILY_LOSS=NaN",
        "MAX_DAILY_LOSS=Infinity",
        "MAX_POSITIONS=1.5",
        "ENVIRONMENT=production",
        "DEFAULT_SYMBOL=btc/usdt",
        "DEFAULT_INTERVAL=1H",
        "BINANCE_DATA_URL=ftp://example.org",
    ],
)
def test_a_value_out_of_range_is_refused(line: str) -> None:
    write(line)
    assert f".env:1 {line.partition('=')[0]}" in refusal()


@given(st.decimals(min_value=0, max_value=10**9, places=8))
def test_money_is_kept_to_the_last_digit(amount: Decimal) -> None:
    write(f"MAX_DAILY_LOSS={amount:f}")
    assert load_settings().max_daily_loss == amount


def test_a_file_that_is_no_text_is_refused() -> None:
    Path(".env").write_bytes(b"MAX_POSITIONS=\xff\xfe")
    assert "E-SETTINGS-FILE" in refusal()


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().max_positions = 4


def test_a_misspelt_variable_is_warned_about_and_an_unrelated_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_POSITION", "9")
    with pytest.warns(SettingsWarning, match=r"MAX_POSITION is not a setting \(did you mean MAX_POSITIONS\?\)"):
        assert load_settings().max_positions == 3
    assert misspelt(["THUNES_ENVIRONMENT"]) == [
        "environment variable THUNES_ENVIRONMENT is not a setting (did you mean ENVIRONMENT?)."
    ]
    assert misspelt(["PATH", "HOME", "LANG", "VIRTUAL_ENV", "PYTHONPATH", "LOG_FILE", "API_KEY", *NAMES]) == []


@pytest.mark.parametrize("where", ["file", "environment"])
def test_a_secret_appears_in_no_output(
    where: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, name in enumerate(SECRETS):
        if where == "file":
            write("".join(f"{secret}={PLANTED}\n" for secret in SECRETS[: number + 1]))
        else:
            monkeypatch.setenv(name, PLANTED)
    settings = load_settings()
    assert settings.binance_api_key is not None
    assert settings.binance_api_key.get_secret_value() == PLANTED
    outputs = [repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())]
    outputs += [repr(load_with_origins())]
    for command in (["settings"], ["settings", "--json"], ["--debug", "settings"]):
        assert main(command) == 0
        outputs += capsys.readouterr()
    assert not [output for output in outputs if PLANTED in output]


def test_a_refusal_shows_neither_a_secret_nor_an_address_with_a_password(capsys: pytest.CaptureFixture[str]) -> None:
    write(f"BINANCE_API_KEYS={PLANTED}\nBINANCE_DATA_URL=https://me:{PLANTED}@example.org\nMAX_POSITIONS=-1\n")
    assert main(["--debug", "settings"]) == 3
    talk = capsys.readouterr().err
    assert "BINANCE_DATA_URL should be an http or https address without a password" in talk
    assert PLANTED not in talk


def test_settings_as_json_give_value_and_origin(capsys: pytest.CaptureFixture[str]) -> None:
    write("MAX_DAILY_LOSS=7.50\nTELEGRAM_BOT_TOKEN=12345\n")
    assert main(["settings", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["kind"], printed["schema"]) == ("settings", 1)
    assert printed["settings"]["MAX_DAILY_LOSS"] == {"value": "7.50", "origin": ".env:1"}
    assert printed["settings"]["TELEGRAM_BOT_TOKEN"] == {"value": "**********", "origin": ".env:2"}
    assert printed["settings"]["BINANCE_API_KEY"] == {"value": None, "origin": "default"}


def test_the_table_fits_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80
