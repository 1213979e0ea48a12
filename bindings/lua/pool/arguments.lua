-- SPDX-License-Identifier: MIT
-- The arguments of a pool and its methods. An error names the method, the argument, and the values
-- that are allowed.
local require, native = ...

local checks = require("core.checks")
local waits = require("core.waits")
local worlds = require("core.worlds")
local limits = require("worker.limits")
local processors = require("worker.processors")
local sandbox = require("worker.sandbox")
local starting = require("worker.start")

local expect = checks.expect

local arguments = {}

local pool_options = { workers = true, initializer = true, initargs = true, finalizer = true, maxtasksperchild = true,
  name = true,
  sandbox = true, method = true, many_workers = true, cpus = true, seed = true, idle = true }
for _, name in ipairs(limits.names) do pool_options[name] = true end

local MANY_WORKERS = 4096 -- more than a program needs: most likely a mistake
local MOST_WORKERS = 1000000

local function check_count(value, what)
  expect(value == nil or checks.is_whole(value, 1), "Pool",
    what .. ": a whole number, 1 or more, expected, got " .. checks.show(value))
end

local function check_workers(workers, are_many)
  check_count(workers, "workers")
  checks.switch(are_many, "Pool", "many_workers")
  if not workers or workers <= MANY_WORKERS then return end
  local shown = string.format("%.0f", workers)
  expect(are_many, "Pool", "workers: at most " .. MANY_WORKERS .. " expected, got " .. shown
    .. "; many_workers = true allows more")
  expect(workers <= MOST_WORKERS, "Pool", "workers: at most " .. MOST_WORKERS .. " expected, got " .. shown)
end

local LONGEST_SPAN = 2 ^ 40 -- seconds

local function is_span(value) return type(value) == "number" and value >= 0 and value <= LONGEST_SPAN end

-- Streams are of the math.random of this VM where its workers are; a worker with its own VM always has them.
local function check_seed(world, seed)
  if seed == nil then return end
  expect(checks.is_whole(seed, -2 ^ 53), "Pool", "seed: a whole number expected, got " .. checks.show(seed))
  expect(worlds.get(world).has_own_vm or native.random_is_possible(), "Pool",
    "seed: math.randomseed is not the one of this Lua; require manymoons before it is replaced")
end

-- The n-th argument of the method `where` is a number of workers.
function arguments.check_size(where, n, count)
  expect(checks.is_whole(count, 1, MANY_WORKERS), where, ("argument %d: a whole number from 1 to %d expected, got %s")
    :format(n, MANY_WORKERS, checks.show(count)))
end

-- Pool(workers, initializer, initargs, maxtasksperchild) or Pool{ workers =, … }
function arguments.of_pool(world, first, initializer, initargs, maxtasks)
  local options = first
  if type(first) ~= "table" then
    options = { workers = first, initializer = initializer, initargs = initargs, maxtasksperchild = maxtasks }
  else
    checks.check_options(first, pool_options, "Pool")
  end
  check_workers(options.workers, options.many_workers)
  check_count(options.maxtasksperchild, "maxtasksperchild")
  for _, name in ipairs({ "initializer", "finalizer" }) do
    expect(options[name] == nil or checks.is_callable(options[name]), "Pool",
      name .. ": a function expected, got " .. type(options[name]))
  end
  expect(options.name == nil or type(options.name) == "string", "Pool",
    "name: a string expected, got " .. type(options.name))
  check_seed(world, options.seed)
  expect(options.idle == nil or is_span(options.idle), "Pool",
    "idle: a number of seconds, 0 or more, expected, got " .. checks.show(options.idle))
  starting.check_method("Pool", options.method)
  local args = options.initargs or {}
  expect(type(args) == "table", "Pool", "initargs: a list expected, got " .. type(args))
  local found, rules = limits.read("Pool", world, options), sandbox.read("Pool", world, options)
  if not rules then limits.check_method("Pool", found, options.method) end
  return {
    workers = options.workers or native.cpu_count(),
    initializer = options.initializer,
    finalizer = options.finalizer,
    initargs = checks.arguments(args, "Pool", "initargs"),
    maxtasksperchild = options.maxtasksperchild,
    name = options.name,
    seed = options.seed,
    idle = options.idle,
    method = options.method,
    limits = found,
    cpus = processors.read("Pool", world, options.cpus),
    sandbox = rules,
    timeout = checks.read_time_limit(options.timeout), -- limits.read has checked it
  }
end

local function is_seconds(value) return checks.read_time_limit(value) ~= false end
local function is_progress(value)
  return type(value) == "boolean" or type(value) == "string" or checks.is_callable(value)
end

local function is_rate(value)
  return type(value) == "string" and #value < 12 and value:find("^[1-9]%d*/[smhd]$") ~= nil
end

