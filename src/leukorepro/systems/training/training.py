"""One trainer for all networks: seeded, restartable between epochs, on a CPU or a GPU.

Whatever is drawn in an epoch, the order of rows and what dropout leaves out, is drawn from the seed and the number of
the epoch, so that a training that was killed and continued ends in the same weights as one that was not.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.optim import SGD, Adam, Optimizer
from tqdm import tqdm

from leukorepro.config.study.training import Augmentation, TrainingSpec
from leukorepro.core.device import choose_device, cpu_has_bfloat16, full_precision, keep_freed_memory, machine_name
from leukorepro.core.errors import UserError
from leukorepro.core.read_ahead import read_ahead
from leukorepro.core.words import Budget, Centering, Device, Precision
from leukorepro.systems.folds import Positions
from leukorepro.systems.networks.layers import WHITE
from leukorepro.systems.training.augmentation import augmented
from leukorepro.systems.training.checkpoints import Record, load_checkpoint, save_checkpoint
from leukorepro.systems.training.cpu_convolutions import FastConvolutions
from leukorepro.systems.training.half_precision import refusal

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From the outputs of a batch, the batch as it was seen, and the positions of its rows (n,), to each row's loss (n,).

Outputs and batch lie where the network is computed, the outputs as float32; positions are on the CPU."""

TRAINER_VERSION = 1
"""Raise it by one when an edit changes what a training computes: here, in a network's layers or initial weights, in a
loss, in how images are read. A training that was killed is continued after any other edit, and begun again after this.

It stands for the code, which checkpoints are not tied to: a comment must not cost the week that a training took."""

MEAN_ROWS = 256
"""Images that are in memory at a time when their mean is taken."""

Keep = Literal["none", "last", "all"]
"""Epochs whose outputs are kept."""


class Rows(Protocol):
    """Rows in memory or in a file: an array, a memory map, or anything that is indexed alike."""

    def __len__(self) -> int:
        """Their number."""

    def __getitem__(self, positions: Positions, /) -> NDArray[Any]:
        """Some of them, shape (n, ...), in the order asked for; several threads may ask at once."""


@dataclass(frozen=True)
class Schedule:
    """How a network is trained.

    Attributes
    ----------
    epochs : int
        Every one is run; nothing stops a training early.
    batch_size : int
        A last, smaller batch is trained on too. One of a single row, which batch norm cannot scale, is joined to the
        batch before it.
    optimizer : {'adam', 'sgd'}
    learning_rate : float
    momentum : float
        Of `sgd`.
    weight_decay : float
        Half of it times the sum of squared weights is added to what is minimised, not to the losses that are told;
        biases of convolutions and fully connected layers are free.
    drop_factor : float
        What the learning rate is multiplied by after every `drop_every` epochs.
    drop_every : int
        0 for a rate that does not drop.
    warm_up : int or None
        With a number, the rate rises in equal steps over so many epochs, has its full value in the next, and falls
        along half a cosine towards 0, which the epoch after the last would have.
    """

    epochs: int
    batch_size: int
    optimizer: Literal["adam", "sgd"] = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 0.0
    drop_factor: float = 1.0
    drop_every: int = 0
    warm_up: int | None = None

    @classmethod
    def of(cls, spec: TrainingSpec, budget: Budget) -> Schedule:
        """What a specification says at a budget.

        Parameters
        ----------
        spec : TrainingSpec
            As a study says it.
        budget : {'demo', 'published'}
            Which of its numbers of epochs is used.
        """
        epochs, drop, cosine = spec.epochs[budget], spec.rate_drop, spec.rate_cosine
        return cls(
            epochs=epochs,
            batch_size=spec.batch_size,
            optimizer=spec.optimizer,
            learning_rate=spec.learning_rate,
            momentum=spec.momentum,
            weight_decay=spec.weight_decay,
            drop_factor=drop.factor if drop else 1.0,
            drop_every=drop.every if drop else 0,
            warm_up=int(cosine.warm_up * epochs) if cosine else None,
        )

    def rate(self, epoch: int) -> float:
        """Learning rate of an epoch; the first is 1."""
        if self.warm_up is not None:
            if epoch <= self.warm_up:
                return self.learning_rate * epoch / (self.warm_up + 1)
            passed = (epoch - 1 - self.warm_up) / (self.epochs - self.warm_up)
            return self.learning_rate * (1 + math.cos(math.pi * passed)) / 2
        drops = (epoch - 1) // self.drop_every if self.drop_every else 0
        return self.learning_rate * self.drop_factor**drops


