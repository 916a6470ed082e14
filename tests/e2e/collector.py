"""A collector of traces: keeps what the system's processes export by OTLP over HTTP."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass
class Collector:
    """`bodies` are protobuf messages as they came; texts stand in them as they are (UTF-8)."""

    url: str
    bodies: list[bytes] = field(default_factory=list)

    def holds(self, service: str, trace_id: str) -> bool:
        """Whether the service has exported a span of this trace (32 hexadecimal digits)."""
        wanted = (service.encode(), bytes.fromhex(trace_id))
        return any(all(part in body for part in wanted) for body in list(self.bodies))


@contextmanager
def collecting() -> Iterator[Collector]:
    """On 127.0.0.1 and a free port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            compressed = self.headers.get("Content-Encoding") == "gzip"
            collector.bodies.append(gzip.decompress(body) if compressed else body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the bodies are what is looked at."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector = Collector(f"http://127.0.0.1:{server.server_port}")
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
