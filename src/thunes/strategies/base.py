"""What a strategy is: a frozen value whose fields are its parameters and which answers one question, `exposure`.

Three ways to write one, fastest first; all are swept, checked and traded alike:

1. *lines and a rule* (the built-in ones): `lines` are causal indicators, `rule` a tiny function of one bar's values and
   of the decision held so far. A sweep computes each distinct line once.
2. *a kernel*: `kernel(out, …)` fills the exposure of all bars; compiled, and called anew for each parameter set.
3. plain numpy in an overridden `exposure`.
"""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import math
import operator
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, dataclass_transform

import numpy as np

from thunes.errors import DataError, StrategyError, ThunesError, UsageError, did_you_mean
from thunes.kernels import fused
from thunes.kernels.compiled import is_compiled
from thunes.kernels.metrics import METRICS
from thunes.model import COLUMNS, Candles, Float1D

Number = int | float
SERIES = COLUMNS[1:]  # what a line, rule or kernel may ask for by name: open high low close volume
NUMBA_PREFACE = "Failed in nopython mode"  # the first line of its errors says nothing
# Names that a parameter would shadow: candle columns, figures, and what a backtest or sweep is told beside parameters.
TERMS = (
    *("strategy", "candles", "costs", "stops", "fill", "metrics", "block_length", "warm_up", "threads"),
    *("train", "test", "step", "anchored", "purge", "embargo", "metric", "min_trades", "progress"),
)
RESERVED = {*SERIES, *METRICS, *TERMS}
COMPARE = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}


@dataclass(frozen=True)
class Parameter:
    """One parameter's unit, default and search range: the finite grid first, first + step, … last."""

    name: str
    unit: str
    default: Number
    first: Number
    last: Number
    step: Number

    @property
    def values(self) -> tuple[Number, ...]:
        count = math.floor((self.last - self.first) / self.step + 1e-9) + 1
        return tuple(type(self.default)(round(self.first + k * self.step, 12)) for k in range(count))


@dataclass(frozen=True)
class Line:
    """A causal indicator: `kernel(*arguments)`, each argument named: a candle column or a parameter."""

    kernel: Callable[..., Float1D]
    arguments: tuple[str, ...]

    def __init__(self, kernel: Callable[..., Float1D], *arguments: str) -> None:
        object.__setattr__(self, "kernel", kernel)
        object.__setattr__(self, "arguments", arguments)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters it depends on."""
        return tuple(name for name in self.arguments if name not in SERIES)

    def compute(self, candles: Candles, values: Mapping[str, Number]) -> Float1D:
        """The line's values, float64[n]; NaN during warm-up."""
        given = [getattr(candles, a) if a in SERIES else values[a] for a in self.arguments]
        line: Float1D = fused.call(self.kernel, given) if is_compiled(self.kernel) else self.kernel(*given)
        return line

    def checked(self, name: str, values: Any, bars: int, parameters: Mapping[str, Number]) -> Float1D:
        """The values, or an error: `StrategyError` if they do not fit the bars, `DataError` if all of them are NaN."""
        line: Float1D = np.asarray(values)
        if line.shape != (bars,):
            raise StrategyError("E-STRATEGY-LINE", f"line {name} has shape {line.shape}; {bars:,} bars need ({bars},).")
        if np.isnan(line).all():
            needs = ", ".join(f"{p}={parameters[p]}" for p in self.parameters)
            raise DataError("E-DATA-SHORT", f"{name} ({needs}) is undefined on all {bars:,} bars.", "Use more candles.")
        return line


Lines = Mapping[str, Line]


def param(default: Number, unit: str, *, first: Number, last: Number, step: Number = 1) -> Any:
    """A field that is a parameter: its unit, default and search range. Whole numbers of ``bars`` are at least 1."""
    if not (step > 0 and first <= last):
        raise StrategyError("E-STRATEGY-PARAM", f"param needs first ≤ last and step > 0, was {first}, {last}, {step}.")
    return dataclasses.field(default=default, metadata={"unit": unit, "range": (first, last, step)})


class _Frozen:
    """What makes subclasses immutable, however they came to be dataclasses."""

    def __setattr__(self, name: str, value: Any) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


