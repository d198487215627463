"""Those who can move money back: one file each, all of the shape in base."""
