"""Run by the driver in a Python worker of its own job. ASCII only.

Starts Serve, where none runs, so that its controller may create Java replicas, is seen by the
dashboard, and supports those replicas in full (java_support.py). Neither plain Python nor plain Java
gets any two of these: see docs/decisions/003-who-starts-serve.md.
"""
import json

import ray
from ray._private.function_manager import make_function_table_key
from ray._private.ray_constants import KV_NAMESPACE_FUNCTION_TABLE
from ray._private.worker import global_worker

COMPLETED = "ServeControllerForJava"


def run(options_text):
    options = json.loads(options_text)
    found = find_controller()
    if found is None:
        start(options["host"], options["port"], options["java_support"])
        return json.dumps({"started": True, "hosts_java": True, "visible": True, "completed": True})
    return json.dumps(
        {
            "started": False,
            "hosts_java": hosts_java(found),
            "visible": visible(found),
            "completed": descriptor(found).class_name == COMPLETED,
        }
    )


def find_controller():
    try:
        return ray.get_actor("SERVE_CONTROLLER_ACTOR", namespace="serve")
    except ValueError:
        return None


def start(host, port, java_support):
    # Imported where it is needed: it takes half a second, and where Serve runs already it is not.
    from ray import serve
    from ray.serve._private import api, controller

    scope = {}
    exec(java_support, scope)
    # Waiting for the proxies is the daemon's business: it probes them, and has other work meanwhile.
    api.HTTP_PROXY_TIMEOUT = 0
    substitute(api, controller, scope["controller_class"](java_support))
    # While the job loads code from local, Ray does not export the controller's class to the GCS,
    # and the dashboard, which belongs to another job, cannot look the controller up.
    with scope["exported"]():
        try:
            serve.start(proxy_location="EveryNode", http_options={"host": host, "port": port})
        except Exception:
            # Newer versions fail here after the controller exists; what counts is that it does.
            if find_controller() is None:
                raise


def substitute(api, controller, completed):
    """Has serve.start() create that controller."""
    plain = controller.ServeController
    if hasattr(plain, "__ray_metadata__"):
        api.ServeController = ray.remote(num_cpus=0)(completed)
        return
    # Newer versions make the actor's class when they need it. Only then: else the plain class, which ours
    # extends, would not be found under its name, and be exported with all that it refers to.
    make = api.get_controller_impl

    def make_completed(*args, **kwargs):
        controller.ServeController = completed
        try:
            return make(*args, **kwargs)
        finally:
            controller.ServeController = plain

    api.get_controller_impl = make_completed


def descriptor(found):
    return found._ray_actor_creation_function_descriptor


def hosts_java(found):
    """Whether the job that created the controller has a code search path."""
    job = global_worker.gcs_client.get_all_job_info().get(found._actor_id.job_id)
    return job is None or bool(job.config.code_search_path)


def visible(found):
    """Whether the controller's class is exported, so that other jobs can look the actor up."""
    key = make_function_table_key(
        b"ActorClass", found._actor_id.job_id, descriptor(found).function_id.binary())
    return bool(global_worker.gcs_client.internal_kv_exists(key, KV_NAMESPACE_FUNCTION_TABLE))
