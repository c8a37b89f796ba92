"""A zero-latency repository: pre-rendered pages from memory over keep-alive HTTP/1.1, in a process of its own.

python benchmarks/server.py RECORDS [LATENCY_SECONDS] prints its port once it is ready, and ends with its standard input.
"""

import os
import socket
import sys
import threading
import time
from urllib.parse import parse_qs

from pages import IDENTIFY, pages


def serve(connection: socket.socket, answers: list[bytes], latency: float) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    buffer = b""
    with connection:
        while True:
            while b"\r\n\r\n" not in buffer:
                received = connection.recv(65536)
                if not received:
                    return
                buffer += received
            head, _, buffer = buffer.partition(b"\r\n\r\n")
            query = parse_qs(head.split(b" ", 2)[1].partition(b"?")[2].decode())
            if query["verb"][0] == "Identify":
                body = IDENTIFY
            else:
                time.sleep(latency) if latency else None
                body = answers[int(query.get("resumptionToken", ["0"])[0])]
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/xml;charset=utf-8\r\nContent-Length: %d\r\n\r\n"
                % len(body)
            )
            connection.sendall(body)


def main() -> None:
    answers = list(pages(int(sys.argv[1])))
    latency = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection, answers, latency), daemon=True).start()


if __name__ == "__main__":
    main()
