# shellcheck shell=bash
# Common functions of the scripts in this directory: container engine, Compose, waiting, messages. To be sourced.

DOCKER_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly DOCKER_DIR

# Read docker/.env as Compose does. Precedence: environment, docker/.env.
if [ -f "$DOCKER_DIR/.env" ]; then
  while IFS='=' read -r name value; do
    if [[ $name =~ ^[A-Z_]+$ && -z ${!name+set} ]]; then
      value=${value#[\"\']}
      export "$name=${value%[\"\']}"
    fi
  done <"$DOCKER_DIR/.env"
fi

readonly PROJECT=seedcore REDIS=seedcore-redis HEAD=seedcore-ray-head SERVE=seedcore-serve FIRST_WORKER=seedcore-ray-worker
readonly DASHBOARD=http://127.0.0.1:8265 ROUTES=http://127.0.0.1:8000 DAEMON=http://127.0.0.1:8090
readonly PROMETHEUS=http://127.0.0.1:9090 GRAFANA=http://127.0.0.1:3000
readonly IMAGE=${SEEDCORE_IMAGE:-localhost/seedcore/ray:0.1.0}
TIMEOUT=${SEEDCORE_TIMEOUT:-120}

if [ -t 2 ]; then
  readonly BOLD=$'\e[1m' RED=$'\e[31m' PLAIN=$'\e[0m' TERMINAL=true
else
  readonly BOLD='' RED='' PLAIN='' TERMINAL=false
fi

say() { printf '%s\n' "$*" >&2; }

die() {
  say "${RED}${0##*/}: $1${PLAIN}"
  exit "${2:-1}"
}

# usage_error MESSAGE: exits because of a wrong command line.
usage_error() { die "$1; see --help" 2; }

# number NAME VALUE MINIMUM: checks an integer argument.
number() {
  if ! [[ $2 =~ ^[0-9]{1,6}$ ]] || (($2 < $3)); then
    usage_error "$1: found '$2', expected an integer, $3 or more"
  fi
}

# Sets ENGINE to the first of Docker and Podman that works. A client without a running daemon does not count.
find_engine() {
  local engine
  for engine in ${SEEDCORE_ENGINE:-docker podman}; do
    if command -v "$engine" >/dev/null && timeout 10 "$engine" info >/dev/null 2>&1; then
      ENGINE=$engine
      find_compose
      return
    fi
  done
  die "found no working container engine, expected ${SEEDCORE_ENGINE:-docker or podman} (its 'info' must succeed; set SEEDCORE_ENGINE for another engine)" 3
}

find_compose() {
  local candidate
  local -a candidates=("docker compose" docker-compose)
  [ "${ENGINE##*/}" != podman ] || candidates=(podman-compose "podman compose")
  for candidate in "${candidates[@]}"; do
    # shellcheck disable=SC2086 # The command has one or two words.
    if $candidate version >/dev/null 2>&1; then
      read -r -a COMPOSE <<<"$candidate"
      return
    fi
  done
  die "found $ENGINE without Compose (tried: ${candidates[*]}); install Compose" 3
}

engine() { "$ENGINE" "$@"; }

# Runs Compose for the whole cluster and prints its output only if it fails. With HEAD_IP, other hosts can reach the head.
# With SEEDCORE_REMEMBER, the head keeps its state.
compose() {
  local log
  local -a files=(-f "$DOCKER_DIR/docker-compose.yml" -f "$DOCKER_DIR/ray-workers.yml")
  [ -z "${HEAD_IP:-}" ] || files+=(-f "$DOCKER_DIR/docker-compose.remote.yml")
  case ${SEEDCORE_REMEMBER:-false} in
    false) ;;
    true) files+=(-f "$DOCKER_DIR/docker-compose.remember.yml") ;;
    redis) files+=(-f "$DOCKER_DIR/docker-compose.redis.yml") ;;
    all) files+=(-f "$DOCKER_DIR/docker-compose.remember.yml" -f "$DOCKER_DIR/docker-compose.redis.yml") ;;
    *) die "SEEDCORE_REMEMBER: found '$SEEDCORE_REMEMBER', expected true, redis or false" 2 ;;
  esac
  log=$(mktemp)
  if ! "${COMPOSE[@]}" -p "$PROJECT" "${files[@]}" "$@" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    die "'${COMPOSE[*]} $*' failed, see above"
  fi
  rm -f "$log"
}

build_image() {
  say "building $IMAGE (the first build takes several minutes) ..."
  # shellcheck disable=SC2086 # Zero or more options.
  engine build ${SEEDCORE_BUILD_OPTIONS:-} -t "$IMAGE" -f "$DOCKER_DIR/Dockerfile.ray" "$DOCKER_DIR/.." >&2 ||
    die "building the image failed, see above"
}

# Generates the token of the daemon's status port unless it is set, and stores it in docker/.env for Compose.
have_token() {
  [ -z "${SEEDCORE_STATUS_TOKEN:-}" ] || return 0
  SEEDCORE_STATUS_TOKEN=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
  export SEEDCORE_STATUS_TOKEN
  (umask 077 && printf 'SEEDCORE_STATUS_TOKEN=%s\n' "$SEEDCORE_STATUS_TOKEN" >>"$DOCKER_DIR/.env")
  say "generated a token for the daemon's status page and metrics: SEEDCORE_STATUS_TOKEN in ${DOCKER_DIR##*/}/.env"
}

