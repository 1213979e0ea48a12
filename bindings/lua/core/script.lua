-- SPDX-License-Identifier: MIT
-- A script that a subcommand of the host program runs in the main VM: `manymoons WORD [options] script [args]`.
--
-- The subcommand calls the script in tail position, so that its tracebacks and its exit are those of `manymoons
-- script`.
local script = {}

-- The script as a function ("-": stdin). Ends the program with a message if it cannot be read or compiled.
function script.load(path)
  local chunk, why = loadfile(path ~= "-" and path or nil)
  if chunk then return chunk end
  io.stderr:write("manymoons: ", why, "\n")
  os.exit(1)
end

-- Makes `arg` what the script would find without the subcommand: its name at 0. words: those behind the subcommand's
-- name; place: that of the script among them.
function script.set_arguments(words, place)
  local old, new = arg, {}
  local shift = #words - #old + place -- of the script's place in `arg`
  for i, word in pairs(old) do new[i - shift] = word end
  rawset(_G, "arg", new)
end

return script
