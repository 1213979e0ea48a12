-- SPDX-License-Identifier: MIT
-- The dashboard's server: a page, events once a second for those that look, and actions.
--
-- Topics of /events: "programs", "program/PID", "pools", "pool/NAME"; only the topics that have readers are collected.
--
-- With a token, browsers that have it may come: it is in the address once, and then in a cookie. Without one the server
-- listens on this machine alone (cli/dashboard.lua), and answers processes of its own user and root's. Against pages
-- of other sites: a request has to name this server as its host, so that no name of another site leads here; an action
-- has to come with the key of this run, in a header, which no other site's page can read or send.
local require, native = ...

local hex = require("core.hex")
local json = require("core.json")
local waits = require("core.waits")
local programs = require("dashboard.programs")
local http_server = require("net.http_server")
local frame = require("page.frame")

local time = native.time

local Dashboard = {}
Dashboard.__index = Dashboard

-- Seconds from one look to the next, and of these for samples of the stacks.
local EVERY, SAMPLED = 1, 0.25
local COOKIE, KEY_HEADER = "manymoons_token", "x-manymoons-key"
local HTML, TEXT, JSON, EVENTS = "text/html; charset=utf-8", "text/plain; charset=utf-8", "application/json",
  "text/event-stream"
local SAFE = { "Referrer-Policy: no-referrer", "X-Frame-Options: DENY",
  "Content-Security-Policy: default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    .. "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" }

-- Access --------------------------------------------------------------------------------------------------------------

local LOOPBACK = { ["127.0.0.1"] = true, localhost = true, ["[::1]"] = true }

-- A browser that was led here by another name sends that name.
local function names_this_server(self, request)
  local host = (request.headers.host or ""):gsub(":%d+$", "")
  return LOOPBACK[host] or self.token ~= nil and host ~= ""
end

local function is_equal(text, secret)
  return text ~= nil and native.is_same(native.sha256(text), native.sha256(secret))
end

local function cookie_of(request)
  return (request.headers.cookie or ""):match("%f[%w_]" .. COOKIE .. "=([^;%s]+)")
end

-- True; or nil and why not.
local function may_come(self, request)
  if not names_this_server(self, request) then return nil, "this server has another name\n" end
  if self.token then
    local bearer = (request.headers.authorization or ""):match("^Bearer%s+(%S+)$")
    if is_equal(cookie_of(request), self.token) or is_equal(bearer, self.token) then return true end
    return nil, "a token is needed: open the address with ?token=TOKEN behind it\n"
  end
  if request.is_local_user() then return true end
  return nil, "only processes of the user that runs the dashboard may look, unless it has a token\n"
end

-- Pages and events ----------------------------------------------------------------------------------------------------

local function page(self)
  return frame.render({ program = "manymoons dashboard", path = self.title, about = "programs and pools",
    body = native.embedded("dashboard_html"),
    footer = ("<p>manymoons %s</p>"):format(frame.escape(native.version)),
    styles = { "dashboard_css" }, scripts = { "dashboard_lines", "dashboard_tables", "dashboard_main" },
    data = { first = self.first, key = self.key, is_of_pools = self.pools ~= nil } })
end

-- Of the topic of one program; nil: it is another one.
local function pid_of(topic) return tonumber(topic:match("^program/(%d+)$")) end

local function is_topic(self, topic)
  if topic == "programs" or pid_of(topic) then return not self.pools end
  local name = topic:match("^pool/([%w_.-]+)$")
  return self.pools ~= nil and (topic == "pools" or name ~= nil and self.pools:has(name))
end

local function events(self, request)
  local topic = request.query.topic or ""
  if not is_topic(self, topic) then return nil end
  self.next_look = 0
  return 200, EVENTS, topic
end

local function printable(value) return native.printable(json.encode(value), "json") end

local function letter(self, name, id)
  local found, why = self.pools:letter(name, id)
  if found then return 200, JSON, printable(found) end
  return 404, TEXT, tostring(why) .. "\n"
end

local function act(self, request, name, action)
  if not is_equal(request.headers[KEY_HEADER], self.key) then
    return 403, TEXT, "an action needs the key of this dashboard's page\n"
  end
  local done, why = self.pools:act(action, name, request.body)
  if not done then return 409, TEXT, tostring(why) .. "\n" end
  self.next_look = 0
  return 200, TEXT, "done\n"
end

local function answer_pool(self, request)
  local name, rest = request.path:match("^/pool/([%w_.-]+)/(.+)$")
  if not name or not self.pools or not self.pools:has(name) then return nil end
  if request.action == "write" then return act(self, request, name, rest) end
  local id = rest:match("^letter/([%w_.:-]+)$")
  if id then return letter(self, name, id) end
end

local function answer(self, request)
  if request.action ~= "write" and request.path == "/" then return 200, HTML, page(self), SAFE end
  if request.action == "read" and request.path == "/events" then return events(self, request) end
  return answer_pool(self, request)
end

-- The token leaves the address, so that it stays out of bookmarks and out of the sight of others.
local function take_token(self)
  return 303, TEXT, "", { "Location: /",
    ("Set-Cookie: %s=%s; HttpOnly; SameSite=Strict; Path=/"):format(COOKIE, self.token) }
end

local function handle(self, request)
  if self.token and request.path == "/" and is_equal(request.query.token, self.token) then return take_token(self) end
  local may, why = may_come(self, request)
  if not may then return 403, TEXT, why end
  return answer(self, request)
end

-- Looks ---------------------------------------------------------------------------------------------------------------

local function begin_look(self)
  self.topics, self.look_ends = self.server:topics(), time() + SAMPLED
  self.next_look = time() + EVERY
  for topic in pairs(self.topics) do
    local pid = pid_of(topic)
    if pid then programs.begin(pid) end
  end
end

local function collect(self, topic)
  if topic == "programs" then return programs.list() end
  if topic == "pools" then return self.pools:list() end
  local pid = pid_of(topic)
  if pid then return programs.finish(pid) end
  return self.pools:pool(topic:match("^pool/(.+)$"))
end

local function end_look(self)
  local pids = {}
  self.look_ends = nil
  for topic in pairs(self.topics) do
    local pid = pid_of(topic)
    if pid then pids[pid] = true end
    local found = collect(self, topic)
    found.at = os.time()
    self.server:publish(topic, printable(found))
  end
  programs.keep(pids)
end

-- Serves until the program is stopped.
function Dashboard.run(self)
  while true do
    local list = {}
    local patience = self.server:watch(list) or EVERY
    local now = time()
    patience = math.min(patience, math.max(0, (self.look_ends or self.next_look) - now))
    waits.any(list, patience, true)
    self.server:step()
    now = time()
    if self.look_ends then
      if now >= self.look_ends then end_look(self) end
    elseif now >= self.next_look then
      begin_look(self)
    end
  end
end

-- about: address; token, or nil; pools (dashboard/pools.lua), or nil; first (the topic that the page shows first);
-- title. The dashboard, whose server listens; or nil and why not
return function(about)
  local self = setmetatable({ token = about.token, pools = about.pools, first = about.first, title = about.title,
    key = hex(native.random_bytes(16)), next_look = 0 }, Dashboard)
  local server, why = http_server.new(about.address, function(request) return handle(self, request) end, true)
  if not server then return nil, why end
  self.server = server
  return self
end
