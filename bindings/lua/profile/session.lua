-- SPDX-License-Identifier: MIT
-- A profile of this program, from its start to the file: mm.profile, and `manymoons profile`.
--
-- There is at most one at a time. What has not been ended by the script is ended, and written, where the program ends
-- its workers.
local require, native = ...

local checks = require("core.checks")
local files = require("page.files")

local expect = checks.expect
local MOST_RATE = 1000
local FORMATS = { html = true, speedscope = true, folded = true, text = true }
local FORMAT_OF_ENDING = { html = "html", htm = "html", json = "speedscope", folded = "folded", txt = "text" }

local session = { DEFAULT_RATE = 100, MOST_RATE = MOST_RATE, TOP = 20 }

local current -- the profile under way: options, file, started

function session.format_of(path)
  return FORMAT_OF_ENDING[(path:match("%.(%w+)$") or ""):lower()] or "html"
end

function session.is_format(word) return FORMATS[word] == true end

-- The profile as text in one of the formats.
local function render(profile, options)
  local text = require("profile.text")
  if options.format == "text" then
    return (profile.before and text.top_changes or text.top)(profile, options.mode, options.top)
  end
  if options.format == "html" then return require("profile.page").render(profile, options.mode) end
  return require("profile.export")[options.format](profile, options.mode)
end

local function describe(own)
  local about = { seconds = native.time() - own.started, rate = own.options.rate, command = own.options.command }
  local found, why = native.profile_read()
  if not found then return nil, why end
  local profile = require("profile.tree").read(found, about)
  if not own.options.keeps_stacks then profile.tops = {} end
  return profile
end

-- Writes a profile. → true; or nil and why.
function session.write_file(profile, options) return files.write(options.path, render(profile, options)) end

-- Ends the profile and writes it. → the profile; or nil and why.
local function stop(own)
  current = nil
  local profile, why = describe(own)
  native.profile_stop()
  if not profile then return nil, why end
  local ok = true
  if own.options.path then ok, why = session.write_file(profile, own.options) end
  if not ok then return nil, why end
  return profile
end

-- What the script gets of a stop.
local function answer(profile, why)
  if profile then return true end
  return nil, why
end

-- options: path ("-": stdout; nil: it is not written), rate, mode, format, top, command, keeps_stacks (a recording of
-- the same run names them); on_end(profile or nil, why) is called after a stop that the program's end makes. → a
-- function that stops it; or nil and why.
function session.start(options)
  if current then return nil, "the program is profiled already" end
  local ok, why = true, nil
  if options.path then ok, why = files.prepare(options.path) end
  if ok then ok, why = native.profile_start(options.rate) end
  if not ok then return nil, why end
  local own = { options = options, started = native.time() }
  current = own
  return function()
    if current ~= own then return nil, "nothing is profiled" end
    return answer(stop(own))
  end
end

-- The end of the program.
function session.finish()
  local own = current
  if not own then return end
  local profile, why = stop(own)
  local on_end = own.options.on_end
  if on_end then
    on_end(profile, why)
  elseif not profile then
    io.stderr:write("manymoons: the profile is not complete: ", tostring(why), "\n")
  end
end

-- A forked child is another process; the profile is its parent's.
function session.after_fork() current = nil end

local function name_of_program()
  local arguments = rawget(_G, "arg")
  local script = type(arguments) == "table" and arguments[0]
  return type(script) == "string" and script or "a script"
end

-- By the environment: MANYMOONS_PROFILE=FILE, MANYMOONS_PROFILE_RATE=N. A recording of the same run may need the
-- stacks.
function session.begin_for_environment(path, rate_word)
  local rate = tonumber(rate_word or session.DEFAULT_RATE)
  if not rate or rate % 1 ~= 0 or rate < 1 or rate > MOST_RATE then
    error(("MANYMOONS_PROFILE_RATE: a whole number from 1 to %d expected, got '%s'"):format(MOST_RATE, rate_word), 0)
  end
  local started, why = session.start({ path = path, rate = rate, mode = "cpu", format = session.format_of(path),
    top = session.TOP, command = name_of_program(), keeps_stacks = true })
  if not started then error(("cannot write the profile '%s': %s"):format(path, why), 0) end
end

-- mm.profile ----------------------------------------------------------------------------------------------------------

-- The options, checked.
local function read_options(options)
  expect(options == nil or type(options) == "table", "profile", "options: a table expected, got " .. type(options))
  options = options or {}
  checks.check_options(options, { rate = true, mode = true, format = true, top = true }, "profile")
  local rate, mode, format, top = options.rate, options.mode, options.format, options.top
  expect(rate == nil or checks.is_whole(rate, 1, MOST_RATE), "profile",
    "rate: a whole number from 1 to " .. MOST_RATE .. " expected, got " .. checks.show(rate))
  expect(mode == nil or require("profile.tree").modes[mode], "profile",
    "mode: 'cpu', 'wall' or 'lock' expected, got " .. checks.show(mode))
  expect(format == nil or FORMATS[format], "profile",
    "format: 'html', 'speedscope', 'folded' or 'text' expected, got " .. checks.show(format))
  expect(top == nil or checks.is_whole(top, 1), "profile",
    "top: a whole number, 1 or more, expected, got " .. checks.show(top))
  return options
end

-- profile(path, { rate =, mode =, format =, top = }) starts one, and returns the function that ends it; profile(nil)
-- ends it, too.
function session.profile(path, options)
  expect(not native.settings(), "profile", "the program itself is profiled, not a worker")
  if path == nil then
    if not current then return nil, "nothing is profiled" end
    return answer(stop(current))
  end
  expect(type(path) == "string", "profile", "the name of a file expected, got " .. type(path))
  options = read_options(options)
  return session.start({ path = path, rate = options.rate or session.DEFAULT_RATE, mode = options.mode or "cpu",
    format = options.format or session.format_of(path), top = options.top or session.TOP, command = name_of_program() })
end

return session
