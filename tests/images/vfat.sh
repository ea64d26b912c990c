# SPDX-License-Identifier: GPL-2.0-or-later
. "$(dirname "$0")/common.sh"
truncate -s 128M "$output"
mkfs.vfat -F 32 "$output" >/dev/null
mkdir content
fill_portable content
tar -C content -cf "$output.tar" .
mcopy -s -i "$output" content/* ::
