-- SPDX-License-Identifier: MIT
-- A film of a dive into the Mandelbrot set: each frame is a task.
--
--   manymoons scripts/film.lua [options] [film.y4m]
--     --frames N      number of frames (default: 100)
--     --width N       width of the film in pixels (default: 320); the height is three quarters of it
--     --broker URL    render on the pool "film" of that Redis or Valkey server, with workers started by
--                     manymoons worker URL --pool film
--     --machines N    start a server and N workers on this machine; as root, each in a network namespace of its own,
--                     which stands for a machine
--     --kill N        with --machines: N times, kill a worker during the work and start another one
--
-- Without --broker and --machines the pool is on this machine. The film is YUV4MPEG2, which needs no library; mpv,
-- ffmpeg and VLC play it. Frames arrive in any order and are written in theirs. Some frames are rendered a second time
-- here, to check that frames from other workers, some of which were killed, are identical.
local mm = require("manymoons")

local options = { frames = 100, width = 320, machines = 0, kill = 0 }
local i = 1
while arg[i] do
  local name = arg[i]:match("^%-%-(%a+)$")
  if name == "broker" then
    options.broker, i = arg[i + 1], i + 1
  elseif name and options[name] then
    options[name], i = math.floor(assert(tonumber(arg[i + 1]), arg[i] .. ": a number expected")), i + 1
  elseif not name and not options.path then
    options.path = arg[i]
  else
    error("unexpected '" .. arg[i] .. "'; see the head of " .. arg[0], 0)
  end
  i = i + 1
end
local width = options.width - options.width % 4
local height = width * 3 / 4
local path = options.path or "film.y4m"

-- A frame: all its input is in its arguments, because it may run anywhere --------------------------------------------

local function render(columns, rows, number, frames)
  local CENTRE_X, CENTRE_Y = -0.743643887037151, 0.131825904205330
  local span = 3.2 * 0.0004 ^ (number / frames)
  local most = 200 + number * 2
  local step = span / columns
  local luma, blue, red = {}, {}, {}
  local char, floor, log, cos = string.char, math.floor, math.log, math.cos
  for row = 0, rows - 1 do
    local y0 = CENTRE_Y + (row - rows / 2) * step
    local lumas, blues, reds = {}, {}, {}
    for column = 0, columns - 1 do
      local x0 = CENTRE_X + (column - columns / 2) * step
      local x, y, n = 0.0, 0.0, 0
      while n < most do
        local xx, yy = x * x, y * y
        if xx + yy > 64 then break end
        x, y, n = xx - yy + x0, 2 * x * y + y0, n + 1
      end
      local a, b, c = 16, 128, 128
      if n < most then
        local smooth = n + 1 - log(log(x * x + y * y) / 2) / log(2)
        local turn = log(smooth + 2) * 2.4
        a = floor(126 - 100 * cos(turn))
        b = floor(128 + 70 * cos(turn * 0.7 + 1))
        c = floor(128 - 60 * cos(turn * 0.9 + 2))
      end
      lumas[column + 1], blues[column + 1], reds[column + 1] = char(a), char(b), char(c)
    end
    luma[row + 1], blue[row + 1], red[row + 1] = table.concat(lumas), table.concat(blues), table.concat(reds)
  end
  return table.concat(luma) .. table.concat(blue) .. table.concat(red)
end

-- Machines -----------------------------------------------------------------------------------------------------------

local farm = { workers = {}, killed = 0 }

