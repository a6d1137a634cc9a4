"""From an image's bytes to a batch, and what is learned from it."""
