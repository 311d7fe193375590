"""The integer model's file and its reference executor."""

import json
import re
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest

from bitpan import arithmetic
from bitpan.arithmetic import haar_format
from bitpan.errors import FormatError, ModelError
from bitpan.formats import Format
from bitpan.host.engine.engine import CompiledEngine, ReferenceEngine
from bitpan.intake.documents import sealed
from bitpan.model import SCHEMA, IntegerModel, Tensor, execute, result_of
from bitpan.operations import OPERATIONS


def test_saved_model_is_the_same_model(random_model, tmp_path):
    model = random_model(blocks=2)
    model.save(tmp_path)
    loaded = IntegerModel.load(tmp_path)
    assert loaded.nodes == model.nodes and loaded.tensors == model.tensors and loaded.scene == model.scene
    assert loaded.constants.keys() == model.constants.keys()
    assert all(np.array_equal(loaded.constants[name], value) for name, value in model.constants.items())
    assert not list(tmp_path.glob("*.partial"))


def test_the_digest_is_of_all_that_decides_the_result(random_model, tmp_path):
    """Of nothing else: a copy of other provenance, saved and loaded, has the same."""
    model = random_model(blocks=1)
    replace(model, provenance={"sensor": "qb"}).save(tmp_path)
    assert IntegerModel.load(tmp_path).digest() == model.digest() == random_model(blocks=1).digest()
    node, entry, tensor = model.nodes[4], model.scene[-1], model.tensors["x1"]
    weights = model.constants["head.weights"]
    others = [
        *(replace(model, **{name: getattr(model, name) + 1}) for name in ("bands", "bits", "ratio")),
        replace(model, name="other"),
        replace(model, nodes=[*model.nodes[:4], replace(node, attributes={"shift": 9}), *model.nodes[5:]]),
        replace(model, scene=[*model.scene[:-1], replace(entry, format=Format(11, 5))]),
        replace(model, tensors={**model.tensors, "x1": replace(tensor, format=Format(10, 5))}),
        replace(model, constants={**model.constants, "head.weights": np.where(weights == weights.max(), 0, weights)}),
        replace(model, constants={**model.constants, "head.weights": weights.astype(np.int16)}),
    ]
    assert len({model.digest(), *(other.digest() for other in others)}) == 10


def test_inputs_are_of_their_tensors_and_of_one_frame(random_model):
    model = random_model(blocks=1, channels=4)
    model.check_inputs({"pan": np.zeros((1, 8, 12)), "ms": np.zeros((4, 6, 7)), "x0": np.zeros((4, 8, 12))})
    for name, shape in (("pan", (8, 12)), ("pan", (2, 8, 12)), ("pan", (1, 0, 12)), ("ms", (4, 4, 7)), ("ms", (4, 5))):
        with pytest.raises(FormatError, match=rf"{name} has shape {re.escape(str(shape))}, not \(\d, height, width\)"):
            model.check_inputs({name: np.zeros(shape)})
    with pytest.raises(FormatError, match="not of one frame: pan 8 x 12, ms 8 x 8 PAN pixels"):
        model.check_inputs({"pan": np.zeros((1, 8, 12)), "ms": np.zeros((4, 6, 6))})
    with pytest.raises(FormatError, match="has no tensor 'mss'; it has pan, ms, "):
        model.check_inputs({"mss": np.zeros((4, 6, 6))})


def halve(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "model.json").unlink(), "cannot be read"),
        (lambda folder: (folder / "model.json").write_text("{"), "not JSON"),
        (lambda folder: (folder / "model.json").write_text('{"schema": 99}'), "schema 99"),
        (lambda folder: (folder / "model.npz").write_bytes(b"PK"), "not a bitpan integer model"),
        (lambda folder: (folder / "model.json").write_text("[1]"), "schema None"),
        (lambda folder: halve(folder / "model.npz"), "not a bitpan integer model"),
        (lambda folder: np.savez(folder / "model.npz"), "not the one that model.json was written with"),
        (lambda folder: (folder / "model.npz").unlink(), "not a bitpan integer model"),
    ],
)
def test_damaged_model_is_refused_with_its_file(random_model, tmp_path, damage, said):
    random_model(blocks=1).save(tmp_path)
    damage(tmp_path)
    with pytest.raises(ModelError, match=said) as error:
        IntegerModel.load(tmp_path)
    assert str(tmp_path) in str(error.value)


