"""What the commands find out about plugins, servers and stored objects. Nothing is printed here."""
