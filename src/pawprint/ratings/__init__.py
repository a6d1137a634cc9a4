"""The second pipeline: collaborative filtering."""
