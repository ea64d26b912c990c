# SPDX-License-Identifier: GPL-2.0-or-later
. "$(dirname "$0")/common.sh"
truncate -s 1G "$output"
mkfs.xfs -q -f "$output"
mounted "$output" fill_linux
