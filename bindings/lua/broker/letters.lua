-- SPDX-License-Identifier: MIT
-- Dead letters that run again. A letter lies on the server, where others may have written it: what runs again is signed
-- anew, and only what was signed before is.
local require, native = ...

local hex = require("core.hex")
local codec = require("broker.codec")

local letters = {}

local function refusal_of(secrets, pool_name, letter)
  if not secrets[1] then
    return letter.mac ~= "" and "it is signed, and there is no secret to sign it anew (secret_file)" or nil
  end
  if codec.is_task_signed(secrets, pool_name, letter) then return nil end
  return "BadSignature: it was not signed with a secret of this program"
end

-- The letter's task as one of a client that does not wait for it: true; or nil and why.
function letters.retry(session, secrets, pool_name, id)
  local task, why = session:letter(id)
  if not task then return nil, why end
  why = refusal_of(secrets, pool_name, task)
  if why then return nil, "dead letter " .. id .. ": " .. why end
  task.client, task.seq = hex(native.random_bytes(12)), "1"
  task.flags = codec.renew_flags(task.flags, codec.SIGNED_SECONDS)
  task.mac = codec.sign_task(secrets, pool_name, task)
  return session:retry(id, task)
end

return letters
