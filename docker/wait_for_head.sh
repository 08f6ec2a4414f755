#!/usr/bin/env bash
# Waits until HOST:PORT accepts connections, then executes COMMAND.
#
# Usage: wait_for_head.sh HOST:PORT [COMMAND...]
#   WAIT_FOR_HEAD_TIMEOUT   timeout in seconds (default: 120); 0 means no timeout. The exit code after a timeout is 3.
#
# Example: wait_for_head.sh seedcore-ray-head:6380 ray-node.sh --address=seedcore-ray-head:6380
set -euo pipefail

say() { printf '[wait_for_head] %s\n' "$*" >&2; }

case ${1:-} in
  -h | --help)
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac
readonly HEAD_ADDR=${1:-} LIMIT=${WAIT_FOR_HEAD_TIMEOUT:-120}
if ! [[ $HEAD_ADDR =~ ^([^:/]+):([0-9]{1,5})$ ]]; then
  say "HOST:PORT: found '$HEAD_ADDR', expected an address such as seedcore-ray-head:6380"
  exit 2
fi
readonly HOST=${BASH_REMATCH[1]} PORT=${BASH_REMATCH[2]}
if ! [[ $LIMIT =~ ^[0-9]+$ ]]; then
  say "WAIT_FOR_HEAD_TIMEOUT: found '$LIMIT', expected seconds, or 0 for no timeout"
  exit 2
fi
shift

# The name is resolved each time, because a recreated head may have another address.
# shellcheck disable=SC2016 # Expanded by the inner shell.
reachable() { timeout 1 bash -c '</dev/tcp/"$0"/"$1"' "$HOST" "$PORT" 2>/dev/null; }

say "waiting for $HEAD_ADDR ..."
reported=0
until reachable; do
  if ((LIMIT > 0 && SECONDS >= LIMIT)); then
    say "$HEAD_ADDR was not reachable within $LIMIT s (see WAIT_FOR_HEAD_TIMEOUT)"
    exit 3
  fi
  if ((SECONDS >= reported + 10)); then
    reported=$SECONDS
    say "still waiting for $HEAD_ADDR after $SECONDS s"
  fi
  sleep 0.2
done
if [ $# -eq 0 ]; then
  say "$HEAD_ADDR is reachable"
  exit 0
fi
say "$HEAD_ADDR is reachable, launching: $*"
exec "$@"
