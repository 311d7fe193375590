"""``bitpan sweep``: the networks of a file trained and judged at one budget, beside the classical methods.

For every arm each candidate rate is trained once and the best on the validation strips is chosen, never on the test
strips; with it every seed is trained at the full budget and judged on the test strips.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bitpan.commands import options
from bitpan.errors import DataError
from bitpan.files import staged
from bitpan.models.imagery.images import Image
from bitpan.models.sweep.file import Sweep, read_sweep
from bitpan.models.sweep.pool import choose, perform_all, workers
from bitpan.models.sweep.report import write_report
from bitpan.models.sweep.run import Run, plan, require_possible, test_images


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``bitpan sweep``."""
    add = parser.add_argument
    add("file", type=Path, metavar="FILE.toml", help="what to compare; docs/sweeps/ has examples")
    add("--root", type=Path, default=Path(), metavar="DIR", help="folder of the file's sources (here)")
    add("--jobs", type=int, default=1, metavar="N", help="trainings at a time, of one thread each (1)")
    options.add_output(parser, "DIR", "for tables, pictures and runs; goes on in it")


def run(arguments: argparse.Namespace) -> int:
    """Choose rates, train seeds, write the table; what is finished is not done again."""
    began, out, jobs = time.monotonic(), arguments.output, arguments.jobs
    if jobs < 1:
        raise DataError(f"--jobs {jobs}: at least 1")
    sweep = read_sweep(arguments.file, arguments.root, shlex.join(["bitpan", *sys.argv[1:]]))
    images = test_images(sweep)
    searches = {arm.name: [plan(sweep, out, arm, rate, arm.seeds[0], True) for rate in arm.rates] for arm in sweep.arms}
    _refuse_the_impossible(sweep, out, searches, images)
    with staged(out) as folder:
        with workers(jobs) as pool:
            perform_all([each for runs in searches.values() if len(runs) > 1 for each in runs], pool, "choosing rates")
            rates = {arm.name: choose(arm, searches[arm.name]) for arm in sweep.arms}
            seeds = {
                arm.name: [plan(sweep, out, arm, rates[arm.name], seed, False) for seed in arm.seeds]
                for arm in sweep.arms
            }
            perform_all([each for runs in seeds.values() for each in runs], pool, "training seeds")
        print(write_report(sweep, folder, images, searches, seeds, began))
    print(f"{out / 'table.md'}, table.csv, table.json and quicklooks/ of {len(seeds)} arms")
    return 0


def _refuse_the_impossible(
    sweep: Sweep, out: Path, searches: Mapping[str, Sequence[Run]], images: Sequence[Image]
) -> None:
    """Compare whatever the folder remembers with the file, and begin every arm, before anything is done."""
    runs = {
        arm.name: [
            *(plan(sweep, out, arm, rate, seed, False) for rate in arm.rates for seed in arm.seeds),
            *searches[arm.name],
        ]
        for arm in sweep.arms
    }
    for own in runs.values():
        for each in own:
            each.require_same()
    for own in runs.values():
        require_possible(own, images)
