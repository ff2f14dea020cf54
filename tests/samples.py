"""Made-up nodes and keys for tests."""

import base64
import hashlib
import struct

from kaizen_backups.node import Node


def host_key(seed: str = "one", key_type: str = "ssh-ed25519") -> str:
    """Return a well-formed host key that nobody has."""
    blob = struct.pack(">I", len(key_type)) + key_type.encode() + struct.pack(">I", 32)
    return f"{key_type} {base64.b64encode(blob + hashlib.sha256(seed.encode()).digest()).decode()}"


def make_node(name: str = "node1.kaizen.example", **fields: object) -> Node:
    """Return a node with an address and a key."""
    stated = {"address": "10.0.0.1", "origin": "facts", "host_keys": [host_key(name)], **fields}
    return Node.model_validate({"name": name, **stated})