def test_any_flipped_bit_is_seen(random_model, tmp_path):
    random_model(blocks=1, channels=4).save(tmp_path)
    for name in ("model.json", "model.npz"):
        whole, rng = (tmp_path / name).read_bytes(), np.random.default_rng(0)
        for place in rng.integers(len(whole) - 1, size=200).tolist():  # the last is a line's end
            flipped = bytearray(whole)
            flipped[place] ^= 1 << int(rng.integers(8))
            (tmp_path / name).write_bytes(flipped)
            with pytest.raises(ModelError, match=re.escape(str(tmp_path))):
                IntegerModel.load(tmp_path)
        (tmp_path / name).write_bytes(whole)


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("bits",), 17, "bits 17, not 1 to 16"),
        (("bits",), "11", "bits '11'"),
        (("bands",), 1 << 31, "bands 2147483648"),
        (("ratio",), 0, "ratio 0"),
        (("tensors", "x0", "channels"), 2.5, r"tensor x0: channels 2\.5"),
        (("tensors", "x0", "format", "fraction"), 1 << 40, "-64 to 64 fraction bits"),
        (("tensors", "x0", "format", "bits"), "9", "1 to 48 bits, not '9'"),
        (("tensors", "pan", "channels"), 4, "tensor pan is .*, not "),
        (("tensors", "ms", "stride"), 2, "tensor ms is .*, not "),
        (("nodes", 0, "output"), "pan", "node upsample takes what no node before it gives, or gives what one has"),
        (("nodes", 3, "inputs"), ["fused", "pan"], "node input_concat takes what no node before it gives"),
        (("nodes",), [], "no node gives the tensor fused"),
        (("nodes", 0), [[[]]], "not a bitpan integer model"),
        (("nodes", 4, "attributes", "shift"), 1 << 40, "node head has the shift 1099511627776"),
        (("nodes", 4, "attributes", "shift"), 2.0, r"node head has the shift 2\.0"),
        (("scene", 0, "shape"), [1 << 40, 5], "scene parameter upsample.rows: size 1099511627776"),
        (("scene", 0, "kind"), "other", "unknown kind"),
        (("scene", 2, "measures"), "", "measures '', which is no tensor"),
        (("scene", 2, "shape"), [], r"block0\.threshold have shape \(\), not \(4,\)"),
        (("scene", 0, "shape"), [5, 4], r"its rows upsample\.rows have shape \(5, 4\), not \(4, 5\)"),
        (("nodes", 0, "scene"), [], "node upsample has inputs .* and scene parameters"),
        (("scene", 2, "measures"), ["x0"], r"measures \['x0'\], which is no tensor"),
        (("nodes", 0, "scene"), ["upsample.rows", "other"], "takes the scene parameter 'other', which there is not"),
        (("tensors",), {}, "tensor pan is None"),
    ],
)
def test_numbers_out_of_range_are_named(random_model, tmp_path, place, value, said):
    """In a file whose sum is right."""
    random_model(blocks=1, channels=4).save(tmp_path)
    document = json.loads((tmp_path / "model.json").read_text())
    del document["sha256"]
    *way, last = place
    entry = document
    for key in way:
        entry = entry[key]
    entry[last] = value
    (tmp_path / "model.json").write_text(json.dumps(sealed(document)))
    with pytest.raises(ModelError, match=said):
        IntegerModel.load(tmp_path)


@pytest.mark.parametrize("node", ["depthwise1", "binary_conv3", "rprelu4"])
def test_a_missing_constant_is_named(resampler, tmp_path, node):
    model = resampler(("gabor",))
    missing = [name for name in model.constants if name.startswith(f"{node}.")]
    assert missing
    del model.constants[missing[0]]
    model.save(tmp_path)
    with pytest.raises(ModelError, match=f"no constant '{missing[0]}'"):
        IntegerModel.load(tmp_path)


@pytest.mark.parametrize("wrong", [{"channels": 9}, {"stride": 2}, {"format": Format(3)}])
def test_a_tensor_that_its_operation_does_not_give_is_refused(random_model, tmp_path, wrong):
    model = random_model(blocks=1)
    model.tensors["s0"] = replace(model.tensors["s0"], **wrong)
    model.save(tmp_path)
    with pytest.raises(ModelError, match=r"node block0\.sign gives .*, not .*"):
        IntegerModel.load(tmp_path)


