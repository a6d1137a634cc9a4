"""Compare and check finished runs, as stored in git."""
