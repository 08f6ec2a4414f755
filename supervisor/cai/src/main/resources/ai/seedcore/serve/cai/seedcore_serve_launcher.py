#!/usr/bin/env python3
"""Runs the daemon as an application, with its own Ray node. The application's page is the daemon's status page."""
import os
import sys

sys.path.insert(0, os.environ.get("SEEDCORE_CAI_HOME", "/home/cdsw"))
import seedcore_cai as cai

FOLDER = os.path.join(cai.HOME, ".seedcore")
JAR = os.path.join(FOLDER, os.environ["SEEDCORE_CAI_JAR"])
CONFIG = os.path.join(cai.HOME, "seedcore-serve.yaml")
ARGUMENT = cai.argument()


def run():
    head = cai.wait_for_head(ARGUMENT).split()[0]
    command = [os.path.join(cai.java_home(), "bin", "java"), "@" + os.path.join(FOLDER, "jvm.options"), "-jar", JAR,
               "run", "--join", "--address", head, "--ray", cai.program("ray"),
               "--status", "127.0.0.1:" + os.environ.get("CDSW_APP_PORT", "8090")]
    if os.path.exists(CONFIG):
        command += ["--config", CONFIG]
    # The daemon itself handles a head that restarts at the same address.
    return cai.run_child(command, moved=lambda: (cai.find_head(ARGUMENT) or head).split()[0] != head)


cai.run_forever(run)
