"""The board's notebook: found by PYNQ, run cell by cell against the register-level board, left as it was."""

import json
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

import pytest

from bitpan.hw.simulate.standin import Board
from bitpan.model import IntegerModel
from bitpan.package import Package
from bitpan.shipped import find_model


def notebooks():
    """As ``pynq get-notebooks`` finds them: the notebooks in the folder of each entry point's module."""
    (entry,) = entry_points(group="pynq.notebooks", name="bitpan")
    return [file for file in files(entry.load()).iterdir() if file.name.endswith(".ipynb")]


def cells(notebook):
    document = json.loads(notebook.read_text())
    assert document["nbformat"] == 4 and len({cell["id"] for cell in document["cells"]}) == len(document["cells"])
    return [cell for cell in document["cells"] if cell["cell_type"] == "code"]


def test_there_is_a_notebook_without_results():
    assert [notebook.name for notebook in notebooks()] == ["fuse.ipynb"]
    for notebook in notebooks():
        assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells(notebook))


@pytest.fixture
def board(write_package, model_accelerator, tmp_path, monkeypatch):
    """With the accelerator of weights that ship, in a folder called ``mine`` beside the notebook."""
    folder = write_package(IntegerModel.load(find_model("s2bnet-flat")), size=(64, 64)).rename(tmp_path / "mine")
    package = Package.load(folder)
    monkeypatch.chdir(tmp_path)
    with Board(model_accelerator(package), package).installed():
        yield package


@pytest.mark.parametrize("notebook", notebooks(), ids=lambda notebook: Path(notebook).stem)
def test_every_cell_runs_on_the_board(notebook, board, capsys):
    import matplotlib.pyplot as plt

    plt.switch_backend("Agg")
    names = {}
    for cell in cells(notebook):
        exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    said = capsys.readouterr().out
    assert "fpga: (4, 128, 128)" in said and "the same bits" in said, said
    assert [axis.get_title() for axis in names["axes"]] == ["MS", "PAN", "fused", "truth"]
    plt.close("all")
