"""`python -m manpages DIR`: write every generated page below DIR, at its place in the repository."""

import sys
from pathlib import Path

from manpages.pages import pages


def main() -> None:
    for place, text in pages().items():
        path = Path(sys.argv[1]) / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


main()
