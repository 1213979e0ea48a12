-- SPDX-License-Identifier: MIT
-- Posted tasks: work that outlives its program. The server has the task when `post` returns, and keeps
-- its outcome by the task's id, for all programs. An id is the name of the pool, ":", and the task's
-- name within it (codec.lua).
local require, native = ...

local checks = require("core.checks")
local errors = require("core.errors")
local hex = require("core.hex")
local json = require("core.json")
local codec = require("broker.codec")
local broker = require("broker.settings")
local upkeep = require("broker.upkeep")

local posting = {}

local OPEN_SECONDS, KEPT_MS = 5, "3600000" -- of the outcome of a task that was cancelled
local OPTIONS = { secret = true, secret_file = true, password_file = true }

-- Tasks --------------------------------------------------------------------------------------------------------------

-- What is shown of a function: its name, or where it stands.
local function label_of(f, func)
  if func:sub(1, 2) == "n:" then return func:sub(3) end
  if type(f) ~= "function" then return "source" end
  local info = debug.getinfo(f, "S")
  return info.short_src .. ":" .. info.linedefined
end

local function inline(entry) return entry and (entry.blob and "b:" .. entry.blob or entry.func) or "" end

-- by: what posts: name (of the pool), secrets, client and number (the task's own), opening (the entry of an
-- initializer), abi, timeout, retries. entry: codec.function_of(f)
function posting.new_task(by, f, entry, args, opts)
  opts = opts or {}
  local delay = opts.delay or opts.at and math.max(0, opts.at - os.time()) or 0
  local copy = type(f) ~= "string" and not checks.is_pure(f) and by.number or 0
  local task = {
    client = "t:" .. by.client, seq = string.format("%d", by.number), func = inline(entry), init = inline(by.opening),
    mode = codec.CALL, args = args, label = label_of(f, entry.func), delay = opts.delay, at = opts.at,
    is_hidden = opts.secret,
    abi = (entry.is_bytecode or by.opening) and by.abi or "",
    flags = codec.posted_flags(checks.time_limit(opts, by.timeout), opts.retries or by.retries, copy,
      os.time() + delay + codec.POSTED_SECONDS, opts.ttl or codec.TTL, opts.backoff or codec.BACKOFF,
      opts.rate),
    unique = opts.unique and codec.digest(opts.unique) or "", priority = codec.priority_text(opts.priority),
  }
  task.limit = codec.limit_text(opts.at_most, opts.key, task.func)
  task.body = codec.encode_body(task)
  task.mac = codec.sign_task(by.secrets, by.name, task)
  return task
end

function posting.id_of(pool_name, task) return pool_name .. ":" .. codec.name_of(task) end

-- The id of what was posted, or that of the task with the same key of its own, and "duplicate".
function posting.id_after(pool_name, task, answer)
  if answer == true then return posting.id_of(pool_name, task) end
  return pool_name .. ":" .. answer, "duplicate"
end

-- From other programs ------------------------------------------------------------------------------------------------

local function read_id(id, where)
  local pool_name, name = nil, nil
  if type(id) == "string" then pool_name, name = id:match("^([%w_.-]+):([%w_.-]+)$") end
  checks.expect(pool_name and #pool_name <= 64 and #name <= codec.CLIENT_MAX, where,
    "argument 2: the id of a posted task expected, got " .. checks.show(id))
  return pool_name, codec.task_named(name)
end

-- An inspector of the server, which has to be closed; the secrets; or nil and why.
function posting.connect(url, pool_name, opts, where)
  local settings = broker.read_url(url, where, opts.password_file)
  local secrets = broker.secrets(opts, settings, where)
  local session = settings.backend.Inspector.new(settings, { name = pool_name })
  local opened, why = session:open(OPEN_SECONDS)
  if opened then return session, secrets end
  return nil, settings.shown .. ": " .. why
end

local function begin(where, url, id, n, opts)
  checks.expect(opts == nil or type(opts) == "table", where,
    "argument " .. n .. ": a table of options expected, got " .. type(opts))
  checks.check_options(opts or {}, OPTIONS, where)
  local pool_name, task = read_id(id, where)
  local session, secrets = posting.connect(url, pool_name, opts or {}, where)
  return pool_name, task, session, secrets
end

local function unknown(id) return nil, "ENOENT: there is no task " .. id .. ", or its outcome is not kept any more" end

