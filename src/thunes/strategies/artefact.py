"""A promoted strategy: what may be traded, why, and the checks that it is still what was promoted.

One JSON file holds one artefact: the strategy and its parameters, the anchor, provenance, figures, the verdicts of the
gates, and a SHA-256 of it all. The hash finds accidents, not forgers: whoever can write the folder can write a hash
that fits. It covers the file that defines the strategy, not other files which that one imports; the versions of the
libraries stand in the provenance.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import orjson

from thunes.clock import to_datetime, to_ms
from thunes.errors import DataError
from thunes.storage.versioned import Document, Format
from thunes.strategies import registry
from thunes.strategies.base import Strategy

FORMAT = Format("artefact", 1)
SIMULATED = "sim"  # the one environment without real prices and without money
PLAIN = orjson.OPT_SERIALIZE_NUMPY
CANONICAL = PLAIN | orjson.OPT_SORT_KEYS
EXPECTED = ("daily_mean", "daily_deviation", "trade_mean", "trade_deviation", "trades_per_year")
AGAIN = "Promote it again."


@dataclass(frozen=True)
class Artefact:
    """One promoted strategy for one symbol and interval, in plain values: what JSON has no form for is turned into it
    (NaN into None, tuples into lists, numpy's numbers into Python's).

    `reference` is what `registry.load` takes: a name, or FILE.py:Class relative to the project. `anchor` is the open
    time (epoch ms) from which the strategy is evaluated. `in_sample` and `out_of_sample` are the sixteen metrics;
    `expected` (`EXPECTED`; fractions) is what decay compares with, None where undefined. `forced` is the reason given
    by whoever promoted against the gates. `created` is ISO text, UTC.
    """

    strategy: str
    reference: str
    strategy_sha256: str
    symbol: str
    interval: str
    environment: str
    parameters: Mapping[str, int | float]
    anchor: int
    provenance: Mapping[str, Any]
    in_sample: Mapping[str, float | None]
    out_of_sample: Mapping[str, float | None]
    expected: Mapping[str, float | None]
    gates: Sequence[Mapping[str, Any]]
    notes: Sequence[str]
    forced: str | None
    created: str

    def __post_init__(self) -> None:
        for name, value in orjson.loads(orjson.dumps(vars(self), default=dict, option=PLAIN)).items():
            object.__setattr__(self, name, value)

    @property
    def sha256(self) -> str:
        """SHA-256, in hex, over the canonical JSON of all fields."""
        return digest_of(vars(self))

    @property
    def id(self) -> str:
        """When it was made and the first twelve digits of its hash: sorts by time."""
        return f"{to_datetime(to_ms(self.created)):%Y%m%dT%H%M%SZ}-{self.sha256[:12]}"

    @property
    def is_synthetic(self) -> bool:
        """Whether it rests on made-up candles, or does not say that it rests on real ones."""
        candles = self.provenance.get("candles") or {}
        return candles.get("synthetic") is not False or str(candles.get("source", "")).startswith("synthetic")


def dump(artefact: Artefact) -> bytes:
    """The content of its file."""
    return seal(FORMAT, vars(artefact))


def read(path: Path) -> Artefact:
    """The artefact in a file. Errors: `DataError` for one that is missing, changed, or newer than this program."""
    document = unseal(FORMAT, path)
    if document.keys() != {field.name for field in fields(Artefact)}:
        raise tampered(path, "its fields are not those of an artefact")
    return Artefact(**document)


def digest_of(document: Mapping[str, Any]) -> str:
    """SHA-256, in hex, over a document's JSON with sorted keys."""
    return hashlib.sha256(orjson.dumps(document, option=CANONICAL)).hexdigest()


def seal(form: Format, document: Document) -> bytes:
    """A document as a file of this format that carries its own hash."""
    return form.dump({**document, "sha256": digest_of(document)})


