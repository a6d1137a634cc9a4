"""What every stage uses: params, checks, files. A change here makes every stage stale."""
