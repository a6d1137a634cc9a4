"""The loop, what it is handed, and a phase as its stage runs it."""
