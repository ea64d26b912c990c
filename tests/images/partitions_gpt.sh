# SPDX-License-Identifier: GPL-2.0-or-later
# GPT: ext4, FAT and a number that is not in order.
. "$(dirname "$0")/common.sh"
truncate -s 256M "$output"
sfdisk -q "$output" <<'TABLE'
label: gpt
1: start=2048, size=65536, type=L
2: start=67584, size=131072, type=U
7: start=198656, size=65536, type=L
TABLE
part() {
  local start=$2 size=$3
  truncate -s $((size * 512)) "part$1"
  "${@:4}" "part$1"
  dd if="part$1" of="$output" bs=512 seek="$start" conv=notrunc,sparse status=none
  rm "part$1"
}
say() { echo "$1" >"$2/name"; }
ext4_saying() { mke2fs -q -F -t ext4 -L "$1" "$2" && mounted "$2" say "$1"; }
part 1 2048 65536 ext4_saying one
part 2 67584 131072 mkfs.vfat
part 7 198656 65536 ext4_saying seven
