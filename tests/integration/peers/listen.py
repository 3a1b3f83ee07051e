"""A server on Debian's python3-websockets until SIGTERM, with a line of its own at the end."""
import asyncio
import signal

import websockets


async def main(serve, last_line):
    async def until_closed(client):
        try:
            await serve(client)
        except websockets.ConnectionClosed:
            pass

    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, done.set_result, None)
    server = await websockets.serve(until_closed, "127.0.0.1", 0, ping_interval=None)
    print(f"LISTEN 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await done
    print(last_line(), flush=True)


def run(serve, last_line):
    asyncio.run(main(serve, last_line))
