"""`thunes version`: what runs here."""

from __future__ import annotations

from typing import Annotated

import typer

LIBRARIES = ("numpy", "polars", "numba", "vectorbt")  # those that results depend on


def version(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Print the versions of thunes, Python and the libraries that results depend on.

    Example: thunes version --json
    """
    import platform

    from thunes import __version__
    from thunes.cli.output import console, emit_json

    versions = {"thunes": __version__, "python": platform.python_version(), **installed()}
    if as_json:
        emit_json("version", {"versions": versions})
    else:
        console.print("\n".join(f"{name} {number or 'not installed'}" for name, number in versions.items()))


def installed() -> dict[str, str | None]:
    """The libraries' versions, found without importing them; None where one is not installed."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as version_of

    found: dict[str, str | None] = {}
    for name in LIBRARIES:
        try:
            found[name] = version_of(name)
        except PackageNotFoundError:
            found[name] = None
    return found
