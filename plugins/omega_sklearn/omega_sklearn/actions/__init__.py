"""What is done with a stored estimator, and what is made of its answers."""
