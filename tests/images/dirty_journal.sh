# SPDX-License-Identifier: GPL-2.0-or-later
# An ext4 image as a crash leaves it: the newest file exists in the journal only, so reading it needs a replay.
. "$(dirname "$0")/common.sh"
truncate -s 64M live.img
mke2fs -q -F -t ext4 live.img
crash() {
  echo 'checkpointed long ago' >"$1/old"
  sync -f "$1"
  echo 'committed to the journal only' >"$1/new"
  mkdir "$1/folder"
  mv "$1/old" "$1/folder/moved"
  sync "$1/new" "$1"
  # The page cache of the loop device's file is what the image holds at this moment.
  cp --sparse=always live.img "$output"
}
mounted live.img crash
rm live.img
# The recipe's promise, checked: recovery is needed.
dumpe2fs -h "$output" 2>/dev/null | grep -q needs_recovery
