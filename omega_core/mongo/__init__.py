"""The connection to MongoDB, and the server that comes along."""
