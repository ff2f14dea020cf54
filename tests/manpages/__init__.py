"""Makes the man pages from what the programs say of themselves: their commands, their help, their settings."""
