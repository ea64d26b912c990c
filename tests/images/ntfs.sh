# SPDX-License-Identifier: GPL-2.0-or-later
. "$(dirname "$0")/common.sh"
truncate -s 128M "$output"
mkntfs -q -F -f "$output"
mkdir content mounted
fill_portable content
tar -C content -cf "$output.tar" .
ntfs-3g "$output" mounted
trap 'umount mounted' EXIT
cp -r content/. mounted/
