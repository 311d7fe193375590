"""Operations without learned parameters: interpolation, centring, concatenation, the final add."""

from __future__ import annotations

import torch

from bitpan.arithmetic import TAPS, haar_format, keys_coefficients
from bitpan.formats import Format
from bitpan.model import SceneParameter, Tensor
from bitpan.models.layers.functional import add_clip, centre
from bitpan.models.layers.operation import Context, Operation, SceneOperation
from bitpan.models.layers.resample import interpolate
from bitpan.models.layers.resampling import add, average_pool, bilinear_up, haar, inverse_haar

COEFFICIENTS = Format(12, 10)
"""Format of the interpolation coefficients."""


class Interpolate(SceneOperation):
    """MS upsampled to the PAN grid; its scene parameters are the coefficients of the two axes."""

    op = "interpolate"
    coefficients: torch.Tensor

    def __init__(self, ratio: int, target: Format) -> None:
        super().__init__()
        self.ratio, self.target = ratio, target
        coefficients = torch.from_numpy(keys_coefficients(ratio)).float()
        self.register_buffer("coefficients", coefficients, persistent=False)

    def output(self, *inputs: Tensor) -> Tensor:
        """The MS's channels on the PAN grid."""
        return Tensor(inputs[0].channels, self.target)

    def parameters_of(self, names: tuple[str, ...], inputs: tuple[str, ...], *tensors: Tensor) -> list[SceneParameter]:
        """Coefficients of rows and columns."""
        return [SceneParameter(name, "interpolation", (self.ratio, TAPS), COEFFICIENTS) for name in names]

    def measure(self, *inputs: torch.Tensor, context: Context) -> tuple[torch.Tensor, ...]:
        """Those of a pair without a shift."""
        return self.coefficients, self.coefficients

    def forward(self, ms: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        """``(N, B, h, w)`` to ``(N, B, ratio*h, ratio*w)``."""
        return interpolate(ms, rows, columns)


class Centre(Operation):
    """Network input from image counts."""

    op = "centre"

    def __init__(self, offset: int, shift: int, target: Format) -> None:
        super().__init__()
        self.offset, self.shift, self.target = offset, shift, target

    def attributes(self, output: int = 0) -> dict[str, int]:
        """Offset and shift."""
        return {"offset": self.offset, "shift": self.shift}

    def output(self, *inputs: Tensor) -> Tensor:
        """The same channels in the input's format."""
        return Tensor(inputs[0].channels, self.target, inputs[0].stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Counts to centred integers."""
        return centre(x, self.offset, self.shift, self.target)


class Concat(Operation):
    """Channels of two tensors, one after the other."""

    op = "concat"

    def output(self, *inputs: Tensor) -> Tensor:
        """All channels."""
        return Tensor(sum(tensor.channels for tensor in inputs), inputs[0].format, inputs[0].stride)

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """``(N, A + B, H, W)``; where it helps the convolution that follows, with the channels innermost."""
        return torch.cat([a, b], dim=1).contiguous(memory_format=torch.channels_last)


class AddClip(Operation):
    """The fused image: upsampled MS plus residual."""

    op = "add_clip"

    def __init__(self, target: Format) -> None:
        super().__init__()
        self.target = target

    def output(self, *inputs: Tensor) -> Tensor:
        """The imagery's format."""
        return Tensor(inputs[0].channels, self.target, inputs[0].stride)

    def forward(self, lms: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        """Sum, clipped to the imagery's range."""
        return add_clip(lms, residual, self.target)


class Haar(Operation):
    """One level of the Haar wavelet: LL, LH, HL, HH."""

    op = "haar"

    def attributes(self, output: int = 0) -> dict[str, int]:
        """Which subband."""
        return {"subband": output}

    def output(self, *inputs: Tensor) -> Tensor:
        """Half the size, two more bits."""
        return Tensor(inputs[0].channels, haar_format(inputs[0].format), 2 * inputs[0].stride)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """``(N, C, H, W)`` to four of ``(N, C, H/2, W/2)``."""
        return haar(x)


class InverseHaar(Operation):
    """The image of four subbands, rounded to a format."""

    op = "inverse_haar"

    def __init__(self, source: Format, target: Format) -> None:
        super().__init__()
        self.shift, self.target = source.fraction + 1 - target.fraction, target

    def attributes(self, output: int = 0) -> dict[str, int]:
        """The rounding shift."""
        return {"shift": self.shift}

    def output(self, *inputs: Tensor) -> Tensor:
        """Twice the size."""
        return Tensor(inputs[0].channels, self.target, inputs[0].stride // 2)

    def forward(self, *subbands: torch.Tensor) -> torch.Tensor:
        """Four of ``(N, C, H/2, W/2)`` to ``(N, C, H, W)``."""
        return inverse_haar(*subbands, self.shift, self.target)  # type: ignore[call-arg,arg-type]


class Pool(Operation):
    """Rounded mean of each 2x2 block."""

    op = "pool"

    def output(self, *inputs: Tensor) -> Tensor:
        """Half the size."""
        return Tensor(inputs[0].channels, inputs[0].format, 2 * inputs[0].stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(N, C, H, W)`` to ``(N, C, H/2, W/2)``."""
        return average_pool(x)


class Up(Operation):
    """Twice the size, bilinear."""

    op = "up"

    def output(self, *inputs: Tensor) -> Tensor:
        """Twice the size."""
        return Tensor(inputs[0].channels, inputs[0].format, inputs[0].stride // 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(N, C, H, W)`` to ``(N, C, 2H, 2W)``."""
        return bilinear_up(x)


class Add(Operation):
    """Saturating sum: a skip."""

    op = "add"

    def __init__(self, target: Format) -> None:
        super().__init__()
        self.target = target

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """Two tensors of one format to another of it."""
        return add(a, b, self.target)
