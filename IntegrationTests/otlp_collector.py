"""A collector that reads spans as OpenTelemetry's own definition has them, and writes what it took to a file.

    otlp_collector.py FILE [--later N] [--refuse]

Prints its port. `--later` answers 503 to so many requests first; `--refuse` answers 400 to all. On SIGTERM it ends.
"""

import base64
import http.server
import json
import signal
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

path = sys.argv[1]
later = int(sys.argv[sys.argv.index("--later") + 1]) if "--later" in sys.argv else 0
requests = 0


def plain(request):
    """Identities are in hexadecimal here, where protobuf's JSON has base64: the one place in which OTLP differs."""
    for resource in request["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for name, size in (("traceId", 16), ("spanId", 8), ("parentSpanId", 8)):
                    if name in span:
                        raw = bytes.fromhex(span[name])
                        assert len(raw) == size and any(raw), span
                        span[name] = base64.b64encode(raw).decode()
    return request


class Collector(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        global requests
        requests += 1
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.path == "/v1/traces" and self.headers["Content-Type"] == "application/json", (self.path, self.headers)
        if "--refuse" in sys.argv or requests <= later:
            return self.answer(400 if "--refuse" in sys.argv else 503, b"not now")
        read = json_format.Parse(json.dumps(plain(json.loads(body))), ExportTraceServiceRequest())
        with open(path, "a") as file:
            for resource in read.resource_spans:
                names = {a.key: a.value.string_value for a in resource.resource.attributes}
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        file.write(json.dumps({
                            "service": names["service.name"], "secret": self.headers.get("x-key"),
                            "trace": span.trace_id.hex(), "id": span.span_id.hex(), "parent": span.parent_span_id.hex(),
                            "name": span.name, "from": span.start_time_unix_nano, "to": span.end_time_unix_nano,
                            "item": {a.key: a.value.string_value for a in span.attributes}["pipe.item"],
                            "failure": span.status.message if span.status.code == 2 else None,
                        }) + "\n")
        self.answer(200, b"{}")

    def answer(self, code, body):
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Collector)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print(server.server_address[1], flush=True)
server.serve_forever()