def test_model_json_is_readable_by_people(random_model, tmp_path):
    random_model(blocks=1).save(tmp_path)
    document = json.loads((tmp_path / "model.json").read_text())
    assert [node["op"] for node in document["nodes"]][-1] == "add_clip"


def test_execute_follows_the_equations(random_model, random_inputs):
    model = random_model(blocks=1)
    inputs, scene = random_inputs(model, height=16, width=24, seed=3)
    values = {}
    fused = execute(model, inputs, scene, watch=lambda name, value: values.update({name: value}))
    lms = arithmetic.interpolate(inputs["ms"], scene["upsample.rows"], scene["upsample.columns"])
    assert np.array_equal(values["lms"], lms)
    assert np.array_equal(values["s0"], np.where(values["x0"] >= scene["block0.threshold"][:, None, None], 1, -1))
    assert np.array_equal(fused, np.clip(lms + values["residual"], 0, 2**model.bits - 1))
    assert all(
        model.tensors[name].format.min <= value.min() and value.max() <= model.tensors[name].format.max
        for name, value in values.items()
    )


def test_execute_can_start_and_stop_anywhere(random_model, random_inputs):
    model = random_model(blocks=2)
    inputs, scene = random_inputs(model, height=16, width=16, seed=4)
    x1 = execute(model, inputs, scene, until="x1")
    assert np.array_equal(execute(model, {**inputs, "x1": x1}, scene), execute(model, inputs, scene))
    with pytest.raises(ModelError, match="no tensor 'x9'"):
        execute(model, inputs, scene, until="x9")


BODIES = {
    "u-shaped": ("conv", ("pool", "conv", ("pool", "unit"), "conv"), "unit"),
    "wavelet": (("haar", "unit"), ("haar", "unit")),
    "deep": (("pool", ("haar", ("pool", "conv"))),),
    "bare": (("pool",), ("haar",)),
    "gabor": ("gabor", ("pool", "gabor")),
}


