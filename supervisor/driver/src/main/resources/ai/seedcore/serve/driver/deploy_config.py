"""Submits a Python application to Serve. The driver executes this file in a Python worker of its job. ASCII only."""
import ray


def run(config):
    """Returns why Serve does not accept the application, or an empty string."""
    controller = ray.get_actor("SERVE_CONTROLLER_ACTOR", namespace="serve")
    if not hasattr(controller, "deploy_config"):
        return ("this Serve was not started by this version of the daemon, so it cannot keep Python applications"
                " apart from those of 'serve deploy'; run 'serve shutdown -y', and the daemon starts another one")
    return ray.get(controller.deploy_config.remote(config))
