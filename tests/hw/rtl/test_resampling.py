"""The units that change an image's size against the number contract, through their operators' wrappers."""

import numpy as np
import pytest

from bench import check, folded, lint, run, set_size
from bitpan.errors import BuildError
from bitpan.formats import Format
from bitpan.hw.simulate.simulation import Simulation
from bitpan.hw.sources import unit_sources

FRAMES = 3
STRIDE = 2


def make(op, channels, pe, height, width, kind, **attributes):
    """The operator of a node, as FINN makes it."""
    from onnx import helper
    from qonnx.custom_op.registry import getCustomOp

    from bitpan.build.finn.flow import set_up

    set_up()
    counts = {"Haar": (1, 4), "InverseHaar": (4, 1)}.get(op, (1, 1))
    names = [[f"{side}{i}" for i in range(count)] for side, count in zip(("in", "out"), counts, strict=True)]
    attributes |= {
        "Channels": channels,
        "PE": pe,
        "Height": height,
        "Width": width,
        "Stride": STRIDE,
        "inputDataType": kind,
    }
    node = helper.make_node(op, *names, domain="finn.custom_op.fpgadataflow", name=f"node_{op}", **attributes)
    return getCustomOp(node)


def images(rng, stream, number):
    """A frame: random over the whole format, at its ends, alternately at both ends along lines, columns, both."""
    fmt = Format(stream.bits, 0, stream.datatype.startswith("INT"))
    shape = (stream.channels, stream.height, stream.width)
    if number == 0:
        return rng.integers(fmt.min, fmt.max + 1, shape)
    if number == 1:
        return rng.choice([fmt.min, fmt.max], shape)
    channel, row, column = np.indices(shape)
    lower = np.choose((channel + rng.integers(8)) % 5, [0 * row, 0 * row + 1, row & 1, column & 1, (row + column) & 1])
    return np.where(lower, fmt.min, fmt.max)


def beats(stream, frames):
    return np.concatenate([folded(frame, stream.lanes, stream.bits) for frame in frames])


def frames(operator, seed=0):
    """Beats in and out of frames back to back, computed by the operator as FINN executes it."""
    rng = np.random.default_rng(seed)
    node, (ins, outs) = operator.onnx_node, operator.streams()
    fed, given = [[] for _ in ins], [[] for _ in outs]
    for number in range(FRAMES):
        case = [images(rng, stream, number) for stream in ins]
        context = {
            name: i.transpose(1, 2, 0)[None].astype(np.float32) for name, i in zip(node.input, case, strict=True)
        }
        operator.execute_node(context, None)
        for all_, image in zip(fed, case, strict=True):
            all_.append(image)
        for all_, name, stream in zip(given, node.output, outs, strict=True):
            assert context[name].shape == stream.shape
            all_.append(context[name][0].transpose(2, 0, 1).astype(np.int64))
    return (
        {f"in{i}_V": beats(stream, fed[i]) for i, stream in enumerate(ins)},
        {f"out{i}_V": beats(stream, given[i]) for i, stream in enumerate(outs)},
    )


def simulate(operator, folder):
    """The wrapper and the unit's files, verilated."""
    operator.set_nodeattr("code_gen_dir_ipgen", str(folder))
    operator.generate_hdl(None, "", 0)
    simulation = Simulation(operator.get_rtl_file_list(abspath=True), operator.onnx_node.name)
    resize(simulation, operator.source())
    return simulation


def resize(simulation, image):
    """Frames like this one from now on."""
    set_size(simulation, STRIDE * image.height, STRIDE * image.width)


