# SPDX-License-Identifier: GPL-2.0-or-later
# The whole disk is an ext4 file system with everything in it.
. "$(dirname "$0")/common.sh"
truncate -s 512M "$output"
mke2fs -q -F -t ext4 -I 256 "$output"
mounted "$output" fill_linux
