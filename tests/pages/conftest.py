"""Work that pages start in tests begins in forks of one process that stands by, and need not import all anew."""

import pytest

from datasel_core import worker
from datasel_core.base.standby import Standby

_STANDING = Standby()
"""It ends with the process that runs these tests."""
_warm = worker.warm
"""Tests may put another in its place."""


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call():
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTEST_CURRENT_TEST", raising=False)  # else each test had variables of its own
        patch.setattr(worker, "_STANDBY", _STANDING)
        _warm()
        return (yield)
