"""The examples in docstrings are true, and call functions by the names that they have."""

import doctest
import importlib

import pytest

from tests.closure import SOURCE
from tests.conftest import ROOT

MODULES = sorted(
    ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
    for path in (ROOT / SOURCE).rglob("*.py")
    if ">>> " in path.read_text()
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_say_what_comes_out(name: str) -> None:
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.attempted and not outcome.failed
