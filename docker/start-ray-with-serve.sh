#!/usr/bin/env bash
# Runs a Ray head as the main process of the head container. The daemon seedcore-serve starts Serve, because Java
# deployments need a special controller (docs/decisions/003-who-starts-serve.md).
#
# Variables: RAY_GCS_PORT (6380), RAY_CLIENT_PORT (10001), RAY_DASHBOARD_PORT (8265), RAY_METRICS_PORT (8080),
#   RAY_HEAD_CPUS (default: all), RAY_OBJECT_STORE_MEMORY (bytes), RAY_NODE_IP (the address at which other nodes reach the
#   head; default: the container's address), RAY_HEAD_STORE (a folder in which the GCS keeps its state, so that the next
#   head goes on with it; default: none)
set -euo pipefail

say() { printf '[head] %s\n' "$*" >&2; }

# Lets the GCS keep its state in $1 (RocksDB, Ray 2.60). The state of another version of Ray is set aside, and so is one
# with which the last head did not start. If the next one does not start either, it starts without.
remember() {
  local version before starts
  local -r store=$1/gcs
  version=$(python -c 'from importlib.metadata import version; print(version("ray"))')
  before=$(cat "$1/version" 2>/dev/null || true)
  before=${before:-$version}
  starts=$(cat "$1/starts" 2>/dev/null || true)
  starts=${starts:-0}
  if [ "$before" != "$version" ]; then
    set_aside "$store" "it is of Ray $before"
  elif [ "$starts" = 1 ]; then
    set_aside "$store" "the head did not start with it"
  elif [ "$starts" -ge 2 ]; then
    say "the head starts without its store $store"
    return
  fi
  if mkdir -p "$store" && printf %s "$version" >"$1/version" && printf %s $((starts + 1)) >"$1/starts"; then
    export RAY_gcs_storage=rocksdb RAY_gcs_storage_path=$store
  else
    say "the head starts without its store $store, which cannot be written"
  fi
}

set_aside() {
  [ -d "$1" ] || return 0
  say "the head's store $1 is set aside, because $2; everything is deployed anew"
  rm -rf "$1.aside" && mv "$1" "$1.aside" || true # The next start does without.
}

# Prints $1, or $2 if it is empty or the address of a Kubernetes Service: one named 'ray-gcs' sets RAY_GCS_PORT=tcp://...
port() { [[ -n $1 && $1 != *://* ]] && printf %s "$1" || printf %s "$2"; }

[ -z "${RAY_HEAD_STORE:-}" ] || remember "$RAY_HEAD_STORE"

exec ray-node.sh --head \
  --port="$(port "${RAY_GCS_PORT:-}" 6380)" \
  --ray-client-server-port="$(port "${RAY_CLIENT_PORT:-}" 10001)" \
  --dashboard-host=0.0.0.0 \
  --dashboard-port="$(port "${RAY_DASHBOARD_PORT:-}" 8265)" \
  --metrics-export-port="$(port "${RAY_METRICS_PORT:-}" 8080)" \
  ${RAY_HEAD_CPUS:+--num-cpus="$RAY_HEAD_CPUS"} \
  ${RAY_OBJECT_STORE_MEMORY:+--object-store-memory="$RAY_OBJECT_STORE_MEMORY"} \
  ${RAY_NODE_IP:+--node-ip-address="$RAY_NODE_IP"} \
  "$@"
