"""Stays as the parent of the processes that a command leaves behind, and reaps them.

Arguments: the command's log file, the command. Says the command's exit code on standard output, and
ends when the last of the processes has. Without it they would be adopted by process 1, which in a
container may be one that reaps nobody.
"""
import ctypes
import os
import signal
import subprocess
import sys

PR_SET_CHILD_SUBREAPER = 36

ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
os.setsid()
flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
with os.fdopen(os.open(sys.argv[1], flags, 0o600), "w") as log:
    command = subprocess.Popen(
        sys.argv[2:], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
# It goes last: who ends all of a node's processes sends this one a signal, too.
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    try:
        pid, status = os.wait()
    except ChildProcessError:
        break
    if pid == command.pid:
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
        print(code, flush=True)
        os.close(1)
