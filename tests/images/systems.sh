# SPDX-License-Identifier: GPL-2.0-or-later
# Disks with operating systems, one a file; each of their file systems says in the file `where` which one it is.
#   OUTPUT.luks      a Debian with /boot, and LVM on LUKS2 (passphrase "pass") with / and /home
#   OUTPUT.btrfs     an Ubuntu in subvolumes, with a snapshot, and an EFI partition
#   OUTPUT.usr       a Fedora with a /usr of its own, mounted by PARTLABEL, LABEL and an old device name
#   OUTPUT.windows   a Windows with drive letters; its paths are spelled in another case
#   OUTPUT.iso       an installation disc
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/vm.sh"

# table IMAGE MIB KIND: a disk with partitions as sfdisk reads them from standard input.
table() {
  truncate -s "$2M" "$1"
  sfdisk -q "$1"
}
# part IMAGE START SIZE MKFS...: makes a file system with what is in the folder `tree` in these sectors.
part() {
  local image=$1 start=$2 size=$3 type=$4
  truncate -s $((size * 512)) part
  "mkfs.$type" "${@:5}" part >/dev/null
  if [ "$type" = vfat ]; then
    mcopy -i part -s tree/* ::
  else
    mounted part fill
  fi
  dd if=part of="$image" bs=512 seek="$start" conv=notrunc,sparse status=none
  rm -r part tree
}
fill() { cp -a tree/. "$1/"; }
tree() {
  rm -rf tree
  mkdir tree
  echo "$1" >tree/where
  [ $# -eq 1 ] || (cd tree && mkdir -p "${@:2}")
}

# --- Ubuntu on btrfs
table "$output.btrfs" 200 <<'TABLE'
label: gpt
1: start=2048, size=65536, type=U
2: start=67584
TABLE
tree efi EFI/BOOT
part "$output.btrfs" 2048 65536 vfat -i 12345678
truncate -s $(((200 * 2048 - 67584 - 2048) * 512)) btrfs
mkfs.btrfs -q -U 0b7f7f0e-4a66-4b4e-8a3c-5d3c2d3f9e11 -L ubuntu btrfs >&2
fill_btrfs() {
  btrfs -q subvolume create "$1/@"
  btrfs -q subvolume create "$1/@home"
  mkdir -p "$1/@/"{etc,bin,usr/lib,home,boot/efi}
  printf 'NAME="Ubuntu"\nID=ubuntu\nVERSION_ID="22.04"\nPRETTY_NAME="Ubuntu 22.04.4 LTS"\n' >"$1/@/usr/lib/os-release"
  ln -s ../usr/lib/os-release "$1/@/etc/os-release"
  echo laptop >"$1/@/etc/hostname"
  cat >"$1/@/etc/fstab" <<'FSTAB'
# / was on /dev/sda2 during installation
UUID=0b7f7f0e-4a66-4b4e-8a3c-5d3c2d3f9e11 /         btrfs defaults,subvol=@     0 1
UUID=1234-5678                            /boot/efi vfat  umask=0077            0 1
UUID=0b7f7f0e-4a66-4b4e-8a3c-5d3c2d3f9e11 /home     btrfs defaults,subvol=@home 0 2
UUID=deadbeef-0000-0000-0000-000000000000 /data     ext4  nofail                0 2
/dev/sdb1                                 /backup   ext4  noauto                0 0
/swapfile                                 none      swap  sw                    0 0
FSTAB
  echo root >"$1/@/where"
  echo home >"$1/@home/where"
  echo top >"$1/where"
  btrfs -q subvolume snapshot "$1/@" "$1/@old"
  echo old >"$1/@old/where"
}
mounted btrfs fill_btrfs
dd if=btrfs of="$output.btrfs" bs=512 seek=67584 conv=notrunc,sparse status=none
rm btrfs

# --- Fedora with /usr
table "$output.usr" 120 <<'TABLE'
label: gpt
1: start=2048, size=81920, name="the root"
2: start=83968, size=81920, name="programs"
3: start=165888, size=40960, name="old"
TABLE
tree root etc bin lib usr opt/old 'srv/a b'
ln -s ../usr/lib/os-release tree/etc/os-release
printf 'HOSTNAME=server.example\n' >tree/etc/hostname.sh
mkdir tree/etc/sysconfig
printf 'HOSTNAME=server.example\n' >tree/etc/sysconfig/network
cat >tree/etc/fstab <<'FSTAB'
PARTLABEL=the\040root / ext4 defaults 1 1
/dev/disk/by-partlabel/programs /usr ext4 ro 1 2
/dev/vda3 /opt/old ext4 defaults 1 2
LABEL=old\040one /srv/a\040b ext4 defaults 1 2
FSTAB
part "$output.usr" 2048 81920 ext4 -q -L root
tree usr lib
printf 'ID=fedora\nVERSION_ID=39\nPRETTY_NAME="Fedora Linux 39 (Server Edition)"\n' >tree/lib/os-release
part "$output.usr" 83968 81920 ext4 -q
tree old
part "$output.usr" 165888 40960 ext4 -q -L 'old one'

# --- Windows
# The smallest hive: a header, and one block with the root key.
hive() {
  perl -e '
    my $name = "root";
    my $key = pack("a2 v x12 V V V V V V V V V V x16 v v a*", "nk", 0x2c, ~0 & 0xffffffff, 0, 0, ~0 & 0xffffffff,
                   ~0 & 0xffffffff, 0, ~0 & 0xffffffff, 0x80, ~0 & 0xffffffff, 0, length $name, 0, $name);
    my $security = pack("a2 x2 V V V V C C v V V V V", "sk", 0x80, 0x80, 1, 20, 1, 0, 0x8004, 0, 0, 0, 0);
    my $block = pack("a4 V V x20", "hbin", 0, 4096) . pack("l< a92", -96, $key) . pack("l< a44", -48, $security);
    $block .= pack("l< x" . (4096 - length($block) - 4), 4096 - length $block);
    my $header = pack("a4 V V x8 V V V V V V V x460", "regf", 1, 1, 1, 3, 0, 1, 0x20, 4096, 1);
    my $sum = 0;
    $sum ^= $_ for unpack("V127", $header);
    print $header, pack("V", $sum), "\0" x 3584, $block;' >"$1"
}
# keys HIVE KEY...: makes the keys, each below the one before.
add_keys() {
  printf 'cd \\\n'
  local key
  for key in "$@"; do printf 'add %s\ncd %s\n' "$key" "$key"; done
}
table "$output.windows" 80 <<'TABLE'
label: dos
label-id: 0x1badcafe
1: start=2048, size=61440, type=7, bootable
2: start=63488, size=81920, type=7
TABLE
hive software
{
  add_keys Microsoft 'Windows NT' CurrentVersion
  printf 'setval 4\nProductName\nstring:Windows 10 Pro\nCurrentBuild\nstring:22631\n'
  printf 'CurrentMajorVersionNumber\ndword:10\nCurrentMinorVersionNumber\ndword:0\ncommit\n'
} | hivexsh -w software
hive system
{
  add_keys Select
  printf 'setval 1\nCurrent\ndword:2\n'
  add_keys MountedDevices
  # The disk's number and the partition's first byte, lowest byte first.
  printf 'setval 2\n\\DosDevices\\C:\nhex:3:fe,ca,ad,1b,00,00,f0,01,00,00,00,00\n'
  printf '\\DosDevices\\E:\nhex:3:fe,ca,ad,1b,00,00,10,00,00,00,00,00\n'
  add_keys ControlSet002 Services Tcpip Parameters
  # "büro-pc"
  printf 'setval 1\nHostname\nhex:1:62,00,fc,00,72,00,6f,00,2d,00,70,00,63,00,00,00\ncommit\n'
} | hivexsh -w system
ntfs() {
  local start=$1 size=$2
  truncate -s $((size * 512)) part
  mkntfs -q -F -f -p "$start" part >/dev/null
  mkdir -p ntfs
  ntfs-3g part ntfs
  cp -r tree/. ntfs/
  umount ntfs
  dd if=part of="$output.windows" bs=512 seek="$start" conv=notrunc,sparse status=none
  rm -r part tree
}
tree reserved Boot
ntfs 2048 61440
tree windows WINDOWS/system32/Config Users/me
cp software tree/WINDOWS/system32/Config/software
cp system tree/WINDOWS/system32/Config/SYSTEM
ntfs 63488 81920

# --- An installation disc
tree disc .disk
echo 'Debian GNU/Linux 12.5.0 "Bookworm" - Official amd64 NETINST with firmware 20240210-11:27' >tree/.disk/info
xorriso -as mkisofs -quiet -R -J -V 'Debian 12' -o "$output.iso" tree

# --- Debian on LVM on LUKS2
cat >script <<'SCRIPT'
set -eux
say() { mkdir -p fs; mount "$1" fs; echo "$2" >fs/where; }
modprobe -a dm-mod dm-crypt
sfdisk -q /dev/vda <<'TABLE'
label: gpt
1: start=2048, size=40960
2: start=43008
TABLE
cd /tmp
mkfs.ext4 -q -U 7d1b0fc4-8c86-4f4a-9c2a-2b7b0c9a0001 /dev/vda1
say /dev/vda1 boot
umount fs
echo -n pass | cryptsetup luksFormat -q --type luks2 --pbkdf argon2id --pbkdf-memory 32768 --pbkdf-parallel 1 \
  --pbkdf-force-iterations 4 --luks2-metadata-size 16k --luks2-keyslots-size 512k \
  --uuid 66666666-6666-6666-6666-666666666666 /dev/vda2 -
echo -n pass | cryptsetup open --key-file=- /dev/vda2 inside
pvcreate -q /dev/mapper/inside
vgcreate -s 1m box /dev/mapper/inside
lvcreate -q -L 24m -n root box
lvcreate -q -L 24m -n home box
lvcreate -q -L 4m -n swap box
mkswap -q /dev/box/swap
mkfs.ext4 -q /dev/box/home
say /dev/box/home home
umount fs
mkfs.ext4 -q /dev/box/root
say /dev/box/root root
mkdir -p fs/etc fs/bin fs/boot fs/home fs/usr/lib
printf 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n' >fs/usr/lib/os-release
ln -s ../usr/lib/os-release fs/etc/os-release
echo vault >fs/etc/hostname
echo 'sda2_crypt UUID=66666666-6666-6666-6666-666666666666 none luks,discard' >fs/etc/crypttab
cat >fs/etc/fstab <<'FSTAB'
/dev/mapper/box-root / ext4 errors=remount-ro 0 1
UUID=7d1b0fc4-8c86-4f4a-9c2a-2b7b0c9a0001 /boot ext4 defaults 0 2
/dev/mapper/box-home /home ext4 defaults 0 2
/dev/mapper/box-swap none swap sw 0 0
FSTAB
umount fs
vgchange -q -an box
cryptsetup close inside
sync
SCRIPT
truncate -s 128M "$output.luks"
in_vm script "$output.luks"
echo 'see its parts' >"$output"
