#!/usr/bin/python3
"""Pings each client every 100 ms on Debian's python3-websockets, which knows a pong by the random payload it sent.

SIGTERM: prints "PINGS n PONGS n".
"""
import asyncio

import listen

COUNT = {"PINGS": 0, "PONGS": 0}


async def serve(client):
    while True:
        COUNT["PINGS"] += 1
        await asyncio.wait_for(await client.ping(), 5)
        COUNT["PONGS"] += 1
        await asyncio.sleep(0.1)


listen.run(serve, lambda: " ".join(f"{name} {n}" for name, n in COUNT.items()))
