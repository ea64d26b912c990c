#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# From a Debian 12 machine with only its base system to a working guestmount:
#   ./bootstrap.sh demo [IMAGE]   install what is missing, build, mount IMAGE (or a sample made on the spot), show it
#   ./bootstrap.sh test           install what is missing, build, run every test
#   ./bootstrap.sh bench [OPTION]... install what is missing and the reference, build, measure (root; an hour)
#   ./bootstrap.sh deps           install what is missing, nothing else
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"
export LC_ALL=C.UTF-8

# What a build needs.
packages=(ca-certificates cmake g++ ninja-build perl pkg-config
  doctest-dev libargon2-dev libblkid-dev libcli11-dev libfmt-dev libfuse3-dev libgcrypt20-dev libnbd-dev libpugixml-dev
  libspdlog-dev libvirt-dev nlohmann-json3-dev)
# What a mount needs on the host, and what the appliance is packed from.
packages+=(fuse3 linux-image-amd64 qemu-system-x86 qemu-utils supermin erofs-utils squashfs-tools
  binutils cpio gzip kmod xz-utils zstd
  btrfs-progs cryptsetup-bin dosfstools e2fsprogs libhivex-bin lvm2 mdadm ntfs-3g util-linux xfsprogs)
# What the tests make images and comparisons with.
packages+=(acl attr cloop-utils exfatprogs f2fs-tools fdisk genisoimage genromfs hfsutils jfsutils makefs mount
  mtools nginx-light nilfs-tools parted procps qemu-block-extra reiserfsprogs rsync udftools xorriso)
# What they let work on a mount.
packages+=(fio git sqlite3 stress-ng)

say() { printf '\n== %s (%ss)\n' "$*" "$SECONDS"; }
fail() { printf 'bootstrap.sh: %s\n' "$*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "installing packages needs root: run this as root, or install sudo"
  fi
}

# apt-get, tried again when a mirror or another package manager is in the way.
apt_get() {
  local attempt
  for attempt in 1 2 3; do
    if as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 \
        -o Dpkg::Use-Pty=0 "$@" </dev/null; then
      return 0
    fi
    sleep $((attempt * 5))
  done
  return 1
}

install_missing() {
  local missing=() package
  for package in "${packages[@]}"; do
    if [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)" != installed ]; then
      missing+=("$package")
    fi
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || fail "not a Debian system; please install: ${missing[*]}"
  say "installing ${#missing[@]} missing packages: ${missing[*]}"
  local log
  log=$(mktemp)
  apt_get update >"$log" 2>&1 && apt_get install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1 || {
    tail -n 40 "$log" >&2
    rm -f "$log"
    fail "apt-get could not install the packages"
  }
  rm -f "$log"
}

# As many compilers as there are processors, but each has 1.5 GiB of memory.
jobs() {
  local by_memory
  by_memory=$(awk '/^MemAvailable:/ { print int($2 / 1572864) }' /proc/meminfo)
  local count
  count=$(nproc)
  [ "$by_memory" -ge "$count" ] || count=$by_memory
  [ "$count" -ge 1 ] || count=1
  echo "$count"
}

build() {
  local preset=$1 log
  say "building ($preset)"
  if command -v ccache >/dev/null; then
    export CMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER-ccache}
  fi
  log=$(mktemp)
  if ! { cmake --preset "$preset" && cmake --build --preset "$preset" -j "$(jobs)"; } >"$log" 2>&1; then
    tail -n 100 "$log" >&2
    rm -f "$log"
    fail "the build failed"
  fi
  tail -n 1 "$log"
  rm -f "$log"
}

# Runs ctest and keeps its closing line for the summary. Answers its exit status.
summary=() passed=0 failed=0
run_tests() {
  local title=$1 log status=0 closing
  shift
  say "testing: $title"
  log=$(mktemp)
  ctest "$@" 2>&1 | tee "$log" || status=$?
  closing=$(grep -E 'tests passed, [0-9]+ tests failed out of [0-9]+' "$log" | tail -n 1 || true)
  rm -f "$log"
  summary+=("${closing:-no test ran}: $title")
  if [[ $closing =~ ([0-9]+)\ tests\ failed\ out\ of\ ([0-9]+) ]]; then
    failed=$((failed + BASH_REMATCH[1])) passed=$((passed + BASH_REMATCH[2] - BASH_REMATCH[1]))
  fi
  return "$status"
}

test_all() {
  install_missing
  build release
  local status=0
  export GM_TESTS_REQUIRE=fuse,vm
  # Two at a time; whatever measures time or needs the machine for itself says so by PROCESSORS or RUN_SERIAL.
  local parallel
  parallel=$(jobs)
  run_tests "release, without a virtual machine" --preset release -LE 'vm|e2e' -j "$parallel" || status=1
  run_tests "release, virtual machine" --preset release -L vm -j "$parallel" || status=1
  run_tests "release, end to end" --preset release -L e2e -j "$parallel" || status=1
  build asan
  run_tests "address and undefined behaviour sanitizers" --preset asan -j "$parallel" || status=1
  say "summary"
  printf '%s\n' "${summary[@]}"
  printf '%s passed, %s failed\n' "$passed" "$failed"
  [ "$status" -eq 0 ] || fail "some tests failed"
}

# A small ext4 image with something to look at, made without root: mke2fs fills it from a folder.
make_sample() {
  local image=$1 content
  content=$(mktemp -d)
  mkdir "$content/etc" "$content/docs"
  echo "sample" >"$content/etc/hostname"
  echo "Hello from inside the disk image." >"$content/docs/hello.txt"
  ln -s docs/hello.txt "$content/greeting"
  ln "$content/docs/hello.txt" "$content/docs/hello-again.txt"
  truncate -s 64M "$image"
  PATH=$PATH:/usr/sbin:/sbin mke2fs -q -F -t ext4 -L sample -d "$content" "$image"
  rm -rf "$content"
}

# Mounts the image read-only, as a whole or by its first partition, whichever is a file system.
demo() {
  install_missing
  build release
  local bin=build/release/mount image=${1-} device status=0
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir "$work/mnt"
  if [ -z "$image" ]; then
    image=$work/sample.img
    say "making a sample image"
    make_sample "$image"
  fi
  [ -r "$image" ] || fail "$image: cannot be read"
  for device in /dev/sda1 /dev/sda; do
    say "guestmount -a $image -m $device --ro $work/mnt"
    if "$bin/guestmount" -a "$image" -m "$device" --ro "$work/mnt"; then
      { ls -la "$work/mnt" && find "$work/mnt" -maxdepth 2 | head -n 50; } || status=1
      if [ -f "$work/mnt/greeting" ]; then
        cat "$work/mnt/greeting" || status=1
      fi
      "$bin/guestunmount" "$work/mnt" || status=1
      [ "$status" -eq 0 ] || fail "the mounted image could not be read"
      say "done: unmounted, the image is unchanged"
      return
    fi
  done
  fail "no file system of $image could be mounted: choose one of those listed above with guestmount -m"
}

# What is measured, and how: tests/bench.
bench() {
  packages+=(guestmount)
  install_missing
  build release
  build/release/tests/bench/gm_bench --work /var/tmp/guestmount-bench "$@"
}

case ${1-} in
  demo) [ $# -le 2 ] || fail "usage: $0 demo [IMAGE]"; demo "${@:2}" ;;
  test) [ $# -eq 1 ] || fail "usage: $0 test"; test_all ;;
  bench) bench "${@:2}" ;;
  deps) install_missing ;;
  *) fail "usage: $0 demo [IMAGE] | test | bench [OPTION]... | deps" ;;
esac