@pytest.mark.parametrize(("blocks", "samples"), [(1, 1), (2, 1), (3, 1), (7, 2), (8, 3)])
def test_halo_between_ms_samples(random_model, blocks, samples):
    """The 3x3 layers reach ``blocks + 1`` PAN pixels, in ``samples`` MS pixels; the cubic's two are the border."""
    model = random_model(blocks=blocks, channels=4)
    assert (model.halo(), model.reaches()["ms"]) == (blocks + 1, 4 * samples)
    assert (model.tile_side(64), model.tile_side(2 * blocks + 2)) == (4 * ((62 - 2 * blocks) // 4), 0)


@pytest.mark.parametrize(
    ("body", "alignment", "reach_of_x0"),
    [
        # tail 0, unit 1; up to stride 2: 1 // 2 + 1 = 1 sample; unit 2; up to stride 4: 4 // 4 + 1 = 2; unit 3; then
        # the skips reach less: 12 at stride 4, unit at stride 2 14, unit 15.
        ("u-shaped", 4, 15),
        # unit at stride 2: 2; inverse and forward round to blocks; twice
        ("wavelet", 4, 4),
        # up of stride 2: 1 sample, 2; inverse rounds to 4; up of stride 8: 1 sample, 8; conv 16
        ("deep", 8, 16),
        # the wavelet's other subbands pass a unit: 2; up to stride 2: 2 // 2 + 1 = 2 samples
        ("bare", 4, 4),
        # up to stride 2: 1 sample, 2; binary and depthwise convolution at stride 2: 6; the same at stride 1: 8
        ("gabor", 4, 8),
    ],
)
def test_halo_of_resampling_models(resampler, body, alignment, reach_of_x0):
    model = resampler(BODIES[body])
    assert model.alignment == alignment
    reach = model.reaches()
    assert reach["x0"] == reach_of_x0
    assert reach["pan"] == reach_of_x0 + 1
    assert reach["ms"] == 4 * -(-(reach_of_x0 + 1) // 4)
    assert model.halo() == model.tile_alignment * -(-(reach_of_x0 + 1) // model.tile_alignment)


def test_a_split_head_reaches_less_far_on_the_ms(random_model, random_inputs):
    """The MS's channels count in the kernel's centre alone: with 8 blocks it is two MS pixels, with 9 layers three."""
    model = random_model(blocks=8, channels=4)
    whole = model.reaches()
    model.constants["head.weights"] = model.constants["head.weights"].copy()
    outside = np.ones((3, 3), bool)
    outside[1, 1] = False
    model.constants["head.weights"][:, 1:, outside] = 0
    assert (whole["pan"], whole["ms"]) == (9, 12)
    assert (model.reaches()["pan"], model.reaches()["ms"], model.halo()) == (9, 8, 9)
    model.constants["head.weights"] = model.constants["head.weights"][:, ::-1].copy()
    assert (model.reaches()["pan"], model.reaches()["ms"]) == (8, 12), "the last of the MS's channels is the one"


def measured_reach(model, inputs, scene, name):
    """Rows beyond an aligned tile whose samples were seen to change it, for samples at every place within a block."""
    fused, stride, step = execute(model, inputs, scene), model.tensors[name].stride, model.alignment
    middle, found = fused.shape[1] // 2 // step * step, 0
    for place in range(middle, middle + step, stride):
        changed = {**inputs, name: inputs[name].copy()}
        row = place // stride + model.tensors[name].border
        changed[name][:, row] = 2047 - changed[name][:, row]
        for row in np.flatnonzero((execute(model, changed, scene) != fused).any(axis=(0, 2))):
            tile = row // step * step
            found = max(found, tile - place, place + stride - (tile + step))
    return found


@pytest.mark.parametrize("body", BODIES)
def test_reach_is_what_a_tile_depends_on(resampler, random_inputs, body):
    """No sample beyond it and the border matters, and one at its end does."""
    found = {"pan": 0, "ms": 0}
    for seed in range(30):
        model = resampler(BODIES[body], seed=seed)
        inputs, scene = random_inputs(model, 96, 24, seed)
        scene["upsample.rows"] = np.full((4, 5), 205)  # Keys' outermost taps are too light to be seen through a network
        found = {name: max(so_far, measured_reach(model, inputs, scene, name)) for name, so_far in found.items()}
    beyond = {name: model.tensors[name].border * model.tensors[name].stride for name in found}
    assert found == {name: model.reaches()[name] + beyond[name] for name in found}


@pytest.mark.parametrize("body", BODIES)
def test_resampling_models_follow_the_equations(resampler, random_inputs, body, tmp_path):
    model = resampler(BODIES[body])
    model.save(tmp_path)
    model = IntegerModel.load(tmp_path)
    inputs, scene = random_inputs(model, 16, 24)
    values = {name: np.asarray(value) for name, value in inputs.items()}
    execute(model, inputs, scene, watch=values.__setitem__)
    for name, tensor in model.tensors.items():
        assert values[name].shape == tensor.shape(16, 24)
        assert tensor.format.min <= values[name].min() and values[name].max() <= tensor.format.max
    for node in model.nodes:
        x, result = [values[name] for name in node.inputs], values[node.output]
        fmt = model.tensors[node.output].format
        expected = {
            "haar": lambda x=x, node=node: arithmetic.haar(x[0])[node.attributes["subband"]],
            "inverse_haar": lambda x=x, fmt=fmt: arithmetic.inverse_haar(*x, 2, fmt),
            "pool": lambda x=x: arithmetic.average_pool(x[0]),
            "up": lambda x=x: arithmetic.bilinear_up(x[0]),
            "depthwise": lambda x=x, fmt=fmt, node=node: arithmetic.depthwise(
                x[0], model.constant(node, "weights"), 6, fmt
            ),
            "add": lambda x=x, fmt=fmt: np.clip(x[0] + x[1], fmt.min, fmt.max),
        }.get(node.op)
        assert expected is None or np.array_equal(result, expected())


def test_shapes_with_a_border():
    assert Tensor(4, Format(11), 4, border=2).shape(24, 32) == (4, 10, 12)
    assert Tensor(1, Format(11)).shape(24, 32) == (1, 24, 32)


def test_an_ms_without_its_border_is_refused(random_model):
    model = random_model(blocks=1)
    model.tensors["ms"] = replace(model.tensors["ms"], border=0)
    with pytest.raises(ModelError, match=r"tensor ms is .*border=0.*not .*border=2.*export it again"):
        model.check()


def test_scene_parameters_are_checked(random_model, random_inputs):
    model = random_model(blocks=1)
    _, scene = random_inputs(model, height=16, width=16, seed=5)
    model.check_scene(scene)
    with pytest.raises(FormatError, match=r"block0\.threshold' is missing"):
        model.check_scene({name: value for name, value in scene.items() if name != "block0.threshold"})
    with pytest.raises(FormatError, match="has shape"):
        model.check_scene({**scene, "block0.threshold": np.zeros(3, dtype=np.int64)})
    with pytest.raises(FormatError, match="leaves"):
        model.check_scene({**scene, "block0.threshold": np.full_like(scene["block0.threshold"], 5000)})
    for place, value in ((0, -1025), (-1, 1024)):  # of 11 bits
        threshold = scene["block0.threshold"].copy()
        threshold[place] = value
        with pytest.raises(FormatError, match="leaves"):
            model.check_scene({**scene, "block0.threshold": threshold})
        threshold[place] += 1 if value < 0 else -1
        model.check_scene({**scene, "block0.threshold": threshold})
    with pytest.raises(FormatError, match="not of integers"):
        model.check_scene({**scene, "block0.threshold": scene["block0.threshold"] / 2})
    with pytest.raises(FormatError, match=r"upsample\.rows' has a row that does not sum to 1024"):
        model.check_scene({**scene, "upsample.rows": scene["upsample.rows"] + np.eye(4, 5, dtype=np.int64)})


def changed(values, name, value):
    return {**values, name: value} if value is not None else {key: own for key, own in values.items() if key != name}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("pan", np.zeros((16, 24), int), r"pan has shape \(16, 24\), not \(1, height, width\)"),
        ("ms", np.zeros((3, 4, 6), int), r"ms has shape \(3, 4, 6\), not \(4, height, width\)"),
        ("ms", np.zeros((4, 0, 6), int), r"ms has shape \(4, 0, 6\)"),
        ("ms", np.zeros((4, 9, 10), int), "not of one frame: pan 16 x 24, ms 20 x 24 PAN pixels"),
        ("ms", np.zeros((4, 4, 6), int), r"ms has shape \(4, 4, 6\), not \(4, height, width\)"),
        ("ms", None, "'?ms'?,? .*not given"),
        ("other", np.zeros((1, 16, 24), int), "model random has no tensor 'other'"),
    ],
)
def test_images_of_other_shapes_are_named(random_model, random_inputs, name, value, said):
    model = random_model(blocks=1)
    inputs, scene = random_inputs(model, 16, 24)
    for engine in (ReferenceEngine(model), CompiledEngine(model, threads=1)):
        with pytest.raises((FormatError, ModelError), match=said):
            engine.run(changed(inputs, name, value), scene)
    with pytest.raises(FormatError, match=said):
        execute(model, changed(inputs, name, value), scene)


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "'block0.threshold' is missing"), (np.zeros(3, int), r"'block0\.threshold' has shape \(3,\), not \(32,\)")],
)
def test_scene_parameters_of_other_shapes_are_named(random_model, random_inputs, value, said):
    model = random_model(blocks=1)
    inputs, scene = random_inputs(model, 16, 24)
    for engine in (ReferenceEngine(model), CompiledEngine(model, threads=1)):
        with pytest.raises(FormatError, match=said):
            engine.run(inputs, changed(scene, "block0.threshold", value))


