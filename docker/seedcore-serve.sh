#!/usr/bin/env bash
# Runs the daemon's commands in the image: 'seedcore-serve run --join', 'seedcore-serve status', ...
set -euo pipefail

readonly HOME_DIR=/opt/seedcore
# With many threads, glibc would otherwise spread free memory over many arenas.
export MALLOC_ARENA_MAX=${MALLOC_ARENA_MAX:-2}
# shellcheck disable=SC2086 # Zero or more options.
exec java "@$HOME_DIR/jvm.options" ${SEEDCORE_JVM_OPTIONS:-} -jar "$HOME_DIR/seedcore-serve.jar" "$@"
