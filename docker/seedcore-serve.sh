#!/usr/bin/env bash
# The daemon in its image: 'seedcore-serve run --join', 'seedcore-serve status', ...
set -euo pipefail

readonly HOME_DIR=/opt/seedcore
# Many threads would spread the C library's free memory over many arenas.
export MALLOC_ARENA_MAX=${MALLOC_ARENA_MAX:-2}
# shellcheck disable=SC2086 # Options, if any.
exec java "@$HOME_DIR/jvm.options" ${SEEDCORE_JVM_OPTIONS:-} -jar "$HOME_DIR/seedcore-serve.jar" "$@"
