"""A deployment folder is used as it was built, or not at all."""

import json
import math

import pytest

import bitpan
from bitpan.errors import ModelError
from bitpan.intake.sums import CHECKSUMS, file_digest, write_sums
from bitpan.package import Package


@pytest.fixture
def folder(small_model, write_package):
    """With a Verilog file, and a bitstream of Vivado's."""
    folder = write_package(small_model, rtl={"top": "bitpan_top", "sources": ["rtl/top.v"]})
    (folder / "rtl").mkdir()
    (folder / "rtl/top.v").write_text("module bitpan_top; endmodule\n")
    (folder / "bitpan.bit").write_bytes(b"bits")
    write_sums(folder)
    return folder


def test_a_package_and_what_vivado_keeps_beside_it(folder):
    (folder / "vivado/system").mkdir(parents=True)
    for name in ("vivado/system/a", "vivado.log"):
        (folder / name).write_text("Vivado's")
    package = Package.load(folder)
    assert package.sources == (folder / "rtl/top.v",)
    assert package.digest == file_digest(folder / CHECKSUMS)


def test_the_signature_and_the_clocks_of_other_sizes(small_model, write_package):
    """Frames of twice the rows take twice as long; lines that are half as wide fill the units in half the time."""
    changes = {"signature": 0xFFFFFFFF, "cycles_per_frame": 1100, "cycles_per_frame_steady": 1000}
    package = Package.load(write_package(small_model, size=(64, 128), **changes))
    assert package.signature == 0xFFFFFFFF
    assert package.clocks(64, 128) == (1100, 1000)
    assert Package.load(write_package(small_model, **changes | {"cycles_per_frame_steady": 1})).period == 1
    assert package.clocks(128, 64) == (1050, 1000) and package.clocks(128, 128) == (2100, 2000)


@pytest.mark.parametrize("name", ["rtl/top.v", "bitpan.bit", "model.npz", "model.json", "accelerator.json"])
@pytest.mark.parametrize("load", [Package.load, bitpan.load])
def test_what_changed_since_the_build_is_refused(folder, name, load):
    with (folder / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(ModelError, match=rf"{name}: damaged or changed since it was written .* build it again"):
        load(folder)


@pytest.mark.parametrize("name", ["rtl/more.svh", "bitpan.dtbo", ".hidden"])
def test_a_file_too_many_is_refused(folder, name):
    (folder / name).write_text("more")
    with pytest.raises(ModelError, match=f"{name}: is none of the folder's files"):
        Package.load(folder)


@pytest.mark.parametrize("name", ["rtl/top.v", CHECKSUMS])
def test_a_file_too_few_is_refused(folder, name):
    (folder / name).unlink()
    with pytest.raises(ModelError, match=f"{name}: (is not there|cannot be read)"):
        Package.load(folder)


@pytest.mark.parametrize("name", ["vivado/top.v", "../top.v", "rtl/../rtl/top.v"])
@pytest.mark.parametrize("role", ["rtl", "bitstream"])
def test_what_no_checksum_covers_is_not_used(folder, name, role):
    (folder / "vivado").mkdir()
    (folder / name).write_text("module bitpan_top; endmodule\n")
    document = json.loads((folder / "accelerator.json").read_text())
    document[role] = {"top": "bitpan_top", "sources": [name]} if role == "rtl" else name
    (folder / "accelerator.json").write_text(json.dumps(document))
    write_sums(folder)
    if name.startswith("vivado"):
        sums = (folder / CHECKSUMS).read_text().splitlines(keepends=True)
        (folder / CHECKSUMS).write_text("".join(line for line in sums if "vivado" not in line))
    with pytest.raises(ModelError, match=f"accelerator.json: names .*{name}, which no checksum covers"):
        Package.load(folder)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"frame": {"height": 64}}, "malformed"),
        ({"schema": 9}, "schema 3"),
        ({"memory": {"bytes_per_second": 1e9}}, "malformed"),
        ({"memory": {"bytes_per_second": 0, "latency_ns": 5}}, "malformed"),
        ({"memory": {"bytes_per_second": 1e9, "latency_ns": -1}}, "malformed"),
        ({"clock_mhz": float("nan")}, "malformed"),
        ({"cycles_per_frame": float("inf")}, "malformed"),
        ({"cycles_per_frame": 0}, "malformed"),
        ({"frame": {"height": 64, "width": 0}}, "malformed"),
        ({"bitstream": "x" * 1000}, "malformed"),
        ({"registers": {"upsample.rows": {"address": 0, "count": 20}}}, "no registers for .*upsample.columns"),
    ],
)
def test_bad_descriptions(small_model, write_package, changes, said):
    with pytest.raises(ModelError, match=rf"accelerator\.json: .*{said}"):
        Package.load(write_package(small_model, **changes))


def test_a_description_that_is_no_json(folder):
    (folder / "accelerator.json").write_text("{")
    write_sums(folder)
    with pytest.raises(ModelError, match="not JSON"):
        Package.load(folder)


@pytest.mark.parametrize("wrong", [0, -1, math.inf, math.nan])
@pytest.mark.parametrize("name", ["clock_mhz", "bytes_per_second", "latency_ns"])
def test_speeds_that_nothing_has_are_refused(small_model, write_package, name, wrong):
    """Memory may answer at once."""
    memory = {"bytes_per_second": 1e9, "latency_ns": 500.0}
    changes = {"memory": memory | {name: wrong}} if name in memory else {name: wrong}
    folder = write_package(small_model, **changes)
    if (name, wrong) == ("latency_ns", 0):
        assert Package.load(folder).memory_latency == 0
        return
    with pytest.raises(ModelError, match=r"malformed \(ValueError.* MHz, .*build it again"):
        Package.load(folder)


@pytest.mark.parametrize("speed", [0.5, 1.0])
def test_slow_ones_are_taken(small_model, write_package, speed):
    memory = {"bytes_per_second": speed, "latency_ns": 0.5}
    package = Package.load(write_package(small_model, clock_mhz=speed, memory=memory))
    assert (package.clock_mhz, package.memory_rate, package.memory_latency) == (speed, speed, 0.5)
