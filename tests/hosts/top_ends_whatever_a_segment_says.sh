#!/bin/sh
# SPDX-License-Identifier: MIT
# A program with forged memory, whose counts, places and names are nonsense, or which shrinks while it is looked at,
# neither keeps top busy nor ends it by a signal.
set -eu
manymoons=$MM_BUILD/manymoons

cat >honest.lua <<'END'
local mm = require("manymoons")
local q = mm.Queue()
q:put(1)
io.open("ready", "w"):close()
mm.sleep(1000)
END
cat >forger.py <<'END'
import glob, os, random, sys
path = next(p for p in glob.glob("/proc/%s/fd/*" % sys.argv[1]) if os.readlink(p).startswith("/memfd:manymoons"))
fd = os.open(path, os.O_RDONLY)
size = os.fstat(fd).st_size
own = os.memfd_create("manymoons")
os.ftruncate(own, size)
os.pwrite(own, os.pread(fd, 4096, 0), 0)
os.close(fd)
how = sys.argv[2]
if how == "ones":
    for at in range(64, 4 << 20, 1 << 16):
        os.pwrite(own, b"\xff" * (1 << 16), at)
elif how == "random":
    random.seed(1)
    for at in range(1 << 10, 8 << 20, 1 << 16):
        os.pwrite(own, random.randbytes(1 << 16), at)
elif how == "short":
    os.pwrite(own, size.to_bytes(8, "little"), 8)
    os.ftruncate(own, 1 << 26)
open("forged", "w").close()
import time
time.sleep(1000)
END

rm -f ready
"$manymoons" honest.lua &
honest=$!
until [ -f ready ]; do sleep 0.02; done
for how in zeroes ones random short; do
  rm -f forged
  python3 forger.py $honest $how &
  forger=$!
  until [ -f forged ]; do sleep 0.02; done
  for options in --once "--once --json"; do
    code=0
    timeout 60 "$manymoons" top $options $forger >out 2>err || code=$?
    [ $code -le 1 ] || { echo "$how: top $options ends with $code"; cat err; exit 1; }
  done
  kill -9 $forger
  wait $forger 2>/dev/null || true
done
kill -9 $honest
wait $honest 2>/dev/null || true
