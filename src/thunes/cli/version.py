"""`thunes version`: what runs here."""

from __future__ import annotations

from thunes.cli.options import Json


def version(as_json: Json = False) -> None:
    """Print the versions of thunes, Python and the libraries that results depend on.

    Example: thunes version --json
    """
    from thunes import __version__
    from thunes.cli.output import console, emit_json
    from thunes.research.provenance import LIBRARIES, versions

    found = versions()
    shown = {name: found.get(name) for name in ("thunes", "python", *LIBRARIES)} | {"thunes": __version__}
    if as_json:
        emit_json("version", {"versions": shown})
    else:
        console.print("\n".join(f"{name} {number or 'not installed'}" for name, number in shown.items()))
