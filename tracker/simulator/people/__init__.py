"""The people of the world: they read their mail, open the links in it and answer, or do not."""