CASES = {
    "Haar": [(6, 2, 4, 6, "INT10"), (3, 3, 2, 2, "UINT8")],
    "InverseHaar": [(6, 2, 3, 3, "INT12"), (2, 2, 1, 1, "INT7")],
    "AveragePool": [(6, 2, 4, 6, "INT10"), (3, 3, 2, 2, "UINT8")],
    "BilinearUp": [(6, 2, 3, 3, "INT10"), (2, 2, 4, 5, "UINT8"), (4, 1, 1, 1, "INT5")],
}
MORE = {
    "Haar": [(4, 1, 6, 4, "INT13"), (8, 4, 8, 16, "INT10"), (1, 1, 2, 10, "UINT11"), (12, 1, 4, 4, "INT10")],
    "InverseHaar": [(4, 1, 4, 2, "INT14"), (8, 4, 4, 8, "INT12"), (1, 1, 5, 7, "INT10")],
    "AveragePool": [(4, 1, 6, 4, "INT13"), (8, 4, 8, 16, "INT10"), (1, 1, 2, 10, "UINT11")],
    "BilinearUp": [(4, 1, 4, 2, "INT13"), (8, 4, 5, 16, "INT10"), (1, 1, 1, 7, "UINT11"), (3, 1, 6, 1, "INT8")],
}
ROUNDING = {"INT12": ("INT10", 2), "INT7": ("INT6", 1), "INT14": ("INT9", 3), "INT10": ("INT13", 1)}
"""Of InverseHaar, by its input: the result's datatype, and the shift."""


def of(op, channels, pe, height, width, kind):
    target = dict(zip(("outputDataType", "Shift"), ROUNDING[kind], strict=True)) if op == "InverseHaar" else {}
    return make(op, channels, pe, height, width, kind, **target)


@pytest.mark.parametrize(
    ("op", "case"),
    [
        *[(op, case) for op, cases in CASES.items() for case in cases],
        *[pytest.param(op, case, marks=pytest.mark.slow) for op, cases in MORE.items() for case in cases],
    ],
)
def test_equals_the_contract(op, case, tmp_path):
    """Under crossed stalls, and without them a beat a clock on the widest side."""
    operator = of(op, *case)
    lint(unit_sources(operator.unit), operator.unit, operator.parameters([]))
    inputs, outputs = frames(operator)
    with simulate(operator, tmp_path) as simulation:
        cycles = check(simulation, inputs, outputs)
    assert cycles <= FRAMES * operator.get_exp_cycles() + operator.latency()


@pytest.mark.parametrize("op", CASES)
def test_frames_of_other_sizes(op, tmp_path):
    """One after the other through one unit, no wider than it was made for: flat, tall, narrow; and once more."""
    channels, pe, _, _, kind = CASES[op][0]
    step = 2 if op in ("Haar", "AveragePool") else 1
    with simulate(of(op, channels, pe, step, 9 * step, kind), tmp_path) as simulation:
        for number, (height, width) in enumerate([(1, 9), (11, 2), (3, 8), (5, 1), (1, 1), (4, 9), (2, 3)]):
            operator = of(op, channels, pe, height * step, width * step, kind)
            for stream in [*simulation.inputs, *simulation.outputs]:
                simulation.set_stall(stream, ("never", "half", "bursts")[number % 3], number + len(stream))
            resize(simulation, operator.source())
            run(simulation, *frames(operator, number))
        check(simulation, *frames(operator, 99), patterns=["half"])


def test_an_inverse_wavelet_of_narrower_subbands(tmp_path):
    """Fewer lanes come in than go out, and are put together."""
    for lanes in (1, 2):
        operator = make("InverseHaar", 8, 4, 3, 5, "INT12", outputDataType="INT10", Shift=2, InPE=lanes)
        folder = tmp_path / str(lanes)
        folder.mkdir()
        with simulate(operator, folder) as simulation:
            check(simulation, *frames(operator))


@pytest.mark.parametrize("folds", [2, 4, 8, 16])
def test_an_inverse_wavelet_of_narrow_subbands_takes_a_beat_a_clock(folds, tmp_path):
    operator = make("InverseHaar", 4 * folds, 4, 3, 32, "INT12", outputDataType="INT10", Shift=2, InPE=1)
    inputs, outputs = frames(operator)
    with simulate(operator, tmp_path) as simulation:
        run(simulation, inputs, outputs)
        first, last, beats = simulation.span("in0_V")
    assert last - first + 1 == beats


