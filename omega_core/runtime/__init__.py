"""Who executes a model's actions, and where."""
