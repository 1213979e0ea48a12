#!/bin/sh
# SPDX-License-Identifier: MIT
# Attempts to leave a sandbox: each is refused, the task's error or result says so, and the program is as it was. By each
# way to start a process, and in `manymoons worker --sandbox`.
# Exit status 77: the kernel has no Landlock or no seccomp.
set -eu
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
cc -shared -fPIC -O1 -w -I/usr/include/lua5.4 "$MM_TOP/tests/support/escape.c" -o escape.so

mkdir readable writable
echo plain >readable/file
echo secret >secret
ln -s ../secret readable/link
ln -s "$here/secret" writable/link
cp secret readable/old

cat >escapes.lua <<'END'
package.cpath = "./?.so;" .. package.cpath
local mm = require "manymoons"
local escape = require "escape"
local P = mm.processes
if mm._native.sandbox_obstacle(true) then os.exit(77) end

local here, method = arg[1], arg[2]
local rules = { read = { here .. "/readable" }, write = { here .. "/writable" } }
local secret = assert(io.open(here .. "/secret"))
local array = P.Array("u8", 4096)
array:fill(7)
local server = assert(mm.Listener("@" .. here))
local parent = mm._native.pid()
local failed = {}

local function fail(name, ...)
  local list = { ... }
  for i = 1, select("#", ...) do list[i] = tostring(list[i]):gsub("\n.*", "") end
  failed[#failed + 1] = name .. ": " .. table.concat(list, " | ")
end

-- The attempt runs in a process of its own, by the method, and puts what it got into a queue.
local function run_in_process(f, ...)
  local queue = P.Queue()
  local process = P.Process({ target = function(q, attempt, ...)
    q:put({ pcall(attempt, ...) })
  end, args = { queue, f, ... }, sandbox = rules, memory = 64 * 2 ^ 20, method = method })
  process:start()
  process:join()
  local got = queue:get(0)
  return got, process.exitcode
end

local on_broker, worker = nil, nil
if method == "broker" then
  local broker = require "broker"
  local server = broker.server()
  worker = broker.worker(server, "escapes", ("--sandbox --slots 1 --max-tasks 1 --import escape --read %s --write %s"):format(rules.read[1],
    rules.write[1]), "env LUA_CPATH=" .. broker.quote(here .. "/?.so;;"))
  on_broker = mm.Pool{ broker = server.url, name = "escapes", retries = 0 }
end

local function run_on_broker(f, ...)
  local ok, got = pcall(on_broker.apply, on_broker, function(attempt, ...) return { pcall(attempt, ...) } end, f, ...)
  if ok then return got, 0 end
  local text = tostring(got)
  if text:find("died (the sandbox refused the system call", 1, true) then return nil, -31 end
  return nil, -(tonumber(text:match("died %(killed by signal (%d+)")) or 0)
end

local run = on_broker and run_on_broker or run_in_process

-- Its result is nil and an error, or it raises; the text is like `pattern`.
local count = 0
local function refused(name, pattern, f, ...)
  count = count + 1
  local got, code = run(f, ...)
  if not got then return fail(name, "died", code) end
  local why = got[1] and got[3] or got[2]
  if (got[1] and got[2]) or not tostring(why):find(pattern) then fail(name, got[1], got[2], got[3]) end
end

-- The worker dies in it by the signal, the system call's unless another one is given.
local function dies(name, signal, f, ...)
  count = count + 1
  local got, code = run(f, ...)
  if got or code ~= -signal then fail(name, got and got[2], got and got[3], code) end
end

local function call(name, ...) return escape.call(escape.number(name) or -1, ...) end
local function refuses(name, ...)
  if escape.number(name) then refused(name, "Operation not permitted", call, name, ...) end
end
local function traps(name, ...) if escape.number(name) then dies(name, 31, call, name, ...) end end

local AT_FDCWD, O_RDONLY, O_WRONLY, O_CREAT, O_TRUNC, O_PATH, O_DIRECTORY = -100, 0, 1, 64, 512, 0x200000, 0x10000

-- What is allowed works: otherwise each refusal means nothing.
local got = run(function(folder)
  local text = assert(io.open(folder .. "/readable/file")):read("*a")
  local out = assert(io.open(folder .. "/writable/new", "w"))
  out:write(text)
  out:close()
  assert(os.rename(folder .. "/writable/new", folder .. "/writable/newer"))
  assert(os.remove(folder .. "/writable/newer"))
  return text
end, here)
assert(got and got[1] and got[2] == "plain\n", got and got[2])

-- Files.
refused("a file by its path", "Permission denied", io.open, "/etc/passwd")
refused("a file of the program's folder", "Permission denied", io.open, here .. "/secret")
refused("a file by ..", "Permission denied", io.open, here .. "/readable/../secret")
refused("a file by a link in a readable folder", "Permission denied", io.open, here .. "/readable/link")
refused("a file by a link in a writable folder", "Permission denied", io.open, here .. "/writable/link", "w")
refused("a descriptor's path", "Permission denied", io.open, "/proc/self/fd/1")
refused("its own environment", "Permission denied", io.open, "/proc/self/environ")
refused("its own memory's map", "Permission denied", io.open, "/proc/self/maps")
refused("the program's memory", "Permission denied", io.open, "/proc/" .. parent .. "/mem", "r+")
refused("a device", "Permission denied", io.open, "/dev/null", "w")
refused("reading in a writable folder", "Permission denied", io.open, here .. "/writable/link")
refused("a folder's list", "Permission denied", call, "openat", AT_FDCWD, "/", O_DIRECTORY)
refused("a path without opening", "Permission denied", call, "openat", AT_FDCWD, "/etc/passwd", O_PATH)
refused("emptying a readable file", "Permission denied", call, "openat", AT_FDCWD, here .. "/readable/old", O_TRUNC)
refused("writing a readable file", "Permission denied", io.open, here .. "/readable/old", "a")
refused("a new file elsewhere", "Permission denied", io.open, here .. "/new", "w")
refused("removing a readable file", "Permission denied", os.remove, here .. "/readable/old")
refused("moving a file out", "Permission denied", os.rename, here .. "/readable/old", here .. "/writable/old")
refused("a folder elsewhere", "Permission denied", call, "mkdirat", AT_FDCWD, here .. "/folder", 511)
refused("a temporary file", "unable to generate", os.tmpname)
refuses("symlinkat", "/etc/passwd", AT_FDCWD, here .. "/writable/made")
refuses("linkat", AT_FDCWD, here .. "/readable/old", AT_FDCWD, here .. "/writable/made", 0)
refuses("truncate", here .. "/readable/old", 0)
refuses("fchmodat", AT_FDCWD, here .. "/readable/old", 511)
refuses("fchownat", AT_FDCWD, here .. "/readable/old", 1, 1, 0)
refuses("utimensat", AT_FDCWD, here .. "/readable/old", 0, 0)
refuses("setxattr", here .. "/readable/old", "user.a", "b", 1, 0)
refuses("chdir", "/")
refuses("openat2", AT_FDCWD, "/etc/passwd", ("\0"):rep(24), 24)
traps("chroot", "/")
traps("mknodat", AT_FDCWD, here .. "/writable/device", 8192 + 511, 259)
traps("name_to_handle_at", AT_FDCWD, "/etc/passwd", "", "", 0)
traps("open_by_handle_at", AT_FDCWD, "", 0)
-- The program's descriptors are not the worker's, whatever way their numbers come.
refused("a descriptor that came by a queue", "none of them", function()
  for fd = 3, 300 do
    local bytes = escape.buffer(16)
    local size = escape.call(escape.number("pread64"), fd, bytes, 6, 0)
    if size == 6 and escape.text(bytes, 6) == "secret" then return fd end
  end
  error("none of them")
end)

-- The network.
refuses("socket", 2, 1, 0)
refuses("socket", 1, 1, 0)
refuses("socket", 16, 3, 0)
refuses("socketpair", 1, 1, 0, "")
refuses("bind", 1, "", 0)
refuses("connect", 1, "", 0)
refuses("sendmsg", 1, "", 0)
refused("an abstract socket", "EPERM", function(name) return require("manymoons").Client("@" .. name, {}) end, here)
refused("a listener", "EPERM", function() return require("manymoons").Listener("127.0.0.1:0") end)
refused("a lookup of a name", ".", function() return require("manymoons").Client("localhost:1", {}) end)

-- Programs and processes.
refused("a command", "the sandbox refuses to start a program", function() return os.execute("true") end)
refused("a pipe to a command", "the sandbox refuses to start a program", function() return io.popen("true") end)
refused("a command of the C library", "Operation not permitted", os.execute, "true")
refused("a thread", "a sandboxed worker starts no workers", function()
  require("manymoons").threads.Process(print):start()
end)
refused("an interpreter", "a sandboxed worker starts no workers", function() require("manymoons").interpreters.Pool(1) end)
refused("a process", "a sandboxed worker starts no workers", function()
  require("manymoons").processes.Process(print):start()
end)
refuses("clone", 17, 0, 0, 0, 0)
refuses("fork")
refuses("vfork")
refused("clone3", "Function not implemented", call, "clone3", "", 0)
traps("execve", "/bin/sh", 0, 0)
traps("execve", "/usr/bin/su", 0, 0)
traps("execveat", AT_FDCWD, "/bin/sh", 0, 0, 0)
refuses("kill", parent, 0)
refuses("kill", -1, 0)
refuses("kill", 0, 0)
refuses("tgkill", parent, parent, 0)
refuses("tkill", parent, 0)
refuses("rt_sigqueueinfo", parent, 1, "")
refuses("prctl", 1, 0)
refuses("setpgid", 0, 0)
refuses("setsid")
refuses("setpriority", 0, parent, 19)
refuses("sched_setaffinity", parent, 8, "\1\0\0\0\0\0\0\0")
refuses("fcntl", 1, 8, parent)
refuses("ioctl", 0, 0x5412, "x")
traps("ptrace", 16, parent, 0, 0)
traps("process_vm_readv", parent, "", 0, "", 0, 0)
traps("process_vm_writev", parent, "", 0, "", 0, 0)
traps("kcmp", parent, parent, 0, 0, 0)
traps("pidfd_open", parent, 0)
traps("pidfd_getfd", 0, 0, 0)
traps("pidfd_send_signal", 0, 9, 0, 0)

-- The kernel.
traps("mount", "none", "/", "tmpfs", 0, "")
traps("fsopen", "tmpfs", 0)
traps("umount2", "/", 0)
traps("unshare", 0x10000000)
traps("setns", 0, 0)
traps("keyctl", 0, 0)
traps("add_key", "user", "a", "b", 1, 0)
traps("request_key", "user", "a", 0, 0)
traps("io_uring_setup", 8, "")
traps("io_setup", 8, "")
traps("memfd_create", "a", 0)
traps("memfd_secret", 0)
traps("bpf", 0, "", 0)
traps("perf_event_open", "", 0, -1, -1, 0)
traps("userfaultfd", 0)
traps("seccomp", 1, 0, "")
traps("personality", 0)
traps("setuid", 0)
traps("capset", "", "")
traps("init_module", "", 0, "")
traps("reboot", 0, 0, 0)
traps("shmget", 0, 4096, 512)
traps("modify_ldt", 0, "", 0)
traps("landlock_create_ruleset", 0, 0, 1)
if escape.number("modify_ldt") then
  dies("a call of x32", 31, escape.call, 0x40000000 + 39)
  dies("a call of 32-bit programs", 31, escape.old_call, 20)
end

-- Memory, descriptors, disk.
refused("all memory", "not enough memory", function()
  local all = {}
  while true do all[#all + 1] = ("x"):rep(2 ^ 20) .. #all end
end)
refused("all memory, shared", "Cannot allocate memory", function()
  local map, unmap, last = escape.number("mmap"), escape.number("munmap"), nil
  while true do
    local got, why = escape.call(map, 0, 2 ^ 26, 3, 0x8021, -1, 0)
    if not got then
      escape.call(unmap, last, 2 ^ 26) -- what follows needs some
      return got, why
    end
    last = got
  end
end)
refused("all descriptors", "Too many open files", function()
  while true do
    local got, why = escape.call(escape.number("dup"), 1)
    if not got then return got, why end
  end
end)
refuses("prlimit64", 0, 7, "\255\255\0\0\0\0\0\0\255\255\0\0\0\0\0\0", 0)
dies("a file of many gigabytes", 25, function(path)
  local file = assert(io.open(path, "w"))
  file:seek("set", 2 ^ 32)
  file:write("x")
  file:close()
end, here .. "/writable/large")

refused("a larger segment", "Operation not permitted", function()
  for fd = 3, 300 do
    local bytes = escape.buffer(16)
    if escape.call(escape.number("pread64"), fd, bytes, 4, 0) == 4 and escape.text(bytes, 4) == "noom" then
      return escape.call(escape.number("ftruncate"), fd, 2 ^ 30)
    end
  end
  return true
end)

-- The segment: at its address there is nothing, or what the worker has itself.
local address = array:address()
if type(address) == "userdata" then address = tonumber((tostring(address):match("0x%x+"))) end
run(function(at)
  for offset = 0, 4095 do escape.poke(at + offset) end
end, address)
for i = 1, #array do if array[i] ~= 7 then fail("the program's array was written", i, array[i]) break end end

-- Another worker's error names the call.
local pool = P.Pool({ workers = 1, sandbox = rules })
local ok, why = pcall(pool.apply, pool, call, "mount", "none", "/", "tmpfs", 0, "")
if ok or why.kind ~= "died" or not tostring(why):find("the sandbox refused the system call mount", 1, true) then
  fail("the pool's error", ok, tostring(why))
end
assert(pool:apply(function(x) return x + 1 end, 1) == 2)

-- Frames that the worker's own code would not send.
local function forge(payload)
  for fd = 3, 300 do
    local frame = string.pack("<I4i4I8I8I8", 10, 0, 0, 0, #payload)
    escape.call(escape.number("write"), fd, frame .. payload, #frame + #payload)
  end
  while true do end
end
local function envelope(outcome, count, first) return string.pack("<B xxx I4 I8 I8 I8", outcome, count, 0, first, 0) end
for name, payload in pairs({
  ["a short frame"] = "x", ["an outcome that there is not"] = envelope(77, 0, 0) .. mm.dumps(1),
  ["no message"] = envelope(0, 1, 1) .. "nonsense", ["another part"] = envelope(3, 1, 9) .. mm.dumps(1),
}) do
  count = count + 1
  ok, why = pcall(pool.apply, pool, forge, payload)
  if ok or why.kind ~= "died" then fail(name, ok, tostring(why)) end
end
count = count + 1
ok, why = pcall(pool.apply, pool, forge, envelope(0, 1, 1) .. mm.dumps(function() return 1 end))
if ok or not tostring(why):find("a sandboxed worker sent a function", 1, true) then fail("a function", ok, tostring(why)) end
pool:terminate()

-- An error whose value is a number for strangers, with a new body for a class of the program behind it.
local Class = { name = function() return "the program's" end }
Class.__index = Class
local object = setmetatable({}, Class)
pool = P.Pool({ workers = 1, sandbox = rules })
count = count + 1
ok, why = pcall(pool.apply, pool, function(o)
  getmetatable(o).name = function() return "the worker's" end
  local manymoons = require("manymoons")
  local bytes = manymoons.dumps(o)
  local at = string.unpack("<I4", bytes, #bytes - 3) + 1
  local head = at + 24 + 3 -- behind id, version, hint and first handle
  local class = bytes:sub(at, at + 23) .. "\9\0\0" .. bytes:sub(head, -5)
  local body = "\1\65" .. class .. string.pack("<I4", 14)
  local value = "M" .. bytes:sub(2, 2) .. "\24\0" .. string.pack("<I4 I4", #body, 0) .. body
  forge(envelope(1, 0, 0) .. manymoons.dumps({ message = "forged", kind = "error", value = value }))
end, object)
if ok or not tostring(why):find("forged", 1, true) then fail("a forged failure", ok, tostring(why)) end
if object:name() ~= "the program's" then fail("a class of the program", object:name()) end
pool:terminate()

assert(secret:read("*a") == "secret\n")
if worker then io.stderr:write(worker:said()) end
server:close()
if #failed > 0 then error(#failed .. " of " .. count .. " attempts:\n" .. table.concat(failed, "\n"), 0) end
assert(count >= 100, count)
END

# Its output is a pipe, which Landlock would let a worker open for reading.
for method in forkserver spawn fork broker; do
  if [ $method = broker ]; then
    command -v redis-server >found || continue
    case $MM_BUILD in */asan) continue ;; esac # a process for each of its tasks takes the sanitizer minutes
  fi
  {
    status=0
    LUA_PATH="$MM_TOP/tests/support/?.lua;;" "$MM_BUILD/manymoons" escapes.lua "$here" $method 2>errors || status=$?
    echo $status >status
  } | cat
  status=$(cat status)
  [ "$status" = 0 ] || {
    [ $status = 77 ] && echo SKIPPED
    cat errors
    exit $status
  }
  # Each call that ends a worker is named.
  for call in mount execve ptrace keyctl io_uring_setup memfd_create bpf; do
    grep -qE "the sandbox refused the system call $call(\$|\))" errors || { echo "$method: $call is not named"; cat errors; exit 1; }
  done
done
