-- SPDX-License-Identifier: MIT
-- variants: release
-- `manymoons dashboard URL`: all pools of the server, one with its tasks and dead letters, and what operators do; an
-- action comes from its page alone, which has its key.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local native, json = mm._native, mm._require("core.json")
local server = broker.server()
local q = broker.quote

local log = broker.file("dashboard")
broker.start(broker.program .. " dashboard --listen 127.0.0.1:0 " .. q(server.url), log)
local address = broker.eventually("it listens", function()
  local file = io.open(log)
  local text = file and file:read("*a")
  if file then file:close() end
  return text and text:match("^http://(%S+)/\n")
end)

-- One request over a connection of its own: bytes until is_enough(text), or until the server closes it.
local function ask(method, path, headers, body, is_enough)
  local stream = assert(native.socket_connect(address, expect.HANG))
  assert(stream:send(("%s %s HTTP/1.1\r\nHost: %s\r\n%sContent-Length: %d\r\n\r\n%s"):format(method, path, address,
    headers or "", #(body or ""), body or ""), expect.HANG))
  local parts = {}
  repeat
    local byte, why = stream:receive(1, expect.HANG)
    if not byte then expect.truthy(why ~= "timeout", path) end
    parts[#parts + 1] = byte
  until not byte or byte == "\n" and is_enough and is_enough(table.concat(parts))
  stream:close()
  local text = table.concat(parts)
  return tonumber(text:match("^HTTP/1.1 (%d+)")), text:match("\r\n\r\n(.*)$")
end

-- The first event of a topic of which `is_it` holds.
local function event(topic, is_it)
  local found
  ask("GET", "/events?topic=" .. topic, nil, nil, function(text)
    local line = text:match("data: ([^\n]*)\n$")
    found = line and json.decode(line) or nil
    return found ~= nil and is_it(found)
  end)
  return found
end

local pool = mm.Pool{ broker = server.url, name = "jobs" }
local later = pool:post("string:upper", { "later" }, { delay = 3600 })
pool:post(function(text) error("no " .. text, 0) end, { "<b>luck</b>" }, { retries = 0 })
broker.worker(server, "jobs", "--slots 2 --processes")

local all = event("pools", function(found) return found.pools[1] ~= nil end)
expect.equal(all.pools[1].name, "jobs")
local one = event("pool/jobs", function(found) return found.dead == 1 and #found.workers == 1 end)
expect.equal(one.letters[1].why, "no <b>luck</b>")
expect.equal({ one.tasks[1].id, one.tasks[1].state, one.tasks[1].func }, { later, "due later", "string:upper" })

local id = one.letters[1].id
local status, text = ask("GET", "/pool/jobs/letter/" .. id)
expect.equal({ status, json.decode(text).arguments }, { 200, '"<b>luck</b>"' })
expect.equal((ask("GET", "/pool/other/letter/" .. id)), 404)
expect.equal((ask("GET", "/pool/jobs/letter/1-1")), 404)

-- Without the key of the page, as from another site's page, nothing is done.
local _, page = ask("GET", "/")
local key = "X-Manymoons-Key: " .. page:match('"key":"(%x+)"') .. "\r\n"
expect.equal((ask("POST", "/pool/jobs/pause")), 403)
expect.equal((ask("POST", "/pool/jobs/pause", "X-Manymoons-Key: 00\r\n")), 403)
expect.equal(event("pool/jobs", function() return true end).paused, false)
expect.equal((ask("POST", "/pool/jobs/pause", key)), 200)
expect.truthy(event("pool/jobs", function(found) return found.paused end))
expect.equal((ask("POST", "/pool/jobs/resume", key)), 200)
expect.equal((ask("POST", "/pool/jobs/flush", key)), 409)
expect.equal((ask("POST", "/pool/jobs/cancel", key, later)), 200)
expect.equal((pcall(mm.result, server.url, later, expect.HANG)), false)
expect.equal((ask("POST", "/pool/jobs/retry", key, id)), 200)
local retried = event("pool/jobs", function(found) return found.letters[1] and found.letters[1].id ~= id end)
local again = retried.letters[1].id
expect.equal((ask("POST", "/pool/jobs/delete", key, again)), 200)
expect.equal((ask("POST", "/pool/jobs/delete", key, again)), 409)