@dataclass_transform(frozen_default=True, field_specifiers=(param,))
@dataclass(frozen=True)
class Strategy(_Frozen):
    """Base of all strategies: a subclass is a frozen dataclass, made so by itself, whose fields come from `param`.

    `constraints` are comparisons between parameters, such as ``"fast < slow"``. A rule's first argument is the decision
    held so far (0 at first), the others are named after lines, candle columns or parameters; it returns whether to be
    long, or the fraction of equity wanted. A kernel's first argument is the zeroed float64[n] to fill. The first line
    of the docstring is what users are shown. Errors: `UsageError` for a value outside its type or a violated
    constraint; `StrategyError`, when the class is made, for one that cannot work.
    """

    lines: ClassVar[Lines] = {}
    rule: ClassVar[Callable[..., Any] | None] = None
    kernel: ClassVar[Callable[..., Any] | None] = None
    constraints: ClassVar[tuple[str, ...]] = ()
    _declared: ClassVar[Mapping[str, Parameter]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = {name: field for name, field in vars(cls).items() if isinstance(field, dataclasses.Field)}
        dataclass(frozen=True)(cls)
        del cls.__setattr__, cls.__delattr__  # or a decorator @dataclass(frozen=True) would refuse to set them again
        cls._declared = {**cls._declared, **{name: _parameter(cls, name, field) for name, field in own.items()}}
        for field in dataclasses.fields(cls):
            if field.name not in cls._declared:
                raise StrategyError("E-STRATEGY-PARAM", f"{cls.__name__}.{field.name} is a field without param(…).")
        for constraint in cls.constraints:
            holds(constraint, {name: parameter.default for name, parameter in cls._declared.items()})
        for line in cls.lines.values():
            for name in line.parameters:
                if name not in cls._declared:
                    raise _unknown_argument(name, (*SERIES, *cls._declared))

    def __post_init__(self) -> None:
        for name, parameter in self.parameters().items():
            object.__setattr__(self, name, coerce(parameter, getattr(self, name)))
        for constraint in self.constraints:
            if not holds(constraint, self.values):
                raise UsageError("E-PARAM-CONSTRAINT", f"{self!r} violates {constraint}.")

    @classmethod
    def name(cls) -> str:
        """The class name in lower case with underscores: SmaCross is `sma_cross`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    @property
    def values(self) -> dict[str, Number]:
        """Parameter values by name."""
        return {name: getattr(self, name) for name in self.parameters()}

    @classmethod
    def parameters(cls) -> dict[str, Parameter]:
        """The declared parameters by name."""
        return dict(cls._declared)

    @classmethod
    def make(cls, values: Mapping[str, Any]) -> Strategy:
        """An instance from named values; an unknown name is refused with the nearest known one."""
        for name in values:
            if name not in cls.parameters():
                known = tuple(cls.parameters()) or ("(none)",)
                raise UsageError(
                    "E-PARAM-UNKNOWN", f"{cls.__name__} has no parameter {name!r}.", did_you_mean(name, known)
                )
        return cls(**values)

    @classmethod
    def space(cls) -> Iterator[dict[str, Number]]:
        """Every parameter set of the declared grid that meets the constraints."""
        names = cls.parameters().keys()
        for values in itertools.product(*(p.values for p in cls.parameters().values())):
            candidate = dict(zip(names, values, strict=True))
            if all(holds(c, candidate) for c in cls.constraints):
                yield candidate

    @classmethod
    def space_size(cls) -> int:
        """How many parameter sets `space` yields."""
        axes = [np.array(parameter.values) for parameter in cls._declared.values()]
        feasible = np.ones([axis.size for axis in axes], dtype=bool)
        values = dict(zip(cls._declared, np.meshgrid(*axes, indexing="ij", sparse=True), strict=True))
        for constraint in cls.constraints:
            feasible &= holds(constraint, values)
        return int(feasible.sum())

    def exposure(self, candles: Candles) -> Float1D:
        """Target fraction of equity (0 … 1) known at each bar's close, float64[n]; 0 during warm-up, never NaN."""
        kernel, rule = type(self).kernel, type(self).rule
        if kernel is not None:
            out = np.zeros(len(candles))
            fused.call(kernel, [out, *_arguments(kernel, candles, {}, self.values)])
            return out
        if rule is None:
            raise StrategyError("E-STRATEGY-EMPTY", f"{type(self).__name__} has no rule, no kernel and no exposure().")
        lines = {name: self._line(name, line, candles) for name, line in self.lines.items()}
        return fused.decide(rule, _arguments(rule, candles, lines, self.values), len(candles))

    def _line(self, name: str, line: Line, candles: Candles) -> Float1D:
        return line.checked(name, line.compute(candles, self.values), len(candles), self.values)


def evaluate(strategy: Strategy, candles: Candles) -> Float1D:
    """A strategy's validated exposure; whatever its code raises comes out as a `StrategyError` that says where."""
    with blaming(type(strategy), repr(strategy)), np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        values = strategy.exposure(candles)
    return validate_exposure(values, len(candles))


@contextmanager
def blaming(strategy: type[Strategy], name: str) -> Iterator[None]:
    """Turn whatever a strategy's code raises into a `StrategyError` of one line; our own errors pass."""
    try:
        yield
    except ThunesError:
        raise
    except (Exception, SystemExit) as error:  # code that ends the process must not end a check unseen
        file = getattr(sys.modules.get(strategy.__module__), "__file__", "")
        raise StrategyError("E-STRATEGY-RAISED", f"{name} raised {where(error, file)}.") from error


def where(error: BaseException, file: str = "") -> str:
    """An exception in one line: type, text and the line that raised it, or `file` where compiled code tells no line."""
    frames = traceback.extract_tb(error.__traceback__)
    at = next((f"{frame.filename}:{frame.lineno}" for frame in reversed(frames) if frame.filename == file), file)
    text = next((line for line in str(error).splitlines() if line and not line.startswith(NUMBA_PREFACE)), "")
    return f"{type(error).__name__}: {text} ({at or f'{frames[-1].filename}:{frames[-1].lineno}'})"


def validate_exposure(values: Any, bars: int) -> Float1D:
    """An exposure as float64[bars], or a `StrategyError` that names the first bar at fault and its value."""
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise StrategyError("E-STRATEGY-TYPE", f"exposure is no array of numbers: {error}.") from error
    if array.shape != (bars,):
        raise StrategyError("E-STRATEGY-LENGTH", f"exposure has shape {array.shape}; {bars:,} bars need ({bars},).")
    if array.dtype.kind not in "biuf":
        raise StrategyError("E-STRATEGY-TYPE", f"exposure is no array of numbers: its dtype is {array.dtype}.")
    exposure: Float1D = np.ascontiguousarray(array, dtype=np.float64)
    bad = ~((exposure >= 0) & (exposure <= 1))
    if bad.any():
        bar = int(np.argmax(bad))
        raise StrategyError(
            "E-STRATEGY-VALUE",
            f"exposure is {exposure[bar]:g} at bar {bar}; it must be a fraction of equity, 0 … 1, never NaN.",
        )
    return exposure


@lru_cache(maxsize=256)
def argument_names(function: Callable[..., Any]) -> tuple[str, ...]:
    """Names of a rule's or kernel's arguments after the first."""
    return tuple(inspect.signature(getattr(function, "py_func", function)).parameters)[1:]


def _arguments(
    function: Callable[..., Any], candles: Candles, lines: Mapping[str, Float1D], values: Mapping[str, Number]
) -> list[Float1D | Number]:
    found: list[Float1D | Number] = []
    for name in argument_names(function):
        if name in lines:
            found.append(lines[name])
        elif name in SERIES:
            found.append(getattr(candles, name))
        elif name in values:
            found.append(values[name])
        else:
            raise _unknown_argument(name, (*lines, *SERIES, *values))
    return found


def _unknown_argument(name: str, known: Iterable[str]) -> StrategyError:
    forgotten = name in ("held", "out")  # a first argument that came second, behind `self`
    hint = "Write @staticmethod above the function." if forgotten else did_you_mean(name, known)
    return StrategyError("E-STRATEGY-ARGUMENT", f"no line, column or parameter {name!r}.", hint)


def _parameter(cls: type[Strategy], name: str, field: Any) -> Parameter:
    if "range" not in field.metadata:
        raise StrategyError("E-STRATEGY-PARAM", f"{cls.__name__}.{name} is a field without param(…).")
    if name in RESERVED or hasattr(Strategy, name):
        raise StrategyError("E-STRATEGY-PARAM", f"{cls.__name__}.{name} has a name that means something else here.")
    return Parameter(name, field.metadata["unit"], field.default, *field.metadata["range"])


def coerce(parameter: Parameter, value: Any) -> Number:
    """The value in its parameter's type: a whole number stays whole, text is read, anything else is refused."""
    kind = type(parameter.default)
    try:
        number = kind(value)
        if float(value) != number or not np.isfinite(number):
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        what = "a whole number" if kind is int else "a number"
        raise UsageError("E-PARAM-TYPE", f"{parameter.name}={value!r} must be {what} ({parameter.unit}).") from None
    if parameter.unit == "bars" and number < 1:
        raise UsageError("E-PARAM-RANGE", f"{parameter.name}={value!r} must be at least 1 bar.")
    return number


def holds(constraint: str, values: Mapping[str, Any]) -> Any:
    """Whether a comparison such as ``fast < slow`` holds; elementwise where the values are arrays."""
    try:
        left, symbol, right = re.split(r"\s*(<=|>=|<|>)\s*", constraint.strip())
        return COMPARE[symbol](*(values[side] if side in values else float(side) for side in (left, right)))
    except ValueError:
        known = f"one comparison of {', '.join(values)} or numbers"
        raise StrategyError("E-STRATEGY-CONSTRAINT", f"{constraint!r} is not {known}.") from None
