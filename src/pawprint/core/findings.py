"""The results of checks: errors, which stop the stage all at once, and notes, which do not."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Findings:
    """One line each. Every check adds to them; `stop` raises at the end."""

    errors: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def stop(self) -> None:
        """Raise all errors as one.

        Raises:
            ValueError: there are errors; one line each.
        """
        if self.errors:
            raise ValueError("\n".join(self.errors))


def shorten(names: Sequence[str], most: int = 5, between: str = ", ") -> str:
    """The first `most` names, and how many more there are, for a message."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    # a file's name may hold a line end, or an escape that a terminal obeys
    shown = [name if name.isprintable() else repr(name) for name in names[:most]]
    return between.join(shown) + more
