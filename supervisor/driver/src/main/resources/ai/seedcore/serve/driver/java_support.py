"""Patches the support for Java replicas in Ray Serve's controller and HTTP proxies. ASCII only.

The controller also learns to host Python applications of the daemon beside those of 'serve deploy'.

Without the patches, Serve cannot reconfigure a Java replica in place, stops one without waiting for its
requests, replaces all of them when the controller restarts, and responds with a bare 500 when a
deployment throws. The agent (deployments/agent) patches Ray's Java replica classes to match. See
docs/decisions/013-java-support-in-serve.md.
"""
import asyncio
import base64
import collections
import contextlib
import copy
import json
import re
import threading
import time

import ray

# The concurrency group for the controller's calls, which must not wait for requests.
CONTROL = "control"
CONTROL_THREADS = 2

# A replica's environment variable with the number of threads for requests. It is the upper bound for
# max_ongoing_requests, which can change while the replica runs.
THREADS = "SEEDCORE_THREADS"

# The environment variable with the content version of an application that the daemon has submitted.
VERSION = "SEEDCORE_VERSION"

# The key of a request's head in the context of a call, and a header that says that the class has chosen the
# status of a response.
HEAD = "seedcore_head"
EXECUTED = b"x-seedcore-executed"

# The query of a request with a body, which the front door takes off the target for proxies without this patch.
QUERY = b"x-seedcore-query"

# Where front doors report the requests that they send to replicas without a handle, and where the controller
# says that it counts them, so that they may do so with autoscaling (see ReplicaDirectory).
NAMESPACE = b"seedcore"
LOAD = b"load/"
COUNTS_LOAD = b"controller_counts_load"

# What the daemon records of each application's versions: the one that serves, and one that is on trial.
VERSIONS = b"versions"

# How many replicas of a new version start before old ones stop, in percent of all, at least one.
SURGE_PERCENT = 25

# How often the health of a replica on trial is checked.
HELD_HEALTH_S = 1.0

# Written by the agent only, never by a deployment: the key of a complete reply, and the markers around the
# base64 form of an error reply in an exception message.
REPLY = "\0seedcore"
REASON = re.compile(r"\{seedcore ([A-Za-z0-9+/=]*) seedcore\}")


def controller_class(source):
    """Returns the patched controller class. `source` is the text of this file, for the new process."""
    from ray.serve._private import controller

    plain = user_class(controller.ServeController)

    class ServeControllerForJava(plain):
        async def __init__(self, *args, **kwargs):
            scope = {}
            exec(source, scope)
            scope["patch_controller"](source)
            self.seedcore = scope
            await super().__init__(*args, **kwargs)
            scope["resume_builds"](self)
            scope["say_that_load_counts"]()

        def deploy_config(self, config):
            return self.seedcore["deploy_config"](self, config)

        def get_app_configs(self):  # The dashboard shows these.
            return {**super().get_app_configs(), **self.seedcore["declared_configs"](self)}

    return named(ServeControllerForJava, controller)


def proxy_class(source):
    """Returns the patched HTTP proxy class."""
    from ray.serve._private import proxy

    plain = user_class(proxy.ProxyActor)

    class ProxyActorForJava(plain):
        def __init__(self, *args, **kwargs):
            scope = {}
            exec(source, scope)
            scope["patch_proxy"]()
            super().__init__(*args, **kwargs)

    return named(ProxyActorForJava, proxy)


def user_class(found):
    """Returns the original class that ray.remote() wrapped."""
    changed = getattr(getattr(found, "__ray_metadata__", None), "modified_class", found)
    return getattr(changed, "__ray_actor_class__", changed)


def named(cls, module):
    """Sets the name and module of a class so that Ray loads the exported class.

    Ray first looks up the class by name in its module, which does not contain it.
    """
    cls.__module__ = module.__name__
    cls.__qualname__ = cls.__name__
    return cls


@contextlib.contextmanager
def exported():
    """Exports actor classes that are created inside to the GCS, where other jobs find them."""
    from ray._private.worker import global_worker

    before = global_worker.load_code_from_local
    global_worker.set_load_code_from_local(False)
    try:
        yield
    finally:
        global_worker.set_load_code_from_local(before)


def patch_controller(source):
    """Applies all patches in the controller's process."""
    from ray._private.worker import global_worker
    from ray.serve._private import application_state, config, deployment_state, proxy_state

    patch_configs(application_state.ApplicationStateManager)
    patch_user_config(config.DeploymentConfig)
    trials = Trials(global_worker.gcs_client)
    patch_replicas(deployment_state, trials)
    patch_rollouts(deployment_state, trials)
    patch_proxies(proxy_state, source)
    patch_autoscaling()


