#!/usr/bin/env bash
# Removes what Serve does not use from a Ray installation: RLlib, LLMs, Data, Train, Tune, the C++ API, tests, native
# libraries for other operating systems, debug symbols, and installers. Runs during the image build.
#
# Usage: slim-ray.sh VENV
set -euo pipefail

packages=$(echo "$1"/lib/python3.*/site-packages)
cd "$packages"

rm -rf ray/rllib ray/llm ray/cpp ray/core/src/ray/cpp ray/workflow numpy/f2py numpy/_core/include
# They need pandas and PyArrow, which Serve does not. The dashboard runs a process for each module that it finds.
rm -rf ray/data ray/train ray/tune ray/air ray/dashboard/modules/data ray/dashboard/modules/train
find . -depth -type d \( -name tests -o -name test \) \( -path '*/ray/*' -o -path '*/numpy/*' \) -exec rm -rf {} +
find ray -name '*.js.map' -delete
zip -q -d ray/jars/ray_dist.jar 'com/sun/jna/darwin*' 'com/sun/jna/win32*' 'com/sun/jna/sunos*' 'com/sun/jna/aix*' \
  'com/sun/jna/openbsd*' 'com/sun/jna/freebsd*' 'native/darwin/*' >/dev/null || true
# Not those in *.libs: patchelf has changed them, and strip would break them.
find . -path './*.libs' -prune -o \( -name '*.so' -o -name '*.so.*' -o -path './ray/core/src/ray/*/raylet' \
  -o -path './ray/core/src/ray/gcs/gcs_server' \) -print |
  while read -r binary; do
    strip --strip-unneeded "$binary" 2>/dev/null || true
  done
# Of each, the wheel for the newest Python versions is kept.
for wheel in pip setuptools; do
  find virtualenv/seed/wheels/embed -name "$wheel-*.whl" | sort -V | head -n -1 | xargs -r rm
done
rm -rf pip pip-*.dist-info setuptools setuptools-*.dist-info pkg_resources _distutils_hack distutils-precedence.pth
rm -f "$1"/bin/pip*
