"""The FuseSoC core files follow from the modules beside them."""

import pytest

from bitpan.hw import cores
from bitpan.hw.sources import RTL


def test_every_module_has_its_core_file_and_no_other_is_there() -> None:
    assert {file.stem for file in RTL.glob("*.core")} == {file.stem for file in RTL.glob("*.sv")}


@pytest.mark.parametrize("module", sorted(file.stem for file in RTL.glob("*.sv")))
def test_core_file_is_not_stale(module: str) -> None:
    assert (RTL / f"{module}.core").read_text() == cores.core(module), "run python -m bitpan.hw.cores"


def test_a_part_and_a_package_are_dependencies(plant) -> None:
    plant("bp_scene_memory", "    bp_scene_words #(", "    bp_centre #(")
    text = cores.core("bp_scene_memory")
    assert "bp_centre" in text and "bp_scene_words" not in text and "bp_scene_pkg" in text
    assert "toplevel" not in cores.core("bp_scene_pkg")


def test_writing_mends_a_folder(plant) -> None:
    plant("bp_centre", "module bp_centre", "module bp_centre")
    folder = cores.sources.RTL
    (folder / "bp_add.core").unlink()
    (folder / "bp_gone.core").write_text("CAPI=2:\n")
    cores.write()
    assert {file.stem for file in folder.glob("*.core")} == {file.stem for file in folder.glob("*.sv")}
    assert (folder / "bp_add.core").read_text() == (RTL / "bp_add.core").read_text()
