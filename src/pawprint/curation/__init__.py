"""Your own images as a dataset: inspect them, write them to datasets.yaml, try a dry run."""
