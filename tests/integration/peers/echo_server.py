#!/usr/bin/python3
"""Echoes on Debian's python3-websockets and remembers every message. SIGTERM: prints "MESSAGES n DIFFERENT n"."""
import listen

HEARD = []


async def serve(client):
    async for message in client:
        HEARD.append(message)
        await client.send(message)


listen.run(serve, lambda: f"MESSAGES {len(HEARD)} DIFFERENT {len(set(HEARD))}")
