-- SPDX-License-Identifier: MIT
-- Dead letters: tasks that were given up. A letter lies on the server, where others may have written
-- it: what is shown of it is data, and what runs again is signed anew, if it was signed before.
local require, native = ...

local hex = require("core.hex")
local codec = require("broker.codec")
local posting = require("broker.posting")

local letters = {}

-- What is shown ------------------------------------------------------------------------------------------------------

-- The times, workers and messages of the attempts before the last one.
local function attempts_of(letter)
  local list = {}
  for line in letter.attempts:gmatch("[^\n]+") do
    local at, who, why = line:match("^(%d+) (%S+) (.*)$")
    if at then list[#list + 1] = { at = tonumber(at), who = who, why = why } end
  end
  list[#list + 1] = { at = letter.at, who = letter.who, why = letter.why }
  return list
end

-- { n = }; or nil and why they cannot be shown
local function arguments_of(letter)
  if letter.is_hidden then return nil, "hidden (secret = true)" end
  local ok, args
  if letter.json then
    ok, args = pcall(codec.foreign_arguments, letter.body)
  else
    ok, args = pcall(native.loads_from, "stranger", letter.body)
  end
  if ok and type(args) == "table" then return args end
  return nil, ok and "not readable" or tostring(args)
end

-- Everything about a letter: id, task (the posted task's id), func, args or why_no_args, attempts (a list of { at, who,
-- why }, of which the last one gave it up), why, who, at, trace, lines (of
-- its log); nil and why.
function letters.describe(session, pool_name, id)
  local letter, why = session:letter(id)
  if not letter then return nil, why end
  local args, why_no_args = arguments_of(letter)
  return {
    id = id, task = codec.is_posted(letter) and posting.id_of(pool_name, letter) or nil,
    func = codec.function_shown(letter), args = args, why_no_args = why_no_args, attempts = attempts_of(letter),
    why = letter.why, who = letter.who, at = letter.at, trace = letter.trace,
    lines = letter.lines,
  }
end

-- Running again ------------------------------------------------------------------------------------------------------

local function refusal_of(secrets, pool_name, letter)
  if letter.json then return nil end
  if not secrets[1] then
    return letter.mac ~= "" and "it is signed, and there is no secret to sign it anew (secret_file)" or nil
  end
  if codec.is_task_signed(secrets, pool_name, letter) then return nil end
  return "BadSignature: it was not signed with a secret of this program"
end

-- The letter with other arguments, signed anew; it stays a letter. args: { n = }. → its id from then on; nil and why
function letters.edit(session, secrets, pool_name, id, args)
  local task, why = session:letter(id)
  if not task then return nil, why end
  why = refusal_of(secrets, pool_name, task)
  if why then return nil, "dead letter " .. id .. ": " .. why end
  if task.json then
    task.json = codec.replace_arguments(task.json, args)
    task.body = task.json
  else
    local options = codec.decode_flags(task.flags)
    if not options or options.mode ~= codec.CALL then
      return nil, "dead letter " .. id .. ": it is a part of a list, whose items cannot be edited"
    end
    task.body = codec.encode_body({ mode = codec.CALL, args = args })
    task.mac = codec.sign_task(secrets, pool_name, task)
  end
  return session:edit_letter(id, task)
end

-- The letter's task as one of a client that does not wait for it, or as a posted one with an id of its own, or with the
-- id that it had, if it came as JSON: true, and the id of a posted task; or nil and why.
function letters.retry(session, secrets, pool_name, id)
  local task, why = session:letter(id)
  if not task then return nil, why end
  why = refusal_of(secrets, pool_name, task)
  if why then return nil, "dead letter " .. id .. ": " .. why end
  local is_posted = codec.is_posted(task)
  if not task.json then
    task.client, task.seq = (is_posted and "t:" or "") .. hex(native.random_bytes(12)), "1"
    task.flags = codec.renew_flags(task.flags, is_posted and codec.POSTED_SECONDS or codec.SIGNED_SECONDS)
    task.mac = codec.sign_task(secrets, pool_name, task)
  end
  local done, trouble = session:retry(id, task)
  return done, done and is_posted and posting.id_of(pool_name, task) or trouble
end

return letters
