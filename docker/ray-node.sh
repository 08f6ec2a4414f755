#!/usr/bin/env bash
# Runs a Ray node as a container's main process: 'ray start' with the given options, for as long as the node lives.
# ('ray start --block' does the same with a Python process of 110 MB.) Ends with 1 when the node died, so that the
# container's restart policy brings it back, and with 143 on SIGTERM, after the node has taken its leave of the head.
#
# Usage: ray-node.sh [OPTIONS OF 'ray start'...]
set -euo pipefail

readonly LEAVE_S=5

say() { printf '[ray-node] %s\n' "$*" >&2; }

vital() { pgrep -x 'raylet|gcs_server' || true; }

# shellcheck disable=SC2317 # Called by trap.
leave() {
  trap - TERM INT
  say "SIGTERM: the node leaves the cluster"
  pkill -TERM -x 'raylet|gcs_server' || true
  local limit=$((SECONDS + LEAVE_S))
  while [ -n "$(vital)" ] && ((SECONDS < limit)); do
    sleep 0.1
  done
  exit 143
}
trap leave TERM INT

# In the background, as bash heeds a signal only between two commands.
ray start --disable-usage-stats "$@" &
wait $! || {
  say "'ray start' failed, see above"
  exit 1
}

started=$(vital)
while [ "$(vital)" = "$started" ]; do
  sleep 1 &
  wait $!
done
say "the node died; its last words:"
tail -n 5 /tmp/ray/session_latest/logs/{raylet,gcs_server}.out >&2 2>/dev/null || true
exit 1
