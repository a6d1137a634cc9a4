"""The machine, and what makes a run on it repeatable."""
