"""What printed counts of learnables say about a network: which layers they leave, and which they contradict."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from leukorepro.audits.finding import Finding, Severity, capital
from leukorepro.audits.findings.totals import LAYER, TOTAL
from leukorepro.audits.paper import Paper, Value, place_name, table_name
from leukorepro.config.study.audits import PrintedLayers
from leukorepro.config.study.systems import NetworkSpec
from leukorepro.core.phrases import listed

KERNELS = range(1, 12)
"""Sides of square kernels that are tried."""


@dataclass(frozen=True)
class Convolution:
    """A convolution with a square kernel and a bias."""

    kernel: int
    channels_in: int
    channels_out: int

    def __str__(self) -> str:
        return f"{self.channels_in} to {self.channels_out} channels at {self.kernel}x{self.kernel}"


def convolutions(layers: list[tuple[str, int]], channels: int) -> list[list[Convolution]]:
    """All stacks of convolutions that have the printed learnables, from and to a number of channels.

    Parameters
    ----------
    layers : list of (str, int)
        Name and learnables of each layer, in order. What has learnables is a convolution; a depth-to-space layer turns
        blocks of r * r channels into one, for any r; other layers leave the channels as they are.
    channels : int
        Of the input and of the output.

    Returns
    -------
    list of list of Convolution
        Each stack once.
    """
    found: dict[tuple[Convolution, ...], None] = {}

    def follow(at: int, width: int, stack: tuple[Convolution, ...]) -> None:
        if at == len(layers):
            if width == channels:
                found[stack] = None
            return
        name, count = layers[at]
        if count:
            for kernel in KERNELS:
                filters, rest = divmod(count, kernel**2 * width + 1)
                if filters and not rest:
                    follow(at + 1, filters, (*stack, Convolution(kernel, width, filters)))
        elif "depth to space" in name.lower():
            for block in range(1, math.isqrt(width) + 1):
                if width % block**2 == 0:
                    follow(at + 1, width // block**2, stack)
        else:
            follow(at + 1, width, stack)

    follow(0, channels, ())
    return [list(stack) for stack in found]


def layers(paper: Paper) -> Iterator[Finding]:
    """Which architecture the declared lists of layers leave.

    Raises
    ------
    UserError
        If a declared number is not printed.
    """
    for number, declared in enumerate(paper.audit.layers):
        printed = [v for values in paper.items(declared.table).values() for v in values.values() if v.metric == LAYER]
        stacks = convolutions([(value.item, round(value.number)) for value in printed], declared.channels)
        equal = [stack for stack in stacks if len({convolution.kernel for convolution in stack}) == 1]
        name = table_name(declared.table)
        text = f"{len(stacks) or 'No'} stacks of convolutions with square kernels have the learnables of {name}"
        if len(equal) == 1:
            text += f"; one of them has the same kernel throughout: {listed([str(layer) for layer in equal[0]])}"
        yield Finding(f"layers/{declared.table}", "note" if stacks else "error", f"{text}.", capital(name))
        for stack in equal[:1]:
            yield from _code(paper, declared, printed, stack, f"layers[{number}]")


def _code(
    paper: Paper, declared: PrintedLayers, printed: list[Value], stack: list[Convolution], key: str
) -> Iterator[Finding]:
    """Which of the printed input sides the number of features in the middle leaves."""
    flat = next((at for at, value in enumerate(printed) if "flatten" in value.item.lower()), None)
    if flat is None:
        return
    maps = stack[sum(value.number > 0 for value in printed[:flat]) - 1].channels_out
    poolings = sum("pooling" in value.item.lower() for value in printed[:flat])
    features = paper.count(declared.code, key)
    side = math.isqrt(features // maps)
    sizes = [paper.count(place, key) for place in declared.sides]
    if side**2 * maps != features:
        text = f"{features:,} features are no {maps} square maps, which the last convolution of the encoder gives."
        yield Finding(f"code/{declared.table}", "error", text, capital(table_name(declared.table)))
        return
    fitting = [size for size in sizes if any(side * pool**poolings == size for pool in range(1, size + 1))]
    text = f"{features:,} features are {maps} maps of {side}x{side}; {poolings} equal poolings make them of "
    text += f"{listed([f'{size}x{size}' for size in fitting])} pixels" if fitting else "none of the printed sizes"
    if fitting and len(fitting) < len(sizes):
        text += f", not of {listed([f'{size}x{size}' for size in sizes if size not in fitting])}"
    where = f"{capital(table_name(declared.table))}; the text"
    yield Finding(f"code/{declared.table}", "note" if len(fitting) == len(sizes) else "warning", f"{text}.", where)


def networks(paper: Paper) -> Iterator[Finding]:
    """Whether the study's networks have as many learnables as the paper prints, in every reading of it."""
    totals = {value.item: value for value in paper.values if value.metric == TOTAL}
    printed = {name: totals[name] for name in paper.study.classifiers if name in totals and _is_network(paper, name)}
    if not printed:
        return
    from leukorepro.systems.networks.summary import summarise  # here, because it imports torch, which few papers need

    counts = {name.partition(",")[0]: summary.learnables for name, summary in summarise(paper.study).items()}
    for name, total in printed.items():
        readings = dict.fromkeys([name, *_readings(paper, name)])
        fits = {reading: abs(counts[reading] - total.number) <= total.half_unit for reading in readings}
        for reading, fit in fits.items():
            compared = "which rounds to" if fit else "not"
            text = (
                f"The network {name}{'' if reading == name else f', read as {reading!r},'} has {counts[reading]:,} "
                f"learnables, {compared} the {round(total.number):,} printed."
            )
            severity: Severity = "note" if any(fits.values()) else "error"
            yield Finding(f"learnables/{reading}", severity, text, place_name(total.table, name))


def _is_network(paper: Paper, name: str) -> bool:
    return isinstance(paper.study.classifiers[name], NetworkSpec)


def _readings(paper: Paper, name: str) -> Iterator[str]:
    """Networks of items that are second readings of an item with the network `name`."""
    for table in paper.study.tables.values():
        classifiers = {item.item: item.classifier for item in table.items}
        for item in table.items:
            reads = item.reading_of is not None and classifiers[item.reading_of] == name
            if reads and _is_network(paper, item.classifier):
                yield item.classifier
