#!/bin/sh
# SPDX-License-Identifier: MIT
# The Debian packages build, lintian has nothing to say, and what they install is used from a system that has nothing else of ours:
# a copy of this one, over which they are installed and which is gone afterwards.
set -eu
(cd "$MM_TOP" && packaging/build-deb) >out 2>&1 || { cat out; exit 1; }
grep -v "running with root privileges" out && exit 1

cat >quick.sh <<'END'
set -eu
dpkg -i "$MM_TOP"/build/deb/*_0*.deb >/dev/null
[ "$(manymoons -e 'print(require("manymoons").Pool(2):map(function(x) return x * x end, { 3 })[1])')" = 9 ]
for lua in lua5.4 lua5.3 lua5.1 luajit; do
  "$lua" -e 'assert(require("manymoons").processes.Pool(2):map(function(x) return x * x end, { 3 })[1] == 9)'
done
cd /tmp
cc "$MM_TOP/scripts/embed/quick_start.c" $(pkg-config --cflags --libs manymoons) -o quick
[ "$(./quick)" = 42 ]
man -w manymoons manymoons-compare manymoons-worker >/dev/null
bash -c '. /usr/share/bash-completion/completions/manymoons && complete -p manymoons' >/dev/null
[ -f /usr/share/zsh/vendor-completions/_manymoons ] && [ -f /usr/share/fish/vendor_completions.d/manymoons.fish ]
dpkg -L lua-manymoons | grep -q /usr/share/manymoons/addons/manymoons/config.json
END
cat >overlay.sh <<'END'
set -eu
mount -t tmpfs none "$1"
mkdir "$1/up" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/up,workdir=$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount --bind /dev "$1/root/dev"
exec chroot "$1/root" env MM_TOP="$MM_TOP" PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin sh "$PWD/quick.sh"
END
mkdir over
[ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || { echo "only root can install them into a copy"; exit 77; }
unshare -m sh overlay.sh "$PWD/over" >out 2>&1 || { echo "used from packages:"; cat out; exit 1; }