have_image() { engine image inspect "$IMAGE" >/dev/null 2>&1 || build_image; }

# wait_until LABEL COMMAND...: waits until COMMAND succeeds, for at most TIMEOUT seconds, and reports the time waited.
wait_until() {
  local label=$1 begin=$SECONDS reported=$SECONDS
  shift
  until "$@" >/dev/null 2>&1; do
    if ((SECONDS - begin >= TIMEOUT)); then
      [ "$TERMINAL" = false ] || printf '\n' >&2
      return 1
    fi
    if [ "$TERMINAL" = true ]; then
      printf '\r%s [%ds] ' "$label" $((SECONDS - begin)) >&2
    elif ((SECONDS - reported >= 10)); then
      reported=$SECONDS
      say "$label [$((SECONDS - begin))s]"
    fi
    sleep 0.2
  done
  [ "$TERMINAL" = false ] || printf '\r\e[K' >&2
  say "$label: done after $((SECONDS - begin)) s"
}

# Returns whether a request succeeds.
answers() { curl -sf -m 4 -o /dev/null "$@"; }

running() { [ "$(engine inspect -f '{{.State.Running}}' "$1" 2>/dev/null)" = true ]; }

stopped() { ! running "$1"; }

# --- Health checks by layer: head, applications, Serve's processes, HTTP -----------------------------------------------

head_healthy() { answers "$DASHBOARD/api/gcs_healthz" && running "$HEAD"; }

applications() {
  engine exec "$HEAD" sh -c 'printf %s "${RAY_AUTH_TOKEN:+Authorization: Bearer $RAY_AUTH_TOKEN}" |
    curl -sf -m 4 -H @- http://localhost:8265/api/serve/applications/'
}

applications_run() {
  applications | engine exec -i "$HEAD" python -c '
import json, sys
states = [a["status"] for a in json.load(sys.stdin)["applications"].values()]
sys.exit(not states or any(s != "RUNNING" for s in states))'
}

serve_processes() {
  engine exec "$HEAD" sh -c 'ps -eo args | grep -E "ray::ServeController|ray::ProxyActor" | grep -v grep'
}

monitored() { answers "$PROMETHEUS/-/ready" && answers "$GRAFANA/api/health"; }

serving() { answers "$DAEMON/readyz" && answers "$ROUTES/-/healthz"; }

unready() { ! answers "$DAEMON/readyz"; }

wait_for_head() {
  wait_until "waiting for $HEAD" head_healthy && return
  say "${BOLD}last log lines of $HEAD:${PLAIN}"
  engine logs --tail 30 "$HEAD" >&2 || true
  die "$HEAD did not become healthy within $TIMEOUT s (see --timeout)" 3
}

wait_for_head_stop() {
  wait_until "waiting for $HEAD to stop" stopped "$HEAD" ||
    die "$HEAD did not stop within $TIMEOUT s" 3
}

wait_for_serving() {
  wait_until "waiting for all routes to answer" serving && return
  say "${BOLD}last log lines of $SERVE:${PLAIN}"
  engine logs --tail 20 "$SERVE" >&2 || true
  serve_health >&2 || true
  die "not all routes answered within $TIMEOUT s (see --timeout)" 3
}

# Prints the health of each layer. The first unhealthy layer is the cause.
serve_health() {
  local layer good=true
  for layer in head_healthy applications_run serve_processes serving; do
    if "$layer" >/dev/null 2>&1; then
      printf '  %-18s ok\n' "$layer"
    else
      printf '  %-18s %sno%s\n' "$layer" "$RED" "$PLAIN"
      good=false
    fi
  done
  [ "$good" = true ]
}

# --- Workers -----------------------------------------------------------------------------------------------------------

# containers_of SERVICE...: prints the ids of the services' containers. It uses inspect, because Docker and Podman combine
# two label filters differently.
containers_of() {
  local -a all
  mapfile -t all < <(engine ps -aq --filter "label=com.docker.compose.project=$PROJECT")
  [ ${#all[@]} -eq 0 ] ||
    engine inspect -f '{{.Id}} {{index .Config.Labels "com.docker.compose.service"}}' "${all[@]}" |
    awk -v services=" $* " 'index(services, " " $2 " ") { print $1 }'
}

worker_ids() { containers_of ray-worker "$FIRST_WORKER"; }

# scale_workers N: runs exactly N workers and removes the worker of docker-compose.yml. It stops surplus workers itself,
# because some Compose versions do not, and some do not accept 0.
scale_workers() {
  local -a surplus
  mapfile -t surplus < <(
    containers_of "$FIRST_WORKER"
    containers_of ray-worker | while read -r id; do
      if (($(engine inspect -f '{{index .Config.Labels "com.docker.compose.container-number"}}' "$id") > $1)); then
        echo "$id"
      fi
    done
  )
  if [ ${#surplus[@]} -gt 0 ]; then
    engine stop "${surplus[@]}" >/dev/null
    engine rm -f "${surplus[@]}" >/dev/null
  fi
  (($1 == 0)) || compose up -d --no-deps --scale "ray-worker=$1" ray-worker
  say "$1 worker(s)"
}

urls() {
  cat <<END

The cluster is up:
  routes      $ROUTES/SalienceScorer  /AnomalyDetector  /ScalingPredictor
  dashboard   $DASHBOARD/#/serve
  daemon      $DAEMON/   (token: SEEDCORE_STATUS_TOKEN)
END
}
