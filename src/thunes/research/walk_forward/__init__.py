"""Walk-forward: choose on the past, trade the unseen bars that follow, join those stretches into one curve."""

from thunes.research.walk_forward.runner import FoldResult, WalkForwardResult, require_selector, walk_forward
from thunes.research.walk_forward.splitter import Fold, Span, bars_in, folds, read_length
from thunes.research.walk_forward.stability import ParameterStability, neighbour_rank_correlation, stability

__all__ = [
    "Fold",
    "FoldResult",
    "ParameterStability",
    "Span",
    "WalkForwardResult",
    "bars_in",
    "folds",
    "neighbour_rank_correlation",
    "read_length",
    "require_selector",
    "stability",
    "walk_forward",
]
