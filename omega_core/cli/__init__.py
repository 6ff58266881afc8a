"""The command line, ``omega``."""