@dataclass(frozen=True)
class Hardware:
    """Where a network is trained and applied.

    Attributes
    ----------
    device : {'auto', 'cpu', 'cuda'}
    precision : {'float32', 'mixed'}
        `mixed`: half precision where that is safe, on a GPU, or on a CPU that has bfloat16.
    workers : int
        Threads that read batches ahead of a GPU, one at least. For a CPU, which takes longer with each, one is enough.
    """

    device: Device = "auto"
    precision: Precision = "float32"
    workers: int = 0

    @property
    def used_precision(self) -> Precision:
        """The precision that the device can be used with; a CPU may still turn out wrong for a network."""
        able = choose_device(self.device).type == "cuda" or cpu_has_bfloat16()
        return self.precision if able else "float32"


ANY = Hardware()


@dataclass
class Trained:
    """A trained network, and how it went.

    Attributes
    ----------
    network : Module
        The one that was given, in eval mode, on the CPU.
    precision : {'float32', 'mixed'}
        That it was trained with.
    epochs : DataFrame
        One row per epoch, with the columns `epoch` (from 1), `learning_rate`, `seconds`, `machine` (what computed, and
        its precision), `train_loss` (mean over the training rows of weight times loss, each when it was trained on)
        and `watched_loss` (mean over the watched rows of the loss after the epoch, unweighted; NaN without any).
    running : ndarray of float32 or None, shape (kept epochs, n_train, ...)
        Output of every training row when it was trained on, in the order in which they were given.
    watched : ndarray of float32 or None, shape (kept epochs, n_watched, ...)
        Output of every watched row after the epoch.
    """

    network: nn.Module
    precision: Precision
    epochs: pd.DataFrame
    running: NDArray[np.float32] | None
    watched: NDArray[np.float32] | None


def train(
    network: nn.Module,
    rows: Rows,
    train: Positions,
    watched: Positions,
    loss: Loss,
    schedule: Schedule,
    *,
    seed: int,
    checkpoint: Path,
    identity: str,
    hardware: Hardware = ANY,
    weights: NDArray[np.float32] | None = None,
    augment: Augmentation | None = None,
    keep: Keep = "last",
    label: str = "train",
) -> Trained:
    """Train a network, or go on with a training that was interrupted.

    Parameters
    ----------
    network : Module
        With its initial weights; changed in place. Parameters that need no gradient stay as they are.
    rows : Rows
        Only a few batches of them are in memory at any time.
    train : ndarray of int, shape (n_train,)
        Positions of the rows that are trained on.
    watched : ndarray of int, shape (n_watched,)
        Positions of rows whose outputs and losses are recorded after every epoch. They influence nothing.
    loss : callable
        See `Loss`.
    schedule : Schedule
    seed : int
        Of the order of rows and of dropout, non-negative.
    checkpoint : Path
        Folder that the state is written to after epochs: all of them, but for large networks (`checkpoints`), and the
        last one always. It stays when the training is over, and another call then reads the result from it: the caller
        removes it once its own output is safe.
    identity : str
        All that the training depends on, or a digest of it. What a training with another identity left in the folder
        is not used.
    hardware : Hardware, optional
    weights : ndarray of float32, shape (n_train,), optional
        Of the training rows; the mean of weight times loss over a batch is minimised.
    augment : Augmentation, optional
        How images are changed while they are trained on; rows are images as bytes then.
    keep : {'none', 'last', 'all'}
        Epochs whose outputs are kept, of training rows and watched ones.
    label : str
        What the progress bar and errors call the training.

    Returns
    -------
    Trained

    Raises
    ------
    UserError
        If there is nothing to train on, a loss or a weight is not finite, or the checkpoint cannot be read.
    ValueError
        If `weights` or what `loss` returns is not one number per row.

    Notes
    -----
    Equal input gives equal bytes on one machine with one number of threads, interrupted or not, except for `seconds`;
    on a GPU, as far as torch has deterministic algorithms. The caller's generators are left as they were.
    """
    if not len(train):
        raise UserError(f"{label}: no row to train on; see the training part of the split.")
    if weights is not None and weights.shape != train.shape:
        raise ValueError(f"weights of shape {weights.shape} for training rows of shape {train.shape}")
    hardware = _safe(hardware, network.train(), rows, (train, watched), schedule.batch_size, f"{label}: trained")
    precision = hardware.used_precision
    with _computer(network, rows, schedule.batch_size, hardware) as computer:
        optimizer = _optimizer(network, schedule)
        record = load_checkpoint(checkpoint, identity, network, optimizer) or Record()
        computer.load_scaler(record.scaler)
        due = 0.0  # when a state is to be written again
        for epoch in _epochs(record, schedule, label):
            started = time.perf_counter()
            rate = schedule.rate(epoch)
            for group in optimizer.param_groups:
                group["lr"] = rate
            kept = keep == "all" or (keep == "last" and epoch == schedule.epochs)
            with _draws(computer.device, seed, epoch) as draws:
                order = draws.permutation(len(train))
                factors = None if weights is None else weights[order]
                change = None if augment is None else partial(augmented, how=augment, seed=seed, epoch=epoch)
                objectives, running = computer.train(optimizer, train[order], factors, loss, change, kept)
            back = np.argsort(order)
            _check_finite(objectives, network, f"{label}, epoch {epoch}", rate)
            losses, after = computer.evaluate(watched, loss, kept)
            if kept:
                record.outputs.setdefault("running", []).append(running[back])
                record.outputs.setdefault("watched", []).append(after)
            record.history.append(
                {
                    "epoch": epoch,
                    "learning_rate": rate,
                    "seconds": time.perf_counter() - started,
                    "machine": f"{machine_name(computer.device)}, {precision}",
                    "train_loss": float(objectives.mean(dtype=np.float64)),
                    "watched_loss": float(losses.mean(dtype=np.float64)) if len(losses) else float("nan"),
                }
            )
            record.scaler = computer.scaler()
            if time.monotonic() >= due or epoch == schedule.epochs:
                due = save_checkpoint(checkpoint, identity, network, optimizer, record) + time.monotonic()
        optimizer.zero_grad()  # the last batch's gradients are nobody's business
    outputs = {part: np.stack(epochs) for part, epochs in record.outputs.items()}
    epochs = pd.DataFrame(record.history)
    return Trained(network.eval(), precision, epochs, outputs.get("running"), outputs.get("watched"))


