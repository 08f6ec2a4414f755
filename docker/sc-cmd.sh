#!/usr/bin/env bash
# Runs the commands of the other scripts, and workers on other hosts.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The head that remote workers join. Precedence: HEAD_IP_OVERRIDE, HEAD_IP, this default.
readonly DEFAULT_HEAD_IP=172.31.17.143

usage() {
  cat <<'END'
Usage: sc-cmd.sh COMMAND

  up [N] [PROFILE...]   start the whole cluster with N workers     (start-cluster.sh up)
  down                  stop the cluster                           (start-cluster.sh down)
  restart               restart the head and the workers           (start-cluster.sh restart)
  status                show containers and Serve's health         (start-cluster.sh status)
  logs WHAT [-f]        show logs of head, workers or serve        (start-cluster.sh logs)
  scale_workers N       run exactly N local workers                (ray-workers.sh scale)
  up-worker [N]         run N workers (default 1) on this host that join a head on another host. The head's address is
                        HEAD_IP_OVERRIDE, HEAD_IP, or 172.31.17.143. The head's firewall must allow port 6380, this
                        host's firewall the workers' ports (docs/docker.md)
  down-worker           stop the remote workers on this host

Variables of up-worker: HEAD_IP_OVERRIDE, WORKER_IP (default: this host's address on the route to the head),
RAY_WORKER_CPUS, RAY_OBJECT_MANAGER_PORT (8076), RAY_NODE_MANAGER_PORT (8077), RAY_MIN_WORKER_PORT (11000),
RAY_MAX_WORKER_PORT (11020), RAY_AGENT_PORT (52365). Each further worker on the host uses the next ports.

Examples:
  ./docker/sc-cmd.sh up 3
  HEAD_IP_OVERRIDE=172.31.99.50 ./docker/sc-cmd.sh up-worker 2
END
}

remote_worker() {
  local number=$1
  shift
  "${COMPOSE[@]}" -p "$PROJECT-remote-$number" -f "$DOCKER_DIR/ray-workers.yml" --profile remote "$@"
}

# Prints the numbers of the remote workers on this host. Each worker is a separate Compose project with its own ports.
remote_workers() {
  local -a all
  mapfile -t all < <(engine ps -aq --filter "label=com.docker.compose.service=ray-worker-remote")
  [ ${#all[@]} -eq 0 ] ||
    engine inspect -f '{{index .Config.Labels "com.docker.compose.project"}}' "${all[@]}" |
    sed -n "s/^$PROJECT-remote-//p" | sort -n
}

up_worker() {
  local count=$1 i log
  local manager=${RAY_OBJECT_MANAGER_PORT:-8076} node=${RAY_NODE_MANAGER_PORT:-8077}
  local first=${RAY_MIN_WORKER_PORT:-11000} last=${RAY_MAX_WORKER_PORT:-11020} agent=${RAY_AGENT_PORT:-52365}
  local width=$((last - first + 1))
  export HEAD_IP=${HEAD_IP_OVERRIDE:-${HEAD_IP:-$DEFAULT_HEAD_IP}}
  export WORKER_IP=${WORKER_IP:-$(ip -o route get "$HEAD_IP" 2>/dev/null | sed -n 's/.* src \([^ ]*\).*/\1/p')}
  [ -n "$WORKER_IP" ] || die "found no route to $HEAD_IP; set WORKER_IP to this host's address"
  have_image
  say "$count worker(s) on $WORKER_IP join the head at $HEAD_IP:6380 (set HEAD_IP_OVERRIDE for another head)"
  log=$(mktemp)
  for ((i = 1; i <= count; i++)); do
    RAY_OBJECT_MANAGER_PORT=$((manager + 2 * (i - 1))) RAY_NODE_MANAGER_PORT=$((node + 2 * (i - 1))) \
      RAY_MIN_WORKER_PORT=$((first + width * (i - 1))) RAY_MAX_WORKER_PORT=$((last + width * (i - 1))) \
      RAY_AGENT_PORT=$((agent + i - 1)) remote_worker "$i" up -d ray-worker-remote >"$log" 2>&1 || {
      cat "$log" >&2
      die "worker $i did not start, see above"
    }
  done
  rm -f "$log"
}

down_worker() {
  local number
  for number in $(remote_workers); do
    remote_worker "$number" down -v >/dev/null 2>&1
    say "remote worker $number: stopped"
  done
}

case ${1:-} in
  "" | -h | --help)
    usage
    exit 0
    ;;
  up | down | restart | status | logs) exec "$DOCKER_DIR/start-cluster.sh" "$@" ;;
  scale_workers) exec "$DOCKER_DIR/ray-workers.sh" scale "${@:2}" ;;
  up-worker)
    number up-worker "${2:-1}" 1
    find_engine
    up_worker "${2:-1}"
    ;;
  down-worker)
    find_engine
    down_worker
    ;;
  *) usage_error "found '$1', expected up, down, restart, status, logs, scale_workers, up-worker or down-worker" ;;
esac
