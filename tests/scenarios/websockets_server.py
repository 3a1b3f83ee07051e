#!/usr/bin/python3
"""A server on Debian's python3-websockets that carries out a part of faultd's rules: close, fin, rst, refuse, fragment; else it echoes.

Usage: websockets_server.py CERT KEY RULE...   (CERT and KEY "-": plain)
"""
import asyncio
import http
import re
import signal
import socket
import ssl
import struct
import sys

import websockets

SHAPE = re.compile(r'(?:path (?P<path>\S+) )?(?:after (?P<ms>\d+)ms (?:jitter \d+% )?)?(?P<what>close|fin|rst|refuse|fragment)(?: (?P<number>\d+))?'
                   r'(?: "(?P<text>.*)")?')


def read_rule(text):
    match = SHAPE.fullmatch(text)
    if not match:
        sys.exit(f"rule not known to this server: {text}")
    rule = match.groupdict()
    return {**rule, "number": int(rule["number"] or 0), "text": rule["text"] or "", "ms": int(rule["ms"] or 0)}


RULES = [read_rule(text) for text in sys.argv[3:]]


def rules_for(path):
    return [rule for rule in RULES if not rule["path"] or path.startswith(rule["path"])]


async def refuse(path, _headers):
    for rule in rules_for(path):
        if rule["what"] == "refuse":
            return http.HTTPStatus(rule["number"]), [], rule["text"].encode()
    return None


async def act(client, rule):
    await asyncio.sleep(rule["ms"] / 1000)
    if rule["what"] == "close":
        await client.close(rule["number"], rule["text"])
    elif rule["what"] == "fin":
        client.transport.close()
    elif rule["what"] == "rst":
        client.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.transport.abort()


def pieces(message, size):
    return [message[at:at + size] for at in range(0, len(message), size)]


async def serve(client):
    mine = rules_for(client.path)
    tasks = [asyncio.ensure_future(act(client, rule)) for rule in mine if rule["what"] in ("close", "fin", "rst")]
    size = next((rule["number"] for rule in mine if rule["what"] == "fragment"), 0)
    try:
        async for message in client:
            await client.send(pieces(message, size) if size and message else message)
    except websockets.ConnectionClosed:
        pass
    for task in tasks:
        await asyncio.wait([task])


async def main():
    context = None
    if sys.argv[1] != "-":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, done.set_result, None)
    server = await websockets.serve(serve, "127.0.0.1", 0, ssl=context, process_request=refuse, ping_interval=None, backlog=1024)
    print(f"LISTEN 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await done


asyncio.run(main())
