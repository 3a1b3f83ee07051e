#!/usr/bin/python3
"""Echoes on Debian's python3-websockets and remembers every message. SIGTERM: prints "MESSAGES n DIFFERENT n"."""
import asyncio
import signal

import websockets

HEARD = []


async def serve(client):
    try:
        async for message in client:
            HEARD.append(message)
            await client.send(message)
    except websockets.ConnectionClosed:
        pass


async def main():
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, done.set_result, None)
    server = await websockets.serve(serve, "127.0.0.1", 0, ping_interval=None)
    print(f"LISTEN 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await done
    print(f"MESSAGES {len(HEARD)} DIFFERENT {len(set(HEARD))}", flush=True)


asyncio.run(main())
