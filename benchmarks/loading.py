"""What share of a training's time goes into cutting patches, measured on synthetic scenes.

    python benchmarks/loading.py --device cpu --threads 1

Batches are cut from arrays in memory while nothing else happens, so their share is all that drawing ahead in a second
thread could ever save.
"""

from __future__ import annotations

import argparse
import time

import torch

from bitpan.models.data import draw
from bitpan.models.settings import Settings
from bitpan.models.training import Training


def main() -> None:
    """Print milliseconds of a batch and of an iteration, and the share."""
    default = Settings()
    parser = argparse.ArgumentParser(description="Measure the share of data loading in a training.")
    parser.add_argument("--network", default=default.network, help="(default: %(default)s)")
    parser.add_argument("--batch", type=int, default=default.batch, help="(default: %(default)s)")
    parser.add_argument("--patch", type=int, default=default.patch, help="PAN pixels (default: %(default)s)")
    parser.add_argument("--device", default=default.device, help="(default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU (default: %(default)s)")
    parser.add_argument("--iterations", type=int, default=20, help="measured (default: %(default)s)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    own = Settings(
        network=arguments.network, batch=arguments.batch, patch=arguments.patch, device=arguments.device, synthetic=4
    )
    training = Training(own)
    for _ in range(3):  # allocations and, on a GPU, the choice of algorithms
        training.step()
    began = time.perf_counter()
    for i in range(arguments.iterations):
        draw(training.training, own.batch, own.patch, (own.seed, i))
    drawn = time.perf_counter()
    for _ in range(arguments.iterations):
        training.step()
    batch, iteration = (1e3 * t / arguments.iterations for t in (drawn - began, time.perf_counter() - drawn))
    print(f"{own.network}, batch {own.batch} of {own.patch}x{own.patch}, {own.device}, {arguments.threads} threads")
    print(f"batch {batch:.2f} ms of an iteration's {iteration:.1f} ms: {batch / iteration:.1%}")


if __name__ == "__main__":
    main()