FAULTS = {
    "Haar": ("bp_haar", "sum_left - sum_right", "sum_right - sum_left"),
    "InverseHaar": ("bp_inverse_haar", "lower_high_q <= hl - hh", "lower_high_q <= hl + hh"),
    "AveragePool": ("bp_average_pool", "{left, 1'b1}", "{left, 1'b0}"),  # rounds down
    "BilinearUp": ("bp_bilinear_axis", "if (!odd_q && !first_index)", "if (!odd_q)"),  # no replication in front
}


@pytest.mark.parametrize("op", CASES)
def test_a_planted_fault_is_seen(op, tmp_path, plant):
    plant(*FAULTS[op])
    operator = of(op, *CASES[op][0])
    inputs, outputs = frames(operator)
    with simulate(operator, tmp_path) as simulation, pytest.raises(AssertionError, match="wrong bytes"):
        run(simulation, inputs, outputs)


def test_a_subband_goes_out_while_the_others_wait(tmp_path):
    operator = of("Haar", *CASES["Haar"][0])
    inputs, outputs = frames(operator)
    with simulate(operator, tmp_path) as simulation:
        for ready in outputs:
            simulation.reset()
            for stream in outputs:
                simulation.set_stall(stream, "never" if stream == ready else 1_000_000)
            simulation.push("in0_V", inputs["in0_V"])
            simulation.run(100)
            assert [simulation.queued(stream) for stream in outputs] == [int(stream == ready) for stream in outputs]


@pytest.mark.parametrize(
    ("folds", "right", "wrong", "still"),
    [
        *[(folds, "", "", False) for folds in (1, 8, 16)],
        (1, "Folds / (i + 1)", "Folds / (3 * i + 1)", True),  # a quarter of the lower line
        (16, "Folds <= 8", "Folds <= 16", True),
    ],
)
def test_the_wavelet_gives_blocks_evenly_while_its_input_comes(folds, right, wrong, still, tmp_path, plant):
    """A beat of a block in four clocks, of a pixel in each; with less room, the input stands still."""
    if right:
        plant("bp_haar", right, wrong)
    operator = of("Haar", folds, 1, 6, 128, "INT10")
    inputs, outputs = frames(operator)
    with simulate(operator, tmp_path) as simulation:
        for stream in outputs:
            simulation.set_stall(stream, 4)
        run(simulation, inputs, outputs)
        first, last, beats = simulation.span("in0_V")
    assert (last - first + 1 > beats) == still


def test_bilinear_up_keeps_pace_with_an_even_input(tmp_path):
    """A beat in four clocks, as the output needs it; at the end, the last line becomes two of twice the length."""
    operator = of("BilinearUp", 4, 2, 6, 16, "INT10")
    inputs, outputs = frames(operator)
    with simulate(operator, tmp_path) as simulation:
        simulation.set_stall("in0_V", 4)
        cycles = run(simulation, inputs, outputs)
    assert cycles - 4 * len(inputs["in0_V"]) < 5 * operator.line_beats()


@pytest.mark.parametrize(
    ("unit", "parameters", "message"),
    [
        *[
            (unit, {"Channels": 5}, "Pe divides")
            for unit in ("bp_haar", "bp_inverse_haar", "bp_average_pool", "bp_bilinear_up")
        ],
        *[(unit, {"Width": 7}, "is even") for unit in ("bp_haar", "bp_average_pool")],
        *[(unit, {"Width": 0}, "at least 1") for unit in ("bp_inverse_haar", "bp_bilinear_up")],
        ("bp_inverse_haar", {"Shift": 0}, "Shift is at least 1"),
        ("bp_bilinear_axis", {"Slots": 3}, "power of two"),
        ("bp_bilinear_axis", {"Interval": 3}, "1 or 2"),
        ("bp_pair_beats", {"Distance": 0}, "at least 1"),
        ("bp_unpair_beats", {"Distance": 0}, "at least 1"),
    ],
)
def test_illegal_parameters_stop_elaboration(unit, parameters, message):
    with pytest.raises(BuildError, match=message):
        lint(unit_sources(unit), unit, parameters)
