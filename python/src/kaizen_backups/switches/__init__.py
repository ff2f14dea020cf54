"""Switches: their running configuration is fetched by ssh, and stored as a node's snapshots are."""
