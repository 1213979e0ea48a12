-- SPDX-License-Identifier: MIT
-- TLS by LuaSec in tasks: servers and clients of one thread shake hands, send and receive at the same time, and a text
-- that fills all buffers arrives whole.
-- worlds: async threads
local mm = require "manymoons"
local expect = require "expect"
local has_socket, socket = pcall(require, "socket")
local has_ssl, ssl = pcall(require, "ssl")
if not has_socket or not has_ssl then
  io.stderr:write("SKIPPED: luasocket or LuaSec is not installed for this Lua\n")
  os.exit(77)
end

local folder = os.tmpname()
os.remove(folder)
local made = os.execute(("mkdir %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
  .. "-keyout %s/key -out %s/certificate -days 2 -subj /CN=localhost 2>/dev/null"):format(folder, folder, folder))
expect.truthy(made == true or made == 0, "openssl makes a certificate")

mm.async.patch_socket()
local async = mm.async
local CLIENTS, LONG = 3, 300000

local server = assert(socket.bind("127.0.0.1", 0))
local _, port = server:getsockname()

local function secure(connection, mode)
  local params = { mode = mode, protocol = "any", verify = "none", options = "all" }
  if mode == "server" then params.key, params.certificate = folder .. "/key", folder .. "/certificate" end
  local secured = assert(ssl.wrap(connection, params))
  assert(secured:dohandshake())
  return secured
end

local here, most, answers = 0, 0, {}
local function answer(connection)
  local secured = secure(connection, "server")
  local line = assert(secured:receive("*l"))
  here = here + 1
  most = math.max(most, here)
  while most < CLIENTS do mm.sleep(0.001) end -- no client has an answer before all have asked
  assert(secured:send(line:upper() .. "\n" .. ("x"):rep(LONG) .. "\n"))
  secured:close()
end

async.run(function()
  async.group(function(g)
    g:spawn(function()
      for _ = 1, CLIENTS do g:spawn(answer, assert(server:accept())) end
    end)
    for i = 1, CLIENTS do
      g:spawn(function()
        local connection = assert(socket.tcp())
        assert(connection:connect("localhost", port))
        local secured = secure(connection, "client")
        assert(secured:send("hello " .. i .. "\n"))
        answers[i] = { assert(secured:receive("*l")), #assert(secured:receive("*l")) }
        secured:close()
      end)
    end
  end)
end)
os.execute("rm -r " .. folder)
for i = 1, CLIENTS do expect.equal(answers[i], { "HELLO " .. i, LONG }) end
