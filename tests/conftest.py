"""Every test starts from the same state of the process."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from recurra import config, random

# A busy machine is no mistake of what is tested.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

# A shell without job control starts what runs in the background with Ctrl-C ignored.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def fresh_session() -> Iterator[None]:
    """Names count from the start, random numbers from one seed, weights are float32."""
    config.clear_session()
    config.set_floatx("float32")
    config.set_epsilon(1e-7)
    random.set_seed(0)
    yield
    config.set_floatx("float32")
    config.set_epsilon(1e-7)
