#!/usr/bin/env bash
# Measures how long the cluster takes until all three routes answer, and keeps a history.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

readonly CLUSTER=$DOCKER_DIR/start-cluster.sh
readonly HISTORY=${SEEDCORE_PERFORMANCE_FILE:-$DOCKER_DIR/.performance.tsv}

usage() {
  cat <<'END'
Usage: performance-monitor.sh COMMAND [--timeout SECONDS]

  startup [N]   stop the cluster, start it with N workers (default 1), and measure until all three routes answer
  restart       restart head and workers, and measure until all three routes answer again
  stats         print the number of runs, the fastest, median and slowest run, and the image size
  clear         delete the history

The history file is docker/.performance.tsv (SEEDCORE_PERFORMANCE_FILE): time, command, seconds, workers, image size in MB.

Examples:
  ./docker/performance-monitor.sh startup 3
  ./docker/performance-monitor.sh stats
END
}

now_ms() { date +%s%3N; }

image_mb() { echo $(($(engine image inspect -f '{{.Size}}' "$IMAGE") / 1000000)); }

three_answer() {
  answers "$ROUTES/SalienceScorer" && answers "$ROUTES/AnomalyDetector" && answers "$ROUTES/ScalingPredictor"
}

# measure NAME COMMAND...: records how long COMMAND takes. The routes must answer when it ends.
measure() {
  local what=$1 begin seconds
  begin=$(now_ms)
  "${@:2}" >/dev/null
  three_answer || die "the routes do not answer after '${*:2}'" 3
  seconds=$(awk -v from="$begin" -v to="$(now_ms)" 'BEGIN { printf "%.1f", (to - from) / 1000 }')
  printf '%s\t%s\t%s\t%s\t%s\n' "$(date -u +%FT%TZ)" "$what" "$seconds" "$(worker_ids | wc -l)" "$(image_mb)" >>"$HISTORY"
  printf '%s: %s s until all three routes answer\n' "$what" "$seconds"
}

startup() {
  number startup "${1:-1}" 0
  have_image
  "$CLUSTER" down
  measure startup "$CLUSTER" up "${1:-1}" --timeout "$TIMEOUT"
}

restart() {
  three_answer || die "the routes do not answer; start the cluster first: ./docker/start-cluster.sh up" 3
  measure restart "$CLUSTER" restart --timeout "$TIMEOUT"
}

stats() {
  [ -s "$HISTORY" ] || {
    echo "no measurements yet; run './docker/performance-monitor.sh startup'"
    return
  }
  local what
  printf '%-10s %5s %9s %9s %9s\n' "" runs fastest median slowest
  for what in startup restart; do
    awk -F'\t' -v what="$what" '$2 == what { print $3 }' "$HISTORY" | sort -n | awk -v what="$what" '
      { v[NR] = $1 }
      END { if (NR) printf "%-10s %5d %7.1f s %7.1f s %7.1f s\n", what, NR, v[1], v[int((NR + 1) / 2)], v[NR] }'
  done
  printf 'image      %s MB\n' "$(image_mb)"
}

clear_history() {
  rm -f "$HISTORY"
  echo "cleared"
}

command=${1:-} arguments=()
[ $# -eq 0 ] || shift
while [ $# -gt 0 ]; do
  case $1 in
    --timeout)
      number --timeout "${2:-}" 1
      TIMEOUT=$2
      shift
      ;;
    *) arguments+=("$1") ;;
  esac
  shift
done
case $command in
  "" | -h | --help) usage ;;
  startup | restart | stats)
    find_engine
    "$command" "${arguments[@]}"
    ;;
  clear) clear_history ;;
  *) usage_error "found '$command', expected startup, restart, stats or clear" ;;
esac
