"""Answers the n-th request of each connection with the n-th rule and closes after the last: scripted_server.py CERT KEY RULE...
A rule is the answer itself; "" says nothing. With "!" before it, it does not wait for a request."""
import socket
import sys
import threading


def read_head(client):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = client.recv(1)
        if not piece:
            return False
        head += piece
    return True


def serve(client, rules):
    with client:
        client.settimeout(20)
        for rule in rules:
            if not rule.startswith("!") and not read_head(client):
                return
            client.sendall(rule.removeprefix("!").encode())
        client.shutdown(socket.SHUT_WR)
        client.recv(65536)  # what was not read would make the close a reset


def main(cert, _key, *rules):
    assert cert == "-", "no TLS here"
    server = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(f"LISTEN 127.0.0.1:{server.getsockname()[1]}", flush=True)
    while True:
        threading.Thread(target=serve, args=(server.accept()[0], rules), daemon=True).start()


main(*sys.argv[1:])
