"""A sweep's file: networks to compare on the same data at the same budget. docs/sweeps/ has examples.

Columns of every source, left to right: training, a gap, the validation strip, a gap, the test strip.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from bitpan.errors import DataError, MissingDependencyError, ModelError, naming
from bitpan.models.imagery.sources import relocated
from bitpan.models.networks.registry import NETWORKS
from bitpan.models.quality.classical import METHODS
from bitpan.models.quality.judge import classical_methods
from bitpan.models.quality.report import file_name
from bitpan.models.training.settings import Settings

Rate = float | tuple[float, ...]
"""A learning rate, or one per stage."""

Table = Mapping[str, Any]
"""A table of the file, or what its keys are where it does not say."""

OF_DATA = ("synthetic", "scene_size", "bits", "ratio")
OF_BUDGET = ("iterations", "batch", "patch", "validate_every")
"""Training settings that [data] and [budget] state for all arms."""

DEFAULTS = {f.name: f.default for f in fields(Settings)}
TOP: Table = {"title": "Comparison", "classical": tuple(METHODS)}
DATA: Table = {
    **{name: DEFAULTS[name] for name in OF_DATA},
    **{"sources": (), "validation": 0.2, "test": 0.3, "test_scenes": 0, "full_resolution": False, "border": 0},
}
BUDGET: Table = {
    **{name: DEFAULTS[name] for name in OF_BUDGET},
    **{"iterations": 2000, "rate_iterations": 0, "seeds": (0,), "rates": ()},
}

FIXED = (
    *(*OF_DATA, *OF_BUDGET, "data", "bands", "sensor", "shift", "hold_out", "reserve"),
    *("seed", "lr", "network", "threads", "command", "finetune"),
)
"""Training settings that neither [settings] nor an arm may change: they are the same for all, or a key of their own."""


@dataclass(frozen=True)
class Arm:
    """One network to compare.

    Attributes:
        name: in the table.
        settings: at the full budget.
        rates: to choose from.
        seeds: each trained at the full budget with the chosen rate; the first one chooses it.
    """

    name: str
    settings: Settings
    rates: tuple[Rate, ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Sweep:
    """What a file says.

    Attributes:
        title: of the table.
        arms: in the table's order.
        rate_iterations: of the trainings among which the rate is chosen.
        classical: methods to stand beside.
        test_scenes, full_resolution: synthetic scenes among the test images, and whether to judge without a truth too.
        border: pixels cut from every side of a test image.
        sources: as the file has them; the arms' settings have them under the root.
    """

    title: str
    arms: tuple[Arm, ...]
    rate_iterations: int
    classical: tuple[str, ...]
    test_scenes: int
    full_resolution: bool
    border: int
    sources: tuple[str, ...]

    @property
    def common(self) -> Settings:
        """Settings whose data and budget are those of every arm."""
        return self.arms[0].settings


def read_sweep(path: Path, root: Path, command: str = "") -> Sweep:
    """Read ``path``, whose sources lie under ``root``; raise :class:`DataError` naming what is wrong in it."""
    document = _toml(path)
    free = {name: default for name, default in DEFAULTS.items() if name not in FIXED}
    data, budget, settings = (
        _section(f"{path}, [{name}]", document.pop(name, {}), defaults)
        for name, defaults in (("data", DATA), ("budget", BUDGET), ("settings", free))
    )
    arms = document.pop("arms", [])
    top = _section(f"{path}", document, TOP)
    if not 0 < data["validation"] < 1 or not 0 < data["test"] < 1:
        raise DataError(f"{path}: validation {data['validation']} and test {data['test']} must lie between 0 and 1")
    common = {
        **settings,
        **{name: data[name] for name in OF_DATA},
        **{name: budget[name] for name in OF_BUDGET},
        "data": tuple(relocated(source, root) for source in data["sources"]),
        "hold_out": data["validation"],
        "reserve": data["test"],
        "threads": 1,
        "command": command,
    }
    sweep = Sweep(
        arms=tuple(_arm(path, arm, common, free, budget) for arm in arms),
        rate_iterations=budget["rate_iterations"] or budget["iterations"],
        **top,
        **{name: data[name] for name in ("test_scenes", "full_resolution", "border", "sources")},
    )
    _check(path, sweep)
    return sweep


def _toml(path: Path) -> dict[str, Any]:
    try:
        import tomllib
    except ModuleNotFoundError:
        raise MissingDependencyError("a sweep's file is TOML, which needs Python 3.11 or newer") from None
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read as a sweep ({error})") from None


def _section(where: str, given: Any, defaults: Table) -> dict[str, Any]:  # noqa: ANN401
    """``defaults`` with what is ``given``, which must be known and of the default's type."""
    if not isinstance(given, dict):
        raise DataError(f"{where}: is {given!r}, not a table of settings")
    section = dict(defaults)
    for key, value in given.items():
        if key not in defaults:
            raise DataError(f"{where}: no setting {key!r}; there are {', '.join(defaults)}")
        section[key] = _typed(f"{where}, {key}", value, defaults[key])
    return section


