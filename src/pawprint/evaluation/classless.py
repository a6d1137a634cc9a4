"""What evaluate leaves empty where images have no classes: the tables of classes and thresholds."""

from collections.abc import Sequence


class Classless:
    """The empty half of a result: of points and numbers."""

    @property
    def scores(self) -> Sequence[str]:
        """The columns of `per_class`."""
        return ("label", "precision", "recall", "f1", "n")

    def per_class(self) -> list[tuple[object, ...]]:
        """Empty: there are no classes."""
        return []

    def most_confused(self) -> list[tuple[str, str, int]]:
        """Empty."""
        return []

    def threshold_sweep(self) -> list[tuple[float, float, float, float]]:
        """Empty: there is no threshold."""
        return []
