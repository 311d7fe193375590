"""One engine of `peers.py` in a process of its own: for each line that it reads it fuses frames and prints Mpixel/s.

python benchmarks/peers_served.py ENGINE NETWORK THREADS
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

SIDE = 532
"""Of a frame: a tile of 512 with the halo of the networks without a U, on their grid."""

FRAMES = 8
"""Of a measurement."""

BLOCKS, CHANNELS = 8, 32

Run = Callable[[], object]


def bitpan(name: str, threads: int) -> Run:
    """The CPU engine: a frame a thread, or, before that was so, all threads on a frame."""
    from fuse_cpu import find_or_make, random_frame, some_scene

    from bitpan.host.engine.engine import CompiledEngine

    model = find_or_make(name)
    engine, frame, scene = CompiledEngine(model, threads), random_frame(model, SIDE), some_scene(model)
    try:
        from bitpan.host.threads import at_once
    except ImportError:
        return lambda: [engine.run(frame, scene) for _ in range(FRAMES)]
    return lambda: [*at_once(lambda _: engine.run(frame, scene), range(FRAMES), threads)]


def network():  # type: ignore[no-untyped-def] # noqa: ANN201
    """The flat network's convolutions in real numbers: head, residual blocks, tail, on PAN and the interpolated MS."""
    from torch import nn

    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Conv2d(5, CHANNELS, 3, padding=1)
            self.blocks = nn.ModuleList(nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1) for _ in range(BLOCKS))
            self.slopes = nn.ModuleList(nn.PReLU(CHANNELS) for _ in range(BLOCKS))
            self.tail = nn.Conv2d(CHANNELS, 4, 1)

        def forward(self, pan, ms):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
            import torch

            lms = nn.functional.interpolate(ms, scale_factor=4, mode="bicubic")
            x = self.head(torch.cat([pan, lms], 1))
            for conv, slope in zip(self.blocks, self.slopes, strict=True):
                x = x + slope(conv(x))
            return lms + self.tail(x)

    return Plain().eval()


def images():  # type: ignore[no-untyped-def] # noqa: ANN201
    """PAN and MS of a frame, from 0 to 1."""
    import torch

    return torch.rand(1, 1, SIDE, SIDE), torch.rand(1, 4, SIDE // 4, SIDE // 4)


def pytorch(half: bool) -> Callable[[str, int], Run]:
    """Compiled, pixels' channels beside each other; in bfloat16 where ``half``."""

    def prepare(_: str, threads: int) -> Run:
        import torch

        torch.set_num_threads(threads)
        model, pair = torch.compile(network().to(memory_format=torch.channels_last)), images()

        def run() -> None:
            with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=half):
                for _ in range(FRAMES):
                    model(*pair)

        return run

    return prepare


def onnxruntime(_: str, threads: int) -> Run:
    """float32."""
    import onnxruntime as ort
    import torch

    warnings.simplefilter("ignore", DeprecationWarning)  # the newer exporter wants a package more
    pair = images()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        torch.onnx.export(network(), pair, str(path), dynamo=False, input_names=["pan", "ms"])
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    feed = {name: np.ascontiguousarray(image.numpy()) for name, image in zip(("pan", "ms"), pair, strict=True)}
    return lambda: [session.run(None, feed) for _ in range(FRAMES)]


ENGINES: dict[str, Callable[[str, int], Run]] = {
    "bitpan": bitpan,
    "PyTorch float32": pytorch(half=False),
    "PyTorch bfloat16": pytorch(half=True),
    "ONNX Runtime float32": onnxruntime,
}


def main() -> None:
    """Measure at each line that comes."""
    engine, name, threads = sys.argv[1:]
    run = ENGINES[engine](name, int(threads))
    run()
    for _ in sys.stdin:
        began = time.perf_counter()
        run()
        print(FRAMES * SIDE**2 / 1e6 / (time.perf_counter() - began), flush=True)


if __name__ == "__main__":
    main()
