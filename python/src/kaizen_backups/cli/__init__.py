"""The commands of `kaizen`: one file each, thin over the library."""
