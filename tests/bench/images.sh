# SPDX-License-Identifier: GPL-2.0-or-later
#
# The images of the benchmark, run as `bash images.sh FOLDER` by root; those that are there already stay.
set -euo pipefail
export LC_ALL=C.UTF-8 PATH=$PATH:/usr/sbin:/sbin
cd "$1"

# filled IMAGE FUNCTION: calls FUNCTION in the mounted image, then gives it its final name.
filled() {
  local image=$1 folder
  folder=$(mktemp -d)
  mount -o loop "$image.new" "$folder"
  trap 'umount "$folder"; rmdir "$folder"' EXIT
  (cd "$folder" && touch marker && "$2")
  trap - EXIT
  umount "$folder"
  rmdir "$folder"
  mv "$image.new" "$image"
}

# usr COUNT MAX-SIZE FOLDER: so many files of /usr, names and sizes as they occur in life.
usr() {
  mkdir "$3"
  # head ends the pipe early.
  { find /usr/include /usr/share /usr/lib -xdev -type f -size "-$2" -printf '%P\t%H\n' 2>/dev/null || true; } | sort |
    awk -F'\t' -v n="$1" 'NR <= n { print $2 "/" $1 }' | tar -cf - -T - --absolute-names 2>/dev/null | tar -C "$3" -xf -
}

big_file() { head -c 1G /dev/urandom >big; }

fill_tree() {
  usr 20000 200k tree
  usr 9000 64k small
  usr 10000 64k half
  big_file
}

fill_many() {
  # 20,000 folders' worth of small ones, and one folder with all.
  mkdir one deep
  (cd one && seq -f 'file%06g' 200000 | xargs touch)
  for i in $(seq 200); do
    mkdir "deep/$i"
    (cd "deep/$i" && seq -f 'file%04g' 1000 | xargs touch)
  done
}

fill_empty() {
  local folder
  folder=$(mktemp -d)
  (cd "$folder" && usr 2000 32k files)
  tar -C "$folder" -cf 2000.tar files
  rm -rf "$folder"
}

if [ ! -e tree.img ]; then
  truncate -s 4G tree.img.new
  mke2fs -q -F -t ext4 tree.img.new
  filled tree.img fill_tree
fi
if [ ! -e tree-chain.qcow2 ]; then
  qemu-img create -q -f qcow2 -b tree.img -F raw tree-base.qcow2
  qemu-img create -q -f qcow2 -b tree-base.qcow2 -F qcow2 tree-chain.qcow2
fi
if [ ! -e btrfs.img ]; then
  truncate -s 2G btrfs.img.new
  mkfs.btrfs -q btrfs.img.new
  filled btrfs.img big_file
fi
if [ ! -e many.img ]; then
  truncate -s 4G many.img.new
  mke2fs -q -F -t ext4 -N 500000 many.img.new
  filled many.img fill_many
fi
if [ ! -e empty.img ]; then
  truncate -s 1G empty.img.new
  mke2fs -q -F -t ext4 empty.img.new
  filled empty.img fill_empty
fi