def unseal(form: Format, path: Path) -> Document:
    """The document of a sealed file, of which every byte must be as `seal` wrote it.

    Errors: `DataError` (E-ARTEFACT-MISSING, E-ARTEFACT-TAMPERED, or the format's own).
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError("E-ARTEFACT-MISSING", f"there is no {path}.") from None
    try:
        document = form.load(content, str(path))
    except DataError as error:
        if error.code == "E-FORMAT-DAMAGED":
            raise tampered(path, f"it is no {form.name}") from None
        raise
    plain = {name: value for name, value in document.items() if name not in ("format", "sha256")}
    if seal(form, plain) != content:
        raise tampered(path, "it does not fit its SHA-256")
    return plain


def tampered(what: object, why: str) -> DataError:
    """The error for a file that is not what was promoted."""
    hint = "Roll back to another, or remove the file."
    return DataError("E-ARTEFACT-TAMPERED", f"{what} was changed since it was promoted: {why}.", hint)


def verify(artefact: Artefact, environment: str) -> None:
    """Refuse an artefact that must not be used in an environment, in order of cost; nothing of it is imported.

    Reading one has already found a changed file; here its parts must agree with each other. Errors: `DataError`:
    E-ARTEFACT-TAMPERED, E-ARTEFACT-ENVIRONMENT, E-ARTEFACT-SYNTHETIC, E-ARTEFACT-FORCED, E-ARTEFACT-SOURCE.
    """
    _require_agreement(artefact)
    if artefact.environment != environment:
        what = f"{artefact.id} was promoted for {artefact.environment}, not for {environment}."
        raise DataError("E-ARTEFACT-ENVIRONMENT", what, f"Promote it with ENVIRONMENT={environment}.")
    if environment != SIMULATED and artefact.is_synthetic:
        what = f"{artefact.id} rests on made-up candles, and {environment} has real prices."
        raise DataError("E-ARTEFACT-SYNTHETIC", what, "Promote on real candles.")
    if environment != SIMULATED and artefact.forced is not None:
        what = f"{artefact.id} was promoted by force ({artefact.forced}), which counts in {SIMULATED} only."
        raise DataError("E-ARTEFACT-FORCED", what, "Promote one that passes the gates.")
    _require_source(artefact)


def load_strategy(artefact: Artefact) -> Strategy:
    """The strategy with the promoted parameters; its source is hashed before it is imported, and again as imported.

    Errors: `DataError` (E-ARTEFACT-SOURCE) where the source is missing, changed or outside the project (the current
    folder); what `registry.load` and `Strategy.make` raise.
    """
    _require_source(artefact)
    strategy = registry.load(artefact.reference)
    if registry.source_hash(strategy) != artefact.strategy_sha256:
        raise _source_error(artefact, "changed while it was loaded")
    return strategy.make(artefact.parameters)


def source_sha256(reference: str) -> str:
    """SHA-256, in hex, of the file that a reference names, without running it; `DataError` where there is none."""
    path = _source_file(reference)
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError("E-ARTEFACT-SOURCE", f"cannot read the strategy {path}: {error.strerror}.") from error


def _source_file(reference: str) -> Path:
    name = reference.partition(":")[0]
    if name.endswith(".py"):
        return _inside_project(Path(name))
    modules = [entry.module for entry in entry_points(group=registry.GROUP, name=reference)]
    if name in registry.BUILT_IN:
        modules = [f"thunes.strategies.{name}"]
    try:
        spec = importlib.util.find_spec(modules[0]) if modules else None  # imports the packages that it lies in
    except ImportError:
        spec = None
    if spec is None or spec.origin is None:
        raise DataError("E-ARTEFACT-SOURCE", f"there is no strategy {reference!r} here.", "Install its package.")
    return Path(spec.origin)


def _inside_project(path: Path) -> Path:
    """The path, links followed; refused outside the current folder: what is traded lies where its project lies."""
    project = Path.cwd().resolve()
    found = path.resolve()
    if not found.is_relative_to(project):
        what = f"the strategy {path} lies outside the project {project}."
        raise DataError("E-ARTEFACT-SOURCE", what, "Run in its project, or move the file here.")
    return found


def _require_source(artefact: Artefact) -> None:
    if not artefact.strategy_sha256:
        raise _source_error(artefact, "has no file, so nobody can say what it is")
    if source_sha256(artefact.reference) != artefact.strategy_sha256:
        raise _source_error(artefact, "is not the source that was promoted")


def _source_error(artefact: Artefact, why: str) -> DataError:
    return DataError("E-ARTEFACT-SOURCE", f"the strategy {artefact.reference} of {artefact.id} {why}.", AGAIN)


def _require_agreement(artefact: Artefact) -> None:
    """What is told twice, in the artefact and in its provenance, must be told alike."""
    told = {**artefact.provenance, **(artefact.provenance.get("candles") or {})}
    for name in ("strategy_sha256", "symbol", "interval", "parameters"):
        if name in told and told[name] != getattr(artefact, name):
            raise tampered(artefact.id, f"its {name} is not that of its provenance")
