"""A second copy of the store, elsewhere: restic repositories, and what is done with them."""
