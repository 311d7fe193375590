"""``bitpan area``: one unit's figures, its refusals, and the table of all units."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bitpan.cli import main
from bitpan.hw.measure import table
from bitpan.hw.measure import unit as one_unit
from bitpan.hw.measure.paths import Path as LongestPath
from bitpan.hw.measure.units import UNITS, unit
from bitpan.hw.measure.yosys import Area


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, int | str], str]]:
    """Takes Yosys' place: every unit costs 1234 LUT."""
    asked: list[tuple[str, dict[str, int | str], str]] = []

    def area(sources: list[str], top: str, parameters: dict[str, int | str], family: str) -> Area:
        asked.append((top, parameters, family))
        return Area.of({"LUT6": 1234, "FDRE": 56, "RAMB18E1": 1, "DSP48E1": 7}, LongestPath(2.25, "a_q[1]", "b_q"))

    monkeypatch.setattr(one_unit, "area", area)
    return asked


def test_json_of_a_real_unit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["area", "bp_centre", "Elements=1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["parameters"] == {"Elements": 1, "InBits": 13, "InSigned": 1, "Offset": 512, "OutBits": 12}
    smallest = next(row for row in table.read()[0].splitlines() if "`bp_centre`" in row).split(" | ")
    shown = [f"{found[key]:,g}" for key in ("lut", "ff", "bram36", "dsp")] + [f"{found['levels']:.2f}"]
    assert smallest[4:9] == shown
    assert found["path"]["to"].startswith("out0_tdata_o")


def test_weights_and_widths_follow_the_size(asked: list, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["area", "--json", "bp_binary_conv", "--family", "xcup", "Simd=288", "Pe=16"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {key: found[key] for key in ("unit", "family", "lut", "ff", "bram36", "dsp", "levels", "lut_per_bmac")} == {
        "unit": "bp_binary_conv", "family": "xcup", "lut": 1234, "ff": 56, "bram36": 0.5, "dsp": 7, "levels": 2.25,
        "lut_per_bmac": round(1234 / (288 * 16), 3),
    }  # fmt: skip
    assert found["path"] == {"from": "a_q[1]", "to": "b_q"}
    assert main(["area", "bp_binary_conv", "Channels=64"]) == 0
    assert "1,234 LUT, 56 FF, 0.5 BRAM36, 7 DSP" in capsys.readouterr().out
    (top, parameters, family), (_, wider, default) = asked
    assert (top, family, default) == ("bp_binary_conv", "xcup", "xc7")
    assert (parameters["Simd"], parameters["Pe"], parameters["OutBits"]) == (288, 16, 10)
    assert str(parameters["Weights"]).startswith("9216'h")
    assert (wider["Channels"], wider["Simd"], wider["OutBits"]) == (64, 72, 11)
    assert str(wider["Weights"]).startswith("18432'h")


def test_contents_follow_each_units_size(asked: list) -> None:
    for name in ("bp_integer_conv OutChannels=64", "bp_rprelu Channels=64"):
        assert main(["area", *name.split()]) == 0
    quant, rprelu = (parameters for _, parameters, _ in asked)
    assert str(quant["Weights"]).startswith(f"{45 * 64 * 8}'h") and str(quant["Biases"]).startswith(f"{64 * 24}'h")
    assert str(rprelu["Knees"]).startswith("640'h") and rprelu["SlopesAbove"] != rprelu["SlopesBelow"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "there is no unit 'nothing'; there are bp_binary_conv, bp_integer_conv,"),
        (["bp_popcount"], "there is no unit 'bp_popcount'"),
        (["binary_conv"], "there is no unit 'binary_conv'; it is bp_binary_conv"),
        (
            ["bp_add", "Lanes=2"],
            "bp_add has no parameter 'Lanes'; it has Elements, In0Bits, In1Bits, OutBits, OutSigned",
        ),
        (["bp_add", "Elements=two"], "'Elements=two' is no PARAM=VALUE with an integer value"),
        (["bp_binary_conv", "OutChannels=1000000"], "choose a smaller size"),
        (["--json"], "--json and --family go with a unit"),
    ],
)
def test_refusals(asked: list, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main(["area", *arguments]) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not asked


def test_the_modules_own_refusals_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["area", "bp_binary_conv", "Simd=7", "Pe=3"]) == 1
    error = capsys.readouterr().err
    assert "bp_xnor_mvu: Simd divides MatrixWidth" in error and "bp_xnor_mvu: Pe divides MatrixHeight" in error


def test_without_a_unit_the_table_is_written(
    asked: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "README.md"
    copy.write_text(table.README.read_text())
    monkeypatch.setattr(table, "README", copy)
    assert main(["area"]) == 0
    said = capsys.readouterr()
    assert f"{copy}: {len(UNITS)} units" in said.out
    assert "bp_add Elements 4, In0Bits 13, In1Bits 13, OutBits 11, OutSigned 0: 1,234 LUT, 2.25 levels" in said.err
    assert "| 1,234 | 56 | 0.5 | 7 | 2.25 |" in table.read()[0]
    copy.unlink()
    assert main(["area"]) == 1
    assert "is not there: the table of units belongs to a checkout" in capsys.readouterr().err


def test_middle_size_is_the_default() -> None:
    assert unit("bp_centre").size() == unit("bp_centre").sizes[1]
    assert unit("bp_centre").size({"Offset": -3})["Offset"] == -3
