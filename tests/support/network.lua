-- SPDX-License-Identifier: MIT
-- Simulated machines: network namespaces on a bridge. A machine's link can be cut without an error at either end. Needs
-- root; without it the test is skipped.
local broker = require "broker"

local network = {}

local prefix = "mm" .. require("manymoons")._native.pid()

local function must(command)
  local text, ok = broker.run(command)
  if not ok then error(command .. ": " .. text, 2) end
end

if not select(2, broker.run("ip netns add " .. prefix .. "b")) then
  io.stderr:write("SKIPPED: no network namespaces: this needs root\n")
  os.exit(77)
end

local bridge = prefix .. "b"
local made = { bridge }
must(string.format("ip -n %s link add br0 type bridge && ip -n %s link set br0 up", bridge, bridge))

-- However the test ends, its namespaces are removed; the watcher of broker.lua ends the processes in them.
broker.at_end("for n in $(ip netns list | sed 's/ .*//' | grep '^" .. prefix .. "'); do ip netns del $n; done")

local Machine = {}
Machine.__index = Machine

function network.machine(name)
  local number = #made
  local self = setmetatable({ ns = prefix .. name, cable = "v" .. number, address = "10.99.0." .. number + 1 }, Machine)
  made[#made + 1] = self.ns
  must("ip netns add " .. self.ns)
  must(string.format("ip -n %s link add %s type veth peer name eth0 netns %s", bridge, self.cable, self.ns))
  must(string.format("ip -n %s link set %s master br0 up", bridge, self.cable))
  must(string.format("ip -n %s link set lo up && ip -n %s addr add %s/24 dev eth0 && ip -n %s link set eth0 up",
    self.ns,
    self.ns, self.address, self.ns))
  self.prefix = "ip netns exec " .. self.ns
  return self
end

-- Drops all packets, while the link stays up.
local function set_state(machine, state)
  must(string.format("ip netns exec %s bridge link set dev %s state %d", bridge, machine.cable, state))
end

function Machine.cut(self) set_state(self, 0) end
function Machine.heal(self) set_state(self, 3) end

return network
