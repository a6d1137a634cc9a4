"""The comparison with peers."""