local function run(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local text = pipe:read("*a"):gsub("%s+$", "")
  return text, pipe:close()
end

local function must(command)
  local text, ok = run(command)
  if not ok then error(command .. ": " .. text, 0) end
  return text
end

local function start(command)
  return must(string.format("{ %s </dev/null >>%s/log 2>&1 & echo $!; }", command, farm.folder))
end

-- A namespace, with a cable to the bridge of the first one.
local function new_machine(number)
  if not farm.has_namespaces then return "" end
  local ns, cable = farm.name .. number, "v" .. number
  must("ip netns add " .. ns)
  must(string.format("ip -n %sb link add %s type veth peer name eth0 netns %s", farm.name, cable, ns))
  must(string.format("ip -n %sb link set %s master br0 up && ip -n %s link set lo up", farm.name, cable, ns))
  must(string.format("ip -n %s addr add 10.98.0.%d/24 dev eth0 && ip -n %s link set eth0 up", ns, number + 1, ns))
  return "ip netns exec " .. ns .. " "
end

local function start_worker(number)
  farm.workers[number] = start(string.format("%s%s worker %s --pool film --slots 1 --lease 2 --secret-file %s/secret",
    farm.machines[number], farm.program, farm.url, farm.folder))
end

-- Ends everything, in whatever way this script ends: its standard input closes then.
local function watch_over()
  farm.watcher = assert(io.popen(string.format([[cat >/dev/null
    for pid in $(cat %s/pids); do kill -9 $pid; done 2>/dev/null
    for n in $(ip netns list 2>/dev/null | sed 's/ .*//' | grep '^%s'); do ip netns del $n; done
    rm -rf %s]], farm.folder, farm.name, farm.folder), "w"))
end

local function note_pids()
  local file = assert(io.open(farm.folder .. "/pids", "w"))
  file:write(farm.server, " ", table.concat(farm.workers, " "), "\n")
  file:close()
end

local function build_farm(count)
  local program = arg[-1] or "manymoons"
  farm.program = program:find("/") and must("readlink -f " .. program) or program
  farm.folder = must("mktemp -d /tmp/film.XXXXXX") -- short: it holds a Unix socket
  farm.name = "film" .. mm.current_process().pid
  watch_over()
  must(string.format("umask 077; head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \\n' >%s/secret", farm.folder))
  farm.has_namespaces = select(2, run("ip netns add " .. farm.name .. "b")) == true
  if farm.has_namespaces then
    must(string.format("ip -n %sb link add br0 type bridge && ip -n %sb link set br0 up", farm.name, farm.name))
  end
  farm.machines = {}
  local server = new_machine(0)
  local socket = farm.folder .. "/socket"
  farm.server = start(string.format("%sredis-server --port %s --bind 0.0.0.0 --protected-mode no --unixsocket %s "
    .. "--dir %s --save '' --appendonly yes", server, farm.has_namespaces and "6379" or "0", socket, farm.folder))
  note_pids()
  farm.own_url = "unix://" .. socket
  farm.url = farm.has_namespaces and "redis://10.98.0.1/0" or farm.own_url
  for number = 1, count do
    farm.machines[number] = new_machine(number)
    start_worker(number)
  end
  note_pids()
  for _ = 1, 500 do
    if io.open(socket) or select(2, run("test -S " .. socket)) then break end
    mm.sleep(0.01)
  end
  return farm.own_url, farm.folder .. "/secret"
end

-- Kills one worker and starts another one; the others take over its tasks.
local function kill_one(count)
  local number = farm.killed % count + 1
  farm.killed = farm.killed + 1
  run("kill -9 " .. farm.workers[number])
  start_worker(number)
  note_pids()
end

-- The film -----------------------------------------------------------------------------------------------------------

local broker, secret_file = options.broker, nil
if options.machines > 0 then broker, secret_file = build_farm(options.machines) end
local pool = broker and mm.Pool{ broker = broker, name = "film", secret_file = secret_file, retries = 5 } or mm.Pool()

local arguments = {}
for number = 1, options.frames do arguments[number] = { width, height, number, options.frames } end
local file = assert(io.open(path, "wb"))
file:write(string.format("YUV4MPEG2 W%d H%d F25:1 Ip A1:1 C444\n", width, height))
local begun, written = mm.time(), 0
local futures = {}
for number = 1, options.frames do futures[number] = pool:apply_async(render, arguments[number]) end
for number = 1, options.frames do
  local frame = futures[number]:get()
  assert(#frame == width * height * 3, "a frame of " .. #frame .. " bytes")
  file:write("FRAME\n", frame)
  written, futures[number] = written + 1, false
  if number % math.max(1, options.frames // 4) == 0 then
    assert(frame == render(width, height, number, options.frames), "frame " .. number .. " is another one here")
  end
  if farm.killed < options.kill and number * (options.kill + 1) >= (farm.killed + 1) * options.frames then
    kill_one(options.machines)
  end
end
file:close()
local seconds = mm.time() - begun
pool:close()
pool:join()
if farm.watcher then farm.watcher:close() end
print(string.format("%d frames of %d x %d", written, width, height))
io.stderr:write(string.format("%s: %.1f s, %.1f frames a second%s\n", path, seconds, written / seconds,
  farm.killed > 0 and ", " .. farm.killed .. " workers killed" or ""))
