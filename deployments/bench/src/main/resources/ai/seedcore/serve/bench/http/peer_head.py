"""Starts a Ray of its own with HAProxy in front of its replicas, deploys the Python peer, and waits to be ended."""
import signal
import sys
import threading

import ray
from ray import serve

import peer_app

ended = threading.Event()
for name in (signal.SIGTERM, signal.SIGINT):
    signal.signal(name, lambda *_: ended.set())
ray.init(address="local", namespace="serve", log_to_driver=False)
serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
serve.run(peer_app.app, name="peer", route_prefix="/peer")
print("ready", flush=True)
ended.wait()
serve.shutdown()
ray.shutdown()