def altered(model, node=0, tensor=None, **changes):
    """The model with another node or tensor, or another number of its own."""
    if tensor:
        return replace(model, tensors={**model.tensors, tensor: replace(model.tensors[tensor], **changes)})
    nodes = [replace(own, **changes) if n == node else own for n, own in enumerate(model.nodes)]
    return replace(model, nodes=nodes)


@pytest.mark.parametrize(
    ("attributes", "right"),
    [
        ({"offset": (1 << 31) - 1, "shift": 0}, True),
        ({"offset": 1 - (1 << 31), "shift": 47}, True),
        ({"offset": 1 << 31, "shift": 0}, False),
        ({"offset": -(1 << 31), "shift": 0}, False),
        ({"offset": 0, "shift": 48}, False),
        ({"offset": 0, "shift": -1}, False),
        ({"offset": 0.0, "shift": 0}, False),
    ],
)
def test_attributes_to_their_limits(random_model, attributes, right):
    model = altered(random_model(1, 4), 1, attributes=attributes)
    assert model.nodes[1].op == "centre"
    with nullcontext() if right else pytest.raises(ModelError, match=r"node pan_centre has the (offset|shift)"):
        model.check()


@pytest.mark.parametrize(
    ("name", "value", "most"),
    [
        ("bands", 0, 4096),
        ("bands", 4097, 4096),
        ("bits", 17, 16),
        ("ratio", 65, 64),
        ("ratio", 0, 64),
        ("ratio", 4.0, 64),
    ],
)
def test_a_models_own_numbers_to_their_limits(random_model, name, value, most):
    with pytest.raises(ModelError, match=f"{name} {value!r}, not 1 to {most}"):
        replace(random_model(1, 4), **{name: value}).check()
    if value == most + 1:
        with pytest.raises(ModelError) as other:
            replace(random_model(1, 4), **{name: most}).check()
        assert f"not 1 to {most}" not in str(other.value), "what comes after it is wrong"


