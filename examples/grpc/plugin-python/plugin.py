"""A key-value plugin in Python for `kv-host`, and for the host of go-plugin's `grpc` example.

    pip install -r requirements.txt
    kv-host "python plugin.py" put hello world

docs/any-language.md explains each step.
"""

import json
import os
import signal
import sys
import tempfile
import threading
from concurrent import futures
from datetime import datetime, timezone
from pathlib import Path

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

COOKIE = ("BASIC_PLUGIN", "hello")
CORE_VERSION, APP_VERSION = 1, 1

# Made from ../proto/kv.proto. With protoc's plugin for Python this would be `import kv_pb2`.
DESCRIPTORS = Path(__file__).parent / "../generated/descriptors.bin"


def messages():
    """The classes of the application's messages, by their full names."""
    files = descriptor_pb2.FileDescriptorSet.FromString(DESCRIPTORS.read_bytes()).file
    pool = descriptor_pool.DescriptorPool()
    for file in files:
        pool.Add(file)
    return message_factory.GetMessageClassesForFiles([file.name for file in files], pool)


def log(level, message, **fields):
    """One line of JSON on standard error: the host makes it part of its own log."""
    now = datetime.now(timezone.utc).isoformat(timespec="microseconds")
    entry = {"@level": level, "@message": message, "@module": "kv", "@timestamp": now, **fields}
    print(json.dumps(entry), file=sys.stderr, flush=True)


def kv_service():
    """The application's service: each key in a file of the working directory."""
    types = messages()

    def put(request, context):
        log("debug", "put", key=request.key)
        value = request.value + b"\n\nWritten from plugin-python"
        with or_abort(context):
            file_of(request.key).write_bytes(value)
        return types["proto.Empty"]()

    def get(request, context):
        with or_abort(context):
            return types["proto.GetResponse"](value=file_of(request.key).read_bytes())

    return grpc.method_handlers_generic_handler("proto.KV", {
        "Put": unary(put, types["proto.PutRequest"], types["proto.Empty"]),
        "Get": unary(get, types["proto.GetRequest"], types["proto.GetResponse"]),
    })


def unary(method, request, response):
    return grpc.unary_unary_rpc_method_handler(method, request.FromString, response.SerializeToString)


def file_of(key):
    if "/" in key or "\\" in key:
        raise ValueError(f"{key!r} cannot be a key: it would name a file elsewhere")
    return Path(f"kv_{key}")


class or_abort:
    """Answers the call with the text of the error, under the code that errors of Go programs have."""

    def __init__(self, context):
        self.context = context

    def __enter__(self):
        pass

    def __exit__(self, _type, error, _traceback):
        if isinstance(error, (OSError, ValueError)):
            self.context.abort(grpc.StatusCode.UNKNOWN, str(error))


def controller_service(ended):
    """How the host ends a plugin. One without this is killed, after two seconds in which it is waited for."""

    def shutdown(_request, _context):
        ended.set()
        return b""  # an empty message

    # Neither function: bytes as they are.
    return grpc.method_handlers_generic_handler("plugin.GRPCController", {
        "Shutdown": grpc.unary_unary_rpc_method_handler(shutdown),
    })


def serve():
    name, value = COOKIE
    if os.environ.get(name) != value:
        sys.exit("This is a plugin: its host starts it, people do not. Try `kv-host`.")
    host = os.getppid()
    # Ctrl-C in a terminal reaches the host too, which decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    ended = threading.Event()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    server.add_generic_rpc_handlers((kv_service(), controller_service(ended)))
    # The host's sign of life: the service named `plugin` has to be well.
    checks = health.HealthServicer()
    checks.set("plugin", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)

    # A folder of its own, so that nobody is there first; paths of sockets must be short.
    with tempfile.TemporaryDirectory(prefix="plugin", dir=os.environ.get("PLUGIN_UNIX_SOCKET_DIR") or None) as folder:
        socket = f"{folder}/socket"
        server.add_insecure_port(f"unix:{socket}")
        server.start()
        # The first line on standard output, and only once all is ready.
        print(f"{CORE_VERSION}|{APP_VERSION}|unix|{socket}|grpc|", flush=True)
        # A host that died cannot tell: then somebody else is our parent.
        while not ended.wait(timeout=1) and os.getppid() == host:
            pass
        server.stop(grace=0.5).wait()


if __name__ == "__main__":
    serve()
