"""Every stage has every operation, or the table says that it deliberately has not."""

import contextlib
import importlib
import pkgutil

import pytest

from bitpan.errors import BuildError
from bitpan.hw.operators import operator_for
from bitpan.model import Node
from bitpan.models import layers as layers_room
from bitpan.models.layers.operation import Operation
from bitpan.models.layers.operations import FUNCTIONS
from bitpan.operations import OPERATIONS
from bitpan.qonnx.grammar import GRAMMAR


def layers():
    """Operations that some PyTorch layer is."""
    for module in pkgutil.iter_modules(layers_room.__path__):
        importlib.import_module(f"{layers_room.__name__}.{module.name}")

    found, classes = set(FUNCTIONS), [Operation]
    while classes:
        each = classes.pop()
        found |= {each.op} - {""}
        classes += each.__subclasses__()
    return found


def hardware():
    """Operations that a build places."""
    found = set()
    for name, entry in OPERATIONS.items():
        with contextlib.suppress(BuildError):
            operator_for(Node(name, "node", entry.inputs, "y", entry.scene))
            found.add(name)
    return found


STAGES = {
    "hardware": hardware,
    "QONNX": lambda: set(GRAMMAR),
    "PyTorch": layers,
}


@pytest.mark.parametrize("stage", STAGES)
def test_no_operation_is_forgotten(stage):
    have = STAGES[stage]()
    lacking = {op for op, entry in OPERATIONS.items() if stage in entry.lacks}
    assert not have - set(OPERATIONS), f"{stage} has operations that the table does not know"
    missing = set(OPERATIONS) - have - lacking
    assert not missing, f"{stage} lacks {sorted(missing)}; add them, or say in bitpan/operations.py why not"
    assert not have & lacking, f"{stage} has {sorted(have & lacking)}, which the table says it lacks"


def test_what_is_lacking_says_why_and_of_a_known_stage():
    for entry in OPERATIONS.values():
        assert entry.lacks.keys() <= STAGES.keys() and all(entry.lacks.values()), entry.name
