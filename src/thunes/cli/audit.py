"""`thunes audit`: whether the trail is whole, what it tells, and its rows for taxes and review."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thunes.cli.options import Json

if TYPE_CHECKING:
    from rich.table import Table

    from thunes.audit.events import Check
    from thunes.audit.history import Entry
    from thunes.audit.lines import Head
    from thunes.audit.verify import Report

app = typer.Typer(rich_markup_mode="rich")

FACTS = (
    "symbol", "side", "action", "type", "purpose", "result", "status", "state", "quantity", "quote_quantity", "price",
    "commission", "commission_asset", "amount", "asset", "stage", "code", "reason", "text", "command",
)  # fmt: skip
WIDTH = 80  # columns
NO_ANCHOR = "No anchor: lines cut off at the end cannot be seen. Keep the head above, give it back with --head."


@app.callback(invoke_without_command=True)
def audit(context: typer.Context) -> None:
    """Verify, read and export the audit trail."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def verify(
    file: Annotated[list[Path] | None, typer.Option(help="A copied file; repeat for more. Default: the trail.")] = None,
    head: Annotated[str | None, typer.Option(metavar="SEQ:HASH", help="The last record, as it was kept.")] = None,
    as_json: Json = False,
) -> None:
    """Check that no line was edited, lost, moved, repeated or cut off. Exit code 4 and the place where one was.

    A cut-off end shows only against a head that was kept elsewhere: that of the ledger, or --head.

    Example: thunes audit verify --file audit_trail.jsonl
    """
    from thunes.audit.lines import parse_head
    from thunes.audit.verify import verify as look_through
    from thunes.cli.output import console, emit_json
    from thunes.errors import AuditError

    anchor = parse_head(head) if head else None if file else _kept_head()
    report = look_through(file or _folder(), anchor)
    if as_json:
        emit_json("audit_verify", _facts(report))
    else:
        for line in _sentences(report):
            console.print(line, markup=False, soft_wrap=True)
    _complain_of(report)
    if not report.records:
        raise AuditError("E-AUDIT-NONE", f"{report.files[-1]} holds no record.", "There is nothing to verify.")


@app.command()
def tail(
    count: Annotated[int, typer.Option("-n", min=1, help="How many.")] = 10,
    as_json: Json = False,
) -> None:
    """Print the newest events, the last one last.

    Example: thunes audit tail -n 20
    """
    from itertools import islice

    from thunes.audit.history import History

    _print([*islice(History(_folder()).backwards(), count)][::-1], "audit_tail", as_json)


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="An order's client id, or a decision's id.")],
    as_json: Json = False,
) -> None:
    """Tell an order's whole story: the decision, what was checked, the order, its outcome and fills.

    Example: thunes audit show ID
    """
    from thunes.audit.history import History
    from thunes.errors import AuditError

    entries = History(_folder()).story(id_)
    if not entries:
        raise AuditError("E-AUDIT-ID", f"the audit trail knows no {id_!r}.", "thunes audit tail shows the newest ids.")
    _print(entries, "audit_show", as_json, whole=True)


@app.command()
def export(
    out: Annotated[Path | None, typer.Option(metavar="F.csv", help="Default: standard output.")] = None,
    events: Annotated[bool, typer.Option("--events", help="All events instead of the fills.")] = False,
    environment: Annotated[str | None, typer.Option(metavar="NAME", help="Or all. Default: ENVIRONMENT.")] = None,
    start: Annotated[str | None, typer.Option(help="From this time on, UTC: 2026-01-01.")] = None,
    end: Annotated[str | None, typer.Option(help="Before this time.")] = None,
    as_json: Json = False,
) -> None:
    """Write fills with their fees, for taxes, or all events, for review, as CSV.

    Times of fills are those of the exchange. Exit code 4 where the trail is broken; what can be read is written first.

    Example: thunes audit export --start 2026-01-01 --end 2027-01-01
    """
    from thunes.audit.export import EVENT_COLUMNS, FILL_COLUMNS, event_rows, fees, fill_rows
    from thunes.audit.history import History
    from thunes.audit.verify import verify as look_through
    from thunes.cli.output import emit_json, talk

    report = look_through(_folder())
    entries = _chosen(History(_folder()).events(*([] if events else ["fill"])), environment, start, end)
    rows = [*(event_rows(entries) if events else fill_rows(entries))]
    if out is not None or not as_json:
        _write(out, EVENT_COLUMNS if events else FILL_COLUMNS, rows)
    total = {} if events else fees(rows)
    if as_json:
        shown: dict[str, Any] = {"rows": rows} if out is None else {"file": out, "count": len(rows)}
        emit_json("audit_export", {**shown, "fees": total})
    else:
        paid = "".join(f", {amount} {asset}" for asset, amount in total.items())
        talk.print(f"{len(rows)} rows{'; fees' + paid[1:] if paid else ''}", markup=False)
    _complain_of(report)


