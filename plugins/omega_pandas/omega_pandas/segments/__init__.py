"""An object as batches of segments in MongoDB, written, appended to, and read in part."""
