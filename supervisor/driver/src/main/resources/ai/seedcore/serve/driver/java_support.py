"""Completes Ray Serve's support for Java replicas, inside Serve's controller and HTTP proxies. ASCII only.

Serve can create a Java replica, and little more: it cannot reconfigure one in place, does not let one
finish its requests before it stops, replaces all of them when the controller restarts, and answers a
bare 500 when a class throws. Each function below changes one of those. Ray's own replica class is
changed to match by the agent (deployments/agent). See docs/decisions/013-java-support-in-serve.md.
"""
import asyncio
import base64
import contextlib
import copy
import json
import re

import ray

# Calls of the controller's run beside requests, in threads of their own.
CONTROL = "control"
CONTROL_THREADS = 2

# In a replica's environment: how many requests its JVM can run at a time, whatever the present limit is.
THREADS = "SEEDCORE_THREADS"

# What the agent writes, and lets no class write: a reply's key, and the marks around an error's JSON in an
# exception, where it stands in base64.
REPLY = "\0seedcore"
REASON = re.compile(r"\{seedcore ([A-Za-z0-9+/=]*) seedcore\}")


def controller_class(source):
    """The controller's class, completed. `source` is this text: each process runs it for itself."""
    from ray.serve._private import controller

    plain = user_class(controller.ServeController)

    class ServeControllerForJava(plain):
        async def __init__(self, *args, **kwargs):
            scope = {}
            exec(source, scope)
            scope["complete_controller"](source)
            await super().__init__(*args, **kwargs)

    return named(ServeControllerForJava, controller)


def proxy_class(source):
    """The HTTP proxies' class, completed."""
    from ray.serve._private import proxy

    plain = user_class(proxy.ProxyActor)

    class ProxyActorForJava(plain):
        def __init__(self, *args, **kwargs):
            scope = {}
            exec(source, scope)
            scope["complete_proxy"]()
            super().__init__(*args, **kwargs)

    return named(ProxyActorForJava, proxy)


def user_class(found):
    """The class as it was written, before ray.remote() changed it."""
    changed = getattr(getattr(found, "__ray_metadata__", None), "modified_class", found)
    return getattr(changed, "__ray_actor_class__", changed)


def named(cls, module):
    # Ray looks a class up in its module first; one that has no such class makes it take the exported one.
    cls.__module__ = module.__name__
    cls.__qualname__ = cls.__name__
    return cls


@contextlib.contextmanager
def exported():
    """What is created in here is exported to the GCS, where other jobs, such as the dashboard's, find it."""
    from ray._private.worker import global_worker

    before = global_worker.load_code_from_local
    global_worker.set_load_code_from_local(False)
    try:
        yield
    finally:
        global_worker.set_load_code_from_local(before)


def complete_controller(source):
    from ray.serve._private import config, deployment_state, proxy_state

    complete_user_config(config.DeploymentConfig)
    complete_replicas(deployment_state)
    complete_proxies(proxy_state, source)


def is_java(deployment_config):
    from ray.serve.generated.serve_pb2 import DeploymentLanguage

    return deployment_config.deployment_language == DeploymentLanguage.JAVA


def complete_user_config(config_class):
    """A Java client's user_config is a serialized text; the dashboard shows dictionaries only."""
    from ray.serve._private.utils import msgpack_deserialize, msgpack_serialize

    from_proto = config_class.from_proto.__func__
    to_proto = config_class.to_proto

    def from_java(cls, proto):
        made = from_proto(cls, proto)
        if is_java(made) and isinstance(made.user_config, bytes):
            made.user_config = {"json": msgpack_deserialize(made.user_config)}
        return made

    def to_java(self):
        if is_java(self) and isinstance(self.user_config, dict):
            self = copy.copy(self)
            self.user_config = msgpack_serialize(self.user_config["json"])
        return to_proto(self)

    config_class.from_proto = classmethod(from_java)
    config_class.to_proto = to_java


