#!/usr/bin/env bash
# Runs a Ray head as the main process of the head container. The daemon seedcore-serve starts Serve, because Java
# deployments need a special controller (docs/decisions/003-who-starts-serve.md).
#
# Variables: RAY_GCS_PORT (6380), RAY_CLIENT_PORT (10001), RAY_DASHBOARD_PORT (8265), RAY_METRICS_PORT (8080),
#   RAY_HEAD_CPUS (default: all), RAY_OBJECT_STORE_MEMORY (bytes), RAY_NODE_IP (the address at which other nodes reach the
#   head; default: the container's address)
set -euo pipefail

exec ray-node.sh --head \
  --port="${RAY_GCS_PORT:-6380}" \
  --ray-client-server-port="${RAY_CLIENT_PORT:-10001}" \
  --dashboard-host=0.0.0.0 \
  --dashboard-port="${RAY_DASHBOARD_PORT:-8265}" \
  --metrics-export-port="${RAY_METRICS_PORT:-8080}" \
  ${RAY_HEAD_CPUS:+--num-cpus="$RAY_HEAD_CPUS"} \
  ${RAY_OBJECT_STORE_MEMORY:+--object-store-memory="$RAY_OBJECT_STORE_MEMORY"} \
  ${RAY_NODE_IP:+--node-ip-address="$RAY_NODE_IP"} \
  "$@"
