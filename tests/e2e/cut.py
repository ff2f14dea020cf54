"""An ssh ProxyCommand that cuts the line: cut.py HOST PORT UP DOWN passes so many bytes each way, then hangs up."""

import os
import select
import socket
import sys

HOST, PORT, UP, DOWN = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])


def main() -> None:
    with socket.create_connection((HOST, PORT)) as host:
        left = {0: UP, host.fileno(): DOWN}
        while True:
            for source in select.select(list(left), [], [])[0]:
                data = os.read(source, min(left[source], 4096))
                if source == 0:
                    host.sendall(data)
                else:
                    os.write(1, data)
                left[source] -= len(data)
                if not data or not left[source]:
                    return


main()
