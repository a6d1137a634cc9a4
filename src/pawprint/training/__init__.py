"""The training loop, its inputs, and a phase as its stage runs it."""
