"""`bitpan sweep`: the same table however often it was stopped, rates from the validation strip, clear refusals."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from bitpan.cli import main
from bitpan.errors import DivergenceError, FormatError
from bitpan.models.imagery.images import gather_images
from bitpan.models.imagery.sources import parse
from bitpan.models.imagery.triples import GAP
from bitpan.models.networks.registry import NETWORKS
from bitpan.models.sweep import pool
from bitpan.models.sweep import run as sweep_run
from bitpan.models.sweep.file import read_sweep
from bitpan.models.sweep.memory import remember, remembered
from bitpan.models.training.patches import gather
from bitpan.models.training.training import Training

pytestmark = pytest.mark.usefixtures("one_thread")

DOCS = Path(__file__).parents[3] / "docs"
SWEEPS, RESULTS = DOCS / "sweeps", DOCS / "results"

FILE = """
title = "Tiny"
classical = ["EXP"]
[data]
sources = ["scene.npz:sensor=qb"]
[budget]
iterations = 6
rate_iterations = 3
batch = 2
patch = 16
validate_every = 2
seeds = [0, 1]
rates = [0.001, 0.01]
[settings]
blocks = 1
channels = 8
save_every = 0
[[arms]]
name = "dynamic"
network = "s2bnet-flat"
[[arms]]
name = "static"
network = "s2bnet-flat"
srm = "static"
rates = [0.01]
"""


@pytest.fixture
def file(tmp_path):
    """A sweep on one triple of 64 x 192 pixels; its folder is the root."""
    random = np.random.default_rng(0)
    gt = (500 + 30 * random.standard_normal((64, 192, 4)).cumsum(0).cumsum(1) / 9).clip(1, 2047).astype(int)
    pan, ms = gt.mean(axis=2).astype(int), gt.reshape(16, 4, 48, 4, 4).mean(axis=(1, 3)).astype(int)
    np.savez(tmp_path / "scene.npz", pan=pan, ms=ms, gt=gt)
    (tmp_path / "sweep.toml").write_text(FILE)
    return tmp_path / "sweep.toml"


def sweep(file, out, *more):
    return main(["sweep", str(file), "--root", str(file.parent), "-o", str(out), *more])


def document(out):
    return json.loads((out / "table.json").read_text(), parse_constant=lambda word: pytest.fail(word))


def lasting(out):
    """The table and every value behind it, without how long it took."""
    own = document(out)
    table = {method: {k: v for k, v in row.items() if k != "seconds"} for method, row in own["table"].items()}
    runs = [{k: v for k, v in run.items() if k != "seconds"} for run in own["sweep"]["runs"]]
    return table, runs, own["sweep"]["rates"], own["values"]


def test_columns_are_shared_by_nobody(tmp_path):
    """Every column of the truth says its number: training, gap, validation, gap, test, in this order."""
    columns = np.broadcast_to(np.arange(320), (32, 320))
    np.savez(tmp_path / "columns.npz", pan=columns, ms=columns[::4, ::4, None] + [0, 9], gt=columns[..., None] + [0, 9])
    (tmp_path / "s.toml").write_text(FILE.replace("scene.npz", "columns.npz"))
    own = read_sweep(tmp_path / "s.toml", tmp_path).common
    (image,) = gather_images([parse(own.data[0])], 4, own.reserve, full=False)
    parts = [part.gt[0, 0, 0] for (part,) in gather(own)]
    training, validation, test = ((int(row.min()), int(row.max())) for row in (*parts, image.gt[0, 0]))
    assert training[0] == 0 and test == (224, 319)
    assert validation[0] - training[1] > GAP and test[0] - validation[1] > GAP
    assert validation[1] - validation[0] >= 32
    for (part,) in gather(own):
        pan = part.levelled(11, 0, ()).pan
        assert abs(int(pan.max()) - part.gt.mean(axis=1).max()) < 4, "PAN's columns, as bright as the MS"


class Stopped(BaseException):
    """A process that ends without a word."""


def stop_after(monkeypatch, steps, error):
    """Training stops with ``error`` before its step number ``steps`` of all trainings."""
    step, taken = Training.step, []

    def counted(self):
        taken.append(self.iteration)
        if len(taken) > steps:
            raise error
        return step(self)

    monkeypatch.setattr(Training, "step", counted)
    return taken


def test_a_stopped_sweep_gives_the_same_table(file, tmp_path, monkeypatch):
    assert sweep(file, tmp_path / "whole") == 0
    assert len(document(tmp_path / "whole")["sweep"]["runs"]) == 4
    for steps in (1, 5, 4, 6):  # in the first search, the second, ...: 2 * 3 + 4 * 6 are needed
        with monkeypatch.context() as patch, pytest.raises(Stopped):
            stop_after(patch, steps, Stopped())
            sweep(file, tmp_path / "stopped")
        assert not (tmp_path / "stopped" / "table.md").exists()
    assert sweep(file, tmp_path / "stopped") == 0
    assert lasting(tmp_path / "stopped") == lasting(tmp_path / "whole")
    with monkeypatch.context() as patch:
        assert stop_after(patch, 0, Stopped()) == []
        assert sweep(file, tmp_path / "whole") == 0  # nothing is trained again


def test_a_run_goes_on_from_its_last_state(file, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        stop_after(patch, 3 + 3 + 5, Stopped())  # two searches, and five of the first seed's six iterations
        sweep(file, tmp_path / "out")
    with monkeypatch.context() as patch:
        taken = stop_after(patch, 1000, Stopped())
        sweep(file, tmp_path / "out")
    assert taken[0] == 5 and len(taken) == 1 + 3 * 6


def test_processes_give_the_same_table(file, tmp_path):
    assert sweep(file, tmp_path / "one") == 0
    assert sweep(file, tmp_path / "two", "--jobs", "2") == 0
    assert lasting(tmp_path / "two") == lasting(tmp_path / "one")
    logs = [path.read_text() for path in tmp_path.glob("two/runs/*/log.txt")]
    assert len(logs) == 2 + 4 and all("validation PSNR" in log for log in logs)


@pytest.mark.slow
def test_killed_processes_lose_nothing_that_is_finished(file, tmp_path):
    assert sweep(file, tmp_path / "one") == 0
    program = "import sys; from bitpan.cli import main; sys.exit(main(sys.argv[1:]))"
    words = ["sweep", str(file), "--root", str(file.parent), "-o", str(tmp_path / "two"), "--jobs", "2"]
    started = subprocess.Popen([sys.executable, "-c", program, *words], start_new_session=True, stderr=subprocess.PIPE)
    while started.poll() is None and not any(record["result"] for record in remembered(tmp_path / "two").values()):
        time.sleep(0.02)
    os.killpg(started.pid, signal.SIGKILL)
    started.communicate()
    assert started.returncode == -signal.SIGKILL
    assert sweep(file, tmp_path / "two", "--jobs", "2") == 0
    assert lasting(tmp_path / "two") == lasting(tmp_path / "one")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_processes_end_with_the_one_that_started_them(file, tmp_path, number):
    file.write_text(FILE.replace("\niterations = 6", "\niterations = 100000"))
    program = "import sys; from bitpan.cli import main; sys.exit(main(sys.argv[1:]))"
    words = ["sweep", str(file), "--root", str(file.parent), "-o", str(tmp_path / "out"), "--jobs", "2"]
    started = subprocess.Popen(
        [sys.executable, "-c", program, *words],
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 120

    def settled(reached):
        while not reached():
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def training():
        assert started.poll() is None
        logs = tmp_path.glob("out/runs/*-[01]/log.txt")
        return len([log for log in logs if "it/s" in log.read_text()]) == 2

    def alone():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, 0)
            return False
        return True

    try:
        settled(training)
        os.kill(started.pid, number)
        started.wait()
        settled(alone)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
    assert len(list(tmp_path.glob("out/runs/*-[01]/last.pt"))) == 2


def test_table(file, tmp_path, capsys):
    file.write_text(FILE.replace("[budget]", "test_scenes = 2\nscene_size = 48\nfull_resolution = true\n[budget]"))
    out = tmp_path / "out"
    assert sweep(file, out) == 0
    own = document(out)
    assert list(own["table"]) == ["dynamic", "static", "EXP"]
    rates = own["sweep"]["rates"]["dynamic"]
    chosen = own["table"]["dynamic"]["rate"]
    assert set(rates) == {"0.001", "0.01"} and rates[chosen] == max(rates.values())
    search = remembered(out)["dynamic", f"{chosen}-0-3"]["result"]
    assert rates[chosen] == search["validation"]["PSNR"] and "values" not in search
    runs = [run for run in own["sweep"]["runs"] if run["arm"] == "dynamic"]
    assert [run["settings"]["seed"] for run in runs] == [0, 1] and {run["settings"]["lr"] for run in runs} == {
        float(chosen)
    }
    means = [np.mean([value["SAM"] for value in run["values"] if "SAM" in value]) for run in runs]
    assert [("SAM" in value, "HQNR" in value) for value in runs[0]["values"]] == [
        *([(True, False), (False, True)] + [(True, False)] * 2 + [(False, True)] * 2)
    ]
    row = own["table"]["dynamic"]
    assert row["SAM"] == pytest.approx({"mean": np.mean(means), "deviation": np.std(means, ddof=1)})
    assert row["seeds"] == 2 and row["binary MACs"] == 9 * 8 * 8
    assert own["table"]["EXP"]["SAM"]["deviation"] is None
    assert runs[0]["settings"]["data"] == ["scene.npz:sensor=qb"] and runs[0]["settings"]["iterations"] == 6
    printed = (out / "table.md").read_text()
    assert "6 iterations of 2 patches of 16 x 16" in printed and "after 3 iterations with its first seed" in printed
    assert {path.name for path in (out / "quicklooks").iterdir()} == {"dynamic.png", "static.png"}


def test_the_rate_is_chosen_on_the_validation_strip(file, tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "validation_psnr", lambda run: -run.settings.lr)
    assert sweep(file, tmp_path / "low") == 0
    monkeypatch.setattr(pool, "validation_psnr", lambda run: run.settings.lr)
    assert sweep(file, tmp_path / "high") == 0
    rates = [document(tmp_path / name)["table"]["dynamic"]["rate"] for name in ("low", "high")]
    assert rates == ["0.001", "0.01"]


def test_results_are_enough_for_the_table(file, tmp_path, monkeypatch):
    sweep(file, tmp_path / "out")
    before = document(tmp_path / "out")
    for weights in (tmp_path / "out").rglob("*.pt"):
        weights.unlink()
    (tmp_path / "out" / "quicklooks" / "static.png").unlink()
    taken = stop_after(monkeypatch, 0, Stopped())
    assert sweep(file, tmp_path / "out") == 0
    assert not taken and document(tmp_path / "out")["table"] == before["table"]
    assert not (tmp_path / "out" / "quicklooks" / "static.png").exists()


def test_diverging_is_a_result(file, tmp_path, monkeypatch, capsys):
    step = Training.step

    def diverging(self):
        if (self.settings.lr == 0.01 and self.settings.srm == "dynamic") or self.settings.seed == 1:
            raise DivergenceError("the loss is nan")
        return step(self)

    monkeypatch.setattr(Training, "step", diverging)
    assert sweep(file, tmp_path / "out") == 0
    own = document(tmp_path / "out")
    assert own["table"]["dynamic"]["rate"] == "0.001" and own["sweep"]["rates"]["dynamic"]["0.01"] is None
    assert own["table"]["static"]["seeds"] == 1
    assert "Diverged, and not in the means: dynamic, rate 0.001, seed 1" in (tmp_path / "out" / "table.md").read_text()
    file.write_text(FILE.replace("[0.001, 0.01]", "[0.01, 0.02]"))
    monkeypatch.setattr(Training, "step", lambda self: (_ for _ in ()).throw(DivergenceError("the loss is nan")))
    assert sweep(file, tmp_path / "none") == 1
    assert "diverges at every rate of 0.01, 0.02" in capsys.readouterr().err


def test_other_errors_are_no_divergence(file, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Training, "step", lambda self: (_ for _ in ()).throw(FormatError("has no whole 2x2 blocks")))
    assert sweep(file, tmp_path / "out") == 1
    assert "has no whole 2x2 blocks" in capsys.readouterr().err
    assert not any(record["result"] for record in remembered(tmp_path / "out").values())


def test_equal_budgets_are_trained_once(file, tmp_path, monkeypatch):
    file.write_text(FILE.replace("rate_iterations = 3", ""))
    taken = stop_after(monkeypatch, 1000, Stopped())
    assert sweep(file, tmp_path / "out") == 0
    assert len(taken) == (2 + 1 + 2) * 6


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("iterations = 6", "iterations = 8", "was made with iterations 6, not 8"),
        ("rate_iterations = 3\nbatch = 2", "rate_iterations = 3\nbatch = 4", "was made with batch 2, not 4"),
        ("channels = 8", "channels = 16", "was made with channels 8, not 16"),
        ('srm = "static"', 'srm = "none"', "was made with srm static, not none"),
        ("[budget]", "border = 4\n[budget]", "was made with border 0, not 4"),
        ("[budget]", "test = 0.25\n[budget]", "was made with reserve 0.3, not 0.25"),
        ("sensor=qb", "sensor=wv2", "was made with data"),
    ],
)
def test_a_changed_file_is_refused(file, tmp_path, capsys, monkeypatch, old, new, said):
    """Before anything is trained; what was finished stays."""
    monkeypatch.setattr(sweep_run, "_train", lambda run: "not now")
    assert sweep(file, tmp_path / "out") == 1  # its rates all fail, but its settings are stored
    for each in [*read_sweep(file, tmp_path).arms]:
        planned = sweep_run.plan(read_sweep(file, tmp_path), tmp_path / "out", each, each.rates[0], 0, False)
        sweep_run.perform(planned)
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.json*")}
    capsys.readouterr()
    file.write_text(FILE.replace(old, new))
    assert sweep(file, tmp_path / "out") == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("bitpan sweep:")]
    assert len(lines) == 1 and said in lines[0]
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.json*")} == before


def test_more_arms_and_seeds_are_welcome(file, tmp_path, monkeypatch):
    sweep(file, tmp_path / "out")
    grown = FILE.replace("seeds = [0, 1]", "seeds = [0, 1, 2]")
    grown += '[[arms]]\nname = "s2bnet-flat-fp"\nrates = [0.01]\nseeds = [2]\n'
    file.write_text(grown)
    taken = stop_after(monkeypatch, 1000, Stopped())
    assert sweep(file, tmp_path / "out") == 0
    assert len(taken) == (2 + 1) * 6
    assert [row["seeds"] for row in document(tmp_path / "out")["table"].values() if "seeds" in row] == [3, 3, 1]
    assert list(document(tmp_path / "out")["table"]) == ["dynamic", "static", "s2bnet-flat-fp", "EXP"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"s2bnet-flat"', '"s3bnet"', f"no network 's3bnet'; there are {', '.join(NETWORKS)}"),
        ("[budget]", "[budget]\nepochs = 3", "[budget]: no setting 'epochs'; there are iterations"),
        ('srm = "static"', "iterations = 9", "arm 'static': no setting 'iterations'"),
        ('srm = "static"', 'srm = "some"', "arm 'static': srm"),
        ("iterations = 6", "iterations = 6.5", "6.5 is no int"),
        ("blocks = 1", "blocks = true", "True is no int"),
        ("seeds = [0, 1]", "seeds = [0, 0]", "each once"),
        ("rates = [0.001, 0.01]", "", "arm 'dynamic': needs candidate learning rates"),
        ("rates = [0.01]", "rates = [0.01]\nseeds = [-1]", "arm 'static': seeds [-1]"),
        ("rates = [0.01]", 'rates = ["fast"]', "'fast' is no float"),
        ('name = "static"', 'name = "dynamic"', "each of another name"),
        ('name = "static"', 'name = " dynamic"', "each of another name"),
        ('name = "static"', 'name = "../static"', "without /"),
        ("rate_iterations = 3", "rate_iterations = 7", "at most the budget's iterations"),
        ("patch = 16", "patch = 18", "multiple of the ratio"),
        ('["EXP"]', '["XYZ"]', "no classical method 'XYZ'"),
        ('sources = ["scene.npz:sensor=qb"]', "", "nothing to test on"),
        ("scene.npz", "other.npz", "there is no such file"),
        ("title =", "title", "cannot be read as a sweep"),
        ("[budget]", "test = 1.0\n[budget]", "must lie between 0 and 1"),
        ('srm = "static"', "stages = [0.5, 0.5]", "arm 'static' cannot be trained: s2bnet-flat trains in 1 stages"),
        ('"s2bnet-flat"\nsrm', '"s2bnet"\nsrm', "arm 'static' cannot be trained: s2bnet has 10 units, not 1"),
        (
            '"s2bnet-flat"\nsrm = "static"\nrates = [0.01]',
            '"bnnpan"\nrates = [[0.1, 0.1]]',
            "arm 'static' cannot be trained: bnnpan",
        ),
        ("patch = 16", "patch = 256", "arm 'dynamic' cannot be trained: "),
    ],
)
def test_refusals_are_one_line_and_leave_nothing(file, tmp_path, capsys, old, new, said):
    assert old in FILE
    file.write_text(FILE.replace(old, new))
    assert sweep(file, tmp_path / "out") == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("bitpan sweep:")]
    assert len(lines) == 1 and said in lines[0]
    assert not (tmp_path / "out").exists()


def test_a_missing_file_and_too_few_jobs(file, tmp_path, capsys):
    assert sweep(tmp_path / "none.toml", tmp_path / "out") == 1
    assert "none.toml: cannot be read as a sweep" in capsys.readouterr().err
    assert sweep(file, tmp_path / "out", "--jobs", "0") == 1
    assert "--jobs 0: at least 1" in capsys.readouterr().err


def test_a_damaged_memory_is_named(file, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "runs.jsonl").write_text("{\n")
    assert sweep(file, tmp_path / "out") == 1
    assert "runs.jsonl, line 1: cannot be read" in capsys.readouterr().err


def test_one_line_a_run(file, tmp_path):
    """Of settings and result, in a place whose names need no quotes."""
    file.write_text(FILE.replace('"static"\nnetwork', '"static, no SRM"\nnetwork').replace("[0.01]", "[[0.01]]"))
    assert sweep(file, tmp_path / "out") == 0
    lines = [json.loads(line) for line in (tmp_path / "out/runs.jsonl").read_text().splitlines()]
    assert [(line["arm"], line["run"]) for line in lines] == [
        *(("dynamic", "0.001-0-3"), ("dynamic", "0.01-0-3")),
        *(("dynamic", lines[2]["run"]), ("dynamic", lines[3]["run"])),
        *(("static, no SRM", "0.01-0"), ("static, no SRM", "0.01-1")),
    ]
    assert all(line["settings"]["seed"] == int(line["run"].split("-")[1]) for line in lines)
    assert ["values" in line["result"] for line in lines] == [False] * 2 + [True] * 4
    assert not [path for path in (tmp_path / "out").rglob("*") if set(path.name) & set(" ,")]
    assert (tmp_path / "out/runs/static-no-SRM_0.01-1/checkpoint.pt").exists()
    own = read_sweep(file, tmp_path)
    assert sweep_run.plan(own, tmp_path, own.arms[1], (0.003, 0.001), 0, True).folder.name.endswith("_0.003+0.001-0-3")


def test_a_torn_last_line_is_that_of_a_run_to_do_again(file, tmp_path, monkeypatch):
    """From its checkpoint where that is left, else anew."""
    assert sweep(file, tmp_path / "out") == 0
    memory = tmp_path / "out/runs.jsonl"
    whole, before = memory.read_bytes(), lasting(tmp_path / "out")
    for kept in (len(whole) - 1, len(whole) - 9, whole[:-1].rindex(b"\n") + 2):
        memory.write_bytes(whole[:kept])
        with monkeypatch.context() as patch:
            assert stop_after(patch, 0, Stopped()) == []
            assert sweep(file, tmp_path / "out") == 0
        assert lasting(tmp_path / "out") == before
        assert len(memory.read_bytes().splitlines()) == 6 and all(map(json.loads, memory.read_bytes().splitlines()))
    memory.write_bytes(whole[:-9])
    for state in tmp_path.glob("out/runs/static_0.01-1/*.pt"):
        state.unlink()
    with monkeypatch.context() as patch:
        taken = stop_after(patch, 1000, Stopped())
        assert sweep(file, tmp_path / "out") == 0 and len(taken) == 6
    assert lasting(tmp_path / "out") == before


def test_a_whole_line_may_lack_its_end(tmp_path):
    for number in range(3):
        remember(tmp_path, "a", str(number), {"seed": number}, {"failed": ""})
        path = tmp_path / "runs.jsonl"
        path.write_bytes(path.read_bytes().rstrip())
    assert [run for _, run in remembered(tmp_path)] == ["0", "1", "2"]


def test_writers_do_not_mix_their_lines(tmp_path):
    """Four processes at once, lines of a megabyte, more than any buffer."""
    program = (
        "import sys; from pathlib import Path; from bitpan.models.sweep.memory import remember\n"
        "for i in range(5): remember(Path(sys.argv[1]), sys.argv[2], str(i), {}, {'text': sys.argv[2] * 1_000_000})"
    )
    words = [sys.executable, "-c", program, str(tmp_path)]
    for started in [subprocess.Popen([*words, name]) for name in "abcd"]:
        assert started.wait() == 0
    records = remembered(tmp_path)
    assert len(records) == 20
    assert all(record["result"]["text"] == arm * 1_000_000 for (arm, _), record in records.items())


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"arm": "a", "run": "b", "settings": {}, "result": 3}'])
def test_a_damaged_line_is_named(file, tmp_path, capsys, line):
    (tmp_path / "out").mkdir()
    good = '{"arm": "a", "run": "b", "settings": {}, "result": {}}'
    (tmp_path / "out/runs.jsonl").write_text(f"{good}\n{line}\n{good}\n")
    assert sweep(file, tmp_path / "out") == 1
    assert "runs.jsonl, line 2: cannot be read" in capsys.readouterr().err


def test_a_folder_of_before_is_refused(file, tmp_path, capsys):
    folder = tmp_path / "out" / "runs" / "static" / "0.01-0"
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text("{}")
    assert sweep(file, tmp_path / "out") == 1
    assert (
        "settings.json: of bitpan 0.1.0, before runs.jsonl; go on with that, or give another -o"
        in capsys.readouterr().err
    )
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["runs"]


@pytest.mark.parametrize("path", sorted(SWEEPS.glob("*.toml")), ids=lambda path: path.stem)
def test_the_sweeps_that_ship_are_read(path, tmp_path):
    own = read_sweep(path, tmp_path)
    assert len(own.arms) >= 2 and own.common.threads == 1


@pytest.mark.parametrize("table", sorted(RESULTS.glob("*/table.json")), ids=lambda table: table.parent.name)
def test_the_results_that_ship_are_whole(table, tmp_path):
    """Every training that the sweep of this name wants is remembered with these settings, and all that is shows."""
    folder = table.parent
    own = read_sweep(SWEEPS / f"{folder.name}.toml", tmp_path)
    shown = json.loads(table.read_text())["sweep"]
    runs = []
    for arm in own.arms:
        searches = [sweep_run.plan(own, folder, arm, rate, arm.seeds[0], True) for rate in arm.rates]
        chosen = pool.choose(arm, searches)
        seeds = [sweep_run.plan(own, folder, arm, chosen, seed, False) for seed in arm.seeds]
        for run in [*(searches if len(searches) > 1 else []), *seeds]:
            run.require_same()
            assert run.result() is not None
        known = {run: sweep_run.validation_psnr(run) if run.result() else None for run in searches}
        rates = {sweep_run.rate_name(run.settings.lr): value for run, value in known.items()}
        assert shown["rates"][arm.name] == rates and (len(rates) == 1 or all(rates.values()))
        runs += [{"arm": arm.name, "settings": run.stated(), **run.result()} for run in seeds]
    for run, kept in zip(runs, shown["runs"], strict=True):  # settings that came later have their defaults
        assert run == {**kept, "settings": run["settings"] | kept["settings"]}
