"""A virtual object Counter {add, get} that speaks the service protocol by hand, over
HTTP/1.1 request-response: no SDK, nothing but the standard library.

State comes with the start message, so an attempt never waits for anything:

    start {state}  input  ──►  get eager state, set state, output, end
"""
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

START, END, INPUT, OUTPUT, SET_STATE, GET_EAGER = 0x0000, 0x0003, 0x0400, 0x0401, 0x0403, 0x0407

MANIFEST = {
    "protocolMode": "REQUEST_RESPONSE", "minProtocolVersion": 5, "maxProtocolVersion": 6,
    "services": [{"name": "Counter", "ty": "VIRTUAL_OBJECT",
                  "handlers": [{"name": "add", "ty": "EXCLUSIVE"},
                               {"name": "get", "ty": "EXCLUSIVE"}]}],
}


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, value):
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields(message):
    """(number, value) of each field; bytes or an integer."""
    at = 0

    def read():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    while at < len(message):
        tag = read()
        if tag & 7 == 0:
            yield tag >> 3, read()
        elif tag & 7 == 2:
            size = read()
            yield tag >> 3, message[at:at + size]
            at += size
        elif tag & 7 == 1:
            at += 8
        else:
            at += 4


def frame(kind, body=b""):
    return kind.to_bytes(2, "big") + b"\0\0" + len(body).to_bytes(4, "big") + body


def frames(stream):
    at = 0
    while at + 8 <= len(stream):
        size = int.from_bytes(stream[at + 4:at + 8], "big")
        yield int.from_bytes(stream[at:at + 2], "big"), stream[at + 8:at + 8 + size]
        at += 8 + size


def attempt(handler, request):
    """The answer to one attempt."""
    count, journal = None, []
    for kind, body in frames(request):
        if kind == START:
            for number, value in fields(body):
                if number == 4:
                    entry = dict(fields(value))
                    if entry.get(1) == b"count":
                        count = int(entry.get(2, b"0"))
        else:
            journal.append((kind, body))
    # What an earlier attempt has stored is not said again: get, set, output, in that order.
    stored = [kind for kind, _ in journal]
    said = b""
    if GET_EAGER in stored:
        read = dict(fields(dict(journal)[GET_EAGER]))
        count = int(dict(fields(read[14])).get(1, b"0")) if 14 in read else None
    else:
        result = field(14, field(1, str(count).encode())) if count is not None else field(13, b"")
        said += frame(GET_EAGER, field(1, b"count") + result)
    value = (count or 0) + (1 if handler == "add" else 0)
    if handler == "add" and SET_STATE not in stored:
        said += frame(SET_STATE, field(1, b"count") + field(3, field(1, str(value).encode())))
    if OUTPUT not in stored:
        said += frame(OUTPUT, field(14, field(1, str(value).encode())))
    return said + frame(END)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def body(self):
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        whole = b""
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            whole += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return whole

    def answer(self, status, content_type, body):
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path != "/discover":
            return self.answer(404, "text/plain", b"")
        kind = "application/vnd.restate.endpointmanifest.v1+json"
        self.answer(200, kind, json.dumps(MANIFEST).encode())

    def do_POST(self):
        request = self.body()
        handler = self.path.rsplit("/", 1)[-1]
        self.answer(200, self.headers["content-type"], attempt(handler, request))


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A server that was killed resets its connections; anything else is for people."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Service:
    def __init__(self):
        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
