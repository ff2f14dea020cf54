"""Hosts that Puppet does not configure: what Puppet leaves on a node, put there over an administrator's own ssh.

describe host -> render files -> compare -> plan -> apply -> check
"""
