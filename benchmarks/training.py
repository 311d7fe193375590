"""What a training's iteration takes: cutting its patches, and all of it without and with `--compile`.

    python benchmarks/training.py bnnpan s2bnet s2bnet-flat --threads 1

Rounds with and without compiled kernels alternate in one process, the fastest of each counts. Patches are cut from
arrays in memory while nothing else happens, so their share is all that drawing ahead in a second thread could save.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch

from bitpan.models.layers.kernels import KERNELS, compile_kernels
from bitpan.models.networks.registry import NETWORKS
from bitpan.models.training.patches import draw
from bitpan.models.training.settings import Settings
from bitpan.models.training.training import Training


def main() -> None:
    """Print a line for each network."""
    default = Settings()
    parser = argparse.ArgumentParser(description="Measure what an iteration of a training takes.")
    parser.add_argument("networks", nargs="*", default=[default.network], metavar="NETWORK", help=", ".join(NETWORKS))
    parser.add_argument("--batch", type=int, default=default.batch, help="(default: %(default)s)")
    parser.add_argument("--patch", type=int, default=default.patch, help="PAN pixels (default: %(default)s)")
    parser.add_argument("--device", default=default.device, help="(default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU (default: %(default)s)")
    parser.add_argument("--iterations", type=int, default=5, help="of a round (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="(default: %(default)s)")
    own = parser.parse_args()
    torch.set_num_threads(own.threads)
    kinds = {"plain": dict(KERNELS)}
    compile_kernels()
    kinds["compiled"] = dict(KERNELS)
    print(f"batch {own.batch} of {own.patch}x{own.patch}, {own.device}, {own.threads} threads; ms of an iteration")
    for network in own.networks:
        settings = Settings(network=network, batch=own.batch, patch=own.patch, device=own.device, synthetic=4)
        training = Training(settings)
        fastest = dict.fromkeys(kinds, float("inf"))
        for i in range(1 + own.rounds):
            for kind, kernels in kinds.items():
                KERNELS.update(kernels)
                taken = seconds(training.step, own.iterations)
                fastest[kind] = min(fastest[kind], taken) if i else fastest[kind]  # the first compiles and allocates
        cut = seconds(lambda chosen=training: draw(chosen.training, own.batch, own.patch, (0, 0)), own.iterations)
        plain, compiled = fastest.values()
        print(
            f"{network:20} plain {1e3 * plain:7.1f}, compiled {1e3 * compiled:7.1f}: {plain / compiled:.2f} times as "
            f"fast; cutting patches {1e3 * cut:.2f}, {cut / compiled:.1%} of that",
            flush=True,
        )


def seconds(work: Callable[[], object], times: int) -> float:
    """Of one call, the mean over ``times``."""
    began = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - began) / times


if __name__ == "__main__":
    main()