@pytest.mark.parametrize("what", ["channels", "stride"])
def test_a_tensors_numbers_to_their_limits(random_model, what):
    for value in (0, 4097, 1.0):
        with pytest.raises(ModelError, match=f"tensor x1: {what} {value!r}, not 1 to 4096"):
            altered(random_model(1, 4), tensor="x1", **{what: value}).check()
    with pytest.raises(ModelError, match="node"):
        altered(random_model(1, 4), tensor="x1", **{what: 4096}).check()


def test_what_an_operation_gives():
    """The products of a sum are those of one output's weights; without weights there is one."""
    source, fmt = Tensor(32, Format(2), 2), Format(10, 6)
    weights = np.ones((5, 32, 3, 3), np.int8)
    assert result_of(OPERATIONS["binary_conv"], [source], weights, fmt) == Tensor(5, Format(10), 2)
    weights = np.ones((512, 1, 1, 1), np.int8)
    bits = result_of(OPERATIONS["binary_conv"], [Tensor(1, Format(2))], weights, fmt).format.bits
    assert bits == OPERATIONS["binary_conv"].format(Format(2), 1).bits < 5
    assert result_of(OPERATIONS["haar"], [Tensor(3, fmt, 2)], None, fmt) == Tensor(3, haar_format(fmt), 4)
    assert result_of(OPERATIONS["concat"], [Tensor(3, fmt), Tensor(5, fmt)], None, fmt) == Tensor(8, fmt)


@pytest.mark.parametrize(
    "array",
    [np.ones(4, np.int64), np.ones((4, 1), np.int32), np.ones(3, np.int32), np.int32(1), np.ones(4, np.float32)],
)
def test_constants_of_another_type_or_shape_are_named(random_model, array):
    model = random_model(1, 4)
    model.check()
    model.constants["block0.rprelu.knee"] = np.asarray(array)
    with pytest.raises(ModelError, match=r"node block0\.rprelu: its knee are"):
        model.check()


def test_thresholds_are_constants_or_of_the_scene(random_model):
    """The one or the other, of a sign; the interpolation's are the scene's alone."""
    model = random_model(1, 4)
    place = next(n for n, node in enumerate(model.nodes) if node.op == "sign")
    constant = altered(model, place, scene=())
    constant = replace(constant, scene=constant.scene[:2])
    with pytest.raises(ModelError, match="threshold"):
        constant.check()
    constant.constants["block0.sign.threshold"] = np.zeros(4, np.int32)
    constant.check()
    with pytest.raises(ModelError, match="node upsample has inputs"):
        altered(model, 0, scene=()).check()


def test_rows_and_not_columns_of_the_interpolation_sum_to_one(random_model, random_inputs):
    model = random_model(1, 4)
    _, scene = random_inputs(model, 8, 8)
    scene["upsample.rows"] = np.array([[1024, 0, 0, 0, 0]] * 4)
    model.check_scene(scene)
    scene["upsample.rows"] = np.array([[1024] * 5] + [[0] * 5] * 3)
    with pytest.raises(FormatError, match="row that does not sum to 1024"):
        model.check_scene(scene)


def test_an_image_has_at_least_a_pixel(random_model):
    model = random_model(1, 4)
    assert model.check_inputs({"x0": np.zeros((4, 1, 1))}) == (1, 1)
    for shape in ((4, 0, 1), (4, 1, 0)):
        with pytest.raises(FormatError, match="x0 has shape"):
            model.check_inputs({"x0": np.zeros(shape)})


def test_the_schema_of_saved_models(random_model, tmp_path):
    """Another number would refuse every folder that there is."""
    random_model(1, 4).save(tmp_path)
    assert json.loads((tmp_path / "model.json").read_text())["schema"] == SCHEMA == 3
