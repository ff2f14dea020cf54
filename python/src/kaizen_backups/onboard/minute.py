"""The minute of a host's nightly run: one of its own, the same that Puppet would give it."""

import hashlib
import random

_SEED = "kaizen-backup"
_MINUTES = 60


def own_minute(name: str) -> int:
    """Return Puppet's fqdn_rand(60, 'kaizen-backup') for a host of that name.

    Both languages draw from the same generator (MT19937): Ruby takes the low bits of a draw, and draws again while
    they are too many.
    """
    digest = hashlib.md5(f"{name}:{_MINUTES}:{_SEED}".encode(), usedforsecurity=False).hexdigest()
    generator = random.Random(int(digest, 16))  # noqa: S311 (a minute is no secret)
    while (minute := generator.getrandbits(32) & 63) >= _MINUTES:
        pass
    return minute
