#!/bin/sh
# Puts the image's whole root together: the programs, ONNX Runtime, the shared libraries that they name, the certificates that this machine
# trusts, a user, licences. No shell and no package manager is in it. Usage: deploy/docker/root.sh PROGRAMS PACKAGE OUT. PROGRAMS holds the two
# programs, PACKAGE is what deploy/package.sh and `make notices` wrote; OUT is written anew.
set -eu
programs=${1:?usage: deploy/docker/root.sh PROGRAMS PACKAGE OUT}
package=${2:?usage: deploy/docker/root.sh PROGRAMS PACKAGE OUT}
out=${3:?usage: deploy/docker/root.sh PROGRAMS PACKAGE OUT}
here=$(dirname "$0")

fail() {
  printf 'root: %s\n' "$*" >&2
  exit 1
}

put() {
  [ -s "$2" ] || fail "$2 is missing"
  install -D -m "$1" "$2" "$out$3"
}

rm -rf "$out"
put 755 "$programs/apprentice" /usr/local/bin/apprentice
put 755 "$programs/apprentice-verify" /usr/local/bin/apprentice-verify
put 644 "$package/onnxruntime/libonnxruntime.so" /usr/local/lib/apprentice/libonnxruntime.so
documents=/usr/share/doc/apprentice
put 644 "$here/../../LICENSE" $documents/LICENSE
put 644 "$package/notices.txt" $documents/notices.txt
put 644 "$package/onnxruntime/ThirdPartyNotices.txt" $documents/onnxruntime-notices.txt
put 644 "$package/onnxruntime/LICENSE" $documents/onnxruntime-license.txt

# Each library where the loader of this machine finds it, and the licence that Debian gives with it.
named=$(ldd "$programs/apprentice" "$programs/apprentice-verify" "$package/onnxruntime/libonnxruntime.so") || fail "ldd: $named"
case $named in *"not found"*) fail "a library is not to be found here: $named" ;; esac
for library in $(printf '%s\n' "$named" | sed -n 's/^[^/]*\(\/[^ ]*\) (0x.*/\1/p' | sort -u); do
  put 755 "$library" "$library"
done
# GNU's licences, which those of the libraries point to.
for licence in GPL-3 LGPL-2.1; do
  put 644 /usr/share/common-licenses/$licence /usr/share/common-licenses/$licence
done
for owner in libc6 libgcc-s1 libstdc++6 ca-certificates; do
  # One package may point to another's.
  copyright=$(readlink -f "/usr/share/doc/$owner/copyright") || fail "/usr/share/doc/$owner/copyright is missing"
  put 644 "$copyright" "/usr/share/doc/$owner/copyright"
done

put 644 /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
printf 'root:x:0:0::/:/nologin\napprentice:x:10001:10001::/data:/nologin\n' > "$out/etc/passwd"
printf 'root:x:0:\napprentice:x:10001:\n' > "$out/etc/group"
# A teacher on this machine has its name in /etc/hosts.
printf 'hosts: files dns\n' > "$out/etc/nsswitch.conf"
install -d -m 1777 "$out/tmp"
du -sm --apparent-size "$out" | sed 's/\t.*/ MB/'
