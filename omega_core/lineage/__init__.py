"""Where a model or a result comes from: the record of it, and the way back along the records."""
