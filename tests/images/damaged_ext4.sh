# SPDX-License-Identifier: GPL-2.0-or-later
# It says it is ext4, but its group descriptors and journal are noise.
. "$(dirname "$0")/common.sh"
truncate -s 32M "$output"
mke2fs -q -F -t ext4 -b 4096 "$output"
(tr '\0' '\377' </dev/zero || true) 2>/dev/null | dd of="$output" bs=4096 seek=1 count=200 conv=notrunc status=none iflag=fullblock
