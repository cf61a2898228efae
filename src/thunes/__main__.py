"""`python -m thunes` is the command `thunes`."""

from thunes.cli.app import run

run()
