-- SPDX-License-Identifier: MIT
-- `manymoons stack PID`: prints the Lua stacks of all VMs, threads and processes of a running program, with what each
-- thread does, and the locks for which somebody waits. The program is profiled for a moment (profile/attaching.h).
local mm = require("manymoons")
local require, native = mm._require, mm._native

local checks = require("core.checks")
local attach = require("profile.attach")
local text = require("profile.text")
local tree = require("profile.tree")
local usage = require("terminal.usage")

local RATE, LOOK_EVERY, MOST_SECONDS, ENOUGH_SECONDS = 100, 0.05, 2, 0.35
local USAGE = [[
usage: manymoons stack PID
Prints the Lua stacks of all VMs, threads and processes of a running program, what each of them does or waits for, and
who holds the locks. PID is any process of the program. The program goes on.
]]

local function leave(code, words)
  if words then io.stderr:write("manymoons stack: ", words, "\n") end
  os.exit(code)
end

local function refuse(words) usage.refuse("stack", words) end

local function read_pid(words)
  if words[1] == "--help" or words[1] == "-h" then
    io.stdout:write(USAGE)
    leave(0)
  end
  local pid = #words == 1 and checks.digits(words[1])
  return pid or refuse("which program? give a PID (manymoons stack PID)")
end

local STATES = {
  ran = "runs",
  ready = "is ready to run, without a processor",
  call = "waits in a call",
  slept = "sleeps",
}

-- The thread that holds the lock of a thread's VM, or nil.
local function holder_of(threads, waiter)
  for _, thread in ipairs(threads) do
    local is_same_vm = thread.pid == waiter.pid and thread.vm == waiter.vm
    if is_same_vm and thread ~= waiter and (thread.state == "ran" or thread.state == "ready") then return thread end
  end
end

-- The endless wait of the thread (deadlock/endless_wait.h) in words, or nil.
local function wait_of(waits, thread)
  for _, wait in ipairs(waits) do
    if wait.pid == thread.pid and wait.tid == thread.thread then
      local holder = wait.holder and ("%sprocess %.0f%s"):format(wait.holder_name and wait.holder_name .. " (" or "",
        wait.holder, wait.holder_name and ")" or "")
      return native.printable(wait.text .. (holder and ", held by " .. holder or ""))
    end
  end
end

local function activity(threads, thread, waits)
  if thread.state == "call" then return wait_of(waits, thread) or STATES.call end
  if thread.state ~= "lock" then return STATES[thread.state] or "does what is not known" end
  local holder = holder_of(threads, thread)
  return "waits for the lock of VM " .. thread.vm .. (holder and ", which " .. holder.name .. " holds" or "")
end

local function call_line(call)
  local f = call.f
  if f.kind ~= "lua" then return ("    %s %s\n"):format(f.name, tree.place_of(f)) end
  local place = call.line > 0 and f.file .. ":" .. call.line or f.file
  return ("    %s (%s)\n"):format(f.name, place)
end

local function print_threads(threads, waits)
  local pid
  for _, thread in ipairs(threads) do
    if thread.pid ~= pid then io.stdout:write(pid and "\n" or "", ("process %d\n"):format(thread.pid)) end
    pid = thread.pid
    io.stdout:write(("  %s, VM %d, thread %d: %s\n"):format(tree.title_of(thread), thread.vm, thread.thread,
      activity(threads, thread, waits)))
    for _, call in ipairs(thread.calls) do io.stdout:write(call_line(call)) end
    if #thread.calls == 0 then io.stdout:write("    (no function of the script)\n") end
  end
end

local function print_locks(view)
  for _, lock in ipairs(view and view.locks or {}) do
    if lock.waiting > 0 then
      local holder = lock.holder > 0 and ("held by process %.0f"):format(lock.holder) or "held by no process"
      io.stdout:write(("\n%s: %.0f waiting, %s\n"):format(lock.kind, lock.waiting, holder))
    end
  end
end

-- Whether every process of the list has been looked at.
local function are_all_there(found, pids)
  local there = {}
  for _, process in ipairs(found) do
    for _, stack in ipairs(process.stacks) do there[process.pid] = there[process.pid] or stack[2] ~= 0 end
  end
  for _, pid in ipairs(pids) do
    if not there[pid] then return false end
  end
  return true
end

local function look(pid, generation, pids)
  local started = mm.time()
  while true do
    mm.sleep(LOOK_EVERY)
    local found, why = native.profile_read(pid, generation)
    local passed = mm.time() - started
    if not found or passed >= MOST_SECONDS then return found, why end
    if passed >= ENOUGH_SECONDS and are_all_there(found, pids) then return found end
  end
end

local function print_silent(found, pids)
  for _, line in ipairs(text.silent(found, pids)) do io.stdout:write("\n", line) end
end

local pid = read_pid({ ... })
local generation, pids = attach(pid, RATE, MOST_SECONDS + 1)
if not generation then leave(1, "process " .. pid .. ": " .. pids) end
local found, why = look(pid, generation, pids)
native.profile_detach(pid, generation)
if not found then leave(1, "process " .. pid .. ": " .. why) end
local view = native.inspect(pid)
print_threads(tree.present(found), view and view.waits or {})
print_silent(found, pids)
print_locks(view)
leave(0)
