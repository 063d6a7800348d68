"""Adapters by name: what knows a kind of dataset; quick to import."""

from __future__ import annotations

from typing import Any

from leukorepro.core.registry import Registry

ADAPTERS: Registry[Any] = Registry("adapter", "leukorepro.data.adapters")
"""Each entry is a class, `DatasetBase` of `leukorepro.config.datasets` filled in: what its configuration may say, how
its folder is read, what a complete copy holds, and how to get one."""

OWN_IMAGES = "image_folder"
"""The adapter of images that follow no published dataset's rules."""
