"""The charts of a search, drawn by Optuna: from a study that is made of the result's columns alone."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna import visualization
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.trial import TrialState, create_trial

from thunes.model import Int1D
from thunes.research.search.objective import STATES
from thunes.research.search.result import SearchResult

MOST = 1_000  # sets drawn: a browser is slow with more
FRONT_AXES = (2, 3)  # objectives that a front can be drawn for


@dataclass(frozen=True)
class Chart:
    """A chart as plotly draws it; None where the sets do not allow it."""

    name: str
    title: str
    note: str
    figure: str | None


def charts(result: SearchResult) -> tuple[Chart, ...]:
    """History (of drawn sets), importances, slices, parallel coordinates, and the front of several objectives."""
    return tuple(_charts(result))


def _charts(result: SearchResult) -> Iterator[Chart]:
    rows = shown_rows(result)
    drawn, objectives = result.sampler != "exhaustive", result.task.objectives
    study = study_of(result, rows, 1, numbered=drawn)
    about = f"{objectives[0]}, mean over the folds; {rows.size:,} viable sets of {len(result):,} tried"
    named: dict[str, Any] = {"target_name": objectives[0]}
    if drawn:
        yield _chart("history", "History and best so far", about, visualization.plot_optimization_history, study, named)
    if len(objectives) in FRONT_AXES:
        note, axes = "Sets that no other one beats in every objective stand out.", {"target_names": list(objectives)}
        whole = study_of(result, rows, len(objectives), numbered=drawn)
        yield _chart("front", "Pareto front", note, visualization.plot_pareto_front, whole, axes)
    note = f"How much each parameter tells sets of high {objectives[0]} from others (PED-ANOVA, Watanabe et al. 2023)."
    yield _chart("importances", "Importances", note, visualization.plot_param_importances, study, named)
    yield _chart("slices", "Slices", about, visualization.plot_slice, study, named)
    yield _chart("parallel", "Parallel coordinates", about, visualization.plot_parallel_coordinate, study, named)


def _chart(
    name: str, title: str, note: str, plot: Callable[..., Any], study: optuna.Study, terms: dict[str, Any]
) -> Chart:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # says that the figure would mean nothing
            warnings.simplefilter("ignore", ExperimentalWarning)
            figure = plot(study, **terms)
    except (ValueError, RuntimeError, UserWarning) as error:
        return Chart(name, title, f"Not drawn: {str(error).splitlines()[0]}", None)
    figure.update_layout(template=None, title=None)
    return Chart(name, title, note, str(figure.to_json()))


def shown_rows(result: SearchResult) -> Int1D:
    """The viable sets that are drawn: all, or evenly spaced ones and the front."""
    viable = np.flatnonzero(result.trials.state == STATES.index("viable"))
    if viable.size <= MOST:
        return viable
    spaced = viable[np.linspace(0, viable.size - 1, MOST).astype(np.int64)]
    return np.union1d(spaced, result.front)


def study_of(result: SearchResult, rows: Int1D, objectives: int, *, numbered: bool) -> optuna.Study:
    """A study in memory of these rows and the first objectives; failed trials between keep them `numbered`."""
    axes = {name: _between(axis) for name, axis in result.space.axes.items()}
    study = optuna.create_study(directions=["maximize"] * objectives)
    shown = set(rows.tolist())
    for row in range(len(result)) if numbered else rows.tolist():
        if row not in shown:
            study.add_trial(create_trial(state=TrialState.FAIL))
            continue
        values = result.trials.values[row, :objectives].tolist()
        study.add_trial(create_trial(values=values, params=result.trials.set_of(row), distributions=axes))
    return study


def _between(axis: tuple[int | float, ...]) -> BaseDistribution:
    first, last = axis[0], axis[-1]
    if isinstance(first, int):
        return IntDistribution(first, int(last))
    return FloatDistribution(first, last)
