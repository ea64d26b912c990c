# SPDX-License-Identifier: GPL-2.0-or-later
# A disk with each kind of partition table, OUTPUT.KIND. The file systems in them say in the file `where` which they are:
# "KIND NUMBER", as the kernel counts.
. "$(dirname "$0")/common.sh"

# partition KIND NUMBER START: an ext2 of 256 KiB at this sector.
partition() {
  rm -rf tree part
  mkdir tree
  echo "$1 $2" >tree/where
  truncate -s 256K part
  mke2fs -q -F -t ext2 -d tree part
  dd if=part of="$output.$1" bs=512 seek="$3" conv=notrunc,sparse status=none
}
disk() { truncate -s "$2" "$output.$1"; }

disk none 256K
partition none 0 0

disk gpt 40M
{
  echo 'label: gpt'
  for number in {1..24}; do echo "$number: start=$((number * 2048)), size=2048"; done
} | sfdisk -q "$output.gpt"
for number in {1..24}; do partition gpt "$number" $((number * 2048)); done

# Of the primary partitions the second holds the logical ones; Linux does not count them in the order of the disk.
disk mbr 24M
sfdisk -q "$output.mbr" <<'TABLE'
label: dos
1: start=2048, size=2048, type=83
2: start=8192, size=30000, type=f
4: start=4096, size=2048, type=83
5: start=10240, size=2048
6: start=14336, size=2048
7: start=18432, size=2048
TABLE
partition mbr 1 2048
partition mbr 4 4096
partition mbr 5 10240
partition mbr 6 14336
partition mbr 7 18432

# The slices of a BSD lie in a partition of the MBR. fdisk asks: 7 is the type of a BSD file system.
disk bsd 8M
printf 'label: dos\n1: start=2048, size=12288, type=a5\n' | sfdisk -q "$output.bsd"
printf '%s\n' b y n a 2112 +1M n b 6144 +1M t a 7 t b 7 w | fdisk "$output.bsd" >/dev/null 2>&1
partition bsd 5 2112
partition bsd 6 6144

# Cylinders of 255 heads and 63 sectors.
disk sun 24M
printf 'label: sun\n1: start=16065, size=16065\n2: start=32130, size=16065\n' | sfdisk -q "$output.sun"
partition sun 1 16065
partition sun 2 32130

disk sgi 8M
printf 'label: sgi\n1: start=2048, size=2048\n2: start=6144, size=2048\n' | sfdisk -q "$output.sgi"
partition sgi 1 2048
partition sgi 2 6144

for kind in amiga atari mac; do
  disk "$kind" 8M
  name=name
  first=1
  case $kind in
  atari) name=primary ;;
  mac) first=2 ;; # the first is the map itself
  esac
  parted -s -a none "$output.$kind" mklabel "$kind" unit s mkpart "$name" ext2 2048 4095 mkpart "$name" ext2 6144 8191
  partition "$kind" "$first" 2048
  partition "$kind" $((first + 1)) 6144
done
echo 'see its parts' >"$output"
