"""A network cut in two in front of one of its modules: what comes before it, and what begins with it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from torch import fx, nn
from torch.nn.modules.dropout import _DropoutNd


class _Tracer(fx.Tracer):
    """Modules are looked into, except those that hold numbers of their own or no further module.

    What computes otherwise in training (batch norm, dropout) stays a module, which is told when it is trained.
    """

    def __init__(self, functions: Sequence[Callable[..., Any]], opaque: tuple[type[nn.Module], ...]) -> None:
        super().__init__(autowrap_functions=tuple(functions))
        self._opaque = opaque

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:  # noqa: ARG002
        """Whether a module is one step of the graph."""
        own = any(True for _ in m.parameters(recurse=False)) or any(True for _ in m.buffers(recurse=False))
        return own or not any(True for _ in m.children()) or isinstance(m, self._opaque)


def trace(
    network: nn.Module,
    functions: Sequence[Callable[..., Any]] = (),
    opaque: tuple[type[nn.Module], ...] = (),
) -> fx.Graph:
    """The steps of a network in evaluation mode, without computing any.

    Parameters
    ----------
    network : Module
        In evaluation mode, on any device.
    functions : sequence of callable
        Functions that are not looked into.
    opaque : tuple of types
        Modules that are not looked into.

    Raises
    ------
    Exception
        Of many kinds, where the network's steps depend on the numbers.
    """
    _, *more = inspect.signature(network.forward).parameters.values()
    defaults = {parameter.name: parameter.default for parameter in more if parameter.default is not parameter.empty}
    graph = _Tracer(functions, opaque).trace(network, defaults or None)
    for unused in [node for node in graph.nodes if node.op == "placeholder"][1:]:
        _erase(graph, unused)
    return graph


def _erase(graph: fx.Graph, node: fx.Node) -> None:
    """Remove a step and those that take what it gives: checks that an argument has its default value."""
    for user in list(node.users):
        _erase(graph, user)
    graph.erase_node(node)


def find_starts(network: nn.Module, graph: fx.Graph) -> dict[str, int]:
    """Modules that a network can be cut in front of, each with the number of the step that begins behind the cut.

    Parameters
    ----------
    network : Module
        That the steps are of.
    graph : Graph
        Its steps, as `trace` gives them.

    Returns
    -------
    dict of str to int
        By dotted name, in the order of the steps; of modules with weights, and only where one value crosses the cut: a
        module inside a block whose parts run side by side is none. Dropout right in front of a module belongs to it,
        so that it is at work when the module is trained.
    """
    nodes = list(graph.nodes)
    number = {node: i for i, node in enumerate(nodes)}
    last_use = [max((number[user] for user in node.users), default=-1) for node in nodes]
    first: dict[str, int] = {}
    for i, node in enumerate(nodes):
        for name, _ in node.meta.get("nn_module_stack", {}).values():
            first.setdefault(name, i)

    def can_be_cut(step: int) -> bool:
        return sum(last_use[i] >= step for i in range(step)) == 1

    def with_dropout(start: int) -> int:
        """The earliest dropout in front of a start, with nothing that has weights and one value all the way between."""
        found, step = start, start - 1
        while can_be_cut(step) and not _has_weights(network, nodes[step]):
            found = step if _is_dropout(network, nodes[step]) else found
            step -= 1
        return found

    return {
        name: with_dropout(start)
        for name, start in first.items()
        if can_be_cut(start) and any(weight.ndim > 1 for weight in network.get_submodule(name).parameters())
    }


def cut(network: nn.Module, graph: fx.Graph, step: int) -> tuple[fx.GraphModule, fx.GraphModule]:
    """What a network computes before a step of `find_starts`, and the rest; both hold the network's own modules.

    Parameters
    ----------
    network : Module
        The complete network.
    graph : torch.fx.Graph
        Its steps, as `trace` gives them.
    step : int
        Number of the first step of the second part, at a place where a single value crosses.

    Returns
    -------
    tuple of two GraphModule
        From images to the value that crosses, and from that value to what the network gives.
    """
    nodes = list(graph.nodes)
    before, after = nodes[:step], nodes[step:]
    (crossing,) = (node for node in before if any(user in after for user in node.users))
    return _part(network, before, None, crossing), _part(network, after[:-1], crossing, after[-1].args[0])


def _part(network: nn.Module, nodes: list[fx.Node], taken: fx.Node | None, given: Any) -> fx.GraphModule:
    graph = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {} if taken is None else {taken: graph.placeholder("taken")}
    for node in nodes:
        copies[node] = graph.node_copy(node, lambda used: copies[used])
    graph.output(copies[given])
    return fx.GraphModule(network, graph)


def _is_dropout(network: nn.Module, node: fx.Node) -> bool:
    return node.op == "call_module" and isinstance(network.get_submodule(str(node.target)), _DropoutNd)


def _has_weights(network: nn.Module, node: fx.Node) -> bool:
    if node.op == "get_attr":
        return True
    return node.op == "call_module" and any(True for _ in network.get_submodule(str(node.target)).parameters())
