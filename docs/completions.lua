-- SPDX-License-Identifier: MIT
-- The completions of bash, zsh and fish, from the table of docs/commands.lua.
local commands = dofile("docs/commands.lua")

local completions = {}

local HEAD = "%s of manymoons. Made by `make docs` from what `manymoons --help` and its commands print."

local function names_of(list)
  local names = {}
  for i = 2, #list do names[i - 1] = list[i].name end
  return names
end

-- Options by name, once each; "--" and "-" are none that one completes.
local function options_of(command)
  local options, seen = {}, {}
  for _, option in ipairs(command.options) do
    local first = option.names[1]
    if not seen[first] and first ~= "-" and first ~= "--" then options[#options + 1] = option end
    seen[first] = true
  end
  return options
end

local DESCRIPTION_MOST = 70

-- The first sentence, without remarks in brackets.
local function describe(text)
  text = text:gsub("%s+%b()", "")
  local short = text:match("^(.-)[;.]%s") or text
  if #short > DESCRIPTION_MOST then short = short:match("^(...............-):%s") or short end
  if #short <= DESCRIPTION_MOST then return short end
  return (short:sub(1, DESCRIPTION_MOST - 3):gsub("[,%s]*%S*$", "")) .. "..."
end

-- bash ------------------------------------------------------------------------------------------------

local BASH = [==[
# What stands behind the options of a command: file, pid or both.
_manymoons_operands() {
  case $1 in
@OPERANDS@  esac
}

_manymoons_options() {
  case $1 in
@OPTIONS@  esac
}

# What the value of an option of a command is; nothing: it has none, or there is no such option.
_manymoons_value() {
  case $1:$2 in
@VALUES@  esac
}

# Of a command's own option, or else of the program's, which may stand behind a command as well.
_manymoons_kind() {
  local kind
  kind=$(_manymoons_value "$1" "$2")
  [[ $kind ]] || kind=$(_manymoons_value '' "$2")
  printf '%s' "$kind"
}

# Words without a space behind them where more of a list may follow.
_manymoons_offer() { # KIND CURRENT
  local kind=$1 current=$2 head=
  case $kind in
    list* | files) [[ $current == *,* ]] && head=${current%,*}, ; compopt -o nospace 2>/dev/null ;;
  esac
  case $kind in
    commands) mapfile -t COMPREPLY < <(compgen -W '@COMMANDS@' -- "$current") ;;
    words* | list*) mapfile -t COMPREPLY < <(compgen -P "$head" -W "${kind#* }" -- "${current##*,}") ;;
    file | files)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -P "$head" -f -- "${current##*,}")
      ;;
    pid)
      mapfile -t COMPREPLY < <(compgen -W "$(manymoons top --once 2>/dev/null | grep -o '^ *[0-9]\+')" -- "$current")
      ;;
  esac
}

_manymoons() {
  local commands='@COMMANDS@ help'
  local current=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]} command='' place=1 word kind operands
  COMPREPLY=()
  if [[ $current == = ]]; then
    current=
  elif [[ $option == = ]]; then
    option=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  while ((place < COMP_CWORD)); do
    word=${COMP_WORDS[place]}
    if [[ $word == -?* ]]; then
      kind=$(_manymoons_kind "$command" "$word")
      if [[ ${COMP_WORDS[place + 1]} == = ]]; then
        ((place += 2))
      elif [[ $kind ]]; then
        ((place++))
      fi
    elif [[ ! $command && " $commands " == *" $word "* ]]; then
      command=$word
    elif [[ $(_manymoons_operands "$command") == *file* ]]; then # the arguments of a script
      _manymoons_offer file "$current"
      return
    fi
    ((place++))
  done
  kind=
  if [[ $option == -?* ]]; then kind=$(_manymoons_kind "$command" "$option"); fi
  if [[ $kind ]]; then
    _manymoons_offer "$kind" "$current"
  elif [[ $current == -* ]]; then
    word="$(_manymoons_options "$command") $(_manymoons_options '')"
    mapfile -t COMPREPLY < <(compgen -W "$word" -- "$current" | sort -u)
  else
    operands=$(_manymoons_operands "$command")
    [[ $operands == commands ]] && _manymoons_offer commands "$current"
    [[ $operands == *file* ]] && _manymoons_offer file "$current"
    if [[ $operands == *pid* ]]; then
      local files=("${COMPREPLY[@]}")
      _manymoons_offer pid "$current"
      COMPREPLY+=("${files[@]}")
    fi
    if [[ ! $command ]]; then
      local names
      mapfile -t names < <(compgen -W "$commands" -- "$current")
      COMPREPLY+=("${names[@]}")
    fi
  fi
}