def deploy_config(controller, text):
    """Submits one application without the deletion of others. Returns why Serve refuses it, or an empty string."""
    from ray.runtime_env import RuntimeEnv
    from ray.serve.schema import ServeApplicationSchema

    try:
        config = ServeApplicationSchema(**json.loads(text))
        RuntimeEnv(**(config.runtime_env or {}))  # Serve itself would notice too late.
    except (TypeError, ValueError) as e:
        errors = e.errors() if hasattr(e, "errors") else [{"loc": (), "msg": str(e)}]
        return "; ".join(
            "{}: {}".format(".".join(map(str, each["loc"])), each["msg"]).removeprefix(": ") for each in errors)
    forget_config(controller, config.name)
    apply_alone(controller, config)
    return ""


def forget_config(controller, name):
    """Removes an application from the last config of 'serve deploy', which the next controller would apply again."""
    from ray.serve._private import controller as module

    checkpoint = controller.kv_store.get(module.CONFIG_CHECKPOINT_KEY)
    if checkpoint is None:
        return
    *more, configs = module.pickle.loads(checkpoint)
    if configs.pop(name, None) is not None:
        controller.kv_store.put(module.CONFIG_CHECKPOINT_KEY, module.pickle.dumps((*more, configs)))


def apply_alone(controller, config):
    manager = controller.application_state_manager
    with keeping(manager, lambda name, state: True):
        manager.apply_app_configs([config], deployment_time=time.time())
    if hasattr(manager, "save_checkpoint"):
        manager.save_checkpoint()


def resume_builds(controller):
    """Submits again what the previous controller was building when it died: Serve itself would wait for it forever."""
    from ray.serve._private.application_state import ApplicationStatus

    for state in list(controller.application_state_manager._application_states.values()):
        target = state._target_state
        if is_declared(state) and target.deployment_infos is None and not target.deleting:
            try:
                apply_alone(controller, target.config)
            except Exception as e:  # Otherwise no controller could start.
                state._update_status(ApplicationStatus.DEPLOY_FAILED, str(e))


def declared_configs(controller):
    """Returns the applications that the daemon has submitted from a config, by name."""
    states = controller.application_state_manager._application_states
    return {name: state._target_state.config for name, state in states.items() if is_declared(state)}


def is_declared(state):
    """Returns whether the daemon has submitted this application from a config."""
    config = getattr(state._target_state, "config", None)
    return VERSION in ((getattr(config, "runtime_env", None) or {}).get("env_vars") or {})


@contextlib.contextmanager
def keeping(manager, kept):
    """Keeps applications although the config that is applied inside does not name them."""
    delete = manager.delete_app

    def delete_unless_kept(name):
        state = manager._application_states.get(name)
        if state is not None and not kept(name, state):
            delete(name)

    manager.delete_app = delete_unless_kept
    try:
        yield
    finally:
        del manager.delete_app


def patch_configs(manager_class):
    """Makes 'serve deploy', which deletes what its config does not name, keep what the daemon has submitted."""
    apply = manager_class.apply_app_configs

    def apply_app_configs(self, app_configs, *args, **kwargs):
        if "delete_app" in vars(self):  # Within apply_alone().
            return apply(self, app_configs, *args, **kwargs)
        with keeping(self, lambda name, state: is_declared(state)):
            return apply(self, app_configs, *args, **kwargs)

    manager_class.apply_app_configs = apply_app_configs


def is_java(deployment_config):
    from ray.serve.generated.serve_pb2 import DeploymentLanguage

    return deployment_config.deployment_language == DeploymentLanguage.JAVA


def patch_user_config(config_class):
    """Stores a Java client's user_config, a serialized string, as the dictionary the dashboard needs."""
    from ray.serve._private.utils import msgpack_deserialize, msgpack_serialize

    from_proto = config_class.from_proto.__func__
    to_proto = config_class.to_proto

    def from_java(cls, proto):
        config = from_proto(cls, proto)
        if is_java(config) and isinstance(config.user_config, bytes):
            config.user_config = {"json": msgpack_deserialize(config.user_config)}
        return config

    def to_java(self):
        if is_java(self) and isinstance(self.user_config, dict):
            self = copy.copy(self)
            self.user_config = msgpack_serialize(self.user_config["json"])
        return to_proto(self)

    config_class.from_proto = classmethod(from_java)
    config_class.to_proto = to_java


