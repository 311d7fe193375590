"""Every error and warning that bitpan raises on purpose.

Each also inherits the standard exception a caller would expect, so ``except OSError`` and ``except ValueError``
work. A message names the value, the file and the cure, in one line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class BitpanError(Exception):
    """Base of all bitpan errors; the command line prints its message as one line and exits with 1."""

    def __str__(self) -> str:
        """The message in one line, whatever a file had in it."""
        return "".join(sign if sign.isprintable() else " " for sign in super().__str__())


class FormatError(BitpanError, ValueError):
    """A number does not fit its format, or a format makes no sense."""


class SizeError(BitpanError, ValueError):
    """A file says that it holds more than can be in it, or more is asked for than there is memory."""


class ModelError(BitpanError, ValueError):
    """A model, checkpoint or package is malformed, of another version, or does not fit the task."""


class DivergenceError(ModelError):
    """A training left the range of numbers; a lower learning rate may not."""


class SceneError(BitpanError, ValueError):
    """A PAN/MS pair cannot be fused: no overlap, other CRS, ratio, band count or bit depth."""


class SceneIOError(BitpanError, OSError):
    """A raster could not be read or written."""


class OutputError(BitpanError, OSError):
    """A file other than a raster could not be written."""


class CacheError(BitpanError, PermissionError):
    """The cache of compiled code and results is not the user's alone."""


class OutputBusyError(OutputError):
    """Another run is writing the same output; the message names its process."""


class DataError(BitpanError, ValueError):
    """Training data is not what it should be."""


class MissingDependencyError(BitpanError, ImportError):
    """An optional package or tool is not installed; the message says what to install."""


class BuildError(BitpanError, RuntimeError):
    """The hardware flow stopped."""


class FitError(BuildError):
    """A design is too large for a board; ``lacking`` says by how much, by resource."""

    def __init__(self, message: str, lacking: Mapping[str, float]) -> None:
        super().__init__(message)
        self.lacking = lacking


class MismatchError(BuildError):
    """Two stages that must agree bit for bit do not; the message names step, node and first wrong element."""


class SimulationError(BitpanError, RuntimeError):
    """The simulated accelerator stopped answering or raised an error flag."""


class DeviceError(BitpanError, RuntimeError):
    """The board, its overlay or its DMA failed."""


class ProcessError(BitpanError, RuntimeError):
    """A process, of this machine or of a cluster, was killed or is not there."""


class DeviceTimeoutError(DeviceError, TimeoutError):
    """The accelerator did not finish a frame in time."""


class BitpanWarning(UserWarning):
    """Base of all bitpan warnings."""


class GeoreferenceWarning(BitpanWarning):
    """A raster has no CRS, so the pair is aligned by extent and ratio alone."""


class RadiometryWarning(BitpanWarning):
    """The brightness of a scene's PAN does not follow that of its MS."""


class BandWarning(BitpanWarning):
    """A file says that its bands are others than a network takes them for."""


class NodataWarning(BitpanWarning):
    """Pixels look like fill that nobody has declared."""


class RegistrationWarning(BitpanWarning):
    """Whether a scene's PAN and MS lie over each other could not be measured."""


class QualityWarning(BitpanWarning):
    """A fused scene looks worse than a classical method's."""


class ListWarning(BitpanWarning):
    """Files of a folder of scenes were left out."""


class SlowEngineWarning(BitpanWarning):
    """What makes the CPU fast is not installed."""


@contextmanager
def naming(place: object) -> Iterator[None]:
    """Put a file or whatever else it is about in front of a :class:`SceneError` or :class:`DataError` of the block."""
    try:
        yield
    except (SceneError, DataError) as error:
        raise type(error)(f"{place}: {error}") from None
