#!/usr/bin/env bash
# Brings the cluster up and down: head, workers, and the daemon that keeps Serve's deployments served.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

readonly ALL_PROFILES="ray workers serve"

usage() {
  cat <<'END'
Usage: start-cluster.sh [COMMAND] [OPTIONS]

  up [N] [PROFILE...]   bring it up with N workers (default 1, or as many as there are), and wait until all routes
                        answer. PROFILE: ray, workers, serve, obs (Prometheus and Grafana); default: the first three
  down                  take all of it down; nothing is left
  restart               stop and start the head and the workers, and wait until all routes answer again; the daemon
                        goes on, other services are left alone
  status                containers, and Serve's health in layers; exit code 3 where it does not serve
  logs WHAT [-f]        of head, workers or serve

Without a COMMAND: up.

Options:
  --timeout SECONDS     limit of each wait (default 120; SEEDCORE_TIMEOUT)
  --build               build the image anew first
  -h, --help            this

Variables: SEEDCORE_ENGINE (docker or podman; default: the first that works), SEEDCORE_IMAGE, SEEDCORE_BIND (127.0.0.1),
SEEDCORE_BUILD_OPTIONS, and those of docker-compose.yml (docs/docker.md).

Exit codes: 0 done, 1 a command failed, 2 wrong arguments, 3 a time limit passed or it does not serve.

Examples:
  ./docker/start-cluster.sh up 3
  ./docker/start-cluster.sh up ray            the head alone
  ./docker/start-cluster.sh restart --timeout 60
END
}

wants() { [[ " $profiles " == *" $1 "* ]]; }

up() {
  local -a services=()
  ! wants ray || services+=("$HEAD")
  ! wants serve || services+=("$SERVE")
  if [ "$rebuild" = true ]; then build_image; else have_image; fi
  say "${BOLD}bringing up${PLAIN} $profiles with $ENGINE ..."
  have_token
  if [ ${#services[@]} -gt 0 ]; then
    compose up -d --no-deps "${services[@]}"
  fi
  if wants workers; then
    local there
    there=$(worker_ids | wc -l)
    scale_workers "${workers:-$((there > 0 ? there : 1))}"
  fi
  ! wants obs || compose --profile obs up -d --no-deps seedcore-prometheus seedcore-grafana
  ! wants ray || wait_for_head
  if wants serve; then
    wait_for_serving
    urls
  fi
  if wants obs; then
    wait_until "waiting for Prometheus and Grafana" monitored ||
      die "Prometheus and Grafana did not answer within $TIMEOUT s (--timeout changes that)" 3
    printf '  monitoring  %s   %s\n' "$GRAFANA" "$PROMETHEUS/alerts"
  fi
}

down() {
  compose --profile remote --profile obs down -v --remove-orphans
  say "down"
}

restart() {
  local -a nodes
  running "$HEAD" || die "$HEAD does not run; './docker/start-cluster.sh up' brings it up" 3
  mapfile -t nodes < <(worker_ids)
  nodes=("$HEAD" "${nodes[@]}")
  say "${BOLD}restarting${PLAIN} the head and $((${#nodes[@]} - 1)) worker(s) with $ENGINE ..."
  engine stop "${nodes[@]}" >/dev/null
  wait_for_head_stop
  engine start "${nodes[@]}" >/dev/null
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
    printf '\n%s\n' "not serving; what to do: docs/operations.md"
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
      [ ${#ids[@]} -gt 0 ] || die "no worker runs" 3
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
  down | restart | status) [ ${#arguments[@]} -eq 0 ] || usage_error "$command: found '${arguments[*]}', expected nothing more" ;;
  *) usage_error "found '$command', expected up, down, restart, status or logs" ;;
esac
find_engine
"$command" "${arguments[@]}"
