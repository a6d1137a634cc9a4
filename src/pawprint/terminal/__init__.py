"""Output to the terminal: progress, error lines, exit codes, tables. No stage depends on it."""
