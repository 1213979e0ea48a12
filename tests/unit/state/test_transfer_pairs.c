/* SPDX-License-Identifier: MIT */
/* The encoder and the decoder as a pair: a value that is sent to another VM and back equals the
 * original, at each boundary of the format, for random graphs, and after each allocation has
 * failed.
 *
 * The original and the copy of the copy are compared in the sender (same.h).
 */
#include <math.h>

#include "base/memory.h"
#include "fake_handle.h"
#include "lua_pair.h"
#include "same.h"
#include "state/names.h"
#include "wire/format.h"

/* ---- there and back -------------------------------------------------------------------------- */

/* Encodes and pops the value on top of the stack. The caller frees the message. */
static struct bytes encode_top(lua_State *L) {
  struct bytes *encoded = NULL;
  luaL_checkstack(L, 8, "to encode");
  if (transfer_try_encode(L, -1, 1, "value", &encoded)) pair_fail("a value", lua_tostring(L, -1));
  const struct bytes message = *encoded;
  bytes_init(encoded); /* takes the bytes over; see state/transfer.h */
  lua_pop(L, 1);
  return message;
}

static void decode_onto(lua_State *L, const struct bytes *message) {
  int count = 0;
  luaL_checkstack(L, 8, "to decode");
  if (transfer_try_decode(L, message->data, message->len, &count))
    pair_fail("a message", lua_tostring(L, -1));
  CHECK_EQ(count, 1);
}

static void move(lua_State *from, lua_State *to) {
  struct bytes message = encode_top(from);
  decode_onto(to, &message);
  bytes_fini(&message);
}

/* Sends the value on top of the sender's stack to the receiver and back; the copy replaces it. */
static void there_and_back(struct lua_pair *p) {
  move(p->sender, p->receiver);
  move(p->receiver, p->sender);
  CHECK_EQ(lua_gettop(p->receiver), 0);
}

/* Checks that the value on top of the sender's stack, which is popped, comes back as a copy. */
static void check_copy(struct lua_pair *p, const char *what) {
  lua_State *L = p->sender;
  luaL_checkstack(L, 8, "to compare");
  lua_getglobal(L, "same");
  lua_pushvalue(L, -2);
  lua_pushvalue(L, -3);
  there_and_back(p);
  if (lua_pcall(L, 2, 1, 0)) pair_fail(what, lua_tostring(L, -1));
  if (!lua_toboolean(L, -1)) pair_fail(what, "came back as another value");
  lua_pop(L, 2);
}

static void check_made(struct lua_pair *p, const char *make) {
  pair_run(p->sender, make, 0, 1);
  check_copy(p, make);
}

/* ---- numbers --------------------------------------------------------------------------------- */

