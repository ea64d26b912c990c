# SPDX-License-Identifier: GPL-2.0-or-later
# A small ext4 file system for tests of formats, errors and lifetime.
. "$(dirname "$0")/common.sh"
fill_small() {
  echo 'hello from the image' >"$1/hello"
  mkdir "$1/folder"
  seq 100000 >"$1/folder/numbers"
  ln "$1/hello" "$1/folder/hello-again"
  ln -s folder/numbers "$1/link"
}
truncate -s 64M "$output"
mke2fs -q -F -t ext4 "$output"
mounted "$output" fill_small
