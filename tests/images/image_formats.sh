# SPDX-License-Identifier: GPL-2.0-or-later
# One ext4 disk in every format that qemu reads: OUTPUT.raw, and OUTPUT.NAME made from it. OUTPUT.tar is what is in it.
#   OUTPUT.vmdk.tar  SUBFORMAT.vmdk, and the parts that some of them name
#   OUTPUT.luks      passphrase "secret"
#   OUTPUT.sectors   a GPT disk with sectors of 4096 bytes
. "$(dirname "$0")/common.sh"

mkdir -p tree/folder
for size in 1 4096 65537 1048577; do
  (yes "line of $size" || true) 2>/dev/null | head -c "$size" >"tree/folder/size-$size"
done
tar -C tree -cf "$output.tar" .
truncate -s 12M "$output.raw"
mke2fs -q -F -t ext4 -b 4096 -U clear -d tree "$output.raw"

# converted NAME FORMAT [OPTIONS [MORE...]]
converted() {
  qemu-img convert -q -O "$2" ${3:+-o "$3"} "${@:4}" "$output.raw" "$output.$1"
}
converted qcow2-2 qcow2 compat=0.10
converted qcow2-3 qcow2 lazy_refcounts=on
converted qcow2-zlib qcow2 compression_type=zlib -c
converted qcow2-zstd qcow2 compression_type=zstd -c
converted qcow2-extended qcow2 extended_l2=on,cluster_size=2M
converted qcow qcow
converted qed qed
converted vdi vdi
converted vdi-static vdi static=on
converted vhdx vhdx subformat=dynamic
converted vhdx-fixed vhdx subformat=fixed
converted vpc vpc subformat=dynamic,force_size=on
converted vpc-fixed vpc subformat=fixed,force_size=on
converted parallels parallels
for subformat in monolithicSparse monolithicFlat twoGbMaxExtentSparse twoGbMaxExtentFlat streamOptimized; do
  qemu-img convert -q -O vmdk -o "subformat=$subformat" "$output.raw" "$subformat.vmdk"
done
tar -cSf "$output.vmdk.tar" ./*.vmdk
printf secret >secret
qemu-img convert -q -O luks --object secret,id=key,file=secret -o key-secret=key,iter-time=10 "$output.raw" "$output.luks"
create_compressed_fs -q "$output.raw" "$output.cloop" >/dev/null 2>&1

# Apple's UDIF: compressed pieces, their table in a property list, and a trailer that tells where that is.
perl -MCompress::Zlib -MMIME::Base64 -e '
  local $/;
  open my $in, "<:raw", $ARGV[0] or die;
  my ($raw, $data, $runs, $count, $piece) = (<$in>, "", "", 0, 256 * 512);
  for (my $at = 0; $at < length $raw; $at += $piece) {
    my $packed = compress(substr $raw, $at, $piece);
    $runs .= pack("N N Q> Q> Q> Q>", 0x80000005, 0, $at / 512, $piece / 512, length $data, length $packed);
    $data .= $packed;
    ++$count;
  }
  my $sectors = length($raw) / 512;
  $runs .= pack("N N Q> Q> Q> Q>", 0xffffffff, 0, $sectors, 0, length $data, 0);
  my $table = pack("a4 N Q> Q> Q> N N x24 x136 N", "mish", 1, 0, $sectors, 0, 0x208, 0, $count + 1) . $runs;
  my $list = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict><key>resource-fork</key><dict>" .
             "<key>blkx</key><array><dict><key>Data</key><data>\n" . encode_base64($table) .
             "</data></dict></array></dict></dict></plist>\n";
  print $data, $list, pack("a4 N N N Q> Q> Q> Q> Q> N N x16 x136 Q> Q> x120 x136 N Q> x12", "koly", 4, 512, 1, 0, 0,
                           length $data, 0, 0, 1, 1, length $data, length $list, 1, $sectors);' \
  "$output.raw" >"$output.dmg"

truncate -s 16M "$output.sectors"
device=$(losetup --find --show --sector-size 4096 "$output.sectors")
printf 'label: gpt\nstart=256, size=3072\n' | sfdisk -q --no-reread --no-tell-kernel "$device" || { losetup -d "$device"; exit 1; }
losetup -d "$device"
dd if="$output.raw" of="$output.sectors" bs=4096 seek=256 conv=notrunc,sparse status=none
echo 'see its parts' >"$output"