-- name of the option → { the check, the text of an error }
local option_checks = {
  chunksize = { function(v) return checks.is_whole(v, 1) end, "a whole number, 1 or more," },
  window = { function(v) return checks.is_whole(v, 1) end, "a whole number, 1 or more," },
  retries = { function(v) return checks.is_whole(v, 0) end, "a whole number, 0 or more," },
  timeout = { is_seconds, "a number of seconds above 0" },
  total_timeout = { is_seconds, "a number of seconds above 0" },
  progress = { is_progress, "true, a label or a function" },
  callback = { checks.is_callable, "a function" },
  error_callback = { checks.is_callable, "a function" },
  errors = { function(v) return v == "raise" or v == "return" end, "'raise' or 'return'" },
  resume = { function(v) return type(v) == "string" and v ~= "" end, "the path of a file" },
  priority = { function(v) return checks.is_whole(v, 0, 9) end, "a whole number from 0 to 9" },
  retry_errors = { function(v) return checks.is_whole(v, 0) end, "a whole number, 0 or more," },
  backoff = { is_span, "a number of seconds, 0 or more," },
  delay = { is_span, "a number of seconds, 0 or more," }, ttl = { is_span, "a number of seconds, 0 or more," },
  at = { is_span, "a Unix time" },
  unique = { function(v) return type(v) == "string" end, "a text" },
  rate = { is_rate, "'100/m' and the like (s, m, h or d)" },
  at_most = { function(v) return checks.is_whole(v, 1, 999999999) end, "a whole number, 1 or more," },
  key = { function(v) return type(v) == "string" end, "a text" },
  secret = { function(v) return type(v) == "boolean" end, "true or false" },
  catchup = { function(v) return v == "once" or v == "all" end, "'once' or 'all'" },
}

local function allow(...)
  local set = {}
  for _, name in ipairs({ ... }) do set[name] = true end
  return set
end

arguments.map = allow("chunksize", "timeout", "total_timeout", "retries", "progress", "errors", "retry_errors",
  "backoff", "resume", "priority")
arguments.imap = allow("chunksize", "timeout", "retries", "progress", "window", "errors", "retry_errors", "backoff",
  "resume", "priority")
arguments.fold = allow("timeout", "retries", "progress", "priority")
arguments.call = allow("timeout", "retries", "callback", "error_callback", "retry_errors", "backoff", "priority")
arguments.post = allow("timeout", "retries", "backoff", "ttl", "delay", "at", "secret", "unique", "rate", "priority",
  "at_most", "key")
arguments.schedule = allow("timeout", "retries", "backoff", "ttl", "catchup", "rate", "priority", "at_most", "key")
arguments.async = allow("chunksize", "timeout", "retries", "progress", "callback", "error_callback", "errors",
  "retry_errors", "backoff", "resume", "priority")

-- The n-th argument of the method `where` is opts: nil, or a table with the allowed names.
function arguments.check_opts(where, n, opts, allowed)
  expect(opts == nil or type(opts) == "table", where,
    "argument " .. n .. ": a table of options expected, got " .. type(opts))
  checks.check_options(opts or {}, allowed, where)
  for name, value in pairs(opts or {}) do
    local is_right, wanted = option_checks[name][1], option_checks[name][2]
    expect(is_right(value), where, name .. ": " .. wanted .. " expected, got " .. checks.show(value))
  end
end

-- A pool on a broker takes functions by name or as source text. other: the argument that follows, which is a function
-- where the two were swapped.
function arguments.check_function(where, n, f, takes_text, other)
  if checks.is_callable(f) or (takes_text and type(f) == "string") then return end
  local hint = type(other) == "function" and (" (the arguments are swapped: %s takes the function first)"):format(where)
  checks.fail(where .. ": argument " .. n .. ": a function expected, got " .. type(f) .. (hint or ""))
end

-- Its length.
function arguments.check_list(where, n, list)
  expect(type(list) == "table", where, "argument " .. n .. ": a list expected, got " .. type(list)
    .. (n == 1 and checks.swapped(list, where, "list") or ""))
  local count, key = checks.length(list, where, "argument " .. n), next(list)
  if key == nil or count > 0 or list.n ~= nil then return count end
  checks.fail(where .. ": argument " .. n .. ": a list expected, got a table without items 1, 2, …, but with the key "
    .. tostring(key))
end

-- A packed copy of a list of arguments.
function arguments.copy_list(where, n, list)
  expect(type(list) == "table", where, "argument " .. n .. ": a list expected, got " .. type(list))
  return checks.arguments(list, where, "argument " .. n)
end

local function always() return true end

-- The items of a list, or those that an iterator returns until nil:
--   next()      the next item, and whether there was one
--   is_there()  whether next returns without a wait
--   handle      of a queue's iterator: the queue, for waits
--   total, list  of a list
function arguments.items(where, source)
  if type(source) == "table" and not checks.is_callable(source) then
    local i, count = 0, arguments.check_list(where, 2, source)
    return { next = function()
      i = i + 1
      return source[i], i <= count
    end, is_there = always, total = count, list = source }
  end
  expect(checks.is_callable(source), where, "argument 2: a list or an iterator expected, got " .. type(source))
  local handle = type(source) == "function" and native.iterated(source) or nil
  return { next = function()
    local item = source()
    return item, item ~= nil
  end, is_there = handle and function() return #waits.any({ handle }, 0, true) > 0 end or always, handle = handle }
end

return arguments
