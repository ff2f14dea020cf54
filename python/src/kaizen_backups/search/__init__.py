"""Find what is stored by its name or content, over all nodes and nights, and follow one file through them."""
