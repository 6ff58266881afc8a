"""A frame as one document of MongoDB per row, that other tools can read; and back."""
