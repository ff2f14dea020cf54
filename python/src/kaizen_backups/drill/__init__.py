"""Is what is stored any good? Bring it back, all of it, where it harms nobody, and look."""
