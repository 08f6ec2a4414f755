#!/usr/bin/env bash
# Runs a Ray node as a container's main process: 'ray start' with the given options, for as long as the node lives and
# its cluster is the one that it joined. ('ray start --block' does the first half with a Python process of 110 MB.)
# Ends with 1 when the node died or the head came back as another cluster, so that the container's restart policy has
# it join that one, and with 143 on SIGTERM, after the node has said goodbye to the head.
#
# Usage: ray-node.sh [OPTIONS OF 'ray start'...]
set -euo pipefail

readonly GOODBYE_S=5
started=false

say() { printf '[ray-node] %s\n' "$*" >&2; }

# shellcheck disable=SC2317 # Called by trap.
leave() {
  trap - TERM INT
  [ "$started" = true ] || exit 143 # It has nobody to say goodbye to yet.
  say "SIGTERM: the node leaves the cluster"
  # The raylet alone: it says goodbye to the head's GCS, which may be beside it and ends with the container.
  pkill -TERM -x raylet || true
  local limit=$((SECONDS + GOODBYE_S))
  while pgrep -x raylet >/dev/null && ((SECONDS < limit)); do
    sleep 0.1
  done
  exit 143
}
trap leave TERM INT

alive() {
  local pid
  for pid in "${vital[@]}"; do
    kill -0 "$pid" 2>/dev/null || return 1
  done
}

# The identity of the cluster at $gcs; nothing while that does not answer. A GCS without a store of its own makes a new
# one whenever it starts. By gRPC, whose frame of an empty message is five zeros; the name is looked up anew each time.
cluster_id() {
  printf '\0\0\0\0\0' |
    curl -s -m 2 --http2-prior-knowledge -H 'content-type: application/grpc' -H 'te: trailers' --data-binary @- \
      "http://$gcs/ray.rpc.NodeInfoGcsService/GetClusterId" | base64 -w0
}

# Of a head: nothing. It comes back by itself, as another one.
same_cluster() {
  [ -n "$gcs" ] || return 0
  local now
  now=$(cluster_id) || return 0
  joined=${joined:-$now}
  [ -z "$now" ] || [ "$now" = "$joined" ]
}

gcs=''
for option in "$@"; do
  [[ $option != --address=* ]] || gcs=${option#--address=}
done
joined=${gcs:+$(cluster_id || true)}

# In the background, as bash heeds a signal only between two commands.
python /opt/seedcore/ray_start.py start --disable-usage-stats "$@" &
wait $! || {
  say "'ray start' failed, see above"
  exit 1
}
started=true

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
  say "the head at $gcs is another cluster's now: this node ends, to join it"
  exit 1
fi
say "the node died; its last words:"
tail -n 5 /tmp/ray/session_latest/logs/{raylet,gcs_server}.out >&2 2>/dev/null || true
exit 1
