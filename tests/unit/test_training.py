"""The trainer against a plain loop on torch, and what an interruption must not change."""

from __future__ import annotations

import copy
import json
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from safetensors import safe_open
from small_disk import room_for
from torch import Tensor, nn
from torch.nn import functional

from leukorepro.config.study.training import Augmentation
from leukorepro.core.device import cpu_has_bfloat16
from leukorepro.core.errors import UserError
from leukorepro.core.file_errors import FileError
from leukorepro.core.words import Precision
from leukorepro.systems.training import checkpoints, training
from leukorepro.systems.training.augmentation import augmented
from leukorepro.systems.training.training import Hardware, Loss, Schedule, Trained, predict, train, training_mean

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = Hardware("cpu")
SEED = 11
TRAIN, WATCHED = np.arange(36)[::-1].copy(), np.arange(36, 45)
"""Rows of the problem, in an order of their own."""
LABELS = torch.arange(45) % 2
SCHEDULES = {
    "adam": Schedule(4, 8, "adam", 0.01, drop_factor=0.5, drop_every=3),
    "sgd": Schedule(4, 8, "sgd", 0.05, momentum=0.9),
    "sgd without momentum": Schedule(4, 8, "sgd", 0.05, momentum=0.0),
    "adam with weight decay along a cosine": Schedule(4, 8, "adam", 0.01, weight_decay=0.3, warm_up=1),
}


