"""Arrow arrays as smaller ones that are as exact, and what is known of them unread."""
