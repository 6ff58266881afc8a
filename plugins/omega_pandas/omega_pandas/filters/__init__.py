"""Filters on the columns of a frame: which rows match, and which segments cannot."""
