"""Backups of a cluster: collect, verify, keep and show the snapshots of every node."""
