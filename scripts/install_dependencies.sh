#!/usr/bin/env bash
# Install what is missing to build and test (Debian 12, Ubuntu 24.04). Silent where nothing is.
set -euo pipefail

# Tools may come from anywhere: COMMAND:PACKAGE.
tools=(g++:g++ cmake:cmake ninja:ninja-build pkg-config:pkg-config python3:python3)
libraries=(libsimgrid-dev libboost-graph-dev libyaml-cpp-dev libfmt-dev doctest-dev libprotozero-dev libcli11-dev
           nlohmann-json3-dev libeigen3-dev libbenchmark-dev)
# What a build without them only leaves out: MPI, and the comparison with ns-3 (its headers: the library comes with
# Debian's SimGrid). And what draws pictures.
optional=(mpirun:openmpi-bin mpicxx:libopenmpi-dev ns3++:libns3-dev)
optional_libraries=(python3-matplotlib)

is_installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ]
}

missing=()
for tool in "${tools[@]}"; do
  command -v "${tool%%:*}" >/dev/null || missing+=("${tool##*:}")
done
if command -v apt-get >/dev/null; then
  for library in "${libraries[@]}"; do
    is_installed "$library" || missing+=("$library")
  done
else
  echo "install_dependencies.sh: there is no apt-get here. Needed, by Debian's names:" >&2
  echo "  ${tools[*]##*:} ${libraries[*]}; optional ${optional[*]##*:} ${optional_libraries[*]}" >&2
  exit 1
fi
wanted=()
for tool in "${optional[@]}"; do
  command -v "${tool%%:*}" >/dev/null || wanted+=("${tool##*:}")
done
for library in "${optional_libraries[@]}"; do
  is_installed "$library" || wanted+=("$library")
done
[ $((${#missing[@]} + ${#wanted[@]})) -gt 0 ] || exit 0
left_out() {
  echo "install_dependencies.sh: goes on without what is optional: $*"
}

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    if [ ${#missing[@]} -eq 0 ]; then
      left_out "${wanted[@]}" >&2
      exit 0
    fi
    echo "install_dependencies.sh: neither root nor sudo. Needed: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
  ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" \
    >>"$log" 2>&1 </dev/null
}
install() {
  echo "Installing $*"
  apt install -y --no-install-recommends "$@"
}
apt update || true # a package list that cannot be had matters only where the install then fails
if [ ${#missing[@]} -gt 0 ] && ! install "${missing[@]}"; then
  cat "$log" >&2
  exit 1
fi
failed=()
for package in ${wanted[@]+"${wanted[@]}"}; do
  install "$package" || failed+=("$package")
done
if [ ${#failed[@]} -gt 0 ]; then
  left_out "${failed[@]}" >&2
fi
