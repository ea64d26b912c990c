# SPDX-License-Identifier: GPL-2.0-or-later
#
# For recipes that need a kernel with the device mapper and RAID, which the host's may lack: Debian's own kernel in qemu.
# in_vm SCRIPT DISK...: runs SCRIPT (a file) by bash as root, with the DISKs as /dev/vda, /dev/vdb ..., all tools of the
# host read-only below it (what it writes outside the disks is lost) and its working folder. Fails as SCRIPT does, and
# after $in_vm_limit seconds.
in_vm_limit=170

# The initramfs: a shell, what mounts, and the modules that lead to the host's tree.
in_vm_initramfs() {
  local version=$1 root=$2 module program library
  mkdir -p "$root"/{bin,dev,proc,sys,host,new}
  for program in sh mount insmod switch_root mkdir cp; do
    cp -L "$(command -v $program)" "$root/bin/$program"
    for library in $(ldd "$(command -v $program)" | grep -o '/[^ ]*'); do
      mkdir -p "$root${library%/*}"
      cp -Ln "$library" "$root$library" 2>/dev/null || [ -e "$root$library" ]
    done
  done
  for module in virtio_pci virtio_blk 9pnet_virtio 9p overlay; do
    modprobe -S "$version" --show-depends "$module" | awk '$1 == "insmod" { print $2 }'
  done | awk '!seen[$0]++' >modules
  cat >"$root/init" <<'INIT'
#!/bin/sh
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
INIT
  while read -r module; do
    cp "$module" "$root/${module##*/}"
    echo "insmod /${module##*/}" >>"$root/init"
  done <modules
  cat >>"$root/init" <<'INIT'
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose host /host
mount -t tmpfs tmpfs /new
mkdir /new/upper /new/work /new/root
mount -t overlay -o lowerdir=/host,upperdir=/new/upper,workdir=/new/work overlay /new/root
for folder in dev proc sys; do mount -n --move /$folder /new/root/$folder; done
mount -t tmpfs tmpfs /new/root/run
cp /run-in-vm /new/root/run-in-vm
exec switch_root /new/root /bin/bash /run-in-vm
INIT
  chmod +x "$root/init"
}

in_vm() {
  local script work disk kernel version folder=$PWD drives=()
  script=$(readlink -f "$1")
  shift
  kernel=$(printf '%s\n' /boot/vmlinuz-* | sort -V | tail -n 1)
  version=${kernel#/boot/vmlinuz-}
  work=$(mktemp -d)
  for disk in "$@"; do
    drives+=(-drive "if=virtio,format=raw,cache=unsafe,file=$(readlink -f "$disk")")
  done
  (
    cd "$work"
    in_vm_initramfs "$version" root
    # The last thing on the console is how SCRIPT ended.
    cat >root/run-in-vm <<RUN
cd $(printf %q "$folder")
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LC_ALL=C.UTF-8
mkdir -p /etc/lvm /run/lock/lvm /run/lvm /run/mdadm /run/cryptsetup
printf '%s\n' 'activation { udev_sync = 0 udev_rules = 0 verify_udev_operations = 0 monitoring = 0 }' \
  'devices { obtain_device_list_from_udev = 0 external_device_info_source = "none" use_devicesfile = 0 }' >/etc/lvm/lvm.conf
bash $(printf %q "$script") </dev/null
printf '\nstatus %s.\n' \$?
sync
echo o >/proc/sysrq-trigger
while :; do sleep 1; done
RUN
    (cd root && find . | cpio -o -H newc --quiet) >initramfs
    timeout "$in_vm_limit" qemu-system-x86_64 -accel tcg -cpu max,-erms,-fsrm -m 1024 -nodefaults -no-user-config -no-reboot \
      -display none -serial file:console -kernel "$kernel" -initrd initramfs \
      -append "console=ttyS0 quiet panic=-1 random.trust_cpu=on" "${drives[@]}" \
      -virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap -device virtio-rng-pci </dev/null >&2 || true
  )
  if ! grep -aq '^status 0\.' "$work/console"; then
    tail -n 60 "$work/console" >&2
    return 1
  fi
  rm -r "$work"
}
