"""delay.py MILLISECONDS PORT=HOST:PORT...: a network cable of some length, in user space.

Listens on each PORT of 127.0.0.1 and passes every byte on, in both directions, half the MILLISECONDS later: so much is
the round trip. Says "ready" when it listens.
"""

import asyncio
import sys


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """Pass on what comes, later; the order stays, and so does the speed."""
    loop = asyncio.get_running_loop()
    last = 0.0
    while data := await reader.read(1 << 18):
        last = loop.time() + seconds
        loop.call_at(last, writer.write, data)
    loop.call_at(max(last, loop.time() + seconds), writer.close)


async def main() -> None:
    """Serve until killed."""
    seconds = float(sys.argv[1]) / 2000
    for pair in sys.argv[2:]:
        port, host, target = pair.replace("=", ":").split(":")

        async def connect(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str = host, target: str = target
        ) -> None:
            await asyncio.sleep(2 * seconds)  # the handshake
            there, back = await asyncio.open_connection(host, int(target))
            await asyncio.gather(carry(reader, back, seconds), carry(there, writer, seconds))

        await asyncio.start_server(connect, "127.0.0.1", int(port), backlog=200)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
