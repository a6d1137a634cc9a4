"""Finished runs, as git keeps them, compared and checked."""
