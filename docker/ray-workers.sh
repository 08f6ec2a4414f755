#!/usr/bin/env bash
# Starts, stops and scales the workers of a running cluster.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
  cat <<'END'
Usage: ray-workers.sh COMMAND

  start [N]  run exactly N workers (default 1)
  scale N    the same; N is required
  stop       stop all workers

Examples:
  ./docker/ray-workers.sh start 3
  ./docker/ray-workers.sh scale 5
END
}

case ${1:-} in
  "" | -h | --help)
    usage
    exit 0
    ;;
  start | scale)
    [ $# -le 2 ] || usage_error "$1: found '${*:3}', expected one number"
    [ "$1" = start ] || [ $# -eq 2 ] || usage_error "scale: expected a number"
    number "$1" "${2:-1}" 0
    find_engine
    have_image
    scale_workers "${2:-1}"
    ;;
  stop)
    find_engine
    scale_workers 0
    ;;
  *) usage_error "found '$1', expected start, scale or stop" ;;
esac
