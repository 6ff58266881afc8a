"""What the commands have in common before the user: options, output, progress."""
