"""What a stored model may name, and what its attributes may say."""
