"""The status page: a small static site that says what `kaizen status` says, and how it came to that."""
