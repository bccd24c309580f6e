"""A gRPC client for the end-to-end tests: runs one scenario and prints what came of it as JSON.

usage: client.py ADDRESS ROOT|- SCENARIO [ARGUMENT]
"""

import json
import sys
import threading
import time

import grpc

# Longer than any scenario takes, shorter than a test's own limit: what hangs is told from what fails.
PATIENCE = 20


def channel_to(address, root, *more):
    unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    own = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
    options = unlimited + own + list(more)
    if root == "-":
        return grpc.insecure_channel(address, options + [("grpc.default_authority", "app.test")])
    credentials = grpc.ssl_channel_credentials(open(root, "rb").read())
    return grpc.secure_channel(address, credentials, options + [("grpc.ssl_target_name_override", "app.test")])


def method(channel, kind, name):
    path = name if name.startswith("/") else "/mizan.Test/" + name
    return getattr(channel, kind)(path)


def pairs(metadata):
    return [[k, v if isinstance(v, str) else list(v)] for k, v in metadata or ()]


def outcome(call):
    """Waits for the end."""
    code = call.code()
    return {
        "code": code.name,
        "details": call.details(),
        "initial": pairs(call.initial_metadata()),
        "trailing": pairs(call.trailing_metadata()),
    }


def collect(call):
    """All messages of a stream, and how it ended."""
    got = []
    try:
        for message in call:
            got.append(message.decode())
    except grpc.RpcError:
        pass
    return {"got": got, **outcome(call)}


def ask(channel, name, request=b"", **more):
    more.setdefault("timeout", PATIENCE)
    begin = time.monotonic()
    call = method(channel, "unary_unary", name).future(request, **more)
    try:
        got = {"got": call.result().decode("latin-1")}
    except grpc.RpcError:
        got = {}
    return {"took": time.monotonic() - begin, **got, **outcome(call)}


def call(channel, argument):
    name, _, request = argument.partition(" ")
    return ask(channel, name, request.encode())


def without_deadline(channel, argument):
    name, _, request = argument.partition(" ")
    return ask(channel, name, request.encode(), timeout=None)


def deadline(channel, argument):
    return ask(channel, "Sleep", b"10", timeout=float(argument))


def server_stream(channel, argument):
    return collect(method(channel, "unary_stream", "ServerStream")(argument.encode(), timeout=PATIENCE))


def client_stream(channel, argument):
    messages = (b"x" * 100 for _ in range(int(argument)))
    call = method(channel, "stream_unary", "ClientStream").future(messages, timeout=PATIENCE)
    return {"got": call.result().decode(), **outcome(call)}


def bidi(channel, argument):
    """Each message is sent when the echo of the one before is there: nothing may be held back."""
    turn = threading.Semaphore(1)

    def messages():
        for n in range(int(argument)):
            turn.acquire()
            yield b"%d" % n

    call = method(channel, "stream_stream", "Bidi")(messages(), timeout=PATIENCE)
    got = []
    for message in call:
        got.append(message.decode())
        turn.release()
    return {"count": len(got), "right": got == ["echo:%d" % n for n in range(int(argument))], **outcome(call)}


def silent_bidi(channel, argument):
    """So many messages and their echoes, then nothing: neither side ends the stream."""
    never = threading.Event()

    def messages():
        for n in range(int(argument)):
            yield b"%d" % n
        never.wait()

    ended = collect(method(channel, "stream_stream", "Bidi")(messages()))
    never.set()
    return ended


def big(channel, argument):
    request = bytes(range(256)) * (int(argument) // 256)
    answer = method(channel, "unary_unary", "Unary")(request, timeout=PATIENCE)
    return {"right": answer == b"echo:" + request}


def stream(channel, argument):
    name, _, request = argument.partition(" ")
    return collect(method(channel, "unary_stream", name)(request.encode(), timeout=PATIENCE))


def stream_without_deadline(channel, argument):
    name, _, request = argument.partition(" ")
    return collect(method(channel, "unary_stream", name)(request.encode()))


def cancel(channel, argument):
    call = method(channel, "unary_stream", "ForEver")(argument.encode())
    first = next(call)
    call.cancel()
    return {"first": first.decode(), **outcome(call)}


def metadata(channel, argument):
    sent = (("x-own", "mine"), ("twice", "1"), ("twice", "2"), ("raw-bin", b"\x00\xff\x80"))
    sent += (("cookie", "a=1"), ("cookie", "b=2"))
    answer = method(channel, "unary_unary", "Metadata")(b"", metadata=sent, timeout=PATIENCE)
    return {"got": json.loads(answer)}


def many(channel, argument):
    """So many calls, so many of them at a time."""
    count, at_a_time = (int(word) for word in argument.split())
    unary, failed, room = method(channel, "unary_unary", "Unary"), {}, threading.Semaphore(at_a_time)
    calls, begin = [], time.monotonic()
    for n in range(count):
        room.acquire()
        call = unary.future(b"%d" % n, timeout=PATIENCE)
        call.add_done_callback(lambda _: room.release())
        calls.append((n, call))
    right = 0
    for n, call in calls:
        try:
            right += call.result() == b"echo:%d" % n
        except grpc.RpcError as error:
            name = "%s %s" % (error.code().name, error.details())
            failed[name] = failed.get(name, 0) + 1
    return {"right": right, "failed": failed, "took": time.monotonic() - begin}


def for_a_while(channel, argument):
    """Calls one after another for so many seconds."""
    unary, failed, right = method(channel, "unary_unary", "Unary"), {}, 0
    end = time.monotonic() + float(argument)
    while time.monotonic() < end:
        try:
            right += unary(b"x", timeout=PATIENCE) == b"echo:x"
        except grpc.RpcError as error:
            name = "%s %s" % (error.code().name, error.details())
            failed[name] = failed.get(name, 0) + 1
    return {"right": right, "failed": failed}


SCENARIOS = [
    call, without_deadline, deadline, server_stream, client_stream, bidi, silent_bidi, big, stream, stream_without_deadline,
    cancel, metadata, many, for_a_while,
]
PINGS = [
    ("grpc.keepalive_time_ms", 1000), ("grpc.keepalive_timeout_ms", 1000), ("grpc.http2.max_pings_without_data", 0),
    ("grpc.keepalive_permit_without_calls", 1),
]


def main():
    address, root, scenario, *argument = sys.argv[1:]
    scenarios = {scenario.__name__: scenario for scenario in SCENARIOS}
    pings = scenario.startswith("pinging:")
    with channel_to(address, root, *(PINGS if pings else [])) as channel:
        answer = scenarios[scenario.removeprefix("pinging:")](channel, *(argument or [""]))
    print(json.dumps(answer))


main()
