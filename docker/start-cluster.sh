#!/usr/bin/env bash
# Starts and stops the cluster: head, workers, and daemon.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

readonly ALL_PROFILES="ray workers serve"

usage() {
  cat <<'END'
Usage: start-cluster.sh [COMMAND] [OPTIONS]

  up [N] [PROFILE...]   start the cluster with N workers (default: the current number, or 1) and wait until all routes
                        answer. PROFILE: ray, workers, serve, obs (Prometheus and Grafana); default: the first three
  down                  stop the cluster and remove its containers, network and volumes
  restart               restart the head and the workers and wait until all routes answer again; other services,
                        including the daemon, keep running
  status                show the containers and the health of each layer of Serve; exit code 3 if not serving
  logs WHAT [-f]        show the logs of head, workers or serve

The default COMMAND is up.

Options:
  --timeout SECONDS     time limit of each wait (default: 120; SEEDCORE_TIMEOUT)
  --build               rebuild the image first
  -h, --help            show this help

Variables: SEEDCORE_ENGINE (docker or podman; default: the first that works), SEEDCORE_IMAGE, SEEDCORE_BIND (127.0.0.1),
SEEDCORE_BUILD_OPTIONS, SEEDCORE_REMEMBER (true or redis: the head keeps its state), and those of docker-compose.yml (docs/docker.md).

Exit codes: 0 success, 1 a command failed, 2 wrong arguments, 3 timeout or not serving.

Examples:
  ./docker/start-cluster.sh up 3
  ./docker/start-cluster.sh up ray            only the head
  ./docker/start-cluster.sh restart --timeout 60
END
}

wants() { [[ " $profiles " == *" $1 "* ]]; }

up() {
  local -a services=()
  if wants ray; then
    [ "${SEEDCORE_REMEMBER:-}" != redis ] || services+=("$REDIS")
    services+=("$HEAD")
  fi
  ! wants serve || services+=("$SERVE")
  if [ "$rebuild" = true ]; then build_image; else have_image; fi
  say "${BOLD}starting${PLAIN} $profiles with $ENGINE ..."
  have_token
  if [ ${#services[@]} -gt 0 ]; then
    compose up -d --no-deps "${services[@]}"
  fi
  if wants workers; then
    local current
    current=$(worker_ids | wc -l)
    scale_workers "${workers:-$((current > 0 ? current : 1))}"
  fi
  ! wants obs || compose --profile obs up -d --no-deps seedcore-prometheus seedcore-grafana
  ! wants ray || wait_for_head
  if wants serve; then
    wait_for_serving
    urls
  fi
  if wants obs; then
    wait_until "waiting for Prometheus and Grafana" monitored ||
      die "Prometheus and Grafana did not answer within $TIMEOUT s (see --timeout)" 3
    printf '  monitoring  %s   %s\n' "$GRAFANA" "$PROMETHEUS/alerts"
  fi
}

down() {
  SEEDCORE_REMEMBER=all compose --profile remote --profile obs down -v --remove-orphans
  say "stopped"
}

restart() {
  local -a nodes
  running "$HEAD" || die "$HEAD is not running; start it with './docker/start-cluster.sh up'" 3
  mapfile -t nodes < <(worker_ids)
  nodes=("$HEAD" "${nodes[@]}")
  say "${BOLD}restarting${PLAIN} the head and $((${#nodes[@]} - 1)) worker(s) with $ENGINE ..."
  engine stop "${nodes[@]}" >/dev/null
  wait_for_head_stop
  engine start "${nodes[@]}" >/dev/null
  # The daemon may take seconds to notice that the head is gone, and is ready until then.
  ! running "$SERVE" || (TIMEOUT=15 && wait_until "waiting for the daemon to notice" unready) || true
  wait_for_head
  if running "$SERVE"; then
    wait_for_serving
    urls
  fi
}

status() {
  engine ps -a --filter "label=com.docker.compose.project=$PROJECT" \
    --format 'table {{.Names}}\t{{.Status}}\t{{.Ports}}'
  printf '\nServe:\n'
  serve_health || {
    printf '\n%s\n' "not serving; see docs/operations.md"
    exit 3
  }
}

logs() {
  local what=$1 id
  shift
  case $what in
    head) engine logs "$@" "$HEAD" ;;
    serve) engine logs "$@" "$SERVE" ;;
    workers)
      local -a ids
      mapfile -t ids < <(worker_ids)
      [ ${#ids[@]} -gt 0 ] || die "found no workers" 3
      for id in "${ids[@]}"; do
        engine logs "$@" "$id" 2>&1 | sed -u "s/^/$(engine inspect -f '{{.Name}}' "$id" | tr -d /) | /" &
      done
      wait
      ;;
    *) usage_error "logs: found '$what', expected head, workers or serve" ;;
  esac
}

command=up profiles='' workers='' rebuild=false arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help)
      usage
      exit 0
      ;;
    --timeout)
      number --timeout "${2:-}" 1
      TIMEOUT=$2
      shift
      ;;
    --build) rebuild=true ;;
    *) arguments+=("$1") ;;
  esac
  shift
done
if [ ${#arguments[@]} -gt 0 ]; then
  command=${arguments[0]}
  arguments=("${arguments[@]:1}")
fi
case $command in
  up)
    for argument in "${arguments[@]}"; do
      case $argument in
        ray | workers | serve | obs) profiles="${profiles:+$profiles }$argument" ;;
        *)
          number up "$argument" 0
          workers=$argument
          ;;
      esac
    done
    profiles=${profiles:-$ALL_PROFILES}
    ;;
  logs) [ ${#arguments[@]} -gt 0 ] || usage_error "logs: expected head, workers or serve" ;;
  down | restart | status) [ ${#arguments[@]} -eq 0 ] || usage_error "$command: found '${arguments[*]}', expected no arguments" ;;
  *) usage_error "found '$command', expected up, down, restart, status or logs" ;;
esac
find_engine
"$command" "${arguments[@]}"
