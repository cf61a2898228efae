"""The control API: what a person or a test does to an exchange that no customer may."""

from thunes.simulator.control.control import Control as Control
