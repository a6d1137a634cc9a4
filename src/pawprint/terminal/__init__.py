"""What only speaks: progress, error lines, exit codes, tables. No stage depends on it."""
