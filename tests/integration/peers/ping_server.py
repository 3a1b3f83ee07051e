#!/usr/bin/python3
"""Pings each client every 100 ms on Debian's python3-websockets, which knows a pong by the random payload it sent.

SIGTERM: prints "PINGS n PONGS n".
"""
import asyncio
import signal

import websockets

COUNT = {"PINGS": 0, "PONGS": 0}


async def serve(client):
    try:
        while True:
            COUNT["PINGS"] += 1
            await asyncio.wait_for(await client.ping(), 5)
            COUNT["PONGS"] += 1
            await asyncio.sleep(0.1)
    except websockets.ConnectionClosed:
        pass


async def main():
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, done.set_result, None)
    server = await websockets.serve(serve, "127.0.0.1", 0, ping_interval=None)
    print(f"LISTEN 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await done
    print(*(f"{name} {n}" for name, n in COUNT.items()), flush=True)


asyncio.run(main())
