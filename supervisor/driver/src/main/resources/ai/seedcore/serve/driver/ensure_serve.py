"""Starts Serve unless it runs. The driver executes this file in a Python worker of its job. ASCII only.

The controller can create Java replicas, is visible in the dashboard, and has the patches of
java_support.py. A Serve that is started from plain Python or plain Java lacks at least two of these;
see docs/decisions/003-who-starts-serve.md. Such a Serve can be replaced: its applications that were
deployed from a config are deployed again.
"""
import json
import time

import ray
from ray._private.function_manager import make_function_table_key
from ray._private.ray_constants import KV_NAMESPACE_FUNCTION_TABLE
from ray._private.worker import global_worker

# The name of the patched controller class in java_support.py.
COMPLETED = "ServeControllerForJava"

# Where the applications of a Serve that is being replaced are kept until the next one has them.
NAMESPACE = b"seedcore"
RESTORED = b"restored_applications"

# How long the requests in progress have until Serve ends.
REQUESTS_END_S = 2

# How long the replicas of a Serve that is replaced may take to end.
SERVE_ENDS_S = 100

# The environment variable of the applications that the daemon has submitted from a config.
VERSION = "SEEDCORE_VERSION"


def run(options_text):
    """Returns the properties of the controller as JSON; see ServeApi.Controller."""
    options = json.loads(options_text)
    found = find_controller()
    if found is not None and "restored" in options and not hosts_java(found):
        end([json.loads(each) for each in options["restored"]], options["declared"])
        found = None
    if found is None:
        start(options["host"], options["port"], options["java_support"])
        restore()
        return json.dumps({"started": True, "hosts_java": True, "visible": True, "completed": True,
                           "port": options["port"]})
    if descriptor(found).class_name == COMPLETED:
        restore()  # What an interrupted replacement has left.
    return json.dumps(
        {
            "port": options["port"] if hosts_java(found) else port(found),
            "started": False,
            "hosts_java": hosts_java(found),
            "visible": visible(found),
            "completed": descriptor(found).class_name == COMPLETED,
        }
    )


def find_controller():
    """Returns the handle of the Serve controller, or None if there is none."""
    try:
        return ray.get_actor("SERVE_CONTROLLER_ACTOR", namespace="serve")
    except ValueError:
        return None


def port(found):
    """Returns the port of Serve's proxies, or 0 if the controller does not tell."""
    try:
        return ray.get(found.get_http_config.remote(), timeout=10).port
    except Exception:
        return 0


def end(applications, declared):
    """Ends Serve. Its applications survive an interruption until restore() has deployed them."""
    from ray import serve

    # The front door sends no new requests meanwhile.
    time.sleep(REQUESTS_END_S)
    restored = {each["name"]: each for each in kept() + applications}
    unknown = set(serve.status().applications) - set(restored) - set(declared)
    if unknown:
        raise RuntimeError("somebody has just deployed " + ", ".join(sorted(unknown)))
    if restored:
        global_worker.gcs_client.internal_kv_put(
            RESTORED, json.dumps(list(restored.values())).encode(), True, NAMESPACE)
    serve.shutdown()
    deadline = time.monotonic() + SERVE_ENDS_S  # The call itself gives up after 30 s, silently.
    while find_controller() is not None:
        if time.monotonic() > deadline:
            raise RuntimeError("Serve has not ended, because its replicas are still at work")
        time.sleep(0.1)


def kept():
    """Returns the applications that a replacement of Serve has still to deploy."""
    found = global_worker.gcs_client.internal_kv_get(RESTORED, NAMESPACE)
    return [] if found is None else json.loads(found)


def restore():
    """Deploys the applications of a Serve that was replaced, as 'serve deploy' does."""
    missing = {each["name"]: each for each in kept()}
    if not missing:
        return
    from ray.serve.schema import ServeDeploySchema

    controller = find_controller()
    for name, config in ray.get(controller.get_app_configs.remote(), timeout=10).items():
        if VERSION in ((config.runtime_env or {}).get("env_vars") or {}):
            missing.pop(name, None)  # It has been declared meanwhile.
        else:
            missing.setdefault(name, config)  # A config deletes what it does not name.
    ray.get(controller.apply_config.remote(ServeDeploySchema(applications=list(missing.values()))))
    global_worker.gcs_client.internal_kv_del(RESTORED, False, NAMESPACE)


def start(host, port, java_support):
    # Imported only here, because the import takes half a second.
    from ray import serve
    from ray.serve._private import api, controller

    scope = {}
    exec(java_support, scope)
    # Do not wait for the proxies: the daemon probes them.
    api.HTTP_PROXY_TIMEOUT = 0
    substitute(api, controller, scope["controller_class"](java_support))
    # In a job with a code search path, Ray does not export the controller's class to the GCS. The
    # dashboard, which belongs to another job, could then not look up the controller.
    with scope["exported"]():
        try:
            serve.start(proxy_location="EveryNode", http_options={"host": host, "port": port})
        except Exception:
            # Newer Ray versions fail here after they have created the controller.
            if find_controller() is None:
                raise


def substitute(api, controller, patched):
    """Makes serve.start() create the patched controller."""
    plain = controller.ServeController
    if hasattr(plain, "__ray_metadata__"):
        api.ServeController = ray.remote(num_cpus=0)(patched)
        return
    # Newer Ray versions create the actor class on demand. Substitute the class only during that call:
    # otherwise pickle would not find the base class under its name and would export it by value.
    create = api.get_controller_impl

    def create_patched(*args, **kwargs):
        controller.ServeController = patched
        try:
            return create(*args, **kwargs)
        finally:
            controller.ServeController = plain

    api.get_controller_impl = create_patched


def descriptor(found):
    """Returns the function descriptor of the controller's class."""
    return found._ray_actor_creation_function_descriptor


def hosts_java(found):
    """Returns whether the job that created the controller has a code search path."""
    job = global_worker.gcs_client.get_all_job_info().get(found._actor_id.job_id)
    return job is None or bool(job.config.code_search_path)


def visible(found):
    """Returns whether the controller's class is exported, so that other jobs can look up the actor."""
    key = make_function_table_key(
        b"ActorClass", found._actor_id.job_id, descriptor(found).function_id.binary())
    return bool(global_worker.gcs_client.internal_kv_exists(key, KV_NAMESPACE_FUNCTION_TABLE))
