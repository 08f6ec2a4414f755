"""Run by the driver in a Python worker of its own job. ASCII only.

Starts Serve, where none runs, so that its controller may create Java replicas and is seen by the
dashboard. Neither plain Python nor plain Java gets both: see docs/decisions/003-who-starts-serve.md.
"""
import json

import ray
from ray._private.function_manager import make_function_table_key
from ray._private.ray_constants import KV_NAMESPACE_FUNCTION_TABLE
from ray._private.worker import global_worker


def run(options_text):
    options = json.loads(options_text)
    found = find_controller()
    if found is not None:
        return json.dumps({"started": False, "hosts_java": hosts_java(found), "visible": visible(found)})
    start(options["host"], options["port"])
    return json.dumps({"started": True, "hosts_java": True, "visible": True})


def find_controller():
    try:
        return ray.get_actor("SERVE_CONTROLLER_ACTOR", namespace="serve")
    except ValueError:
        return None


def start(host, port):
    # Imported where it is needed: it takes half a second, and where Serve runs already it is not.
    from ray import serve
    from ray.serve._private import api

    # Waiting for the proxies is the daemon's business: it probes them, and has other work meanwhile.
    api.HTTP_PROXY_TIMEOUT = 0
    # While the job loads code from local, Ray does not export the controller's class to the GCS,
    # and the dashboard, which belongs to another job, cannot look the controller up.
    global_worker.set_load_code_from_local(False)
    try:
        serve.start(proxy_location="EveryNode", http_options={"host": host, "port": port})
    except Exception:
        # Newer versions fail here after the controller exists; what counts is that it does.
        if find_controller() is None:
            raise
    finally:
        global_worker.set_load_code_from_local(True)


def hosts_java(found):
    """Whether the job that created the controller has a code search path."""
    job = global_worker.gcs_client.get_all_job_info().get(found._actor_id.job_id)
    return job is None or bool(job.config.code_search_path)


def visible(found):
    """Whether the controller's class is exported, so that other jobs can look the actor up."""
    descriptor = found._ray_actor_creation_function_descriptor
    key = make_function_table_key(b"ActorClass", found._actor_id.job_id, descriptor.function_id.binary())
    return bool(global_worker.gcs_client.internal_kv_exists(key, KV_NAMESPACE_FUNCTION_TABLE))
