"""What a run leaves behind: the run directory, its rows, provenance, and the score cache."""
