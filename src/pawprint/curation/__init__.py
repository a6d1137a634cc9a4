"""Own images as a data set: looked at, written to datasets.yaml, tried."""
