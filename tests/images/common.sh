# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the image recipes share. A recipe is run as `bash RECIPE.sh OUTPUT` by root, in an empty working folder.
# It is cached by the content of this folder, so it must not depend on anything but the machine's packages.
set -euo pipefail
export LC_ALL=C.UTF-8 PATH=$PATH:/usr/sbin:/sbin
output=$1

# mounted IMAGE COMMAND...: runs COMMAND with the image's loop mount as its last argument.
mounted() {
  local image=$1
  shift
  mount_folder=$(mktemp -d)
  mount -o loop "$image" "$mount_folder"
  # Not `COMMAND || ...`: that would switch `set -e` off within COMMAND.
  trap 'umount "$mount_folder"; rmdir "$mount_folder"' EXIT
  "$@" "$mount_folder"
  trap - EXIT
  umount "$mount_folder"
  rmdir "$mount_folder"
}

# Copies of folders that every machine with a compiler has: names, sizes, times and links as they occur in life.
fill_ordinary() {
  local folder=$1
  mkdir "$folder/include" "$folder/doc"
  cp -a /usr/include/{linux,asm-generic,c++,stdio.h,stdlib.h} "$folder/include/"
  find /usr/share/doc -mindepth 1 -maxdepth 1 -type d | sort | sed -n '1,300p' | xargs -d '\n' cp -a -t "$folder/doc/"
}

# Everything that is rare.
fill_odd() {
  local odd=$1/odd name
  mkdir -m 0751 "$odd"
  # Names: any bytes but '/' and NUL.
  for name in $'new\nline' $'tab\tand space ' $'invalid \xff\xfe utf-8' $'\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80' '-leading-dash' \
      '*?[glob]' "quote'\"\\" '...' "$(printf 'n%.0s' {1..255})" "$(printf '\xe2\x82\xac%.0s' {1..85})"; do
    printf 'content of %s' "$name" >"$odd/$name"
  done
  mkdir "$odd/"$'dir\nwith newline' "$odd/empty" "$odd/deep"
  (cd "$odd/deep" && for _ in {1..40}; do mkdir "$(printf 'd%.0s' {1..120})" && cd "$(printf 'd%.0s' {1..120})"; done; echo bottom >bottom)
  # Links.
  mkdir "$odd/links"
  echo one >"$odd/links/first"
  ln "$odd/links/first" "$odd/links/second"
  ln "$odd/links/first" "$odd/empty/third"
  ln -s first "$odd/links/short"
  ln -s "$(printf 'x/%.0s' {1..500})" "$odd/links/long"
  ln -s /absolute/nowhere "$odd/links/absolute"
  ln -s $'\xff\nodd' "$odd/links/odd"
  # Nodes.
  mkdir "$odd/nodes"
  mknod "$odd/nodes/char" c 1 3
  mknod "$odd/nodes/block" b 259 65535
  mknod "$odd/nodes/pipe" p
  ln "$odd/nodes/pipe" "$odd/nodes/pipe-again"
  # Modes, owners, times.
  mkdir "$odd/attributes"
  install -m 4755 /dev/null "$odd/attributes/setuid"
  install -m 2755 /dev/null "$odd/attributes/setgid"
  install -m 0000 /dev/null "$odd/attributes/none"
  mkdir -m 1777 "$odd/attributes/sticky"
  echo owned >"$odd/attributes/owned"
  chown 4294967294:123456 "$odd/attributes/owned"
  ln -s owned "$odd/attributes/owned-link"
  chown -h 1000:1001 "$odd/attributes/owned-link"
  touch -d '1969-12-31 23:59:58.999999999 UTC' "$odd/attributes/before-1970"
  touch -d '2040-02-03 04:05:06.123456789 UTC' "$odd/attributes/after-2038"
  touch -d '2001-02-03 04:05:06.000000001 UTC' "$odd/attributes/nanosecond"
  touch -h -d '2011-11-11 11:11:11.111111111 UTC' "$odd/attributes/owned-link"
  # Extended attributes: empty, binary, many, long; ACLs; a file capability.
  mkdir "$odd/xattrs"
  for name in plain many long; do echo "$name" >"$odd/xattrs/$name"; done
  setfattr -n user.empty "$odd/xattrs/plain"
  setfattr -n user.text -v 'a value' "$odd/xattrs/plain"
  setfattr -n user.binary -v 0x00ff00ff0a0d00 "$odd/xattrs/plain"
  setfattr -n trusted.kept -v secret "$odd/xattrs/plain"
  setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 "$odd/xattrs/plain"
  for name in {1..20}; do setfattr -n "user.number$name" -v "$name" "$odd/xattrs/many"; done
  setfattr -n user.long -v "$(printf 'v%.0s' {1..2000})" "$odd/xattrs/long"
  setfattr -n user.folder -v yes "$odd/xattrs"
  setfattr -h -n trusted.link -v yes "$odd/links/short"
  setfacl -m u:1234:rw,g:4321:r "$odd/xattrs/plain"
  setfacl -d -m u:1234:rwx "$odd/xattrs"
  # Sizes and holes.
  mkdir "$odd/sizes"
  : >"$odd/sizes/nothing"
  local size
  for size in 1 59 60 61 4095 4096 4097 131071 131072 131073 4194303 4194305; do
    (yes "line of $size" || true) 2>/dev/null | head -c "$size" >"$odd/sizes/$size"
  done
  truncate -s 1G "$odd/sizes/all-hole"
  truncate -s 10M "$odd/sizes/holes"
  echo start | dd of="$odd/sizes/holes" conv=notrunc status=none
  echo middle | dd of="$odd/sizes/holes" bs=1M seek=5 conv=notrunc status=none
  truncate -s 5G "$odd/sizes/beyond-4g"
  echo end | dd of="$odd/sizes/beyond-4g" bs=1M seek=5000 conv=notrunc status=none
  fallocate -l 2M "$odd/sizes/unwritten"
  echo part | dd of="$odd/sizes/unwritten" bs=1M seek=1 conv=notrunc status=none
  # A folder that needs more than one block, and more than one page of a listing.
  mkdir "$odd/many"
  (cd "$odd/many" && seq -f 'entry number %04g' 3000 | xargs -d '\n' touch -d '2020-01-01 UTC')
}

fill_linux() { fill_ordinary "$1"; fill_odd "$1"; }

# What FAT and NTFS can hold: plain files and folders, in names that both allow (mtools:
# of code page 850). A copy goes to OUTPUT.tar, for comparison.
fill_portable() {
  local folder=$1 size
  mkdir "$folder/folder" "$folder/folder/inner" "$folder/empty"
  for size in 0 1 511 512 513 4096 65536 1048577; do
    (yes "line of $size" || true) 2>/dev/null | head -c "$size" >"$folder/folder/size-$size"
  done
  echo text >"$folder/folder/inner/A Long Name with spaces and UPPER case.text"
  echo text >"$folder/folder/inner/$(printf '\xc3\xa4\xc3\xb6\xc3\xbc-\xc3\x9f')"
  echo text >"$folder/$(printf 'n%.0s' {1..200})"
  cp -rL /usr/include/c++/*/bits "$folder/headers"
  mkdir "$folder/many"
  (cd "$folder/many" && seq -f 'entry number %04g' 300 | xargs -d '\n' touch)
}
