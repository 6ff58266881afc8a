"""Tables in files at URIs: our own ones, and those of other people, read in place."""
