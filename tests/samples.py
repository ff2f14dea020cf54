"""Made-up nodes and keys for tests."""

import base64
import hashlib
import struct

from kaizen_backups.node import Node

# Bytes behind the type: an ECDSA key names its curve and has two coordinates.
_LENGTHS = {"ecdsa-sha2-nistp256": 77, "ecdsa-sha2-nistp384": 109, "ecdsa-sha2-nistp521": 145}


def host_key(seed: str = "one", key_type: str = "ssh-ed25519") -> str:
    """Return a well-formed host key that nobody has."""
    length = _LENGTHS.get(key_type, 32)
    blob = struct.pack(">I", len(key_type)) + key_type.encode() + struct.pack(">I", length)
    return f"{key_type} {base64.b64encode(blob + hashlib.shake_256(seed.encode()).digest(length)).decode()}"


def make_node(name: str = "node1.kaizen.example", **fields: object) -> Node:
    """Return a node with an address and a key."""
    stated = {"address": "10.0.0.1", "origin": "facts", "host_keys": [host_key(name)], **fields}
    return Node.model_validate({"name": name, **stated})