def training_mean(images: Rows, train: Positions, of: Centering) -> Tensor:
    """Mean of images, for `leukorepro.systems.networks.layers.center_inputs`.

    Parameters
    ----------
    images : Rows
        Of bytes, each (height, width, 3).
    train : ndarray of int, shape (n_train,)
        Rows that the mean is taken over.
    of : {'channel', 'image'}
        Of each channel over all pixels, or of each pixel's channels.

    Returns
    -------
    Tensor of float32, shape (3, 1, 1) or (3, height, width)
        From 0 to 1.
    """
    total: Any = sum(images[part].sum(0, dtype=np.int64) for part in _parts(train, MEAN_ROWS))
    mean = total.transpose(2, 0, 1) / (WHITE * len(train))
    if of == "channel":
        mean = mean.mean((1, 2), keepdims=True)
    return torch.from_numpy(mean.astype(np.float32))


def predict(
    network: nn.Module, rows: Rows, positions: Positions, batch_size: int, hardware: Hardware = ANY
) -> NDArray[np.float32]:
    """Outputs of a network in eval mode.

    Parameters
    ----------
    network : Module
        Left in eval mode, on the CPU.
    rows : Rows
    positions : ndarray of int, shape (n,)
        Rows that are asked for.
    batch_size : int
        Rows that are computed together.
    hardware : Hardware, optional

    Returns
    -------
    ndarray of float32, shape (n, ...)
        In the order of `positions`.
    """
    hardware = _safe(hardware, network.eval(), rows, (positions,), batch_size, "outputs computed")
    with _computer(network, rows, batch_size, hardware) as computer:
        return computer.evaluate(positions, None, True)[1]


class _Filled:
    """Numbers of rows, which come batch by batch.

    Their memory is one block from the first batch on. Were each batch's numbers kept by themselves, these small blocks
    would lie between the large ones of the batches, whose memory the C library could then not use again: at 450 x 450
    pixels an epoch took 2 MB more with every batch.

    Parameters
    ----------
    n_rows : int
        Of all batches together.
    device : torch.device, optional
        Where they are kept; a GPU that need not hand them over is not waited for.
    """

    def __init__(self, n_rows: int, device: torch.device | None = None) -> None:
        self._n_rows = n_rows
        self._device = device or torch.device("cpu")
        self._values: Tensor | None = None
        self._done = 0

    def add(self, values: Tensor) -> None:
        """Take the numbers of a batch, shape (n, ...)."""
        if self._values is None:
            self._values = torch.empty((self._n_rows, *values.shape[1:]), device=self._device)
        self._values[self._done : self._done + len(values)] = values
        self._done += len(values)

    def numpy(self) -> NDArray[np.float32]:
        """All of them, shape (n_rows, ...); empty if there were none."""
        return np.empty(0, np.float32) if self._values is None else self._values.cpu().numpy()


