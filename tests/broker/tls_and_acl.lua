-- SPDX-License-Identifier: MIT
-- variants: release asan
-- rediss:// with an authority of its own and certificates of clients; a wrong authority, and a wrong name, are
-- refused. A user who may touch one pool's keys alone serves and uses that pool, and no other.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

if broker.run("command -v openssl") == "" then
  io.stderr:write("SKIPPED: there is no openssl\n")
  os.exit(77)
end

local function path(name) return broker.file(name) end
local function make_authority(name)
  broker.run(string.format("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=%s -keyout %s -out %s", name,
    path(name .. ".key"), path(name .. ".crt")))
end
local function make_certificate(name, names)
  broker.run(string.format("openssl req -newkey rsa:2048 -nodes -subj /CN=%s -keyout %s -out %s", name,
    path(name .. ".key"), path(name .. ".csr")))
  local file = assert(io.open(path(name .. ".ext"), "w"))
  file:write("subjectAltName=", names, "\n")
  file:close()
  broker.run(string.format("openssl x509 -req -in %s -CA %s -CAkey %s -CAcreateserial -days 2 -extfile %s -out %s",
    path(name .. ".csr"), path("ours.crt"), path("ours.key"), path(name .. ".ext"), path(name .. ".crt")))
end
make_authority("ours")
make_authority("theirs")
make_certificate("server", "DNS:localhost,IP:127.0.0.1")
make_certificate("elsewhere", "DNS:elsewhere")
make_certificate("client", "DNS:client")

local function tls_server(certificate)
  local listener = mm.Listener("127.0.0.1:0")
  local port = listener.address:match(":(%d+)$")
  listener:close()
  broker.server(string.format("--tls-port %s --tls-cert-file %s --tls-key-file %s --tls-ca-cert-file %s", port,
    path(certificate .. ".crt"), path(certificate .. ".key"), path("ours.crt")))
  return port
end

local port = tls_server("server")
local with_client = "&cert=" .. path("client.crt") .. "&key=" .. path("client.key")
for _, host in ipairs({ "127.0.0.1", "localhost" }) do
  local url = "rediss://" .. host .. ":" .. port .. "/0?ca=" .. path("ours.crt") .. with_client
  local name = host:gsub("%W", "")
  local worker = broker.worker(url, name, "--slots 1 --lease 1")
  local pool = mm.Pool{ broker = url, name = name }
  expect.equal(pool:map(function(x) return x * 2 end, { 1, 2, 3 }), { 2, 4, 6 })
  local long = ("0123456789"):rep(300000)
  expect.equal(pool:apply(function(text) return text .. "!" end, long), long .. "!")
  pool:terminate()
  worker:kill("TERM")
  worker:wait()
end

local function refused(url, what)
  local ok, why = pcall(mm.Pool, { broker = url, name = "jobs" })
  expect.equal(ok, false)
  expect.truthy(tostring(why):find(what), tostring(why))
  local text = broker.run(broker.program .. " worker " .. broker.quote(url) .. " --pool jobs")
  expect.truthy(text:find(what), text)
end
refused("rediss://127.0.0.1:" .. port .. "/0?ca=" .. path("theirs.crt") .. with_client, "certificate is refused")
refused("rediss://127.0.0.1:" .. tls_server("elsewhere") .. "/0?ca=" .. path("ours.crt") .. with_client,
  "certificate is refused")
refused("rediss://127.0.0.1:" .. port .. "/0?ca=" .. path("absent.crt"), "cannot use the certificates of")

-- One user, one pool.
local server = broker.server()
server:cli("acl setuser ours on '>pass:word' '~manymoons:{ours}:*' '+@all' '-@admin' '-@dangerous'")
local function url_of(user, password) return "unix://" .. user .. ":" .. password .. "@" .. server.socket end
local worker = broker.worker(url_of("ours", "pass%3Aword"), "ours", "--slots 1 --lease 1")
local pool = mm.Pool{ broker = url_of("ours", "pass%3Aword"), name = "ours" }
expect.equal(pool:apply(function(x) return x + 1 end, 1), 2)
expect.truthy(not tostring(pool):find("word"), "no password is shown: " .. tostring(pool))
expect.truthy(not worker:said():find("word"), "nor logged")
pool:close()
expect.equal(pool:join(expect.HANG), true)
local q = mm.Queue{ broker = url_of("ours", "pass%3Aword"), name = "ours" }
expect.equal(q:put(1), true)
expect.equal(q:get(expect.HANG), 1)
local other = mm.Pool{ broker = url_of("ours", "pass%3Aword"), name = "theirs" }
local ok, err = pcall(other.apply, other, function() end)
expect.equal(ok, false)
expect.truthy(tostring(err):find("NOPERM"), tostring(err))
expect.raises("WRONGPASS", mm.Pool, { broker = url_of("ours", "wrong"), name = "ours" })
