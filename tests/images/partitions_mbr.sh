# SPDX-License-Identifier: GPL-2.0-or-later
# MBR: a primary ext4 partition, swap, and two logical ones: ext4 (sda5) and xfs (sda6).
. "$(dirname "$0")/common.sh"
truncate -s 640M "$output"
sfdisk -q "$output" <<'TABLE'
label: dos
start=2048, size=65536, type=83
start=67584, size=32768, type=82
start=100352, size=1208320, type=5
start=102400, size=131072, type=83
start=235520, size=720896, type=83
TABLE
# part NUMBER START SIZE MAKE...: makes a file system aside and puts it where the partition is.
part() {
  local start=$2 size=$3
  truncate -s $((size * 512)) "part$1"
  "${@:4}" "part$1"
  dd if="part$1" of="$output" bs=512 seek="$start" conv=notrunc,sparse status=none
  rm "part$1"
}
ext4_saying() { mke2fs -q -F -t ext4 -L "$1" "$2" && mounted "$2" say "$1"; }
xfs_saying() { mkfs.xfs -q -L "$1" "$2" && mounted "$2" say "$1"; }
say() { echo "$1" >"$2/name"; mkdir "$2/mnt" "$2/mnt/inner"; }
part 1 2048 65536 ext4_saying primary
part 2 67584 32768 mkswap -q
part 5 102400 131072 ext4_saying logical
part 6 235520 720896 xfs_saying xlogical
