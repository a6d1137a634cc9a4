"""The tests; jaxtyping looks the type check up as an attribute of this package."""

from tests import typechecker as typechecker
