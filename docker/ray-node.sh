#!/usr/bin/env bash
# Runs a Ray node as a container's main process: 'ray start' with the given options, until the node dies or the head
# restarts as a new cluster. ('ray start --block' detects only the former, with a Python process of 110 MB.)
# In both cases the exit code is 1, so that the container's restart policy makes the node join the new cluster. On SIGTERM
# the node leaves the cluster and the exit code is 143.
#
# Usage: ray-node.sh [OPTIONS OF 'ray start'...]
set -euo pipefail

readonly LEAVE_TIMEOUT_S=5
started=false

say() { printf '[ray-node] %s\n' "$*" >&2; }

# Forgets the starts of a head that did not come up (start-ray-with-serve.sh).
came_up() { [ -z "${RAY_HEAD_STORE:-}" ] || rm -f "$RAY_HEAD_STORE/starts" || true; }

# shellcheck disable=SC2317 # Called by trap.
leave() {
  trap - TERM INT
  if [ "$started" != true ]; then # The node has not joined yet.
    came_up # A head that did not get the time has no fault of its store.
    exit 143
  fi
  say "received SIGTERM, leaving the cluster"
  # Only the raylet: it unregisters from the GCS, which may run in the same container and ends with it.
  pkill -TERM -x raylet || true
  local limit=$((SECONDS + LEAVE_TIMEOUT_S))
  while pgrep -x raylet >/dev/null && ((SECONDS < limit)); do
    sleep 0.1
  done
  exit 143
}
trap leave TERM INT

# Returns whether all vital processes of the node run.
alive() {
  local pid
  for pid in "${vital[@]}"; do
    kill -0 "$pid" 2>/dev/null || return 1
  done
}

# Prints the id of the cluster at $gcs, or nothing if the GCS does not answer. A GCS without persistent storage generates
# a new id with each start. The request is gRPC: the frame of an empty message is five zero bytes. curl resolves the name
# each time. The token does not become an argument, which other processes could read.
cluster_id() {
  local token=${RAY_AUTH_TOKEN:-}
  [ "${RAY_AUTH_MODE:-}" = token ] || token=''
  printf '\0\0\0\0\0' |
    curl -s -m 2 --http2-prior-knowledge -H 'content-type: application/grpc' -H 'te: trailers' --data-binary @- \
      -H @<(printf '%s' "${token:+authorization: Bearer $token}") \
      "http://$gcs/ray.rpc.NodeInfoGcsService/GetClusterId" | base64 -w0
}

# Prints the addresses of the head.
addresses() { timeout 2 getent ahosts "${gcs%:*}" | cut -d' ' -f1 | sort -u; }

# Returns whether the GCS still has the cluster id and the address that this node joined. A head that remembers keeps its
# id, but may get another address, which no raylet learns. Always true for a head.
same_cluster() {
  [ -n "$gcs" ] || return 0
  local now at
  now=$(cluster_id) || return 0
  [ -n "$now" ] || return 0 # While it does not answer, replicas here may go on.
  joined=${joined:-$now}
  [ "$now" = "$joined" ] || return 1
  at=$(addresses) || return 0
  joined_at=${joined_at:-$at}
  [ -n "$(comm -12 <(printf '%s\n' "$at") <(printf '%s\n' "$joined_at"))" ]
}

gcs=''
for option in "$@"; do
  [[ $option != --address=* ]] || gcs=${option#--address=}
done
joined=${gcs:+$(cluster_id || true)}
joined_at=${gcs:+$(addresses || true)}

# In the background, because bash handles signals only between two commands.
python /opt/seedcore/ray_start.py start --disable-usage-stats "$@" &
wait $! || {
  say "'ray start' failed, see above"
  exit 1
}
started=true
came_up

mapfile -t vital < <(pgrep -x raylet && pgrep -x gcs_server)
if [ ${#vital[@]} -gt 0 ]; then
  while same_cluster; do
    for _ in 1 2 3 4; do
      sleep 0.25 &
      wait $!
      alive || break 2
    done
  done
fi
if alive && [ ${#vital[@]} -gt 0 ]; then
  say "the head at $gcs restarted as a new cluster, or at another address; exiting to join it"
  exit 1
fi
say "the node died; last log lines:"
tail -n 5 /tmp/ray/session_latest/logs/{raylet,gcs_server}.out >&2 2>/dev/null || true
exit 1
