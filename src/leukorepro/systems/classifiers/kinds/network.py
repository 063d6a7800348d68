"""A network that is trained from random weights, by a job of its own (`leukorepro.systems.training`)."""

from __future__ import annotations

from leukorepro.config.study.systems import NetworkSpec

ENTRY = NetworkSpec