def _typed(where: str, value: Any, default: Any) -> Any:  # noqa: ANN401
    """``value`` as the type of ``default``: lists as tuples, whole numbers as floats."""
    if isinstance(default, tuple) and isinstance(value, list):
        return tuple(value)
    if isinstance(default, float) and type(value) is int:
        return float(value)
    if type(value) is not type(default):
        kind = type(default).__name__.replace("tuple", "list")
        raise DataError(f"{where}: {value!r} is no {kind}, as {default!r} is")
    return value


def _arm(path: Path, given: Any, common: Table, free: Table, budget: Table) -> Arm:  # noqa: ANN401
    name = given.get("name", given.get("network")) if isinstance(given, dict) else None
    where = f"{path}, arm {name!r}"
    if not isinstance(name, str) or not name or "/" in name:
        raise DataError(f"{path}: an arm is a table with a name (without /) or a network, not {given!r}")
    own = {key: value for key, value in given.items() if key != "name"}
    allowed = {"network": "", "rates": budget["rates"], "seeds": budget["seeds"], **free}
    chosen = _section(where, own, allowed)
    rates = tuple(_rate(where, rate) for rate in chosen["rates"])
    seeds = _seeds(where, chosen["seeds"])
    network = chosen["network"] or name
    if network not in NETWORKS:
        raise DataError(f"{where}: no network {network!r}; there are {', '.join(NETWORKS)}")
    if not rates or len(set(rates)) < len(rates):
        raise DataError(f"{where}: needs candidate learning rates, each once, as in rates = [0.003, 0.01]")
    overrides = {key: chosen[key] for key in own if key in free}
    try:
        settings = Settings(**{**common, **overrides, "network": network, "lr": rates[0], "seed": seeds[0]})
        settings.configuration(bands=4)  # what no network has is told now, and not after hours
    except (DataError, ModelError) as error:
        raise DataError(f"{where}: {error}") from None
    return Arm(name, settings, rates, seeds)


def _seeds(where: str, seeds: tuple[Any, ...]) -> tuple[int, ...]:
    if not seeds or len(set(seeds)) < len(seeds) or not all(type(seed) is int and seed >= 0 for seed in seeds):
        raise DataError(f"{where}: seeds {list(seeds)} must be whole numbers from 0, each once")
    return seeds


def _rate(where: str, rate: Any) -> Rate:  # noqa: ANN401
    if isinstance(rate, list) and rate:
        return tuple(_typed(where, part, 0.0) for part in rate)
    return float(_typed(where, rate, 0.0))


def _check(path: Path, sweep: Sweep) -> None:
    names = [arm.name for arm in sweep.arms]
    if not names or len({file_name(name) for name in names}) < len(names):
        raise DataError(f"{path}: needs [[arms]], each of another name also as a file's, not {names}")
    with naming(path):
        classical_methods(sweep.classical)
    if not sweep.sources and not sweep.test_scenes:
        raise DataError(f"{path}: has nothing to test on; give [data] sources or test_scenes")
    if not 0 < sweep.rate_iterations <= sweep.arms[0].settings.iterations:
        raise DataError(f"{path}: rate_iterations {sweep.rate_iterations} must be at most the budget's iterations")
