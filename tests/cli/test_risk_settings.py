"""Limits from the settings: each wins over its profile, and those that cannot work are told before anything starts."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from tests.cli.desk import ENTRY, Run, facts, promote

from thunes.cli.limits import limits_of, order_amount
from thunes.errors import SettingsError
from thunes.risk.limits import PROFILES
from thunes.settings import Settings, load_settings

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent

EACH = {  # setting: what is set, the limit, what it becomes
    "MAX_LOSS_PER_TRADE": ("7", "loss_per_trade", Decimal(7)),
    "MAX_DAILY_LOSS": ("30.5", "daily_loss", Decimal("30.5")),
    "MAX_POSITIONS": ("2", "positions", 2),
    "COOL_DOWN_MINUTES": ("5", "cool_down_minutes", 5),
    "MAX_ORDER_NOTIONAL": ("26", "order_notional", Decimal(26)),
    "MAX_GROSS_EXPOSURE": ("77", "gross_exposure", Decimal(77)),
    "MAX_DRAWDOWN": ("0.1", "drawdown", Decimal("0.1")),
    "MAX_PRICE_AGE_SECONDS": ("2.5", "price_age_ms", 2_500),
    "MAX_PRICE_DEVIATION": ("0.005", "price_deviation", Decimal("0.005")),
    "MAX_ORDERS_PER_BAR": ("1", "orders_per_bar", 1),
    "MAX_ORDERS_PER_DAY": ("4", "orders_per_day", 4),
}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("setting", EACH)
def test_each_limit_that_is_set_wins_over_its_profile_and_touches_no_other(
    setting: str, profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, limit, value = EACH[setting]
    monkeypatch.setenv("RISK_PROFILE", profile)
    before = vars(limits_of(load_settings()))
    monkeypatch.setenv(setting, text)
    assert before == vars(PROFILES[profile])
    assert vars(limits_of(load_settings())) == {**before, limit: value}


def test_every_limit_can_be_set_and_is_shown_as_it_is_in_force(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for setting, (text, *_) in EACH.items():
        monkeypatch.setenv(setting, text)
    told = facts(run, "risk")["limits"]
    assert told == {limit: str(value) if isinstance(value, Decimal) else value for _, limit, value in EACH.values()}
    assert told.keys() == vars(PROFILES["tiny"]).keys()


@pytest.mark.parametrize("setting", EACH)
def test_a_limit_that_is_none_is_refused(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("-1", "NaN", "1e999", "much"):
        monkeypatch.setenv(setting, value)
        with pytest.raises(SettingsError, match=f"environment {setting}={value} should be "):
            load_settings()


@pytest.mark.parametrize("words", [["paper"], ["risk"], ["order", "preview", "BTCUSDT", "BUY", "25"]])
def test_an_absurd_limit_is_one_clear_line(words: list[str], run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_DRAWDOWN", "1.5")
    code, out, err = run(*words)
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert err.startswith("✗ environment MAX_DRAWDOWN=1.5 should be less than or equal to 1. ")
    assert err.endswith("[E-SETTINGS]\n")


@pytest.mark.covers("pitfall X13")
@pytest.mark.parametrize(
    "set_to",
    [
        {"DEFAULT_QUOTE_AMOUNT": "26"},
        {"MAX_ORDER_NOTIONAL": "10"},
        {"MAX_LOSS_PER_TRADE": "4.99"},
        {"MAX_GROSS_EXPOSURE": "24"},
        {"MAX_POSITIONS": "0"},
        {"MAX_DAILY_LOSS": "4"},
        {"RISK_PROFILE": "helios", "MAX_LOSS_PER_TRADE": "5"},
    ],
)
def test_limits_that_no_entry_could_keep_are_told_before_anything_starts(
    set_to: dict[str, str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote()
    for name, value in set_to.items():
        monkeypatch.setenv(name, value)
    for words in (["paper"], ["order", "preview", "BTCUSDT", "BUY", "10"]):
        code, out, err = run(*words)
        assert (code, out, err.count("\n")) == (3, "", 1)
        assert err.startswith("✗ every entry would be refused: ")
        assert err.endswith("Lower DEFAULT_QUOTE_AMOUNT or raise the limit. [E-RISK-ORDER-SIZE]\n")
    assert not Path("state").exists()


@pytest.mark.covers("pitfall X13")
def test_an_order_that_the_exchange_takes_from_nobody_is_told_at_the_start(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote()
    monkeypatch.setenv("DEFAULT_QUOTE_AMOUNT", "4")
    code, out, err = run("paper")
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert "NOTIONAL" in err
    assert err.endswith("See DEFAULT_QUOTE_AMOUNT. [E-SETTINGS-ORDER]\n")


def test_what_is_held_is_sold_whatever_an_entry_may_be(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    promote()
    run("paper", "--bars", str(ENTRY))
    monkeypatch.setenv("DEFAULT_QUOTE_AMOUNT", "4")
    assert run("paper")[0] == 0


@pytest.mark.covers("pitfall X13")
@pytest.mark.parametrize("profile", PROFILES)
def test_the_example_file_as_it_is_makes_an_order_that_passes_everything(
    profile: str, run: Run, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dry run under each profile, and then a real one on the embedded exchange."""
    Path(".env").write_text((root / ".env.example").read_text())
    monkeypatch.setenv("RISK_PROFILE", profile)
    promote()
    amount = order_amount(load_settings())
    told = facts(run, "order", "preview", "BTCUSDT", "BUY", f"{amount:f}")
    assert (told["passed"], [check for check in told["checks"] if not check["passed"]]) == (True, [])
    done = run("paper", "--bars", str(ENTRY))
    assert done[0] == 0
    assert "BUY" in done[1].splitlines()[-1]


@pytest.mark.covers("pitfall X13")
@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_alone_makes_an_order_that_passes_everything(
    profile: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RISK_PROFILE", profile)
    promote()
    amount = order_amount(load_settings())
    assert amount == PROFILES[profile].order_notional
    assert facts(run, "order", "preview", "BTCUSDT", "BUY", f"{amount:f}")["passed"] is True


def test_a_larger_limit_makes_no_larger_order() -> None:
    assert order_amount(Settings(max_order_notional=Decimal(1_000))) == 25