def complete_replicas(deployment_state):
    wrapper = deployment_state.ActorReplicaWrapper
    plain_handle = deployment_state.JavaActorHandleProxy
    status = deployment_state.ReplicaStartupStatus

    class JavaReplica(plain_handle):
        """A replica as the controller calls it: in threads that no request occupies."""

        def __getattr__(self, name):
            method = super().__getattr__(name).options(concurrency_group=CONTROL)
            return Reconfigure(method) if name == "reconfigure" else method

    class Reconfigure:
        def __init__(self, method):
            self.method = method

        def remote(self, deployment_config, *more):  # Newer versions add a rank, which Java has not.
            return self.method.remote(deployment_config.to_proto_bytes())

    start, recover, check_ready = wrapper.start, wrapper.recover, wrapper.check_ready

    def start_java(self, deployment_info, *args, **kwargs):
        request = start(self, deployment_info, *args, **kwargs)
        if self._is_cross_language:
            metadata = request.actor_def.__ray_metadata__
            metadata.concurrency_groups = {**(metadata.concurrency_groups or {}), CONTROL: CONTROL_THREADS}
            if threads(deployment_info) is not None:
                request.actor_options["max_concurrency"] = threads(deployment_info)
        return request

    def threads(deployment_info):
        """As the daemon declares; None for somebody else's class, which may count on having one thread."""
        options = deployment_info.replica_config.ray_actor_options or {}
        declared = ((options.get("runtime_env") or {}).get("env_vars") or {}).get(THREADS)
        return None if declared is None else int(declared)

    def recover_java(self, *args, **kwargs):
        if not is_java(self._version.deployment_config):
            return recover(self, *args, **kwargs)
        try:
            actor = ray.get_actor(self._actor_name, namespace=deployment_state.SERVE_NAMESPACE)
        except ValueError:
            return False
        self._is_cross_language = True
        self._actor_handle = JavaReplica(actor)
        self._allocated_obj_ref = self._actor_handle.is_allocated.remote()
        # It may not have been initialized yet when the controller died; twice does no harm.
        self._ready_obj_ref = self._actor_handle.is_initialized.remote(
            self._version.deployment_config.to_proto_bytes())
        self._recovering_java = True
        return True

    def check_ready_java(self):
        result = check_ready(self)
        if not self._is_cross_language or result[0] != status.SUCCEEDED:
            return result
        try:
            answer = ray.get(self._ready_obj_ref)  # Serve itself takes any answer for a good one.
        except Exception as e:
            return (status.FAILED, reason(e)) + tuple(result[2:])
        if getattr(self, "_recovering_java", False):
            self._recovering_java = False
            self._version = with_code_version(self._version, answer)
        return result

    def with_code_version(target, proto_bytes):
        """The version of a replica that outlived the controller, which may have been about to replace it."""
        from ray.serve.generated.serve_pb2 import DeploymentVersion

        code_version = DeploymentVersion.FromString(proto_bytes).code_version
        if code_version == target.code_version:
            return target
        other = copy.copy(target)
        other.code_version = code_version
        other.compute_hashes()
        return other

    wrapper.start = start_java
    wrapper.recover = recover_java
    wrapper.check_ready = check_ready_java
    deployment_state.JavaActorHandleProxy = JavaReplica
    if hasattr(deployment_state, "RAY_SERVE_STOP_FAILED_ROLLING_UPDATES"):
        # Newer versions give a rollout up for good that failed, also where its cause was passing.
        deployment_state.RAY_SERVE_STOP_FAILED_ROLLING_UPDATES = False


def complete_proxies(proxy_state, source):
    """Starts the completed class, exported, so that Python clients can look the proxies up."""
    from ray.serve._private.proxy import ProxyActor

    wrapper = proxy_state.ActorProxyWrapper
    create = wrapper._get_or_create_proxy_actor
    completed = ray.remote(num_cpus=0)(proxy_class(source))

    def create_completed(*args, **kwargs):
        if kwargs.get("proxy_actor_class", ProxyActor) is ProxyActor:
            kwargs["proxy_actor_class"] = completed
        with exported():
            return create(*args, **kwargs)

    wrapper._get_or_create_proxy_actor = staticmethod(create_completed)


def complete_proxy():
    """A Java class's reply may have a status and a type, and its exception an answer that tells of it."""
    from ray.serve._private import proxy

    class JavaResponses(proxy.ProxyResponseGenerator):
        def __init__(self, response, **kwargs):
            self.java = kwargs.get("result_callback") is proxy.convert_object_to_asgi_messages
            if self.java:
                kwargs["result_callback"] = messages
            super().__init__(response, **kwargs)

        async def __anext__(self):
            try:
                return await super().__anext__()
            except (StopAsyncIteration, TimeoutError, asyncio.CancelledError):
                raise
            except Exception as e:
                told = error_reply(e) if self.java else None
                if told is None:
                    raise
                return response(500, "application/json", told)

    def messages(answer):
        reply = answer.get(REPLY) if isinstance(answer, dict) else None
        if reply is None:
            return proxy.convert_object_to_asgi_messages(answer)
        body = reply["body"]
        return response(reply["status"], reply["type"], body if isinstance(body, bytes) else body.encode())

    def response(status, content_type, body):
        headers = [[b"content-type", content_type.encode()], [b"content-length", str(len(body)).encode()]]
        return [
            {"type": "http.response.start", "status": status, "headers": headers},
            {"type": "http.response.body", "body": body},
        ]

    proxy.ProxyResponseGenerator = JavaResponses


def error_reply(error):
    """The JSON that the agent put into an exception; None where it put none."""
    told = REASON.search(str(error))
    return None if told is None else base64.b64decode(told.group(1))


def reason(error):
    """Why a replica did not start, in the agent's words where it has some."""
    told = error_reply(error)
    return str(error) if told is None else str(json.loads(told)["error"])
