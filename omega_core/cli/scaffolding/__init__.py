"""The project that `omega plugins new` writes: what it is to offer, its names, its files."""
