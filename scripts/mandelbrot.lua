-- SPDX-License-Identifier: MIT
-- A picture of the Mandelbrot set, drawn row by row on the workers of a pool.
--
--   manymoons scripts/mandelbrot.lua [width] [picture.png]
--
-- The cost of a row depends on how many of its points are near the set: some rows cost a hundred times as much as
-- others. So there are many more rows than workers, and a worker that has finished a row takes the next.
-- The file is an uncompressed PNG, which needs no library: each row is a block of its own, and the worker that drew it
-- writes the block with its checksum. The parent only joins the blocks.
--
-- The script checks itself: the picture must be symmetric to the byte, and the set must have the known area.
local mm = require("manymoons")

local width = math.floor(tonumber(arg[1]) or 640)
local path = arg[2] or "mandelbrot.png"
local height = math.floor(width * 3 / 4)

local ITERATIONS = 1000
local SAMPLES = 2 -- across and down a pixel: smooths edges
local ESCAPE = 256 -- far more than the necessary 2: smooths colours
local CENTRE, SPAN = -0.65, 3.3
local STEP = SPAN / (width * SAMPLES)

-- Colours ----------------------------------------------------------------------------------------------------

-- From deep blue through white and amber to black, and around again.
local STOPS = {
  { 0.0000, 0, 7, 100 },
  { 0.1600, 32, 107, 203 },
  { 0.4200, 237, 255, 255 },
  { 0.6425, 255, 170, 0 },
  { 0.8575, 60, 8, 32 },
  { 1.0000, 0, 7, 100 },
}

local function colour_at(position)
  local i = 1
  while position > STOPS[i + 1][1] do i = i + 1 end
  local from, to = STOPS[i], STOPS[i + 1]
  local share = (position - from[1]) / (to[1] - from[1])
  share = share * share * (3 - 2 * share)
  return from[2] + share * (to[2] - from[2]), from[3] + share * (to[3] - from[3]), from[4] + share * (to[4] - from[4])
end

-- Iterations grow without bound near the set; with their logarithm, bands keep about the same visible width.
local function colour_of(iterations)
  return colour_at(0.42 * (math.log(1 + iterations) - 1.4) % 1)
end

-- The set ----------------------------------------------------------------------------------------------------

-- The two largest parts of the set, where iterating would take longest and has a known result.
local function is_in_largest_parts(x, y)
  local from_cusp = (x - 0.25) * (x - 0.25) + y * y
  local in_cardioid = from_cusp * (from_cusp + x - 0.25) <= 0.25 * y * y
  return in_cardioid or (x + 1) * (x + 1) + y * y <= 0.0625
end

-- How fast the point escapes, as a smooth number of iterations; nil if it does not.
local function escape_of(x, y)
  if is_in_largest_parts(x, y) then return nil end
  local a, b, aa, bb = 0, 0, 0, 0
  for i = 1, ITERATIONS do
    b = 2 * a * b + y
    a = aa - bb + x
    aa, bb = a * a, b * b
    if aa + bb > ESCAPE then return i + 1 - math.log(math.log(aa + bb) / math.log(ESCAPE)) / math.log(2) end
  end
  return nil
end

-- The mean colour of a pixel's samples, and how many of them are in the set. Column and row count from 0.
local function pixel_at(column, row)
  local red, green, blue, inside = 0, 0, 0, 0
  for down = 0, SAMPLES - 1 do
    local y = (row * SAMPLES + down - (height * SAMPLES - 1) / 2) * STEP
    for across = 0, SAMPLES - 1 do
      local x = CENTRE + (column * SAMPLES + across - (width * SAMPLES - 1) / 2) * STEP
      local iterations = escape_of(x, y)
      if iterations then
        local r, g, b = colour_of(iterations)
        red, green, blue = red + r, green + g, blue + b
      else
        inside = inside + 1
      end
    end
  end
  local count = SAMPLES * SAMPLES
  return red / count, green / count, blue / count, inside
end

-- PNG --------------------------------------------------------------------------------------------------------

local floor, byte, char = math.floor, string.byte, string.char

local function big_endian(number, size)
  local bytes = {}
  for i = size, 1, -1 do
    bytes[i] = char(number % 256)
    number = floor(number / 256)
  end
  return table.concat(bytes)
end

local function little_endian(number, size) return big_endian(number, size):reverse() end

-- Exclusive or is an operator in some Luas, a library in others, and missing in some. So this is a table for
-- two bytes; longer numbers are handled byte by byte.
local function xor_bits(a, b)
  local result, bit = 0, 1
  while a > 0 or b > 0 do
    if a % 2 ~= b % 2 then result = result + bit end
    a, b, bit = floor(a / 2), floor(b / 2), bit * 2
  end
  return result
end

