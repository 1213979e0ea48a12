-- SPDX-License-Identifier: MIT
-- Crawling a site: tasks fetch, a pool parses.
--
--   manymoons compare scripts/crawl.lua [pages [seconds]]
--
-- The site is a folder of pages with links, which this script writes; a process serves it, with a delay for each page.
-- Fetching is waiting: in every world, tasks of one thread do it. Parsing is computing: a pool of the world does it,
-- and a task waits for each result. Each page is fetched once. Needs luasocket.
package.path = (arg[0]:match("^.*/") or "") .. "?.lua;" .. package.path
local mm = require "manymoons"
local sockets = require "sockets"
local async = mm.async

local PAGES, DELAY, AT_ONCE = tonumber(arg[1]) or 200, tonumber(arg[2]) or 0.005, 50

-- The site --------------------------------------------------------------------------------------------

-- Page n links to 2n and 2n + 1, so that all pages can be reached from the first, and to a few random pages.
local function write_site(folder)
  local seed = 7
  local function random(most)
    seed = (seed * 16807) % 2147483647
    return seed % most + 1
  end
  for n = 1, PAGES do
    local parts = { "<html><title>Page " .. n .. "</title>\n" }
    for _, to in ipairs({ 2 * n, 2 * n + 1, random(PAGES), random(PAGES) }) do
      if to <= PAGES then parts[#parts + 1] = '<p>See <a href="/' .. to .. '.html">page ' .. to .. "</a>.</p>\n" end
    end
    for _ = 1, 300 do parts[#parts + 1] = "<p>" .. ("waning and waxing "):rep(random(40)) .. "</p>\n" end
    local file = assert(io.open(folder .. "/" .. n .. ".html", "w"))
    file:write(table.concat(parts), "</html>\n")
    file:close()
  end
end

local function remove_site(folder)
  for n = 1, PAGES do os.remove(folder .. "/" .. n .. ".html") end
  os.remove(folder)
end

local function answer(client, folder)
  local path = (sockets.receive(client, "*l") or ""):match("^GET (/[%w.]+)")
  mm.sleep(DELAY)
  local file = path and io.open(folder .. path)
  sockets.send(client, file and file:read("*a") or "")
  if file then file:close() end
  client:close()
end

local function serve(folder, ports)
  async.run(function()
    local server, port = sockets.listen()
    ports:put(port)
    while true do async.spawn(answer, sockets.accept(server), folder) end
  end)
end

-- The crawler -----------------------------------------------------------------------------------------

local function parse(text)
  local links, words = {}, {}
  for link in text:gmatch('<a href="(/[^"]+)">') do links[#links + 1] = link end
  local count, different = 0, 0
  for word in text:gsub("<[^>]*>", " "):gmatch("%a+") do
    count = count + 1
    if not words[word] then
      words[word] = true
      different = different + 1
    end
  end
  return links, count, different
end

local function fetch(port, path)
  local s = sockets.connect(port)
  sockets.send(s, "GET " .. path .. "\n")
  local text = sockets.receive(s, "*a")
  s:close()
  return text
end

local function crawl(port, pool)
  local seen, places = { ["/1.html"] = true }, async.Semaphore(AT_ONCE)
  local pages, words = 0, 0
  async.group(function(group)
    local visit
    local function follow(links)
      for _, link in ipairs(links) do
        if not seen[link] then
          seen[link] = true
          group:spawn(visit, link)
        end
      end
    end
    function visit(path)
      local text = places:with(fetch, port, path)
      local links, count = pool:submit(parse, text):get()
      pages, words = pages + 1, words + count
      follow(links)
    end
    group:spawn(visit, "/1.html")
  end)
  return pages, words
end

local folder = os.tmpname()
os.remove(folder)
assert(os.execute("mkdir '" .. folder .. "'"))
write_site(folder)
local ports = mm.processes.Queue()
local server = mm.processes.Process({ target = serve, args = { folder, ports }, daemon = true })
server:start()
local port, pool = ports:get(30), mm.Pool()
local pages, words = async.run(crawl, port, pool)
pool:close()
pool:join()
server:terminate()
server:join()
remove_site(folder)
assert(pages == PAGES, "only " .. pages .. " pages were reached")
print(string.format("%d pages of %d words", pages, words))