class Trials:
    """The versions that must not take over yet, by application.

    The daemon records a version before it submits it, and removes the record when it accepts the version.
    """

    INTERVAL_S = 0.3

    def __init__(self, gcs):
        self.gcs = gcs
        self.read_at = float("-inf")
        self.versions = None

    def include(self, app, version, fresh=False):
        """Returns whether a version of an application is on trial, or was rejected."""
        now = time.monotonic()
        if fresh or now - self.read_at >= self.INTERVAL_S:
            self.read_at = now
            self.read()
        if self.versions is None:
            return True  # It may be on trial: wait until the record can be read.
        return version is not None and self.versions.get(app) == version

    def read(self):
        try:
            text = self.gcs.internal_kv_get(VERSIONS, NAMESPACE)
            known = json.loads(text) if text else {}
            self.versions = {app: each["trial"]["version"] for app, each in known.items() if each.get("trial")}
        except Exception:
            pass  # The GCS does not respond: what is known stays.


def patch_rollouts(deployment_state, trials):
    """Makes the controller start replicas of a version on trial before it stops those that serve.

    Newer Ray versions can do that. For older ones, the old replicas are hidden while Serve counts.
    """
    state_class = deployment_state.DeploymentState
    running = [deployment_state.ReplicaState.RUNNING]
    active = [*running, deployment_state.ReplicaState.STARTING, deployment_state.ReplicaState.UPDATING,
              deployment_state.ReplicaState.RECOVERING]
    deploy, scale = state_class.deploy, state_class.scale_deployment_replicas

    def deploy_with_surge(self, info, *args, **kwargs):
        if is_java(info.deployment_config) and trials.include(self._id.app_name, info.version, fresh=True):
            if hasattr(info.deployment_config, "max_surge_percent"):
                info.deployment_config.max_surge_percent = SURGE_PERCENT
            else:
                info.seedcore_surge = True
        return deploy(self, info, *args, **kwargs)

    def scale_with_surge(self, *args, **kwargs):
        target = self._target_state
        wanted = target.target_num_replicas
        if wanted == 0 or not getattr(target.info, "seedcore_surge", False):
            return scale(self, *args, **kwargs)
        if self._replicas.count(states=[deployment_state.ReplicaState.RECOVERING]) > 0:
            return [], None  # After a restart of the controller: their versions are not known yet.
        old = []
        for replica in self._replicas.pop(exclude_version=target.version, states=running):
            if replica.version.requires_actor_restart(target.version):
                old.append(replica)
            else:
                self._replicas.add(deployment_state.ReplicaState.RUNNING, replica)
        new = self._replicas.count(version=target.version, states=active)
        batch = -(-wanted * SURGE_PERCENT // 100)
        room = max(0, wanted + batch - new - len(old))
        try:
            self._target_state = copy.copy(target)
            self._target_state.target_num_replicas = min(wanted, new + room)
            result = scale(self, *args, **kwargs)
        finally:
            self._target_state = target
            surplus = self._replicas.count(states=running) + len(old) - wanted
            stopped = old[:max(0, min(surplus, batch))]
            for replica in old[len(stopped):]:
                self._replicas.add(deployment_state.ReplicaState.RUNNING, replica)
        for replica in stopped:
            self._stop_replica(replica, graceful_stop=True)
        return result

    state_class.deploy = deploy_with_surge
    if not hasattr(state_class, "_surge_rollout_in_progress"):
        state_class.scale_deployment_replicas = scale_with_surge


def patch_replicas(deployment_state, trials):
    """Lets the controller reconfigure, drain, and recover Java replicas, and holds those on trial."""
    wrapper = deployment_state.ActorReplicaWrapper
    plain_handle = deployment_state.JavaActorHandleProxy
    status = deployment_state.ReplicaStartupStatus

    class JavaReplica(plain_handle):
        """A replica handle for the controller, whose calls run in the control concurrency group."""

        def __getattr__(self, name):
            method = super().__getattr__(name).options(concurrency_group=CONTROL)
            return Reconfigure(method) if name == "reconfigure" else method

    class Reconfigure:
        def __init__(self, method):
            self.method = method

        def remote(self, deployment_config, *more):  # Newer Ray versions add a rank, unknown to Java.
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
        """Returns the number of threads; None for other deployments, which may rely on a single thread."""
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
        # The controller may have died before the initialization. Repeating it is harmless.
        self._ready_obj_ref = self._actor_handle.is_initialized.remote(
            self._version.deployment_config.to_proto_bytes())
        self._recovering_java = True
        self._seedcore_recovered = True
        return True

    def check_ready_java(self):
        result = check_ready(self)
        if not self._is_cross_language or result[0] != status.SUCCEEDED:
            return result
        try:
            answer = ray.get(self._ready_obj_ref)  # Serve itself ignores an exception here.
        except Exception as e:
            return (status.FAILED, reason(e)) + tuple(result[2:])
        if getattr(self, "_recovering_java", False):
            self._recovering_java = False
            self._version = with_code_version(self._version, answer)
        if trials.include(self._replica_id.deployment_id.app_name, self._version.code_version):
            # It runs and can be tried, but Serve must neither use it nor stop another one for it.
            error = held_error(self)
            held = (status.PENDING_INITIALIZATION, None) if error is None else (status.FAILED, error)
            return held + tuple(result[2:])
        return result

    def held_error(self):
        """Returns why a replica that is held has failed; None if it has not. Serve checks only those that run."""
        if getattr(self, "_seedcore_recovered", False):
            return "it was on trial when the controller restarted"  # Serve stops nothing that it is recovering.
        ref = getattr(self, "_seedcore_health", None)
        now = time.monotonic()
        if ref is None and now >= getattr(self, "_seedcore_next_health", 0):
            self._seedcore_health = self._actor_handle.check_health.remote()
        elif ref is not None and deployment_state.check_obj_ref_ready_nowait(ref):
            self._seedcore_health = None
            self._seedcore_next_health = now + HELD_HEALTH_S
            try:
                ray.get(ref)
            except Exception as e:
                return reason(e)
        return None

    def with_code_version(target, proto_bytes):
        """Returns the version of a recovered replica, which may differ from the target version."""
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
        # Newer Ray versions abandon a failed rollout for good, even after a transient failure.
        deployment_state.RAY_SERVE_STOP_FAILED_ROLLING_UPDATES = False


class DirectLoad:
    """The requests that front doors hold or have sent to replicas directly, by application.

    A front door reports twice a second. A report that does not change any more is ignored.
    """

    INTERVAL_S = 1
    STALE_S = 10
    LONGEST_S = 600

    def __init__(self, gcs):
        self.gcs = gcs
        self.read_at = float("-inf")
        self.reports = {}
        self.samples = collections.defaultdict(collections.deque)

    def average(self, app, window_s):
        """Returns the average number of requests over the last seconds."""
        now = time.monotonic()
        if now - self.read_at >= self.INTERVAL_S:
            self.read_at = now
            self.sample(now)
        recent = [total for at, total in self.samples.get(app, ()) if now - at <= window_s]
        return sum(recent) / len(recent) if recent else 0.0

    def sample(self, now):
        totals = collections.Counter()
        try:
            for key in self.gcs.internal_kv_keys(LOAD, NAMESPACE):
                report = self.gcs.internal_kv_get(key, NAMESPACE)
                if self.reports.get(key, (None, 0))[0] != report:
                    self.reports[key] = (report, now)
                if report is not None and now - self.reports[key][1] < self.STALE_S:
                    totals.update(json.loads(report)["requests"])
        except Exception:
            return  # The GCS does not respond: what is known stays.
        for app in set(self.samples) | set(totals):
            samples = self.samples[app]
            samples.append((now, totals[app]))
            while now - samples[0][0] > self.LONGEST_S:
                samples.popleft()


def patch_autoscaling():
    """Makes the autoscaler count the requests that front doors send to replicas directly."""
    from ray._private.worker import global_worker

    states = autoscaling_states()
    if states is None:
        return
    load = DirectLoad(global_worker.gcs_client)
    total = states.get_total_num_requests

    def get_total_num_requests(self):
        direct = load.average(self._deployment_id.app_name, self._config.look_back_period_s)
        return total(self) + direct

    states.get_total_num_requests = get_total_num_requests


def autoscaling_states():
    """Returns the class that holds a deployment's load; None in older Ray versions, which have none."""
    try:
        from ray.serve._private import autoscaling_state
    except ImportError:
        return None
    for name in ("DeploymentAutoscalingState", "AutoscalingState"):
        found = getattr(autoscaling_state, name, None)
        if hasattr(found, "get_total_num_requests"):
            return found
    return None


def say_that_load_counts():
    from ray._private.worker import global_worker

    if autoscaling_states() is not None:
        actor = ray.get_runtime_context().get_actor_id()
        global_worker.gcs_client.internal_kv_put(COUNTS_LOAD, actor.encode(), True, NAMESPACE)


def patch_proxies(proxy_state, source):
    """Makes the controller start patched proxies and exports their class for Python clients."""
    from ray.serve._private.proxy import ProxyActor

    wrapper = proxy_state.ActorProxyWrapper
    create = wrapper._get_or_create_proxy_actor
    patched = ray.remote(num_cpus=0)(proxy_class(source))

    def create_patched(*args, **kwargs):
        if kwargs.get("proxy_actor_class", ProxyActor) is ProxyActor:
            kwargs["proxy_actor_class"] = patched
        with exported():
            return create(*args, **kwargs)

    wrapper._get_or_create_proxy_actor = staticmethod(create_patched)


class Body(str):
    """What Serve passes to a Java replica as the request, and the head of the request, which it drops."""

    head = None


def patch_requests(proxy, replica_wrapper):
    """Makes a proxy pass the head of a request to a Java replica, in the context of the call's metadata."""
    http = proxy.HTTPProxy
    wrapper = replica_wrapper.ActorReplicaWrapper
    send = "send_request_java" if hasattr(wrapper, "send_request_java") else "_send_request_java"
    plain_send = getattr(wrapper, send)
    plain_metadata = replica_wrapper.RequestMetadataProto
    sending = threading.local()

    async def format_handle_arg_for_java(self, proxy_request):
        scope = proxy_request.scope
        query = scope.get("query_string") or b""
        content = await proxy.receive_http_body(scope, proxy_request.receive, proxy_request.send)
        body = Body(content.decode() if content or b"=" not in query else query.decode().split("=", 1)[1])
        query = dict(scope["headers"]).get(QUERY, query)
        target = (scope.get("raw_path") or scope["path"].encode()) + (b"?" + query if query else b"")
        body.head = json.dumps({
            "method": scope["method"],
            "target": target.decode("latin-1"),
            "headers": [[name.decode("latin-1"), value.decode("latin-1")]
                        for name, value in scope["headers"] if name != QUERY],
            "body": bool(content),
        })
        return body

    def send_request_java(self, pending_request, *args, **kwargs):
        body = pending_request.args[0] if pending_request.args else None
        if not isinstance(body, Body):
            return plain_send(self, pending_request, *args, **kwargs)
        pending_request.args[0] = str(body)
        sending.head = body.head
        try:
            return plain_send(self, pending_request, *args, **kwargs)
        finally:
            sending.head = None
            pending_request.args[0] = body  # Serve may send it again.

    def metadata(**fields):
        head = getattr(sending, "head", None)
        return plain_metadata(**fields, context={} if head is None else {HEAD: head})

    http._format_handle_arg_for_java = format_handle_arg_for_java
    setattr(wrapper, send, send_request_java)
    replica_wrapper.RequestMetadataProto = metadata


def replica_wrapper_module():
    """Returns the module that sends requests to replicas."""
    try:
        from ray.serve._private.request_router import replica_wrapper
    except ImportError:
        from ray.serve._private.replica_scheduler import replica_wrapper
    return replica_wrapper


def patch_proxy():
    """Makes a proxy forward heads of requests, and complete replies and error replies from the agent."""
    from ray.serve._private import proxy

    try:
        patch_requests(proxy, replica_wrapper_module())
    except (ImportError, AttributeError):
        pass  # An older version of Ray: classes receive the body only.

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
                reply = error_reply(e) if self.java else None
                if reply is None:
                    raise
                return response(500, "application/json", reply)

    def messages(answer):
        reply = answer.get(REPLY) if isinstance(answer, dict) else None
        if reply is None:
            return proxy.convert_object_to_asgi_messages(answer)
        body = reply["body"]
        return response(
            reply["status"],
            reply["type"],
            body if isinstance(body, bytes) else body.encode(),
            [[name.lower().encode(), value.encode()] for name, value in reply.get("headers", ())],
        )

    def response(status, content_type, body, headers=()):
        headers = [*headers, [EXECUTED, b"1"]]
        if not any(name == b"content-type" for name, value in headers):
            headers.append([b"content-type", content_type.encode()])
        if status not in (204, 205, 304):
            headers.append([b"content-length", str(len(body)).encode()])
        return [
            {"type": "http.response.start", "status": status, "headers": headers},
            {"type": "http.response.body", "body": body},
        ]

    proxy.ProxyResponseGenerator = JavaResponses


def error_reply(error):
    """Returns the JSON error reply in an exception from the agent, or None if there is none."""
    match = REASON.search(str(error))
    return None if match is None else base64.b64decode(match.group(1))


def reason(error):
    """Returns why a replica did not start: the agent's error message, or the exception's."""
    reply = error_reply(error)
    return str(error) if reply is None else str(json.loads(reply)["error"])