def _folder() -> Path:
    from thunes.settings import load_settings

    return load_settings().state_dir / "logs"


def _kept_head() -> Head | None:
    """The last record that the ledger of this ENVIRONMENT was told of."""
    from thunes.audit.lines import Head
    from thunes.clock import SystemClock
    from thunes.settings import load_settings
    from thunes.trading.ledger.ledger import Ledger
    from thunes.trading.ledger.store import ledger_path

    settings = load_settings()
    if not ledger_path(settings.state_dir, settings.environment).exists():
        return None
    with Ledger.of(settings.state_dir, settings.environment, SystemClock()) as ledger:
        kept = ledger.last_anchor()
    return Head(kept.sequence, kept.hash) if kept else None


def _facts(report: Report) -> dict[str, Any]:
    found = report.first_break
    return {
        "ok": report.ok,
        "files": report.files,
        "records": report.records,
        "first": report.first,
        "head": str(report.head) if report.head else None,
        "anchor": str(report.anchor) if report.anchor else None,
        "after_anchor": report.unanchored,
        "repairs": report.repairs,
        "first_break": found and {"file": found.file, "line": found.line, "kind": found.kind, "text": found.text},
    }


def _sentences(report: Report) -> list[str]:
    files = f"{len(report.files)} file{'' if len(report.files) == 1 else 's'}"
    sound = "the chain is whole" if report.ok else "before the first break"
    since = f", from number {report.first}" if report.first else ""
    said = [f"{report.records:,} records in {files}{since}: {sound}."]
    if report.head:
        said.append(f"Head {report.head}")
    if report.repairs:
        said.append(f"{report.repairs} repairs are noted: thunes audit export --events lists them.")
    if report.anchor and report.ok:
        said.append(f"The anchor, record {report.anchor.seq}, is in it; {report.unanchored} came after.")
    return [*said, *([] if report.anchor else [NO_ANCHOR])]


def _complain_of(report: Report) -> None:
    from thunes.errors import AuditError

    if report.first_break:
        raise AuditError("E-AUDIT-BROKEN", f"the trail is broken: {report.first_break}.", "Compare it with a backup.")


def _print(entries: list[Entry], kind: str, as_json: bool, *, whole: bool = False) -> None:
    from thunes.cli.output import console, emit_json

    if as_json:
        emit_json(kind, {"events": [_plain(entry) for entry in entries]})
        return
    if not entries:
        console.print("No events yet.")
    for entry in entries:
        for line in _told(entry):
            console.print(line if whole else line[:WIDTH].rstrip(), markup=False, soft_wrap=True)
        if whole and (ladder := getattr(entry.event, "checks", ())):
            console.print(_ladder(ladder))


def _plain(entry: Entry) -> dict[str, Any]:
    from thunes.audit.events import payload
    from thunes.audit.lines import time_text

    return {"seq": entry.seq, "time": time_text(entry.ts), "environment": entry.env, **payload(entry.event)}


def _told(entry: Entry) -> list[str]:
    """An event in two lines: when, what, whose; then its facts."""
    from thunes.clock import iso

    fields = _plain(entry)
    facts = " ".join(str(_fact(fields[name])) for name in FACTS if name in fields)
    first = f"{entry.seq:>7} {iso(entry.ts)} {entry.env} {fields['event']} {fields['id']}"
    return [_safe(first), *([_safe(f"{'':7} {facts}")] if facts else [])]


def _fact(value: Any) -> str:
    from decimal import Decimal

    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _safe(line: str) -> str:
    """No control byte of a foreign text reaches the terminal."""
    return "".join(c if c.isprintable() else "?" for c in line)


def _ladder(checks: Iterable[Check]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table("", "", "value", "bound", "", box=None, padding=(0, 1, 0, 0), header_style="dim")
    for check in checks:
        verdict = Text("pass", style="green") if check.passed else Text(check.code or "no", style="bold red")
        table.add_row(" " * 6, *(Text(_safe(t or "")) for t in (check.name, check.value, check.bound)), verdict)
    return table


def _chosen(entries: Iterable[Entry], environment: str | None, start: str | None, end: str | None) -> Iterable[Entry]:
    from thunes.audit.events import OrderFill
    from thunes.clock import to_ms
    from thunes.settings import load_settings

    wanted = environment or load_settings().environment
    first, before = to_ms(start) if start else 0, to_ms(end) if end else None
    for entry in entries:
        at = entry.event.time_ms if isinstance(entry.event, OrderFill) else entry.ts
        if wanted in ("all", entry.env) and at >= first and (before is None or at < before):
            yield entry


def _write(out: Path | None, columns: Iterable[str], rows: Iterable[dict[str, str]]) -> None:
    import sys

    from thunes.audit.export import write_csv

    with ExitStack() as stack:
        file = sys.stdout if out is None else stack.enter_context(out.open("w", encoding="utf-8", newline=""))
        write_csv(columns, rows, file)
