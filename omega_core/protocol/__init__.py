"""How an object is written: the metadata document, its commit, and its collector."""