@dataclass(frozen=True)
class _Computer:
    """A network where it is computed, and the rows that it is fed."""

    fabric: Fabric
    network: nn.Module
    """Wrapped, so that every pass has the precision that was asked for."""
    rows: Rows
    batch_size: int
    readers: int
    """Threads that read batches ahead."""

    @property
    def device(self) -> torch.device:
        return self.fabric.device

    def train(
        self,
        optimizer: Optimizer,
        positions: Positions,
        weights: NDArray[np.float32] | None,
        loss: Loss,
        change: Callable[[Tensor, Tensor], Tensor] | None,
        keep: bool,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """One epoch: weight times loss, and output if wanted, of every row when it was trained on."""
        self.network.train()
        stepping = self.fabric.setup_optimizers(optimizer)
        assert not isinstance(stepping, tuple)
        objectives, kept = _Filled(len(positions), self.device), _Filled(len(positions))
        factors = _parts(np.ones(len(positions), np.float32) if weights is None else weights, self.batch_size)
        for factor, (batch, here) in zip(factors, self.batches(positions), strict=True):
            stepping.zero_grad()
            seen = batch if change is None else change(batch, here)
            outputs = self.network(seen)
            objective = _losses(loss, outputs, seen, here) * self.fabric.to_device(torch.from_numpy(factor))
            self.fabric.backward(objective.mean())
            stepping.step()
            objectives.add(objective.detach())
            if keep:
                kept.add(outputs.detach())
        return objectives.numpy(), kept.numpy()

    @torch.inference_mode()
    def evaluate(
        self, positions: Positions, loss: Loss | None, keep: bool
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Loss, if given, and output, if wanted, of every row in eval mode."""
        self.network.eval()
        losses, kept = _Filled(len(positions), self.device), _Filled(len(positions))
        for batch, here in self.batches(positions):
            outputs = self.network(batch)
            if loss is not None:
                losses.add(_losses(loss, outputs, batch, here))
            if keep:
                kept.add(outputs)
        return losses.numpy(), kept.numpy()

    def batches(self, positions: Positions) -> Iterator[tuple[Tensor, Tensor]]:
        """Rows where they are computed, batch by batch, and their positions."""
        for part, batch in read_ahead(self._read, _parts(positions, self.batch_size), self.readers):
            moved: Tensor = self.fabric.to_device(batch)
            yield moved, torch.from_numpy(part)

    def _read(self, positions: Positions) -> Tensor:
        """A batch, in memory that a GPU copies from by itself where there is one."""
        batch = torch.from_numpy(np.ascontiguousarray(self.rows[positions]))
        return batch.pin_memory() if self.device.type == "cuda" else batch

    def scaler(self) -> dict[str, Any]:
        """State of the scaling of losses, which half precision may need."""
        return self.fabric.strategy.precision.state_dict()

    def load_scaler(self, state: dict[str, Any]) -> None:
        if state:
            self.fabric.strategy.precision.load_state_dict(state)


@contextmanager
def _computer(network: nn.Module, rows: Rows, batch_size: int, hardware: Hardware) -> Iterator[_Computer]:
    """Bring a network to its device; afterwards, and after an error, it is on the CPU as it came."""
    device = choose_device(hardware.device)
    on_gpu = device.type == "cuda"
    half = hardware.used_precision == "mixed"
    if not on_gpu:
        keep_freed_memory()
    fabric = Fabric(
        accelerator=device.type,
        devices=1,
        precision=_half_precision(on_gpu) if half else "32-true",
        plugins=LightningEnvironment(),  # one process, whatever a cluster's variables say
    )
    if half and on_gpu:  # what its units for half precision take
        network.to(memory_format=torch.channels_last)
    readers = max(1, hardware.workers) if on_gpu else 1
    with full_precision(), _deterministic(on_gpu), nullcontext() if on_gpu else FastConvolutions():
        try:
            yield _Computer(fabric, fabric.setup_module(network), rows, batch_size, readers)
        finally:
            network.cpu().to(memory_format=torch.contiguous_format)


def _half_precision(on_gpu: bool) -> Literal["bf16-mixed", "16-mixed"]:
    """bfloat16, which cannot overflow, where a GPU computes with it, and on CPUs."""
    able = not on_gpu or torch.cuda.is_bf16_supported(including_emulation=False)
    return "bf16-mixed" if able else "16-mixed"


def _safe(
    hardware: Hardware, network: nn.Module, rows: Rows, parts: Iterable[Positions], batch_size: int, what: str
) -> Hardware:
    """The hardware that was asked for, with float32 where this CPU gets a layer of the network wrong without it."""
    if hardware.used_precision == "float32" or choose_device(hardware.device).type == "cuda":
        return hardware
    sizes = {len(batch): batch for positions in parts for batch in _parts(positions, batch_size)}
    batches = (torch.from_numpy(np.ascontiguousarray(rows[batch])) for batch in sizes.values())
    with full_precision():
        why = refusal(network, batches)
    if not why:
        return hardware
    print(f"{what} in float32, not with bfloat16, on this CPU: {why}")
    return replace(hardware, precision="float32")


@contextmanager
def _deterministic(on_gpu: bool) -> Iterator[None]:
    """Deterministic algorithms wherever torch has them."""
    if on_gpu:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it once, when it is first used
    settings: Any = torch.utils.deterministic
    enabled, fills = torch.are_deterministic_algorithms_enabled(), settings.fill_uninitialized_memory
    warns = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    settings.fill_uninitialized_memory = False  # which would find mistakes and take time
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=warns)
        settings.fill_uninitialized_memory = fills


@contextmanager
def _draws(device: torch.device, seed: int, epoch: int) -> Iterator[np.random.Generator]:
    """An epoch's own generator; torch's have a seed from it meanwhile, and are afterwards as they were."""
    draws = np.random.default_rng([seed, epoch])
    of_torch = int(draws.spawn(1)[0].integers(2**63))
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(of_torch)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(of_torch)
        yield draws


def _epochs(record: Record, schedule: Schedule, label: str) -> Iterator[int]:
    """Numbers of the epochs that are still to be run, with a progress bar."""
    done = len(record.history)
    if done:
        print(f"{label}: continuing after {done} of {schedule.epochs} epochs")
    with tqdm(total=schedule.epochs, initial=done, desc=label, unit="epoch", smoothing=0.1, mininterval=1) as bar:
        for epoch in range(done + 1, schedule.epochs + 1):
            yield epoch
            told = record.history[-1]
            bar.set_postfix({name: f"{told[name]:.4g}" for name in ("train_loss", "watched_loss")}, refresh=False)
            bar.update()


def _optimizer(network: nn.Module, schedule: Schedule) -> Optimizer:
    learnt = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups: list[dict[str, Any]] = [{"params": learnt}]
    if schedule.weight_decay:
        free = {id(layer.bias) for layer in network.modules() if isinstance(layer, _ConvNd | nn.Linear)}
        groups = [
            {"params": [p for p in learnt if id(p) not in free], "weight_decay": schedule.weight_decay},
            {"params": [p for p in learnt if id(p) in free]},
        ]
    if schedule.optimizer == "adam":
        return Adam(groups, lr=schedule.learning_rate, fused=True)
    return SGD(groups, lr=schedule.learning_rate, momentum=schedule.momentum, fused=True)


def _parts(values: NDArray[Any], batch_size: int) -> list[NDArray[Any]]:
    """Batches of values in their order; a last one of a single row is joined to the one before."""
    starts = list(range(batch_size, len(values), batch_size))
    if batch_size > 1 and starts and starts[-1] == len(values) - 1:
        starts.pop()
    return np.split(values, starts) if len(values) else []


def _losses(loss: Loss, outputs: Tensor, batch: Tensor, positions: Tensor) -> Tensor:
    losses = loss(outputs, batch, positions)
    if losses.shape != positions.shape:
        raise ValueError(f"the loss returns {tuple(losses.shape)} for {len(positions)} rows, not one number for each")
    return losses


def _check_finite(objectives: NDArray[np.float32], network: nn.Module, where: str, rate: float) -> None:
    if not np.isfinite(objectives).all():
        what = "the loss"
    elif not all(bool(parameter.isfinite().all()) for parameter in network.parameters()):
        what = "a weight of the network"
    else:
        return
    raise UserError(f"{where}: {what} is not finite; lower the learning rate, which is {rate:g}.")
