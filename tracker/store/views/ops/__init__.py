"""What the console reads: the queue, a search, and one incident whole."""
