"""What tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from chromium import Chromium

ROOT = Path(__file__).resolve().parents[1]

# How long an example takes says more of the machine than of the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real images and weights beside the checkout; tests that need them skip where there are none."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real images and weights at {folder}")
    return folder


@pytest.fixture(scope="session")
def chromium(request: pytest.FixtureRequest) -> Iterator[Chromium]:
    """One browser for all tests of a run; installed where it is missing."""
    if request.config.getoption("markexpr") != "browser":
        pytest.skip("installs a browser; only when asked for: make test-browser")
    from chromium import install_browser, started
    from debian_packages import Unavailable

    try:
        install_browser()
    except Unavailable as reason:
        pytest.skip(str(reason))
    with started() as browser:
        yield browser


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """One thread of torch, on which sums come out alike on every machine and tests side by side do not wait.

    Of a whole module, so that what its fixtures fit is fitted with one, too.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
