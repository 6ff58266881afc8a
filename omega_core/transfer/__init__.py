"""Objects that go elsewhere: to another name, another server, or a file; bytes, not values."""
