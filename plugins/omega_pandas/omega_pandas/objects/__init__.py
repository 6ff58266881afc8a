"""A frame, a series, an index, an array or a table as a header and an Arrow table; and back."""
