"""Charts, contact sheets and the page of a run."""
