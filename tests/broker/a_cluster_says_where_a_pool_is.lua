-- SPDX-License-Identifier: MIT
-- variants: release asan
-- Two nodes of a cluster, of which the one that is asked has none of the keys: workers, pools and queues go where they
-- are told; and go back to asking when the slots move.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local nodes = {}
for i = 1, 2 do
  local port
  repeat -- the cluster's own port is 10000 above
    local listener = mm.Listener("127.0.0.1:0")
    port = tonumber(listener.address:match(":(%d+)$"))
    listener:close()
  until port < 55000
  nodes[i] = broker.server("--bind 127.0.0.1 --cluster-enabled yes --cluster-allow-replica-migration no "
    .. "--cluster-config-file nodes.conf --port " .. port)
  nodes[i].port = port
end
nodes[1]:cli("cluster meet 127.0.0.1 " .. nodes[2].port)
nodes[2]:cli("cluster addslotsrange 0 16383")
local function await_cluster()
  broker.eventually("both nodes know where all slots are", function()
    local ok = "cluster_state:ok"
    return nodes[1]:cli("cluster info"):find(ok) and nodes[2]:cli("cluster info"):find(ok)
  end)
end
await_cluster()
local url = "redis://127.0.0.1:" .. nodes[1].port
local worker = broker.worker(url, "jobs", "--slots 1 --lease 1")
local pool = mm.Pool{ broker = url, name = "jobs" }
expect.equal(pool:map(function(x) return x * 2 end, { 1, 2, 3 }), { 2, 4, 6 })
local q = mm.Queue{ broker = url, name = "items" }
expect.equal(q:put("item"), true)
expect.equal(q:get(expect.HANG), "item")
expect.truthy(broker.run(broker.program .. " pool " .. url .. " jobs"):find("1 worker with"), "shown")

-- All slots move, empty, to the other node. Its claim has the highest epoch, so that no older claim takes them back.
worker:kill("TERM")
worker:wait()
nodes[2]:cli("flushall")
nodes[1]:cli("cluster bumpepoch")
nodes[2]:cli("cluster delslotsrange 0 16383")
broker.eventually("the other node has the slots", function()
  nodes[1]:cli("cluster delslotsrange 0 16383")
  return nodes[1]:cli("cluster addslotsrange 0 16383"):find("^OK")
end)
await_cluster()
broker.worker("redis://127.0.0.1:" .. nodes[2].port, "jobs", "--slots 1 --lease 1")
expect.equal(pool:apply(function(x) return x + 1 end, 1), 2)
expect.equal(q:put("again"), true)
expect.equal(q:get(expect.HANG), "again")
pool:close()
expect.equal(pool:join(expect.HANG), true)