static double double_of(uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static uint64_t bits_of(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

/* Checks the number at `index`. LuaJIT has only one NaN. */
static void check_float(lua_State *L, int index, uint64_t bits) {
  const double back = lua_tonumber(L, index);
  if (isnan(double_of(bits)) && lua_is_jit())
    CHECK(isnan(back));
  else
    CHECK_EQ(bits_of(back), bits);
#if LUA_VERSION_NUM >= 503
  CHECK(!lua_isinteger(L, index));
#endif
}

/* Replaces the value by {value, false}, so that the message is not a lone scalar. */
static void wrap(lua_State *L) {
  lua_createtable(L, 2, 0);
  lua_insert(L, -2);
  lua_rawseti(L, -2, 1);
  lua_pushboolean(L, 0);
  lua_rawseti(L, -2, 2);
}

/* Checks in the receiver, because a second error on the way back could hide the first. */
static void check_bits(struct lua_pair *p, uint64_t bits) {
  lua_State *L = p->receiver;
  for (int i = 0; i < 2; i++) {
    lua_pushnumber(p->sender, double_of(bits));
    if (i) wrap(p->sender);
    move(p->sender, L);
    if (i) lua_rawgeti(L, -1, 1);
    check_float(L, -1, bits);
    lua_settop(L, 0);
  }
}

static void each_bit_of_a_float_arrives(struct lua_pair *p) {
  static const uint64_t grounds[] = {0, UINT64_MAX, 0x3ff0000000000000, 0x7ff0000000000000,
                                     0x5555555555555555};
  for (size_t i = 0; i < sizeof grounds / sizeof *grounds; i++)
    for (int bit = 0; bit < 64; bit++) check_bits(p, grounds[i] ^ UINT64_C(1) << bit);
}

static void push_whole(lua_State *L, int64_t value) {
#if LUA_VERSION_NUM >= 503
  lua_pushinteger(L, value);
#else
  lua_pushnumber(L, (lua_Number)value);
#endif
}

static void check_whole(struct lua_pair *p, int64_t value) {
  lua_State *L = p->receiver;
  for (int i = 0; i < 2; i++) {
    push_whole(p->sender, value);
    if (i) wrap(p->sender);
    move(p->sender, L);
    if (i) lua_rawgeti(L, -1, 1);
    push_whole(L, value);
    CHECK(lua_rawequal(L, -1, -2) && lua_isinteger(L, -1) == lua_isinteger(L, -2));
    lua_settop(L, 0);
  }
}

/* There are the limits of varints, of small integers, and of the type. */
static void integers_arrive_around_each_power_of_two(struct lua_pair *p) {
  lua_newtable(p->sender);
  int count = 0;
  for (int bit = 0; bit < 64; bit++)
    for (int by = -2; by <= 2; by++)
      for (int sign = 0; sign < 2; sign++) {
        const uint64_t value = (UINT64_C(1) << bit) + (uint64_t)by;
        const int64_t whole = (int64_t)(sign ? 0 - value : value);
        check_whole(p, whole);
        push_whole(p->sender, whole);
        lua_rawseti(p->sender, -2, ++count);
      }
  check_copy(p, "an array of integers");
}

/* ---- strings --------------------------------------------------------------------------------- */

enum { STRING_MOST = 2097152 + 2 };

static void push_string_of(lua_State *L, size_t size) {
  static char text[STRING_MOST];
  for (size_t i = text[1] ? size : 0; i < size; i++) text[i] = (char)(i * 7 + i / 256);
  for (size_t i = 0; i < size && i < 300; i++) text[i] = (char)(i * 7 + size);
  lua_pushlstring(L, text, size);
}

/* As a value, as a key in full, as a key by its number, and as a value beside a key. */
static void a_string_of_that_size_arrives(struct lua_pair *p, size_t size) {
  lua_State *L = p->sender;
  push_string_of(L, size);
  lua_createtable(L, 3, 0);
  for (int i = 1; i <= 3; i++) {
    lua_createtable(L, 1, 1);
    lua_pushvalue(L, -3);
    lua_pushvalue(L, -4);
    lua_rawset(L, -3);
    lua_pushvalue(L, -3);
    lua_rawseti(L, -2, 1);
    lua_rawseti(L, -2, i);
  }
  check_copy(p, "strings as keys");
  check_copy(p, "a string");
}

static void strings_arrive_around_each_boundary(struct lua_pair *p) {
  for (size_t size = 0; size <= 300; size++) a_string_of_that_size_arrives(p, size);
  static const size_t boundaries[] = {4096, 1 << 14, 65536, 1 << 21};
  for (size_t i = 0; i < sizeof boundaries / sizeof *boundaries; i++)
    for (size_t by = 0; by < 3; by++) a_string_of_that_size_arrives(p, boundaries[i] - 1 + by);
}

/* ---- tables ---------------------------------------------------------------------------------- */

/* `size` numbers of one kind, which are written in bulk unless another value is among them. */
static void an_array_arrives(struct lua_pair *p, int size, int odd_one) {
  static const char *const kinds[] = {"i * 1000003", "i + 0.5", "i % 5", "'s' .. i", "i % 2 == 0"};
  static const char *const odd[] = {"nil", "'odd'", "0.25", "3", "{}"};
  for (size_t i = 0; i < 25; i++) {
    char make[200];
    snprintf(make, sizeof make, "local t = {} for i = 1, %d do t[i] = %s end t[%d] = %s return t", size,
             kinds[i % 5], odd_one, odd_one ? odd[i / 5] : "nil");
    check_made(p, make);
  }
}

static void arrays_arrive_with_any_elements(struct lua_pair *p) {
  for (int size = 0; size <= 20; size++) an_array_arrives(p, size, 0);
  for (int odd_one = 1; odd_one <= 13; odd_one++) an_array_arrives(p, 12, odd_one);
  for (int size = 127; size <= 129; size++) an_array_arrives(p, size, size - 1);
  for (int size = 4095; size <= 4097; size++) an_array_arrives(p, size, size);
}

/* More keys than can be numbered, in several tables. */
static void tables_arrive_with_any_number_of_pairs(struct lua_pair *p) {
  for (int count = 0; count <= 70; count++) {
    char make[200];
    snprintf(make, sizeof make,
             "local list = {} for n = 1, 3 do local t = {} list[n] = t\n"
             "for i = 1, %d do t['key' .. i] = i t[i + 0.5] = n t[-i] = list end end return list",
             count);
    check_made(p, make);
  }
}

static void depths_around_the_limit_arrive(struct lua_pair *p) {
  for (int depth = WIRE_DEPTH_MAX - 3; depth <= WIRE_DEPTH_MAX + 3; depth++) {
    char make[300];
    snprintf(
        make, sizeof make,
        "local list, first = {}, {} local t = first for i = 1, %d do t = {t, first, k = {t}} list[i] = t "
        "end list[#list + 1] = first return {t, list}",
        depth);
    check_made(p, make);
    snprintf(
        make, sizeof make,
        "local f, cell = print, 0 for i = 1, %d do local g = f f = function(x) cell = x return g end end "
        "return {f, {f}}",
        depth);
    check_made(p, make);
  }
}

/* ---- graphs ---------------------------------------------------------------------------------- */

/* The collector rests meanwhile: debug.setupvalue of PUC 5.1 tells it of the closure, not of the
 * upvalue, so a value that closures share could be freed in the middle of a cycle (5.1.5, 2026). */
static const char graph_text[] =
    "local class = package.loaded.mine.class\n"
    "local function make(seed)\n"
    "  local function random(n) seed = seed * 16807 % 2147483647 return seed % n + 1 end\n"
    "  local nodes, count = {}, random(40)\n"
    "  local function any()\n"
    "    local what = random(9)\n"
    "    if what == 1 then return random(1000) - 500 end\n"
    "    if what == 2 then return random(1000) / 8 end\n"
    "    if what == 3 then return ('s'):rep(random(70)) end\n"
    "    if what == 4 then return random(2) == 1 end\n"
    "    if what == 5 then return ({string, string.format, print, _G, math.floor})[random(5)] end\n"
    "    return nodes[random(count)]\n"
    "  end\n"
    "  local function closures()\n"
    "    local a, b\n"
    "    local f = function(x) a = x return b end\n"
    "    local g = function(x) b = x return a, f end\n"
    "    return f, g, function() return a, f, g end\n"
    "  end\n"
    "  while #nodes < count do\n"
    "    local n = #nodes + 1\n"
    "    if random(3) == 1 then nodes[n], nodes[n + 1], nodes[n + 2] = closures() else nodes[n] = {} end\n"
    "    if random(4) == 1 and type(nodes[n]) == 'table' then setmetatable(nodes[n], class) end\n"
    "  end\n"
    "  count = #nodes\n"
    "  for _, node in ipairs(nodes) do\n"
    "    if type(node) == 'function' then\n"
    "      if random(2) == 1 then debug.setupvalue(node, 1, any()) end\n"
    "    else\n"
    "      for _ = 1, random(12) do\n"
    "        local how = random(3)\n"
    "        if how == 1 then rawset(node, random(12), any())\n"
    "        elseif how == 2 then rawset(node, ('k'):rep(random(66)), any())\n"
    "        else rawset(node, any(), any()) end\n"
    "      end\n"
    "    end\n"
    "  end\n"
    "  return nodes\n"
    "end\n"
    "function graph(seed)\n"
    "  collectgarbage('stop')\n"
    "  local nodes = make(seed)\n"
    "  collectgarbage('restart')\n"
    "  return nodes\n"
    "end\n";

static void graphs_made_at_random_arrive_as_they_are(struct lua_pair *p) {
  for (int seed = 1; seed <= 300; seed++) {
    char make[40];
    snprintf(make, sizeof make, "return graph(%d)", seed);
    check_made(p, make);
  }
}

static void named_objects_come_back_as_themselves(struct lua_pair *p) {
  check_made(p, "return {_G, string, string.format, io.stdout, package.loaded.mine, print}");
  check_made(p, "return setmetatable({1, 2, x = {}}, package.loaded.mine.class)");
  for (int i = 0; i < 2; i++) {
    lua_State *L = i ? p->receiver : p->sender;
    lua_newtable(L);
    names_register(L, "Registered", NAMES_FOR_PEERS);
  }
  lua_createtable(p->sender, 0, 0);
  lua_pushliteral(p->sender, "Registered");
  names_push_registered(p->sender);
  lua_setmetatable(p->sender, -2);
  check_copy(p, "an instance of a registered class");
  lua_pushlightuserdata(p->sender, NULL);
  there_and_back(p);
  CHECK(lua_islightuserdata(p->sender, -1) && !lua_touserdata(p->sender, -1));
  lua_pop(p->sender, 1);
}

/* ---- handles --------------------------------------------------------------------------------- */

static int dump_protected(lua_State *L) {
  transfer_encode_dump(L, 1, 1, "value");
  return 0;
}

static void handles_are_refused_in_dumps(struct lua_pair *p) {
  lua_State *L = p->sender;
  lua_pushcfunction(L, dump_protected);
  pair_run(L, "return {1, x = {require 'fake'.new()}}", 0, 1);
  CHECK(lua_pcall(L, 1, 0, 0) != LUA_OK);
  CHECK_EQ(strcmp(lua_tostring(L, -1),
                  "cannot send a Fake as bytes (at value.x[1]): "
                  "send it by a queue, a pipe or a call"),
           0);
  CHECK_EQ(fake_in_flight, 0);
  lua_settop(L, 0);
}

/* ---- changed bytes --------------------------------------------------------------------------- */

static const char everything[] =
    "local f = require 'fake' local h, shared, cell, deep = f.new(), {1}, {2}, {}\n"
    "for i = 1, 120 do deep = {deep} end\n"
    "return {h, shared, {x = h, y = shared, x1 = {x = 1, y = 2}}, f.new(), print, string, 1.5, -70000, "
    "('s'):rep(99),\n"
    "{1, 2, 3, 4, 5, 6, 7, 8, 9}, {1.5, 2, 3, 4, 5, 6, 7, 8}, function() return cell, shared end,\n"
    "function(x) cell = x end, setmetatable({}, package.loaded.mine.class), _G, deep, true, false, [2.5] = "
    "{}}";

static bool is_accepted(lua_State *L, const uint8_t *data, size_t size, enum trust trust) {
  uint8_t *copy = malloc(size ? size : 1); /* exactly that size: a sanitizer sees a read behind it */
  memcpy(copy, data, size);
  int count = 0;
  const int result = trust == TRUST_OWN_PROGRAM ? transfer_try_decode(L, copy, size, &count)
                                                : transfer_try_decode_dump(L, copy, size, trust, &count);
  const bool is_good = result == LUA_OK;
  if (!is_good) CHECK(lua_type(L, -1) == LUA_TSTRING);
  free(copy);
  return is_good;
}

/* A message of this program, which may have functions and handles, unlike those of
 * test_decode.c. */
static void a_message_that_is_cut_anywhere_is_refused(struct lua_pair *p) {
  pair_run(p->sender, everything, 0, 1);
  struct bytes m = encode_top(p->sender);
  const int in_flight = fake_in_flight;
  for (size_t size = 0; size < m.len; size++) {
    CHECK(!is_accepted(p->receiver, m.data, size, TRUST_OWN_PROGRAM));
    lua_settop(p->receiver, 0);
    if (size < WIRE_HEADER_SIZE) continue;
    struct bytes cut = {0};
    CHECK_EQ(bytes_append(&cut, m.data, size), STATUS_OK);
    const uint32_t body = (uint32_t)(size - WIRE_HEADER_SIZE);
    memcpy(cut.data + 4, &body, sizeof body);
    memset(cut.data + 8, 0, 4); /* no handles follow */
    CHECK(!is_accepted(p->receiver, cut.data, size, TRUST_OWN_PROGRAM));
    lua_settop(p->receiver, 0);
    bytes_fini(&cut);
  }
  CHECK_EQ(fake_in_flight, in_flight);
  transfer_discard(p->sender, m.data, m.len);
  CHECK_EQ(fake_in_flight, 0);
  bytes_fini(&m);
}

static void a_message_with_a_byte_too_many_is_refused(struct lua_pair *p) {
  pair_run(p->sender, "return {{1}, 'x', function() return 1 end}", 0, 1);
  struct bytes m = encode_top(p->sender);
  const uint32_t body = (uint32_t)(m.len - WIRE_HEADER_SIZE + 1);
  CHECK_EQ(bytes_append(&m, "", 1), STATUS_OK);
  memcpy(m.data + 4, &body, sizeof body);
  CHECK(!is_accepted(p->receiver, m.data, m.len, TRUST_OWN_PROGRAM));
  lua_settop(p->receiver, 0);
  bytes_fini(&m);
}

/* If changed bytes are accepted, their value can be sent and comes back like any other. */
static void changed_bytes_are_refused_or_are_a_value(struct lua_pair *p) {
  pair_run(p->sender,
           "local s = {x = 1, y = {2}} return {s, {x = s, y = 2.5, [s] = s}, {1, 2, 3, 4, 5, 6, 7, 8}, "
           "{1.5, 2, 3, 4, 5, 6, 7, 8}, -300, 'text', ('s'):rep(70), true}",
           0, 1);
  struct bytes m = encode_top(p->sender);
  for (size_t at = 0; at < m.len; at++)
    for (int bit = 0; bit < 8; bit++) {
      m.data[at] ^= (uint8_t)(1 << bit);
      const bool is_good = is_accepted(p->receiver, m.data, m.len, TRUST_STRANGER);
      for (int n = lua_gettop(p->receiver); is_good && n > 0; n--) {
        move(p->receiver, p->sender);
        check_copy(p, "a value from changed bytes");
      }
      lua_settop(p->receiver, 0);
      lua_settop(p->sender, 0);
      m.data[at] ^= (uint8_t)(1 << bit);
    }
  bytes_fini(&m);
}

/* ---- running out of memory ------------------------------------------------------------------- */

/* Lets the n-th allocation of a VM fail; with `for_good` all later ones, too. Lua collects garbage
 * after a failure, and tries again. */
static struct {
  long countdown;
  bool for_good;
} faults;

static void *alloc(void *context, void *block, size_t old_size, size_t size) {
  (void)context;
  if (size == 0) {
    free(block);
    return NULL;
  }
  const bool grows = !block || size > old_size;
  if (grows && faults.countdown > 0 && --faults.countdown == 0) {
    if (faults.for_good) faults.countdown = 1;
    return NULL;
  }
  return realloc(block, size);
}

/* A collection can make up for a failed allocation, so a success counts only from this n on. */
enum { FAULTS_LEAST = 60 };

static void fail_after(long n, bool is_private, bool for_good) {
  faults.for_good = for_good;
  faults.countdown = is_private ? 0 : n;
#if defined(MM_FAULTS)
  memory_fail_after(is_private ? n : 0);
#else
  (void)is_private;
#endif
}

static void prepare(lua_State *L) {
  fake_open(L);
  transfer_open(L);
  pair_run(L, "package.loaded.mine = {class = {__index = {}}}", 0, 0);
}

static lua_State *open_counted(void) {
  lua_State *L = lua_newstate(alloc, NULL);
  CHECK(L != NULL);
  luaL_openlibs(L);
  prepare(L);
  luaL_checkstack(L, 20, "to encode and decode");
  return L;
}

/* A failure leaves no hold, and the VM can encode again. */
static bool encode_while_memory_runs_out(lua_State *L, long n, bool is_private, bool for_good,
                                         struct bytes **encoded) {
  pair_run(L, everything, 0, 1);
  fail_after(n, is_private, for_good);
  const bool is_good = transfer_try_encode(L, 1, 1, "value", encoded) == LUA_OK;
  fail_after(0, false, false);
  if (is_good) return true;
  CHECK_EQ(fake_in_flight, 0);
  CHECK(strstr(lua_tostring(L, -1), "not enough memory") != NULL);
  CHECK_EQ(transfer_try_encode(L, 1, 1, "value", encoded), LUA_OK);
  return false;
}

/* A failure does not change the message's holds. */
static bool decode_while_memory_runs_out(lua_State *L, long n, bool is_private, bool for_good,
                                         const struct bytes *encoded) {
  int count = 0;
  fail_after(n, is_private, for_good);
  const int result = transfer_try_decode(L, encoded->data, encoded->len, &count);
  fail_after(0, false, false);
  CHECK_EQ(fake_in_flight, 2);
  lua_settop(L, 0);
  CHECK_EQ(transfer_try_decode(L, encoded->data, encoded->len, &count), LUA_OK);
  CHECK_EQ(count, 1);
  return result == LUA_OK;
}

/* Lets the n-th allocation of each step fail, in VMs that have sent nothing yet, for n = 1, 2, …
 * until none fails. */
static void check_while_memory_runs_out(bool is_private, bool for_good) {
  bool is_good = false;
  for (long n = 1; !is_good; n++) {
    struct lua_pair p = {open_counted(), open_counted()};
    struct bytes *encoded = NULL;
    const bool is_encoded = encode_while_memory_runs_out(p.sender, n, is_private, for_good, &encoded);
    CHECK_EQ(fake_in_flight, 2);
    is_good = decode_while_memory_runs_out(p.receiver, n, is_private, for_good, encoded) && is_encoded;
    is_good = is_good && n > FAULTS_LEAST;
    transfer_discard(p.sender, encoded->data, encoded->len);
    CHECK_EQ(fake_in_flight, 0);
    pair_close(&p);
  }
}

/* Allocations of the runtime; of Lua, all later ones, too; of Lua, one. */
static void memory_may_run_out_at_any_allocation(void) {
  check_while_memory_runs_out(true, false);
  check_while_memory_runs_out(false, true);
  check_while_memory_runs_out(false, false);
}

int main(void) {
  struct lua_pair p = pair_open();
  prepare(p.sender);
  prepare(p.receiver);
  pair_run(p.sender, same_text, 0, 0);
  pair_run(p.sender, graph_text, 0, 0);
  each_bit_of_a_float_arrives(&p);
  integers_arrive_around_each_power_of_two(&p);
  strings_arrive_around_each_boundary(&p);
  arrays_arrive_with_any_elements(&p);
  tables_arrive_with_any_number_of_pairs(&p);
  depths_around_the_limit_arrive(&p);
  graphs_made_at_random_arrive_as_they_are(&p);
  named_objects_come_back_as_themselves(&p);
  handles_are_refused_in_dumps(&p);
  a_message_that_is_cut_anywhere_is_refused(&p);
  a_message_with_a_byte_too_many_is_refused(&p);
  changed_bytes_are_refused_or_are_a_value(&p);
  pair_close(&p);
  memory_may_run_out_at_any_allocation();
  CHECK_EQ(fake_handles, 0);
  return 0;
}