complete -F _manymoons manymoons manymoons-luajit
]==]

local function bash_kind(value)
  return value.words and value.kind .. " " .. table.concat(value.words, " ") or value.kind
end

local function fill_in(template, parts)
  return (template:gsub("@(%u+)@", function(name) return parts[name] end))
end

-- The operands of the program itself are a script, or the name of a command; PIDs belong to commands.
local function operands_of(command)
  local found = command.name == "" and { file = true } or commands.operands(command)
  return (found.file and "file" or "") .. (found.file and found.pid and " " or "") .. (found.pid and "pid" or "")
end

function completions.bash(list)
  local operands, options, values = {}, {}, {}
  for _, command in ipairs(list) do
    local names = {}
    for _, option in ipairs(options_of(command)) do
      local value, patterns = commands.value_of(option), {}
      for _, name in ipairs(option.names) do
        names[#names + 1] = name
        patterns[#patterns + 1] = command.name .. ":" .. name
      end
      if value then
        values[#values + 1] = ("    %s) echo '%s' ;;\n"):format(table.concat(patterns, " | "), bash_kind(value))
      end
    end
    local label = command.name == "" and "''" or command.name
    if #names > 0 then options[#options + 1] = ("    %s) echo '%s' ;;\n"):format(label, table.concat(names, " ")) end
    if operands_of(command) ~= "" then
      operands[#operands + 1] = ("    %s) echo '%s' ;;\n"):format(label, operands_of(command))
    end
  end
  operands[#operands + 1] = "    help) echo 'commands' ;;\n"
  return "# SPDX-License-Identifier: MIT\n# shellcheck shell=bash\n# " .. HEAD:format("bash completion") .. "\n\n" ..
    fill_in(BASH, { OPERANDS = table.concat(operands), OPTIONS = table.concat(options), VALUES = table.concat(values),
      COMMANDS = table.concat(names_of(list), " ") })
end

-- zsh -------------------------------------------------------------------------------------------------

local ZSH = [==[
_manymoons_pids() {
  local -a pids
  pids=(${(f)"$(manymoons top --once 2>/dev/null | grep -o '^ *[0-9]\+' | tr -d ' ')"})
  compadd -a pids
}

_manymoons_operand() { _alternative 'commands:command:((@COMMANDS@))' 'files:script:_files' }

_manymoons() {
  local curcontext=$curcontext state line
  local -a general
  general=(
@GENERAL@  )
  _arguments -C -A '-*' $general '1: :_manymoons_operand' '*:: :->rest' && return
  case $words[1] in
@CASES@    help) _values command @NAMES@ ;;
    *) _files ;;
  esac
}

_manymoons "$@"
]==]

local ZSH_ESCAPES = { ["["] = "\\[", ["]"] = "\\]", [":"] = "\\:", ["'"] = "'\\''" }

local function zsh_text(text) return (text:gsub("[%[%]:']", ZSH_ESCAPES)) end

local ZSH_ACTIONS = { file = "_files", files = "_files", other = " " }

local function zsh_action(value)
  if value.kind == "words" then return "(" .. table.concat(value.words, " ") .. ")" end
  if value.kind == "list" then return "_values -s , word " .. table.concat(value.words, " ") end
  return ZSH_ACTIONS[value.kind]
end

local function zsh_option(option, indent)
  local value, list = commands.value_of(option), {}
  local tail = value and (":%s:%s"):format(zsh_text(option.value), zsh_action(value)) or ""
  for _, name in ipairs(option.names) do
    local joins = value and (name:find("^%-%-") and "=" or "+") or ""
    local excluded = #option.names > 1 and "(" .. table.concat(option.names, " ") .. ")" or ""
    local text = zsh_text(describe(option.text))
    list[#list + 1] = ("%s'%s%s%s[%s]%s'\n"):format(indent, excluded, name, joins, text, tail)
  end
  return table.concat(list)
end

local function zsh_operands(command)
  local operands = operands_of(command)
  if operands == "file" then return "'*:file:_files'" end
  if operands == "pid" then return "'1:PID:_manymoons_pids'" end
  if operands == "file pid" then
    return "'1: :_alternative files\\:script\\:_files pids\\:PID\\:_manymoons_pids' '*:file:_files'"
  end
  return "'*: : '"
end

function completions.zsh(list)
  local described, general, cases = {}, {}, {}
  for _, option in ipairs(options_of(list[1])) do general[#general + 1] = zsh_option(option, "    ") end
  described[#list] = ("help\\:\"%s\""):format(zsh_text(describe(list.help)))
  for i = 2, #list do
    local command, own = list[i], {}
    described[i - 1] = ("%s\\:\"%s\""):format(command.name, zsh_text(describe(command.summary)))
    for _, option in ipairs(options_of(command)) do own[#own + 1] = zsh_option(option, "        ") end
    cases[#cases + 1] = ("    %s)\n      _arguments $general \\\n%s        %s\n      ;;\n"):format(command.name,
      (table.concat(own):gsub("\n", " \\\n")), zsh_operands(command))
  end
  return "#compdef manymoons manymoons-luajit\n# SPDX-License-Identifier: MIT\n# " .. HEAD:format("zsh completion") .. "\n\n" ..
    fill_in(ZSH, { NAMES = table.concat(names_of(list), " "), COMMANDS = table.concat(described, " "), GENERAL = table.concat(general),
      CASES = table.concat(cases) })
end

-- fish ------------------------------------------------------------------------------------------------

local function fish_text(text) return "'" .. text:gsub("[\\']", "\\%0") .. "'" end

local FISH_PIDS = "'(manymoons top --once 2>/dev/null | string match -rg \"^ *([0-9]+)\")'"
local FISH_VALUES = { file = "-r -F", files = "-r -F", other = "-x" }

local function fish_option(option, condition)
  local value, words = commands.value_of(option), {}
  for _, name in ipairs(option.names) do
    local long = name:match("^%-%-(.+)$")
    words[#words + 1] = long and "-l " .. long or "-s " .. name:sub(2)
  end
  if value then
    words[#words + 1] = FISH_VALUES[value.kind] or "-x -a " .. fish_text(table.concat(value.words, " "))
  end
  local text = fish_text(describe(option.text))
  return ("complete -c manymoons%s %s -d %s"):format(condition, table.concat(words, " "), text)
end

function completions.fish(list)
  local out = { "# SPDX-License-Identifier: MIT", "# " .. HEAD:format("fish completion"), "" }
  local names = table.concat(names_of(list), " ")
  local before = " -n 'not __fish_seen_subcommand_from " .. names .. " help'"
  out[#out + 1] = ("complete -c manymoons%s -a help -d %s"):format(before, fish_text(describe(list.help)))
  out[#out + 1] = ("complete -c manymoons -n '__fish_seen_subcommand_from help' -f -a %s"):format(fish_text(names))
  for i = 2, #list do
    out[#out + 1] = ("complete -c manymoons%s -a %s -d %s"):format(before, list[i].name,
      fish_text(describe(list[i].summary)))
  end
  for _, option in ipairs(options_of(list[1])) do out[#out + 1] = fish_option(option, "") end
  for i = 2, #list do
    local command, operands = list[i], commands.operands(list[i])
    local behind = " -n '__fish_seen_subcommand_from " .. command.name .. "'"
    if not operands.file then out[#out + 1] = "complete -c manymoons" .. behind .. " -f" end
    if operands.pid then out[#out + 1] = "complete -c manymoons" .. behind .. " -a " .. FISH_PIDS .. " -d PID" end
    for _, option in ipairs(options_of(command)) do out[#out + 1] = fish_option(option, behind) end
  end
  out[#out + 1] = "complete -c manymoons-luajit -w manymoons"
  return table.concat(out, "\n") .. "\n"
end

return completions
