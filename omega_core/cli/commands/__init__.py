"""What can be asked of the command line: a module for each command, or group of them."""
