"""What every stage runs: params, checks, files. A change here makes every stage stale."""
