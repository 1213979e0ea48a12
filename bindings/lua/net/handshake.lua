-- SPDX-License-Identifier: MIT
-- The handshake that proves a common key, and the handshakes that a listener has not finished.
--
--     greeting   "MM" version ("K": with a key, "-": without) 32 random bytes           server → client
--     proof      32 random bytes, HMAC-SHA256(key, "client" greeting random)            client → server
--     verdict    "K" HMAC-SHA256(key, "server" random greeting), or "N" and 32 zeroes   server → client
--
-- All messages have a fixed size. Without a key the MACs are zeroes. A side with a key refuses a peer without one, so
-- no peer can turn the key off.
--
-- A stranger can open connections and say nothing. So a listener has room for a number of unfinished handshakes, each
-- has some seconds, and where there is no more room a random one of the host that has most of them goes for the
-- newcomer: strangers cannot keep a client with the key out, which needs its place for some milliseconds. Unfinished
-- handshakes do not take the last descriptors of the process either.
local _, native = ...

local VERSION = "\1"
local NONCE, MAC = 32, 32
local GREETING, PROOF, VERDICT = 4 + NONCE, NONCE + MAC, 1 + MAC
local SECONDS = 5
-- Unfinished ones of a listener, and of them those of one host.
local MOST, MOST_OF_HOST = 128, 64

local handshake = {}

local ZEROES = string.rep("\0", MAC)

local function mac(key, ...) return key and native.hmac_sha256(key, table.concat({ ... })) or ZEROES end

-- The client's side -----------------------------------------------------------------------------------

-- Seconds until a time; nil: for ever.
function handshake.left(ends) return ends < math.huge and math.max(0, ends - native.time()) or nil end

-- True; or nil and why: "closed" if the listener ended the connection without a verdict.
function handshake.as_client(stream, key, ends)
  local function receive(size) return stream:receive(size, handshake.left(ends)) end
  local greeting, why = receive(GREETING)
  if not greeting then return nil, why end
  if greeting:sub(1, 3) ~= "MM" .. VERSION then return nil, "no listener of manymoons, or of another version" end
  local nonce = native.random_bytes(NONCE)
  if greeting:sub(4, 4) ~= (key and "K" or "-") then return nil, "authentication failed" end
  stream:send(nonce .. mac(key, "client", greeting, nonce), handshake.left(ends))
  local verdict
  verdict, why = receive(VERDICT)
  if not verdict then return nil, why end
  local is_right = verdict:sub(1, 1) == "K"
    and native.is_same(verdict:sub(2), mac(key, "server", nonce, greeting))
  if not is_right then return nil, "authentication failed" end
  return true
end

-- The server's side -----------------------------------------------------------------------------------

-- It runs in steps that do not wait, so a slow client does not delay others. Methods of the unfinished handshakes of a
-- listener, a list:
local Unfinished = {}
local unfinished_meta = { __index = Unfinished }

function handshake.new_list(key) return setmetatable({ key = key, of_host = {} }, unfinished_meta) end

local function take_out(self, place)
  local one = table.remove(self, place)
  local count = self.of_host[one.host] - 1
  self.of_host[one.host] = count > 0 and count or nil
  return one
end

-- Ends a random one of the host that has most of them; false: there is none.
function Unfinished.drop_one(self)
  local most = 0
  for _, count in pairs(self.of_host) do most = math.max(most, count) end
  local places = {}
  for place, one in ipairs(self) do
    if self.of_host[one.host] == most then places[#places + 1] = place end
  end
  if #places == 0 then return false end
  local a, b = native.random_bytes(2):byte(1, 2)
  take_out(self, places[(a * 256 + b) % #places + 1]).stream:close()
  return true
end

local function has_room(self, host, stream)
  if #self == 0 then return true end
  return #self < MOST and (self.of_host[host] or 0) < MOST_OF_HOST and not stream:is_scarce()
end

function Unfinished.begin(self, stream)
  local greeting = "MM" .. VERSION .. (self.key and "K" or "-") .. native.random_bytes(NONCE)
  if not stream:send(greeting, 0) then return stream:close() end
  local host = stream:peer()
  if not has_room(self, host, stream) then self:drop_one() end
  self.of_host[host] = (self.of_host[host] or 0) + 1
  self[#self + 1] = { stream = stream, host = host, greeting = greeting, ends = native.time() + SECONDS }
end

-- Takes the proof: nil if it has not come yet, or whether it is right.
local function go_on(one, key)
  local proof, why = one.stream:receive(PROOF, 0)
  if not proof then
    if why == "timeout" then return nil end
    return false
  end
  local nonce = proof:sub(1, NONCE)
  local is_right = native.is_same(proof:sub(NONCE + 1), mac(key, "client", one.greeting, nonce))
  local verdict = is_right and "K" .. mac(key, "server", nonce, one.greeting) or "N" .. ZEROES
  return one.stream:send(verdict, 0) and is_right or false
end

-- Ends those that failed or took too long. The stream of a finished one, false for a failed one, or nil.
function Unfinished.finish_one(self)
  local now = native.time()
  for place = #self, 1, -1 do
    local one = self[place]
    local is_right = go_on(one, self.key)
    if is_right ~= nil or now >= one.ends then
      take_out(self, place)
      if not is_right then one.stream:close() end
      if is_right ~= nil then return is_right and one.stream end
    end
  end
end

-- Adds the descriptors to wait for to `list`; returns the time at which the first one is over.
function Unfinished.watch(self, list)
  local ends = math.huge
  for _, one in ipairs(self) do
    list[#list + 1] = one.stream:fileno()
    ends = math.min(ends, one.ends)
  end
  return ends
end

function Unfinished.close(self)
  while #self > 0 do take_out(self, #self).stream:close() end
end

return handshake
