"""Which paths are a host's system, and whether a host is the node that the files are from."""

_SYSTEM = tuple(
    f"/{name}".encode()
    for name in (
        *("bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "opt"),
        *("proc", "root", "run", "sbin", "sys", "usr", "var"),
    )
)
_EXCEPT = (b"/var/tmp",)


def is_system(path: bytes) -> bool:
    """Tell whether a directory or file is a part of a host's system, or holds one.

    The whole of a node is, and so is all below the directories in which every Linux has its system.
    """
    if any(_within(path, other) for other in _EXCEPT):
        return False
    return any(_within(path, system) or _within(system, path) for system in _SYSTEM)


def is_node(host: str, node: str) -> bool:
    """Tell whether a host that calls itself so is that node; a short name must be the first part of the node's."""
    host, node = host.lower(), node.lower()
    return host == node or ("." not in host and host == node.partition(".")[0])


def _within(path: bytes, directory: bytes) -> bool:
    return directory in (path, b"/") or path.startswith(directory + b"/")