-- The outcome of a task that came as JSON is data, which is not signed where its worker has no secret.
local function decode(secrets, pool_name, task, kind, payload, mac)
  local is_json = kind:byte() == 106 and task.seq == "0" -- "j"
  if secrets[1] and not is_json and not codec.is_result_signed(secrets, pool_name, task, kind, payload, mac) then
    return false, errors.of_kind("unsendable",
      "BadSignature: the result was signed with another secret than this program's")
  end
  if is_json then return codec.decode_foreign_outcome(payload) end
  return codec.decode_outcome(payload, secrets[1] ~= nil)
end

-- The results of a posted task; raises its mm.Error; or nil and "timeout", or why it is not known.
function posting.result(url, id, timeout, opts)
  timeout = checks.timeout(timeout, "result")
  local pool_name, task, session, secrets = begin("result", url, id, 4, opts)
  if not session then return nil, "EIO: " .. secrets end
  local found, why = session:outcome(task, timeout or math.huge)
  session:close()
  if not found then return nil, "EIO: " .. why end
  if found[1] == "open" then return nil, "timeout" end
  if not found[1] then return unknown(id) end
  local ok, values = decode(secrets, pool_name, task, found[1], found[2] or "", found[3] or "")
  if not ok then errors.raise(errors.note_call(values, "post")) end
  return checks.unpack(values, 1, values.n or #values)
end

-- The task of an id in the words of an operator of its pool, who may leave out the pool's name.
local function task_of(pool_name, id)
  local own_pool, task = read_id(id:find(":", 1, true) and id or pool_name .. ":" .. id, "cancel")
  if own_pool ~= pool_name then return nil, id .. ": not a task of this pool" end
  return task
end

local STATES = { due = true, held = true, waiting = true, running = true }

-- "done" or "failed" by the first bytes of an outcome; one that is kept for no time is done.
local function end_of(about)
  local text = about.payload or ""
  local is_failure = codec.is_failure(text) or text:find('"ok":false', 1, true) ~= nil and about.kind:byte() == 106
  return is_failure and "failed" or "done"
end

-- What is shown of a posted task; its texts are data that others may have written.
function posting.describe(session, pool_name, task)
  local about, why = session:find(task)
  if not about then return nil, why end
  if not about.state then return false end
  local progress = about.progress and json.decode(about.progress)
  local lines = {}
  for line in about.lines:gmatch("[^\n]+") do lines[#lines + 1] = line end
  return {
    id = posting.id_of(pool_name, task), state = STATES[about.state] and about.state or end_of(about), at = about.at,
    worker = about.worker, progress = type(progress) == "table" and progress or nil, log = json.list(lines),
  }
end

-- { id, state, at, worker, progress, log }; or nil and why
function posting.status(url, id, opts)
  local pool_name, task, session, why = begin("status", url, id, 3, opts)
  if not session then return nil, "EIO: " .. why end
  local about
  about, why = posting.describe(session, pool_name, task)
  session:close()
  if about then return about end
  if about == false then return unknown(id) end
  return nil, "EIO: " .. why
end

-- The same over an inspector of its pool.
function posting.status_over(session, pool_name, id)
  local task, why = task_of(pool_name, id)
  if not task then return nil, why end
  local about
  about, why = posting.describe(session, pool_name, task)
  if about == false then return unknown(id) end
  return about, why
end

-- True: it is cancelled, and has run or will run no further; false: it has had its outcome; or nil and why.
function posting.cancel(url, id, opts)
  local pool_name, task, session, secrets = begin("cancel", url, id, 3, opts)
  if not session then return nil, "EIO: " .. secrets end
  local what, why = session:withdraw(task, upkeep.cancelled(secrets, pool_name, task), KEPT_MS)
  session:close()
  if not what then return nil, "EIO: " .. why end
  if what == "unknown" then return unknown(id) end
  return what == "cancelled"
end

-- The same over an inspector of its pool: "cancelled", "ended" or "unknown"; nil and why
function posting.cancel_over(session, secrets, pool_name, id)
  local task, why = task_of(pool_name, id)
  if not task then return nil, why end
  return session:withdraw(task, upkeep.cancelled(secrets, pool_name, task), KEPT_MS)
end

-- Posts one task over an inspector: its id, or nil and why.
function posting.post(session, secrets, pool_name, f, args, opts)
  local entry = codec.function_of(f)
  if entry.blob and not secrets[1] then
    return nil, "code is sent only with a secret, for it must be signed; a function of a module that the workers have "
      .. "can be named: module:function"
  end
  local task = posting.new_task({
    name = pool_name, secrets = secrets, client = hex(native.random_bytes(12)), number = 1, retries = 2,
  }, f, entry, args, opts)
  local done, why = session:post(task)
  if not done then return nil, why end
  return posting.id_after(pool_name, task, done)
end

return posting
