"""Pages that open from disk, with no server and no network."""
