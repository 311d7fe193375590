"""FINN operators of our units, a module for each kind; importing the package registers all that its modules hold."""

from __future__ import annotations

import importlib
import pkgutil

from bitpan.errors import BuildError
from bitpan.hw.operators.base import OPERATORS, Operator

__all__ = ["OPERATORS", "operator_for", "operators_of"]
from bitpan.model import Node
from bitpan.operations import OPERATIONS

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def operators_of(op: str) -> list[type[Operator]]:
    """The operators that compute an operation of integer models, for different nodes of it."""
    return [operator for operator in OPERATORS if operator.op == op]


def operator_for(node: Node) -> type[Operator]:
    """The operator that computes a node.

    Raises:
        BuildError: there is no hardware for it.
    """
    lacking = OPERATIONS[node.op].lacks.get("hardware", "")
    known = [] if lacking else operators_of(node.op)
    for operator in known:
        if operator.takes(node):
            return operator
    reason = lacking or f"only for one {' or '.join(each.only for each in known)}"
    raise BuildError(
        f"node {node.name}: there is no hardware for {node.op if lacking else f'this {node.op}'} yet ({reason}); "
        "`bitpan build --model-only` writes the integer model for `bitpan fuse --model` on a CPU"
    )
