# SPDX-License-Identifier: GPL-2.0-or-later
# Storage stacks, one disk a file; what is in all their file systems is in OUTPUT.tar. Passphrases: "one", "two:2" ...
#   OUTPUT.lvm-1, .lvm-2   a volume group over a partition and a whole disk: linear, mirrored, thin, encrypted volumes
#   OUTPUT.crypt           /boot, and LVM on LUKS2 (argon2id)
#   OUTPUT.luks1           the whole disk is LUKS1
#   OUTPUT.raid1           one of the two members of a RAID1 with partitions
#   OUTPUT.raid5-1, -2, -3 RAID5 with LUKS2 and LVM on it
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/vm.sh"
fill_stack() {
  mkdir "$1/folder" "$1/headers"
  echo 'hello from the stack' >"$1/hello"
  seq 100000 >"$1/folder/numbers"
  ln "$1/hello" "$1/folder/hello-again"
  ln -s folder/numbers "$1/link"
  cp -rL /usr/include/c++/*/bits/stl_*.h "$1/headers/"
  touch -d '2020-02-02 02:02:02.000000002 UTC' "$1/hello" "$1/folder/numbers" "$1"
}
mkdir content
fill_stack content
tar -C content -cf "$output.tar" .
printf 'binary \0 key\n' >keyfile

cat >script <<'SCRIPT'
set -eux
# content DEVICE: ext4 with the content.
content() {
  mke2fs -q -F -t ext4 "$1"
  mkdir -p /mnt/content
  mount "$1" /mnt/content
  tar -C /mnt/content -xf image.tar
  umount /mnt/content
}
luks() { cryptsetup luksFormat -q --type luks2 --pbkdf argon2id --pbkdf-memory 32768 --pbkdf-parallel 1 --pbkdf-force-iterations 4 \
  --luks2-metadata-size 16k --luks2-keyslots-size 512k "$@"; }
modprobe -a dm-mod dm-crypt dm-raid dm-thin-pool raid1 raid456

sfdisk -q /dev/vda <<'TABLE'
label: gpt
1: start=2048, size=40960
2: start=43008
TABLE
content /dev/vda1
pvcreate -q /dev/vda2 /dev/vdb
vgcreate -s 1m two-disks /dev/vda2 /dev/vdb
lvcreate -q -l 60 -n linear two-disks /dev/vda2:0-29 /dev/vdb:0-29
lvcreate -q -L 20m -n one-piece two-disks /dev/vda2
lvcreate -q --type raid1 -m 1 -L 20m -n mirrored two-disks
lvcreate -q -L 20m -n secret two-disks
lvcreate -q -T -L 24m -V 20m -n thin two-disks/pool --config 'global { thin_check_executable = "" }'
content /dev/two-disks/linear
content /dev/two-disks/one-piece
content /dev/two-disks/mirrored
content /dev/two-disks/thin
echo -n three | luks --uuid 33333333-3333-3333-3333-333333333333 /dev/two-disks/secret -
echo -n three | cryptsetup open --key-file=- /dev/two-disks/secret secret
content /dev/mapper/secret
cryptsetup close secret
vgchange -q -an two-disks

sfdisk -q /dev/vdc <<'TABLE'
label: gpt
1: start=2048, size=40960
2: start=43008
TABLE
content /dev/vdc1
echo -n two:2 | luks --uuid 22222222-2222-2222-2222-222222222222 /dev/vdc2 -
echo -n two:2 | cryptsetup luksAddKey -q --key-file=- --pbkdf argon2id --pbkdf-memory 32768 --pbkdf-parallel 1 \
  --pbkdf-force-iterations 4 /dev/vdc2 keyfile
echo -n two:2 | cryptsetup open --key-file=- /dev/vdc2 two
pvcreate -q /dev/mapper/two
vgcreate -s 1m inner /dev/mapper/two
lvcreate -q -L 30m -n root inner
lvcreate -q -L 4m -n swap inner
content /dev/inner/root
mkswap -q /dev/inner/swap
vgchange -q -an inner
cryptsetup close two

echo -n one | cryptsetup luksFormat -q --type luks1 --pbkdf-force-iterations 1000 --uuid 11111111-1111-1111-1111-111111111111 /dev/vdd -
echo -n one | cryptsetup open --key-file=- /dev/vdd one
content /dev/mapper/one
cryptsetup close one

mdadm --create /dev/md0 --run --quiet --homehost=guest --name=0 --metadata=1.2 --level=1 --raid-devices=2 /dev/vde missing
sfdisk -q /dev/md0 <<'TABLE'
label: dos
1: start=2048, size=51200
TABLE
blockdev --rereadpt /dev/md0
content /dev/md0p1
mdadm --stop --quiet /dev/md0

mdadm --create /dev/md5 --run --quiet --assume-clean --homehost=guest --name=deep --metadata=1.2 --level=5 --chunk=64 \
  --raid-devices=3 /dev/vdf /dev/vdg /dev/vdh
echo -n five | luks --uuid 55555555-5555-5555-5555-555555555555 /dev/md5 -
echo -n five | cryptsetup open --key-file=- /dev/md5 five
pvcreate -q /dev/mapper/five
vgcreate -s 1m deep /dev/mapper/five
lvcreate -q -l 100%FREE -n root deep
content /dev/deep/root
vgchange -q -an deep
cryptsetup close five
mdadm --stop --quiet /dev/md5
sync
SCRIPT
truncate -s 160M "$output.lvm-1"
truncate -s 128M "$output.lvm-2"
truncate -s 80M "$output.crypt"
truncate -s 40M "$output.luks1" "$output.raid1"
truncate -s 32M "$output.raid5-"{1,2,3}
in_vm script "$output".{lvm-1,lvm-2,crypt,luks1,raid1,raid5-1,raid5-2,raid5-3}
echo 'see its parts' >"$output"
