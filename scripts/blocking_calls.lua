-- SPDX-License-Identifier: MIT
-- Waits that block in most languages, ten at once: a command, a pipe from a program, a socket, and a C function.
-- Usage: blocking_calls.lua [WAITS [SECONDS | together]]
--
-- Each row is ten waits of 0.1 s, with a worker for each. A wait leaves its VM's lock, or suspends its task alone, so
-- all are over in little more than the time of one; in `serial` they take the sum. The times, which are the machine's,
-- are on stderr. With `together` a wait lasts until all of its row have begun, which proves the same without a clock;
-- in `serial`, where that would be never, it lasts no time.
local mm = require "manymoons"

local count, seconds = tonumber(arg[1]) or 10, tonumber(arg[2]) or 0.1
local is_together = arg[2] == "together" and mm.current_world() ~= "serial"
if arg[2] == "together" then seconds = 0 end
local has_socket = pcall(require, "socket")

local folder = os.tmpname()
assert(os.remove(folder))
assert(os.execute("mkdir '" .. folder .. "'"))

-- Each wait leaves a file when it begins, and says how many of its row there were when it ended.
local function command(row, i)
  local wait = is_together and ("until [ $(ls %s.* | wc -l) -ge %d ]; do sleep 0.02; done"):format(row, count)
    or ("sleep %g"):format(seconds)
  return ("cd '%s' && touch %s.%d && { %s; } && ls %s.* | wc -l"):format(folder, row, i, wait, row)
end

local rows = {
  { name = "io.popen", wait = function(i)
    local pipe = assert(io.popen(command("popen", i)))
    local begun = tonumber(pipe:read("*l"))
    pipe:close()
    return begun
  end },
  { name = "os.execute", wait = function(i)
    local result = ("%s/execute-result.%d"):format(folder, i)
    os.execute(command("execute", i) .. " >" .. result)
    return tonumber((io.lines(result)()))
  end },
}

-- luasocket's sleep is a C function that keeps the lock, until patch_socket replaces it.
if has_socket then
  rows[#rows + 1] = { name = "mm.release", wait = function()
    require("manymoons").release(require("socket").sleep)(seconds)
  end }
  rows[#rows + 1] = { name = "socket.http", wait = function(_, port)
    require("manymoons").async.patch_socket()
    return tonumber((require("socket.http").request("http://127.0.0.1:" .. port .. "/")))
  end }
end

-- A server of its own, which answers each request after the time, with the number of those that came until then.
local function serve(ports)
  local m = require "manymoons"
  m.async.patch_socket()
  local socket = require "socket"
  local listener = assert(socket.bind("127.0.0.1", 0, 128))
  ports:put((select(2, listener:getsockname())))
  m.async.run(function()
    local came, all = 0, m.async.Event()
    while true do
      local client = assert(listener:accept())
      m.async.spawn(function()
        repeat local line = client:receive("*l") until not line or line == ""
        came = came + 1
        if came == count then all:set() end
        if is_together then all:wait() else m.sleep(seconds) end
        local text = tostring(came)
        client:send("HTTP/1.0 200 OK\r\nContent-Length: " .. #text .. "\r\n\r\n" .. text)
        client:close()
      end)
    end
  end)
end

local server, port
if has_socket then
  local ports = mm.processes.Queue()
  server = mm.processes.Process{ target = serve, args = { ports }, daemon = true }
  server:start()
  port = ports:get()
end

-- How long it took, and how many waits had begun when the first one ended; nil where nobody counts.
local function measure(row)
  local pool = mm.Pool{ workers = count }
  local begun_at, futures, fewest = mm.time(), {}, nil
  for i = 1, count do futures[i] = pool:submit(row.wait, i, port) end
  for i = 1, count do
    local begun = futures[i]:get()
    if begun then fewest = math.min(fewest or begun, begun) end
  end
  local took = mm.time() - begun_at
  pool:close()
  pool:join()
  return took, fewest
end

for _, row in ipairs(rows) do
  local took, fewest = measure(row)
  io.stderr:write(("%-12s %d waits of %g s took %.2f s%s\n"):format(row.name, count, seconds, took,
    fewest and (", %d had begun when the first one ended"):format(fewest) or ""))
  print(("%-12s %d waits"):format(row.name, count))
end

if server then server:terminate() end
os.execute("rm -r '" .. folder .. "'")
