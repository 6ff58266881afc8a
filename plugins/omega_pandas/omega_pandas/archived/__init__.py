"""What exports write: tables as files of Arrow, arrays as those of numpy."""
