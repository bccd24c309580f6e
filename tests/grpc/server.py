"""A gRPC server for the end-to-end tests, made of bytes: no protoc. Prints its port.

usage: server.py [CERTIFICATE KEY]
"""

import json
import sys
import threading
import time
from concurrent import futures

import grpc

lock = threading.Lock()
seen = {"started": 0, "cancelled": 0, "deadlines": [], "calls": 0}
gate = threading.Event()


def note(key):
    with lock:
        seen[key] += 1


def unary(request, context):
    note("calls")
    return b"echo:" + request


def server_stream(request, context):
    for n in range(int(request)):
        yield b"%d" % n


def client_stream(requests, context):
    count = size = 0
    for message in requests:
        count, size = count + 1, size + len(message)
    return b"%d %d" % (count, size)


def bidi(requests, context):
    for message in requests:
        yield b"echo:" + message


def fail(request, context):
    context.send_initial_metadata((("initial", "one"),))
    context.set_trailing_metadata((("trailing", "two"), ("raw-bin", b"\x00\xff\x80")))
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "bad: 100% \u00e9\n")


def fail_late(request, context):
    for n in range(3):
        yield b"%d" % n
    context.set_trailing_metadata((("trailing", "two"),))
    context.abort(grpc.StatusCode.DATA_LOSS, "half of it is gone")


def trailers(request, context):
    context.send_initial_metadata((("initial", "one"),))
    context.set_trailing_metadata((("trailing", "two"), ("raw-bin", b"\x00\xff\x80")))
    return b"fine"


def sleep(request, context):
    note("started")
    with lock:
        seen["deadlines"].append(context.time_remaining())
    end = time.monotonic() + float(request)
    while time.monotonic() < end and context.is_active():
        time.sleep(0.02)
    return b"slept"


def for_ever(request, context):
    gone = threading.Event()

    # It ends by being cancelled alone; who waits in `yield` then is never called again.
    def ended():
        note("cancelled")
        gone.set()

    context.add_callback(ended)
    note("started")
    yield b"first"
    while not gone.wait(0.05):
        if request == b"chatty":
            yield b"more"


def held(request, context):
    """One message, and three more once Open was called."""
    note("started")
    yield b"first"
    while context.is_active() and not gate.wait(0.02):
        pass
    for n in range(3):
        yield b"%d" % n


def open_gate(request, context):
    gate.set()
    return b""


def metadata(request, context):
    return json.dumps([[k, v if isinstance(v, str) else list(v)] for k, v in context.invocation_metadata()]).encode()


def report(request, context):
    with lock:
        return json.dumps(seen).encode()


METHODS = {
    "Unary": grpc.unary_unary_rpc_method_handler(unary),
    "ServerStream": grpc.unary_stream_rpc_method_handler(server_stream),
    "ClientStream": grpc.stream_unary_rpc_method_handler(client_stream),
    "Bidi": grpc.stream_stream_rpc_method_handler(bidi),
    "Fail": grpc.unary_unary_rpc_method_handler(fail),
    "FailLate": grpc.unary_stream_rpc_method_handler(fail_late),
    "Trailers": grpc.unary_unary_rpc_method_handler(trailers),
    "Sleep": grpc.unary_unary_rpc_method_handler(sleep),
    "ForEver": grpc.unary_stream_rpc_method_handler(for_ever),
    "Held": grpc.unary_stream_rpc_method_handler(held),
    "Open": grpc.unary_unary_rpc_method_handler(open_gate),
    "Metadata": grpc.unary_unary_rpc_method_handler(metadata),
    "Report": grpc.unary_unary_rpc_method_handler(report),
}


def main():
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=40), options=options)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("mizan.Test", METHODS),))
    if len(sys.argv) == 3:
        certificate, key = (open(path, "rb").read() for path in sys.argv[1:])
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, certificate)]))
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


main()
