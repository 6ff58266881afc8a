"""The backends: how an estimator becomes bytes, and bytes that very estimator again."""
