-- SPDX-License-Identifier: MIT
-- Searching for primes, and checking whether a number is prime, after chapter 9 of High Performance Python.
--
--   manymoons scripts/primes.lua [first last [number …]]
--
-- The search is the easy case: many independent pieces, all of whose results are needed. Pieces are small, because
-- their costs differ, and a worker that has finished a cheap piece should find another.
--
-- The validation of one large number is the hard case: the candidates for a factor are divided among the workers, and
-- when one worker has found a factor, the work of the others is wasted. So they check a flag now and then:
-- a queue that is not empty once there is a factor. The check has a cost, so it is made once per many
-- thousand candidates. Most composite numbers have a small factor, which the parent finds before it asks the workers.
--
-- The script checks itself: the search against a sieve, the validation against the numbers' known factors.
local mm = require("manymoons")

local PIECE = 2000 -- numbers in one piece of the search
local SMALL_FACTOR = 1000 -- smaller factors are tried here, without workers
local CANDIDATES = 1000000 -- for a factor, in one piece of a validation
local LOOK_EVERY = 50000
local LARGEST = 2 ^ 52 -- above it, doubles cannot represent the remainder of a division

-- A whole number, as an integer if this Lua has integers: they divide faster than floats.
local function whole(text)
  local number = tonumber(text)
  if not number or number % 1 ~= 0 or number < 1 or number > LARGEST then
    io.stderr:write("primes.lua: '", tostring(text), "' is not a whole number from 1 to 2^52\n")
    os.exit(1)
  end
  return math.floor(number)
end

local function integer_root(number) return math.floor(number ^ 0.5) end

-- Search -----------------------------------------------------------------------------------------------------

-- By trial division, on purpose: this is the work for the pool.
local function is_prime(number)
  if number < 4 or number % 2 == 0 then return number == 2 or number == 3 end
  for divisor = 3, integer_root(number), 2 do
    if number % divisor == 0 then return false end
  end
  return true
end

local function count_primes(first, last)
  local count = 0
  for number = first, last do
    if is_prime(number) then count = count + 1 end
  end
  return count
end

local function search(pool, first, last)
  local pieces = {}
  for from = first, last, PIECE do pieces[#pieces + 1] = { from, math.min(from + PIECE - 1, last) } end
  local count = 0
  for _, of_piece in ipairs(pool:starmap(count_primes, pieces)) do count = count + of_piece end
  return count
end

-- The same number in another way: the sieve of Eratosthenes, which keeps only the range itself.
local function count_by_sieve(first, last)
  local root = integer_root(last)
  local small, composite = {}, {}
  for divisor = 2, root do
    if not small[divisor] then
      for number = divisor * divisor, root, divisor do small[number] = true end
      local multiple = math.max(divisor * divisor, first + -first % divisor)
      for number = multiple, last, divisor do composite[number] = true end
    end
  end
  local count = 0
  for number = math.max(first, 2), last do
    if not composite[number] then count = count + 1 end
  end
  return count
end

-- Validation -------------------------------------------------------------------------------------------------

-- Finds an odd factor of `number` from `first` to `last` and puts it into `found`; nil if there is none, or if another
-- worker has found one.
local function find_factor(number, first, last, found)
  for from = first, last, 2 * LOOK_EVERY do
    if not found:empty() then return nil end
    for candidate = from, math.min(from + 2 * LOOK_EVERY - 2, last), 2 do
      if number % candidate == 0 then
        found:put(candidate)
        return candidate
      end
    end
  end
  return nil
end

local function find_small_factor(number, root)
  if number % 2 == 0 and number > 2 then return 2 end
  for candidate = 3, math.min(SMALL_FACTOR, root), 2 do
    if number % candidate == 0 then return candidate end
  end
  return nil
end

local function find_large_factor(pool, number, root)
  local found = mm.Queue()
  local pieces = {}
  for first = SMALL_FACTOR + 1, root, 2 * CANDIDATES do
    local last = math.min(first + 2 * CANDIDATES - 2, root)
    pieces[#pieces + 1] = pool:submit(find_factor, number, first, last, found)
  end
  local factor
  for _, piece in ipairs(pieces) do factor = piece:get() or factor end
  found:close()
  return factor
end

-- Any factor of the number but 1 and itself; nil if it is prime, or 1.
local function factor_of(pool, number)
  local root = integer_root(number)
  return find_small_factor(number, root) or find_large_factor(pool, number, root)
end

-- The program ------------------------------------------------------------------------------------------------

local function fail(...)
  io.stderr:write("primes.lua: ", string.format(...), "\n")
  os.exit(1)
end

-- Numbers that take long to check, and whether they are prime. The others are products: of 7 and a large prime, of
-- two primes of which one is found early, and of two primes next to the root, found last.
local examples = {
  { "1000000000000519", false },
  { "1000003007000021", false },
  { "1000000000000037", true },
  { "2000000000000021", true },
  { "999998823524539", false },
}

local function run_search(pool, first, last)
  local sieve = pool:submit(count_by_sieve, first, last)
  local count = search(pool, first, last)
  print(string.format("%d primes from %d to %d", count, first, last))
  local expected = sieve:get()
  if count ~= expected then fail("the sieve finds %d", expected) end
end

-- Which factor is found first depends on timing, so it is checked and not printed.
local function run_validation(pool, text, expected)
  local number = whole(text)
  local factor = factor_of(pool, number)
  if factor and (factor <= 1 or factor >= number or number % factor ~= 0) then
    fail("%d is no factor of %d", factor, number)
  end
  local verdict = number > 1 and not factor
  if expected ~= nil and verdict ~= expected then fail("wrong about %d", number) end
  print(string.format("%d is %s", number, verdict and "a prime" or "not a prime"))
end

local first, last = whole(arg[1] or 100000000), whole(arg[2] or 100500000)
local numbers = {}
for i = 3, #arg do numbers[i - 2] = { arg[i] } end
if #numbers == 0 then numbers = examples end

local pool = mm.Pool()
run_search(pool, first, last)
for _, number in ipairs(numbers) do run_validation(pool, number[1], number[2]) end
pool:close()
pool:join()