class Scale(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.permute(0, 3, 1, 2).float() / 255


def images() -> np.ndarray:
    """Images whose red channel tells their class, as bytes."""
    pixels = np.random.default_rng(5).integers(0, 200, (45, 9, 9, 3), dtype=np.uint8)
    pixels[..., 0] += (40 * LABELS.numpy()[:, None, None]).astype(np.uint8)
    return pixels


def network(dropout: float = 0.3) -> nn.Sequential:
    """No bias that batch norm takes out again: its gradient would be rounding noise, which Adam makes full steps of."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return nn.Sequential(
            Scale(),
            nn.Conv2d(3, 5, 3, stride=2, bias=False),
            nn.BatchNorm2d(5),
            nn.ReLU(),
            nn.Conv2d(5, 6, 1),
            nn.ReLU(),
            nn.Conv2d(6, 4, 3),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(16, 2),
        )


FREE = ("4.bias", "6.bias", "10.bias")
"""Of the network, what weight decay leaves alone; batch norm is decayed."""


def cross_entropy(outputs: Tensor, _: Tensor, positions: Tensor) -> Tensor:
    return functional.cross_entropy(outputs, LABELS[positions], reduction="none")


def fit(folder: Path, **changes: Any) -> Trained:
    given: dict[str, Any] = {
        "network": network(),
        "rows": images(),
        "train": TRAIN,
        "watched": WATCHED,
        "loss": cross_entropy,
        "schedule": SCHEDULES["adam"],
        "seed": SEED,
        "checkpoint": folder,
        "identity": "this training",
        "hardware": CPU,
        "keep": "all",
    }
    return train(**(given | changes))


def assert_same(first: Trained, second: Trained) -> None:
    """To the last bit, but for the seconds."""
    expected = second.network.state_dict()
    assert first.network.state_dict().keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in first.network.state_dict().items())
    np.testing.assert_array_equal(first.running, second.running)
    np.testing.assert_array_equal(first.watched, second.watched)
    columns = ["epoch", "learning_rate", "train_loss", "watched_loss"]
    assert first.epochs[columns].equals(second.epochs[columns])


def plain_loop(
    net: nn.Module, schedule: Schedule, weights: np.ndarray | None = None
) -> tuple[nn.Module, np.ndarray, np.ndarray, list[list[float]]]:
    """Torch alone: the network, the outputs in training and after every epoch, and the losses of the two."""
    rows = torch.from_numpy(images())
    if schedule.optimizer == "adam":
        optimizer: torch.optim.Optimizer = torch.optim.Adam(net.parameters(), schedule.learning_rate, foreach=False)
    else:
        optimizer = torch.optim.SGD(net.parameters(), schedule.learning_rate, schedule.momentum, foreach=False)
    drops: Any = torch.optim.lr_scheduler.StepLR(optimizer, schedule.drop_every or 10**6, schedule.drop_factor)
    if schedule.warm_up is not None:
        rise = torch.optim.lr_scheduler.LinearLR(optimizer, 1 / (schedule.warm_up + 1), total_iters=schedule.warm_up)
        fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, schedule.epochs - schedule.warm_up)
        drops = torch.optim.lr_scheduler.SequentialLR(optimizer, [rise, fall], [schedule.warm_up])
    decayed = [value for name, value in net.named_parameters() if name not in FREE]
    running = np.empty((schedule.epochs, len(TRAIN), 2), np.float32)
    watched, told = [], []
    for epoch in range(1, schedule.epochs + 1):
        order = np.random.default_rng([SEED, epoch]).permutation(len(TRAIN))
        objectives = []
        net.train()
        for start in range(0, len(order), schedule.batch_size):
            batch = order[start : start + schedule.batch_size]
            outputs = net(rows[TRAIN[batch]])
            losses = functional.cross_entropy(outputs, LABELS[TRAIN[batch]], reduction="none")
            if weights is not None:
                losses = losses * torch.from_numpy(weights[batch])
            optimizer.zero_grad()
            penalty = sum(value.square().sum() for value in decayed)
            (losses.mean() + schedule.weight_decay / 2 * penalty).backward()
            optimizer.step()
            running[epoch - 1, batch] = outputs.detach()
            objectives += losses.tolist()
        drops.step()
        net.eval()
        with torch.no_grad():
            watched.append(net(rows[WATCHED]))
        told.append([np.mean(objectives), float(functional.cross_entropy(watched[-1], LABELS[WATCHED]))])
    return net, running, torch.stack(watched).numpy(), told


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", SCHEDULES)
def test_a_training_equals_a_plain_loop(name: str, weighted: bool, tmp_path: Path) -> None:
    weights = np.where(LABELS[TRAIN] == 1, 1.6, 0.7).astype(np.float32) if weighted else None
    ours = fit(tmp_path, network=network(dropout=0), schedule=SCHEDULES[name], weights=weights)
    plain, running, watched, losses = plain_loop(network(dropout=0), SCHEDULES[name], weights)
    for key, value in plain.state_dict().items():
        np.testing.assert_allclose(ours.network.state_dict()[key], value, rtol=0, atol=1e-6, err_msg=key)
    np.testing.assert_allclose(ours.running, running, rtol=0, atol=1e-5)
    np.testing.assert_allclose(ours.watched, watched, rtol=0, atol=1e-5)
    np.testing.assert_allclose(ours.epochs[["train_loss", "watched_loss"]], losses, rtol=0, atol=1e-5)
    assert ours.epochs["epoch"].tolist() == [1, 2, 3, 4]
    assert losses[-1][0] < losses[0][0]  # it has learnt something


class Interruption(Exception):
    pass


def interrupted_at(batch: int, loss: Loss = cross_entropy) -> Loss:
    """A loss that stops the training when it is asked for the losses of that batch, watched ones among them."""
    calls = 0

    def compute(outputs: Tensor, rows: Tensor, positions: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        if calls == batch:
            raise Interruption
        return loss(outputs, rows, positions)

    return compute


@pytest.mark.parametrize("name", SCHEDULES)
def test_an_interrupted_training_ends_in_the_same_bits(name: str, tmp_path: Path) -> None:
    """Stopped in every epoch: 5 batches of training rows and one of watched ones are an epoch."""
    given = {"schedule": SCHEDULES[name]}
    whole = fit(tmp_path / "whole", **given)
    for batch in (3, 8, 6, 11, 9):  # in epoch 1; in 2; while 2 is looked at; in 3; in 4
        with pytest.raises(Interruption):
            fit(tmp_path / "stopped", loss=interrupted_at(batch), **given)
    assert_same(fit(tmp_path / "stopped", **given), whole)


def test_a_large_state_is_not_written_after_every_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first tells how much a state takes; of this one as much as may be written in hours, and then the last."""
    monkeypatch.setattr(checkpoints, "WRITTEN_A_SECOND", 1)
    whole = fit(tmp_path / "whole")
    with pytest.raises(Interruption):
        fit(tmp_path / "stopped", loss=interrupted_at(17))  # in the third epoch
    capsys.readouterr()
    assert_same(fit(tmp_path / "stopped"), whole)
    assert "continuing after 1 of 4 epochs" in capsys.readouterr().out
    assert_same(fit(tmp_path / "stopped", loss=interrupted_at(1)), whole)


@pytest.mark.parametrize("keep", ["none", "last", "all"])
def test_kept_outputs(keep: str, tmp_path: Path) -> None:
    everything = fit(tmp_path / "all")
    with pytest.raises(Interruption):
        fit(tmp_path / "some", keep=keep, loss=interrupted_at(17))
    some = fit(tmp_path / "some", keep=keep)
    assert everything.running is not None
    assert everything.watched is not None
    assert everything.running.dtype == everything.watched.dtype == np.float32
    assert everything.running.shape == (4, 36, 2)
    assert everything.watched.shape == (4, 9, 2)
    if keep == "none":
        assert some.running is some.watched is None
    else:
        part = slice(-1, None) if keep == "last" else slice(None)
        np.testing.assert_array_equal(some.running, everything.running[part])
        np.testing.assert_array_equal(some.watched, everything.watched[part])
    assert some.epochs["watched_loss"].equals(everything.epochs["watched_loss"])


def test_a_finished_training_is_read_not_repeated(tmp_path: Path) -> None:
    whole = fit(tmp_path)
    assert_same(fit(tmp_path, loss=interrupted_at(1)), whole)


def test_another_identity_starts_anew(tmp_path: Path) -> None:
    fit(tmp_path / "a", identity="other", schedule=SCHEDULES["sgd"])
    assert_same(fit(tmp_path / "a"), fit(tmp_path / "b"))


def test_another_network_starts_anew(tmp_path: Path) -> None:
    other = network()
    other[-1] = nn.Linear(16, 2, bias=False)
    fit(tmp_path / "a", network=other)
    assert_same(fit(tmp_path / "a"), fit(tmp_path / "b"))


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import torch
import test_training as t

torch.set_num_threads(1)
calls = 0

def loss(outputs, batch, positions):
    global calls
    calls += 1
    if calls == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    return t.cross_entropy(outputs, batch, positions)

t.fit(Path(sys.argv[2]), loss=loss)
"""


def test_sigkill_in_the_middle_of_an_epoch(tmp_path: Path) -> None:
    def run(kill_at: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", KILLED, str(Path(__file__).parent), str(tmp_path / "killed"), str(kill_at)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert run(kill_at=2 * 6 + 3).returncode == -signal.SIGKILL  # in the third epoch
    (state,) = (tmp_path / "killed").iterdir()
    with safe_open(state, "np") as stored:
        assert len(json.loads(stored.metadata()["history"])) == 2
    again = run(kill_at=0)
    assert again.returncode == 0, again.stderr
    assert "continuing after 2 of 4 epochs" in again.stdout
    assert_same(fit(tmp_path / "killed", loss=interrupted_at(1)), fit(tmp_path / "whole"))


def test_no_pickle_is_written_or_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("pickle")

    for name in ("dump", "dumps", "load", "loads", "Pickler", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    monkeypatch.setattr(torch, "save", refuse)
    monkeypatch.setattr(torch, "load", refuse)
    with pytest.raises(Interruption):
        fit(tmp_path, loss=interrupted_at(17))
    whole = fit(tmp_path)
    (file,) = tmp_path.iterdir()
    with safe_open(file, "pt") as stored:
        assert torch.equal(stored.get_tensor("network.10.weight"), whole.network.state_dict()["10.weight"])


def test_a_disk_that_fills_up_in_the_middle_keeps_the_epochs_until_then(tmp_path: Path) -> None:
    """The state after an epoch is larger than that after the one before: outputs of every epoch are kept."""
    whole = fit(tmp_path / "whole")
    (file,) = (tmp_path / "whole").iterdir()
    seconds = 64  # bytes by which the epochs' times may be longer or shorter to write down
    with room_for(file.stat().st_size - seconds), pytest.raises(FileError, match="what is complete is kept"):
        fit(tmp_path / "cut")
    (kept,) = (tmp_path / "cut").iterdir()
    assert kept.name == file.name
    with safe_open(kept, "pt") as stored:
        assert 0 < len(json.loads(stored.metadata()["history"])) < len(whole.epochs)
    again = fit(tmp_path / "cut")
    assert again.epochs["train_loss"].tolist() == whole.epochs["train_loss"].tolist()


def test_a_damaged_checkpoint_is_told_and_the_training_starts_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = fit(tmp_path)
    (file,) = tmp_path.iterdir()
    content = bytearray(file.read_bytes())
    content[-1] ^= 1  # of the last tensor, which would be read as it is
    for damaged in (content, content[: len(content) // 2]):
        file.write_bytes(damaged)
        again = fit(tmp_path)
        assert f"{file}: was changed since it was written" in capsys.readouterr().out
        assert again.epochs["train_loss"].tolist() == whole.epochs["train_loss"].tolist()


def linear(features: int = 3, classes: int = 2) -> nn.Linear:
    layer = nn.Linear(features, classes, bias=False)
    nn.init.zeros_(layer.weight)
    return layer


def test_the_objective_is_the_weighted_mean_in_closed_form(tmp_path: Path) -> None:
    """From weights of 0 every probability is a half, and one step is the rate times the mean weighted gradient."""
    rng = np.random.default_rng(0)
    rows, weights = rng.normal(size=(45, 3)).astype(np.float32), rng.uniform(0.2, 3, 36).astype(np.float32)
    schedule = Schedule(1, 36, "sgd", 0.5, momentum=0.0)
    done = fit(tmp_path, network=linear(), rows=rows, weights=weights, schedule=schedule)
    assert done.epochs["train_loss"].item() == pytest.approx(np.log(2) * weights.mean(), rel=1e-6)
    errors = 0.5 - np.eye(2)[LABELS[TRAIN]]
    step = (weights[:, None, None] * errors[:, :, None] * rows[TRAIN][:, None, :]).mean(0)
    np.testing.assert_allclose(done.network.state_dict()["weight"], -0.5 * step, rtol=0, atol=1e-6)


def test_the_learning_rate_drops(tmp_path: Path) -> None:
    """The gradient is 1 throughout, so that the weight falls by the rate of every step."""
    rates = [0.5, 0.5, 0.05, 0.05, 0.005]
    schedule = Schedule(5, 18, "sgd", 0.5, momentum=0.0, drop_factor=0.1, drop_every=2)

    def itself(outputs: Tensor, _: Tensor, __: Tensor) -> Tensor:
        return outputs[:, 0]

    given: dict[str, Any] = {"rows": np.ones((45, 1), np.float32), "schedule": schedule}
    with pytest.raises(Interruption):
        fit(tmp_path, network=linear(1, 1), loss=interrupted_at(10, itself), **given)
    done = fit(tmp_path, network=linear(1, 1), loss=itself, **given)
    np.testing.assert_allclose(done.epochs["learning_rate"], rates, rtol=1e-12)
    assert done.network.state_dict()["weight"].item() == pytest.approx(-2 * sum(rates), rel=1e-6)


def test_an_interrupted_augmented_training_ends_in_the_same_bits(tmp_path: Path) -> None:
    given = {"augment": Augmentation(flips=["horizontal"], rotation=30, brightness=0.2)}
    whole = fit(tmp_path / "whole", **given)
    for batch in (3, 9):
        with pytest.raises(Interruption):
            fit(tmp_path / "stopped", loss=interrupted_at(batch), **given)
    assert_same(fit(tmp_path / "stopped", **given), whole)
    assert not np.array_equal(whole.running, fit(tmp_path / "plain").running)


@pytest.mark.parametrize("precision", get_args(Precision))
def test_augmented_images_are_trained_on_as_if_they_had_been_changed_before(
    precision: Precision, tmp_path: Path
) -> None:
    """One epoch, to the last bit; half precision changes neither images nor draws, and watched images stay."""
    how = Augmentation(flips=["vertical"], rotation=30, shift=0.1, zoom=0.2, brightness=0.2)
    changed = images()
    changed[TRAIN] = augmented(torch.from_numpy(changed[TRAIN]), torch.from_numpy(TRAIN), how, SEED, epoch=1)
    given = {"schedule": Schedule(1, 8, "adam", 0.01), "hardware": Hardware("cpu", precision)}
    on_the_fly = fit(tmp_path / "fly", augment=how, **given)
    assert_same(on_the_fly, fit(tmp_path / "before", rows=changed, **given))
    assert on_the_fly.precision == Hardware("cpu", precision).used_precision
    assert not np.array_equal(on_the_fly.running, fit(tmp_path / "plain", **given).running)


@pytest.mark.parametrize(("of", "axes"), [("channel", (0, 1, 2)), ("image", 0)])
def test_the_mean_of_training_images(of: str, axes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "MEAN_ROWS", 10)
    mean = training_mean(images(), TRAIN, of)  # type: ignore[arg-type]
    expected = (images()[TRAIN] / 255.0).mean(axes)
    np.testing.assert_allclose(mean.squeeze().numpy(), np.moveaxis(expected, -1, 0), rtol=0, atol=1e-7)


def test_watched_rows_influence_nothing(tmp_path: Path) -> None:
    watching, alone = fit(tmp_path / "a"), fit(tmp_path / "b", watched=WATCHED[:0])
    expected = watching.network.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in alone.network.state_dict().items())
    np.testing.assert_array_equal(alone.running, watching.running)
    assert alone.epochs["watched_loss"].isna().all()


def batches_seen(folder: Path, n_train: int, batch_size: int, epochs: int = 2) -> list[list[int]]:
    seen: list[list[int]] = []

    def loss(outputs: Tensor, rows: Tensor, positions: Tensor) -> Tensor:
        np.testing.assert_array_equal(rows, images()[positions])
        seen.append(positions.tolist())
        return cross_entropy(outputs, rows, positions)

    fit(folder, train=TRAIN[:n_train], watched=WATCHED[:0], loss=loss, schedule=Schedule(epochs, batch_size))
    return seen


@pytest.mark.parametrize(("n_train", "batch_size", "sizes"), [(20, 8, [8, 8, 4]), (17, 8, [8, 9]), (16, 8, [8, 8])])
def test_every_row_is_trained_on_once_an_epoch(n_train: int, batch_size: int, sizes: list[int], tmp_path: Path) -> None:
    """A last batch of one row would stop batch norm: it joins the one before."""
    seen = batches_seen(tmp_path, n_train, batch_size)
    assert [len(batch) for batch in seen] == 2 * sizes
    first, second = np.concatenate(seen[: len(sizes)]).tolist(), np.concatenate(seen[len(sizes) :]).tolist()
    assert sorted(first) == sorted(second) == sorted(TRAIN[:n_train].tolist())
    assert first != second


def test_dropout_differs_between_epochs_and_seeds_but_not_between_runs(tmp_path: Path) -> None:
    """Rows of ones: what dropout leaves of them is what a layer that passes them on puts out."""

    def dropped(folder: str, seed: int) -> np.ndarray:
        net = nn.Sequential(nn.Dropout(0.5), nn.Linear(64, 64, bias=False))
        nn.init.eye_(net[1].weight)
        rows, schedule = np.ones((45, 64), np.float32), Schedule(2, 36, "sgd", 1e-12)
        given = {"loss": lambda outputs, _, __: outputs[:, 0], "seed": seed, "schedule": schedule}
        made = fit(tmp_path / folder, network=net, rows=rows, **given)
        assert made.running is not None
        return made.running > 1

    once, again, other = dropped("a", 1), dropped("b", 1), dropped("c", 2)
    np.testing.assert_array_equal(once, again)
    assert 0.45 < once.mean() < 0.55
    for first, second in [(once[0], once[1]), (once, other)]:
        assert 0.4 < (first != second).mean() < 0.6


def test_the_callers_settings_stay(tmp_path: Path) -> None:
    torch.manual_seed(1)
    np.random.seed(1)

    def settings() -> list[Any]:
        return [
            torch.get_rng_state().tolist(),
            [str(part) for part in np.random.get_state()],
            torch.are_deterministic_algorithms_enabled(),
            torch.utils.deterministic.fill_uninitialized_memory,
            torch.get_num_threads(),
            torch.is_grad_enabled(),
            torch.get_float32_matmul_precision(),
        ]

    before = settings()
    with pytest.raises(Interruption):
        fit(tmp_path, loss=interrupted_at(9))
    assert settings() == before
    done = fit(tmp_path)
    predict(done.network, images(), WATCHED, 4, CPU)
    assert settings() == before


def test_rows_may_lie_in_a_file(tmp_path: Path) -> None:
    images().tofile(tmp_path / "rows")
    mapped = np.memmap(tmp_path / "rows", np.uint8, "r", shape=(45, 9, 9, 3))
    assert_same(fit(tmp_path / "file", rows=mapped), fit(tmp_path / "memory"))


class Slow:
    """Rows of which some take longer to read than others."""

    def __len__(self) -> int:
        return 45

    def __getitem__(self, positions: np.ndarray, /) -> np.ndarray:
        time.sleep(0.01 * (positions[0] % 3))
        return images()[positions]


@pytest.mark.parametrize("readers", [1, 2, 7])
def test_any_number_of_readers_delivers_the_same(readers: int) -> None:
    with training._computer(network(), Slow(), 4, CPU) as computer:
        batches = list(replace(computer, readers=readers).batches(TRAIN))
    assert torch.cat([positions for _, positions in batches]).tolist() == TRAIN.tolist()
    np.testing.assert_array_equal(torch.cat([batch for batch, _ in batches]), images()[TRAIN])


def test_variables_of_a_cluster_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One process trains, however many the cluster's job has."""
    here = fit(tmp_path / "here")
    for name, value in {"JOB_ID": 7, "JOB_NAME": "train", "NTASKS": 4, "NTASKS_PER_NODE": 4, "PROCID": 1}.items():
        monkeypatch.setenv(f"SLURM_{name}", str(value))
    for name in ("LOCAL_RANK", "RANK", "WORLD_SIZE"):
        monkeypatch.setenv(name, "2")
    assert_same(fit(tmp_path / "there"), here)


class Counted:
    """Rows that count how many of them are in memory at most, as far as they are told."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.taken = 0
        self.most = 0

    def __len__(self) -> int:
        return 45

    def __getitem__(self, positions: np.ndarray, /) -> np.ndarray:
        self.asked.append(len(positions))
        self.most = max(self.most, sum(self.asked) - self.taken)
        return images()[positions]


def test_only_a_few_batches_are_in_memory(tmp_path: Path) -> None:
    rows = Counted()

    def loss(outputs: Tensor, batch: Tensor, positions: Tensor) -> Tensor:
        rows.taken += len(positions)
        return cross_entropy(outputs, batch, positions)

    fit(tmp_path, rows=rows, loss=loss, schedule=Schedule(2, 2))
    assert sum(rows.asked) == rows.taken == 2 * 45
    assert rows.most <= 4 * 2


MEMORY = """
import sys
from pathlib import Path
import numpy as np
import torch
from leukorepro.systems.networks.registry import build_autoencoder
from leukorepro.systems.training.training import Hardware, Schedule, train

torch.set_num_threads(2)
images = np.zeros((1, 180, 180, 3), np.uint8).repeat(1200, axis=0)
memory = []

def loss(outputs, batch, positions):
    status = Path("/proc/self/status").read_text()
    memory.append(int(status.partition("RssAnon:")[2].split()[0]) / 1024)
    return outputs.flatten(1).float().square().mean(1)

part, none = np.arange(len(images)), np.empty(0, np.int64)
train(build_autoencoder("average", 0), images, part, none, loss, Schedule(1, 6), seed=0, checkpoint=Path(sys.argv[1]),
      identity="", hardware=Hardware("cpu", "mixed"), keep="none")
print(memory[20], memory[-1])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells a process's own memory there")
@pytest.mark.skipif(not cpu_has_bfloat16(), reason="in float32 it grew by little more than it may vary")
def test_memory_does_not_grow_with_the_batches_of_an_epoch(tmp_path: Path) -> None:
    """By 180 batches of bfloat16; their losses, each between large blocks that were freed, made it grow by 43 MiB."""
    done = subprocess.run([sys.executable, "-c", MEMORY, str(tmp_path)], capture_output=True, text=True, check=True)
    early, late = map(float, done.stdout.split()[-2:])
    assert late - early < 20, done.stdout


def test_predictions_are_the_networks_outputs_in_eval_mode(tmp_path: Path) -> None:
    done = fit(tmp_path)
    positions = np.array([40, 3, 3, 17, 44, 0, 9])
    with torch.no_grad():
        expected = copy.deepcopy(done.network).eval()(torch.from_numpy(images()[positions]))
    done.network.train()
    predicted = predict(done.network, images(), positions, 3, CPU)
    assert predicted.dtype == np.float32
    np.testing.assert_allclose(predicted, expected, rtol=0, atol=1e-6)
    assert not done.network.training
    assert done.watched is not None
    np.testing.assert_array_equal(predict(done.network, images(), WATCHED, 8, CPU), done.watched[-1])
    assert predict(done.network, images(), WATCHED[:0], 3, CPU).shape[0] == 0


def test_frozen_parameters_stay(tmp_path: Path) -> None:
    net = network()
    net[1].requires_grad_(False)
    before = copy.deepcopy(net.state_dict())
    after = fit(tmp_path, network=net).network.state_dict()
    assert torch.equal(before["1.weight"], after["1.weight"])
    assert not torch.equal(before["10.weight"], after["10.weight"])


@pytest.mark.parametrize(("rate", "what"), [(1e30, "the loss"), (1e38, "a weight of the network")])
def test_a_training_that_diverges_says_so(rate: float, what: str, tmp_path: Path) -> None:
    schedule = Schedule(9, 36, "sgd", rate, momentum=0.9)
    rows = 1e6 * np.random.default_rng(0).normal(size=(45, 3)).astype(np.float32)
    with pytest.raises(UserError, match=rf"^fold 3, epoch \d: {what} is not finite; lower the learning rate") as caught:
        fit(tmp_path, network=linear(), rows=rows, schedule=schedule, label="fold 3")
    assert f"{rate:g}" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"train": TRAIN[:0]}, UserError, "no row to train on"),
        ({"weights": np.ones(3, np.float32)}, ValueError, r"\(3,\) for training rows of shape \(36,\)"),
        ({"loss": lambda o, b, p: cross_entropy(o, b, p).mean()}, ValueError, "not one number for each"),
    ],
)
def test_what_does_not_fit_is_refused(
    changes: dict[str, Any], error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        fit(tmp_path, **changes)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-3), ("mixed", 0.05)])
def test_on_a_gpu(precision: Any, tolerance: float, tmp_path: Path) -> None:
    def on_gpu(folder: str, loss: Callable[..., Tensor] = cross_entropy) -> Trained:
        def there(outputs: Tensor, batch: Tensor, positions: Tensor) -> Tensor:
            return loss(outputs.cpu(), batch, positions).to(outputs.device)

        given = {"network": network(dropout=0), "loss": there, "schedule": SCHEDULES["sgd"]}
        return fit(tmp_path / folder, hardware=Hardware("cuda", precision, 2), **given)

    whole = on_gpu("whole")
    with pytest.raises(Interruption):
        on_gpu("stopped", interrupted_at(17))
    assert_same(on_gpu("stopped"), whole)
    on_cpu = fit(tmp_path / "cpu", network=network(dropout=0), schedule=SCHEDULES["sgd"])
    np.testing.assert_allclose(whole.watched, on_cpu.watched, rtol=0, atol=tolerance)
