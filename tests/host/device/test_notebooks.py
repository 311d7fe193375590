"""The board's notebook: found as PYNQ finds it, and run cell by cell before the whole accelerator in simulation."""

import json
import shutil
import sys
from importlib.metadata import entry_points
from importlib.resources import files

import pytest


def notebooks():
    """As ``pynq get-notebooks`` finds them: in the folder of each entry point's module."""
    (entry,) = entry_points(group="pynq.notebooks", name="bitpan")
    return [file for file in files(entry.load()).iterdir() if file.name.endswith(".ipynb")]


def code_cells(notebook):
    document = json.loads(notebook.read_text())
    assert document["nbformat"] == 4 and len({cell["id"] for cell in document["cells"]}) == len(document["cells"])
    return [cell for cell in document["cells"] if cell["cell_type"] == "code"]


def test_there_is_a_notebook_without_results():
    assert [notebook.name for notebook in notebooks()] == ["fuse.ipynb"]
    for notebook in notebooks():
        assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code_cells(notebook))


@pytest.mark.parametrize("notebook", notebooks(), ids=lambda notebook: notebook.name)
def test_every_cell_runs(notebook, package, system, tmp_path, monkeypatch, capsys):
    """As on the board, with the deployment folder beside it; ``pynq`` is the simulated system."""
    import matplotlib.pyplot as plt

    shutil.copytree(package.folder, tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "pynq", system)
    plt.switch_backend("Agg")
    names = {}
    for cell in code_cells(notebook):
        exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    said = capsys.readouterr().out
    assert "fpga: (2, 128, 128) in" in said and "the CPU gives the same bits" in said, said
    assert len(system.overlays) == 1 and names["fused"].any()
    assert [axis.get_title() for axis in names["axes"]] == ["MS", "PAN", "fused", "truth"]
    plt.close("all")
