"""A network trained before that is trained further, by a job of its own (`leukorepro.systems.training`)."""

from __future__ import annotations

from leukorepro.config.study.systems import FineTunedSpec

ENTRY = FineTunedSpec
