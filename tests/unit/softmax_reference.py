"""The new last layer of a network as torch trains it: its own layer, loss, gradient and optimiser."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch
from torch.nn import functional


class TorchLayer:
    """What `SoftmaxLayer` should be; shares nothing with it but the order of its draws."""

    def __init__(self, seed: int = 0, dropout: float = 0.0, weight_decay: float = 0.0001, **schedule: Any) -> None:
        self.random = np.random.default_rng(seed)
        self.dropout, self.weight_decay = dropout, weight_decay
        self.epochs, self.batch_size = schedule["epochs"], schedule["batch_size"]
        self.sgd = {"lr": schedule["learning_rate"], "momentum": schedule.get("momentum", 0.9)}

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        self.classes_, codes = np.unique(y, return_inverse=True)
        rows, codes = torch.from_numpy(X), torch.from_numpy(codes)
        n_in, n_out = X.shape[1], len(self.classes_)
        self.layer = torch.nn.Linear(n_in, n_out, dtype=rows.dtype)
        bound = (6 / (n_in + n_out)) ** 0.5  # Glorot and Bengio (2010), equation 16
        with torch.no_grad():
            self.layer.weight.copy_(torch.from_numpy(self.random.uniform(-bound, bound, (n_in, n_out)).T))
            self.layer.bias.zero_()
        weights = {"params": [self.layer.weight], "weight_decay": self.weight_decay}
        optimizer = torch.optim.SGD([weights, {"params": [self.layer.bias]}], **self.sgd)
        for _ in range(self.epochs):
            order = torch.from_numpy(self.random.permutation(len(X)))
            for batch in torch.split(order, self.batch_size):
                seen = rows[batch]
                if self.dropout:
                    draws = self.random.integers(0, 2**16, seen.shape, dtype=np.uint16) / 2**16
                    seen = torch.where(torch.from_numpy(draws < self.dropout), 0, seen / (1 - self.dropout))
                optimizer.zero_grad()
                functional.cross_entropy(self.layer(seen), codes[batch]).backward()
                optimizer.step()
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return self.layer(torch.from_numpy(X)).softmax(1).numpy()

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.classes_[self.predict_proba(X).argmax(1)]
