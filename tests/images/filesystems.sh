# SPDX-License-Identifier: GPL-2.0-or-later
# One image for each file system that the appliance may meet, named OUTPUT.TYPE or OUTPUT.TYPE-VARIANT:
#   those that are written to are empty; those that are only read hold the tree of OUTPUT.tar
#   OUTPUT.ntfs-hibernated       holds a hibernated Windows, and folders `junction` that lead elsewhere
#   OUTPUT.cramfs, OUTPUT.none   a type that the kernel does not know, and no file system
. "$(dirname "$0")/common.sh"

# Names that all of them can hold: HFS at most 31 bytes, minix 30; the dates are whole seconds after 1980.
mkdir -p tree/folder/inner tree/empty
for size in 0 1 511 4096 65537; do
  (yes "line of $size" || true) 2>/dev/null | head -c "$size" >"tree/folder/size-$size"
done
echo text >'tree/folder/inner/A name with spaces.text'
echo umlauts >"tree/$(printf '\xc3\xa4\xc3\xb6\xc3\xbc')"
find tree -exec touch -d '2020-02-02 02:02:02 UTC' {} +
tar -C tree -cf "$output.tar" .

# empty NAME SIZE MKFS...
empty() {
  truncate -s "$2" "$output.$1"
  "${@:3}" "$output.$1" >/dev/null
}
empty ext2 4M mke2fs -q -F -t ext2
empty ext3 8M mke2fs -q -F -t ext3
empty ext4 8M mke2fs -q -F -t ext4
empty xfs 300M mkfs.xfs -q
empty btrfs 110M mkfs.btrfs -q
empty vfat-12 2M mkfs.vfat -F 12
empty vfat-16 16M mkfs.vfat -F 16
empty vfat-32 40M mkfs.vfat -F 32
empty exfat 8M mkfs.exfat
empty ntfs 8M mkntfs -q -F -f
empty jfs 16M mkfs.jfs -q
empty reiserfs 40M mkreiserfs -q -f -f -s 513
empty nilfs2 40M mkfs.nilfs2 -q -B 256
empty f2fs 64M mkfs.f2fs -q
empty minix-1 4M mkfs.minix -1
empty minix-2 4M mkfs.minix -2
empty minix-3 4M mkfs.minix -3
empty udf 8M mkudffs --blocksize=512
empty hfs 4M hformat -f -l hfs
empty bfs 1M mkfs.bfs
empty none 1M true

cp "$output.ntfs" "$output.ntfs-hibernated"
mkdir ntfs
ntfs-3g "$output.ntfs-hibernated" ntfs
cp -r tree/. ntfs/
# junction PATH TARGET: a folder that leads to another path of Windows.
junction() {
  mkdir "$1"
  setfattr -n system.ntfs_reparse_data -v "$(perl -MEncode -e '
    my ($target, $path) = map { encode("UTF-16LE", $_) } "\\??\\$ARGV[0]", $ARGV[0];
    my $data = pack("v4", 0, length $target, 2 + length $target, length $path) . "$target\0\0$path\0\0";
    print "0x", unpack("H*", pack("V v v", 0xa0000003, length $data, 0) . $data);' "$2")" "$1"
}
junction ntfs/junction 'C:\FOLDER'
junction ntfs/folder/inner/junction 'C:\folder'
junction ntfs/empty/junction 'D:\elsewhere'
{ printf hibr; head -c 8188 /dev/zero; } >ntfs/hiberfil.sys
umount ntfs

xorriso -as mkisofs -quiet -R -o "$output.iso9660-rock" tree
genisoimage -quiet -J -o "$output.iso9660-joliet" tree
genisoimage -quiet -udf -o "$output.udf-disc" tree
xorriso -as mkisofs -quiet -R -hfsplus -o "$output.hfsplus" tree
for method in gzip xz zstd lz4 lzo; do
  mksquashfs tree "$output.squashfs-$method" -quiet -no-progress -comp "$method" >/dev/null
done
mkfs.erofs -zlz4hc "$output.erofs" tree >/dev/null 2>&1
genromfs -f "$output.romfs" -d tree
makefs -t ffs -o version=1 -s 4m "$output.ufs-1" tree >/dev/null
# makefs has the superblock of UFS2 where nobody else looks for it. A copy goes where it belongs, over unused inodes.
makefs -t ffs -o version=2,bsize=16384,fsize=2048,density=2048 -s 8m "$output.ufs-2" tree >/dev/null
dd if="$output.ufs-2" of="$output.ufs-2" bs=512 skip=16 seek=128 count=4 conv=notrunc status=none
makefs -t ffs -B be -o version=1 -s 4m "$output.ufs-big-endian" tree >/dev/null
mkfs.cramfs tree "$output.cramfs"
echo 'see its parts' >"$output"
