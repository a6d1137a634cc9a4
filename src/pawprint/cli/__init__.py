"""The pawprint command."""