local function make_xor_table()
  local nibbles, xor = {}, {}
  for a = 0, 15 do
    for b = 0, 15 do nibbles[a * 16 + b] = xor_bits(a, b) end
  end
  for a = 0, 255 do
    for b = 0, 255 do
      xor[a * 256 + b] = nibbles[floor(a / 16) * 16 + floor(b / 16)] * 16 + nibbles[a % 16 * 16 + b % 16]
    end
  end
  return xor
end

-- The checksum's table, as four separate bytes, the lowest first.
local function make_crc_tables()
  local tables = { {}, {}, {}, {} }
  for index = 0, 255 do
    local value = index
    for _ = 1, 8 do
      local half = floor(value / 2)
      value = value % 2 == 1 and xor_bits(half, 0xEDB88320) or half
    end
    for i = 1, 4 do
      tables[i][index] = value % 256
      value = floor(value / 256)
    end
  end
  return tables
end

local xor = make_xor_table()
local crc_tables = make_crc_tables()

local function crc32(text)
  local first, second, third, fourth = crc_tables[1], crc_tables[2], crc_tables[3], crc_tables[4]
  local a, b, c, d = 255, 255, 255, 255
  for i = 1, #text do
    local index = xor[a * 256 + byte(text, i)]
    a = xor[b * 256 + first[index]]
    b = xor[c * 256 + second[index]]
    c = xor[d * 256 + third[index]]
    d = fourth[index]
  end
  return char(255 - d, 255 - c, 255 - b, 255 - a)
end

local function chunk(kind, data) return big_endian(#data, 4) .. kind .. data .. crc32(kind .. data) end

local ADLER = 65521

-- Adler's sums over a text, starting from the initial state.
local function adler_sums(text)
  local sum, sum_of_sums = 0, 0
  for i = 1, #text do
    sum = sum + byte(text, i)
    sum_of_sums = sum_of_sums + sum
  end
  return sum % ADLER, sum_of_sums % ADLER
end

-- Rows, on the workers ---------------------------------------------------------------------------------------

local function draw_row(row)
  local pixels, inside = { "\0" }, 0 -- the zero: filter type "none"
  for column = 0, width - 1 do
    local red, green, blue, in_set = pixel_at(column, row)
    pixels[column + 2] = char(floor(red + 0.5), floor(green + 0.5), floor(blue + 0.5))
    inside = inside + in_set
  end
  local data = table.concat(pixels)
  local block = "\0" .. little_endian(#data, 2) .. little_endian(65535 - #data, 2) .. data
  local sum, sum_of_sums = adler_sums(data)
  return { data = data, chunk = chunk("IDAT", block), inside = inside, sum = sum, sum_of_sums = sum_of_sums }
end

-- The picture ------------------------------------------------------------------------------------------------

local function fail(...)
  io.stderr:write("mandelbrot.lua: ", string.format(...), "\n")
  os.exit(1)
end

local function picture_of(rows)
  local sum, sum_of_sums = 1, 0
  local header = big_endian(width, 4) .. big_endian(height, 4) .. "\8\2\0\0\0" -- 8 bits; red, green, blue
  local parts = { "\137PNG\r\n\26\n", chunk("IHDR", header), chunk("IDAT", "\120\1") }
  for _, row in ipairs(rows) do
    parts[#parts + 1] = row.chunk
    sum_of_sums = (sum_of_sums + sum * #row.data + row.sum_of_sums) % ADLER
    sum = (sum + row.sum) % ADLER
  end
  local last_block = "\1\0\0\255\255"
  parts[#parts + 1] = chunk("IDAT", last_block .. big_endian(sum_of_sums, 2) .. big_endian(sum, 2))
  parts[#parts + 1] = chunk("IEND", "")
  return table.concat(parts)
end

local function check_symmetry(rows)
  for i = 1, floor(#rows / 2) do
    if rows[i].data ~= rows[#rows + 1 - i].data then fail("row %d is not the mirror of its partner", i) end
  end
end

-- The area is 1.5066; the error of a picture is a share of the pixels along the border, so it grows with their size.
local function check_area(rows)
  local inside = 0
  for _, row in ipairs(rows) do inside = inside + row.inside end
  local area = inside * STEP * STEP
  print(string.format("the set covers %.3f", area))
  if math.abs(area - 1.5066) > 0.01 + 2 / width then fail("its area should be about 1.507") end
end

local function write_file(text)
  local file, why = io.open(path, "wb")
  if not file then fail("%s", why) end
  local written = file:write(text)
  if not (file:close() and written) then fail("cannot write %s", path) end
end

if width < 16 or width > 20000 then fail("a width from 16 to 20000 expected") end
local numbers = {}
for row = 1, height do numbers[row] = row - 1 end

local pool = mm.Pool()
local rows = pool:map(draw_row, numbers)
pool:close()
pool:join()

check_symmetry(rows)
check_area(rows)
write_file(picture_of(rows))
print(string.format("%s: %d x %d pixels", path, width, height))
