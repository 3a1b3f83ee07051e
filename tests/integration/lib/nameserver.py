"""A name server of a few lines: nameserver.py TABLE ASKED. See netns.py."""
import socket
import sys


def question(packet):
    """The name asked for, the type, and where the question ends."""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("ascii").lower())
        at += 1 + packet[at]
    return ".".join(labels), int.from_bytes(packet[at + 1:at + 3], "big"), at + 5


def reply(packet, table):
    name, kind, end = question(packet)
    rows = dict(line.split(maxsplit=1) for line in open(table, encoding="ascii") if line.strip())
    answer = rows.get(name, "nxdomain").strip()
    if answer == "silent":
        return name, None
    code = {"nxdomain": 3, "servfail": 2}.get(answer, 0)
    addresses = [] if code else [a for a in answer.split() if (":" in a) == (kind == 28)]
    if kind not in (1, 28):
        addresses = []
    head = packet[:2] + bytes([0x81, 0x80 | code]) + b"\0\1" + len(addresses).to_bytes(2, "big") + b"\0\0\0\0"
    body = b""
    for address in addresses:
        data = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
        body += b"\xc0\x0c" + kind.to_bytes(2, "big") + b"\0\1\0\0\0\1" + len(data).to_bytes(2, "big") + data
    return name, head + packet[12:end] + body


def main(table, asked):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.53", 53))
    print("LISTEN 127.0.0.53:53", flush=True)
    while True:
        packet, client = server.recvfrom(2048)
        name, answer = reply(packet, table)
        with open(asked, "a", encoding="ascii") as log:
            log.write(name + "\n")
        if answer:
            server.sendto(answer, client)


main(*sys.argv[1:])
