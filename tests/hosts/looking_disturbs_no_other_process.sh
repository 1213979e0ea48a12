#!/bin/sh
# SPDX-License-Identifier: MIT
# A program whose table of processes names a process that is none of its own: `stack PID` and `profile PID`, which signal
# the processes of a program, leave that one alone. They end, also where the memory is nonsense.
set -eu
manymoons=$MM_BUILD/manymoons

cat >honest.lua <<'END'
local mm = require("manymoons")
mm.Queue():put(1)
mm.Process(function() end):start()
io.open("ready", "w"):close()
mm.sleep(1000)
END
cat >bystander.py <<'END'
import signal, time
def note(number, frame): open("signalled", "w").close()
for number in range(signal.SIGRTMIN, signal.SIGRTMAX + 1): signal.signal(number, note)
open("bystanding", "w").close()
while True: time.sleep(1000)
END
cat >forger.py <<'END'
import fcntl, glob, os, random, struct, sys, time
honest, named, how = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
path = next(p for p in glob.glob("/proc/%d/fd/*" % honest) if os.readlink(p).startswith("/memfd:manymoons"))
fd = os.open(path, os.O_RDONLY)
size = os.fstat(fd).st_size
own = os.memfd_create("manymoons", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
os.ftruncate(own, size)
fcntl.fcntl(own, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
memory = os.pread(fd, 4 << 20, 0)
memory = memory.replace(struct.pack("<i", honest), struct.pack("<i", named))
if how == "random":
    random.seed(1)
    memory = memory[:1 << 19] + random.randbytes(len(memory) - (1 << 19))
os.pwrite(own, memory, 0)
os.close(fd)
open("forged", "w").close()
time.sleep(1000)
END

rm -f ready bystanding signalled
"$manymoons" honest.lua &
honest=$!
python3 bystander.py &
bystander=$! forger=
trap 'kill -9 $honest $bystander $forger 2>/dev/null || true' EXIT
until [ -f ready ] && [ -f bystanding ]; do sleep 0.02; done
for how in exact random; do
  rm -f forged
  python3 forger.py $honest $bystander $how &
  forger=$!
  until [ -f forged ]; do sleep 0.02; done
  for command in stack "profile --seconds 1 -o -"; do
    code=0
    timeout 60 "$manymoons" $command $forger >out 2>err || code=$?
    [ $code -le 1 ] || { echo "$how: $command ends with $code"; cat err; exit 1; }
  done
  kill -9 $forger
  wait $forger 2>/dev/null || true
done
[ ! -f signalled ] || { echo "a process that is none of the program's was signalled"; exit 1; }
