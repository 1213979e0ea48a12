/* SPDX-License-Identifier: MIT */
/* A script's globals in a worker: when they are decoded, and the errors of those that cannot be
 * sent. */
#include "lua_pair.h"

#include "state/globals.h"
#include "state/names.h"

struct world {
  struct lua_pair p;
  struct bytes image;
};

/* Runs the chunk `program` in a VM, and opens a worker's VM with its globals. */
static struct world world_start(const char *program) {
  struct world w = {.p = pair_open()};
  pair_run(w.p.sender, program, 0, 0);
  globals_encode(w.p.sender, &w.image);
  globals_install(w.p.receiver, w.image.data, w.image.len);
  CHECK_EQ(lua_gettop(w.p.sender), 0);
  CHECK_EQ(lua_gettop(w.p.receiver), 0);
  return w;
}

static void world_end(struct world *w) {
  pair_close(&w->p);
  bytes_fini(&w->image);
}

static void carry(const char *program, const char *check) {
  struct world w = world_start(program);
  pair_run(w.p.receiver, check, 0, 0);
  CHECK_EQ(lua_gettop(w.p.receiver), 0);
  world_end(&w);
}

static void a_fresh_vm_has_nothing_to_carry(void) {
  struct world w = world_start("");
  CHECK(w.image.len < 20);
  pair_run(w.p.receiver, "assert(getmetatable(_G) == nil)", 0, 0);
  world_end(&w);
}

static void globals_are_decoded_at_first_use(void) {
  carry("x = 5 name = 'n' list = {1, 2, 3} flag = false function add(a, b) return a + b + x end",
        "assert(x == 5 and name == 'n' and #list == 3 and flag == false and add(1, 2) == 8)\n"
        "assert(undefined == nil and getmetatable(_G) == nil)");
}

static void global_functions_call_each_other(void) {
  carry(
      "function even(n) if n == 0 then return true end return odd(n - 1) end\n"
      "function odd(n) if n == 0 then return false end return even(n - 1) end",
      "assert(even(100) and not odd(100))");
}

static void large_globals_are_decoded_only_when_used(void) {
  carry("big = {} for i = 1, 1000 do big[i] = {i} end small = 1",
        "assert(small == 1 and rawget(_G, 'big') == nil)\n"
        "assert(#big == 1000 and rawget(_G, 'big'))");
}

static void sharing_between_globals_is_kept(void) {
  carry("shared = {1} a = {s = shared} b = {s = shared, a = a} shared.b = b",
        "assert(b.s == a.s and b.a == a and shared == a.s and shared.b == b)");
  carry("local n = 0 function inc() n = n + 1 end function get() return n end",
        "inc() inc() assert(get() == (kind == '5.1' and 0 or 2))");
  carry("local function helper() return 7 end a = function() return helper() end t = {h = helper}",
        "assert(a() == 7 and t.h() == 7)");
}

static void classes_keep_their_instances(void) {
  carry(
      "Account = {} Account.__index = Account function Account.new(x) return setmetatable({x = x}, Account) "
      "end\n"
      "function Account:get() return self.x end acc = Account.new(5)\n"
      "local hidden = {__index = {deep = true}} obj = setmetatable({}, hidden) other = setmetatable({}, "
      "hidden)",
      "assert(acc:get() == 5 and getmetatable(acc) == Account and Account.new(6):get() == 6)\n"
      "assert(obj.deep and getmetatable(obj) == getmetatable(other))");
}

static void a_million_levels_are_carried(void) {
  carry("deep = {} for i = 1, 100000 do deep = {deep} end",
        "local t, n = deep, 0 while t[1] do t = t[1] n = n + 1 end assert(n == 100000)");
}

static void unsendable_globals_raise_where_they_are_used(void) {
  carry("conn = {co = coroutine.create(function() end)} fine = {1} function use() return conn end",
        "assert(fine[1] == 1)\n"
        "for i = 1, 2 do local ok, why = pcall(use)\n"
        "assert(not ok and why:find(\"global 'conn': cannot send a coroutine (at conn.co)\", 1, true), why) "
        "end");
}

static void a_failed_global_does_not_affect_others(void) {
  carry("part = {1} a1 = {part, coroutine.create(function() end)} z1 = {part} m1 = {part, z1}",
        "assert(z1[1][1] == 1 and m1[1] == z1[1] and m1[2] == z1 and part == z1[1]) assert(not "
        "pcall(function() return a1 end))");
}

static void a_global_that_cannot_be_decoded_raises_its_reason_each_time(void) {
  struct world w = world_start("package.loaded.gone = {} uses = {package.loaded.gone} fine = 1");
  pair_run(
      w.p.receiver,
      "for i = 1, 2 do local ok, why = pcall(function() return uses end)\n"
      "assert(not ok and why:find(\"global 'uses': module 'gone' not found\"), why) end assert(fine == 1)",
      0, 0);
  world_end(&w);
}

static void assignment_in_the_worker_wins(void) {
  carry("x = 1 y = 2 z = 3",
        "x = 10 y = nil assert(x == 10 and y == nil and rawget(_G, 'y') == nil and z == 3)\n"
        "assert(y == nil and getmetatable(_G) == nil) x = nil assert(x == nil)");
}

static void pairs_visits_all_globals_where_lua_has_pairs_metamethods(void) {
  carry("x = 1 y = {2} broken = coroutine.create(function() end)",
        "if kind ~= '5.4' then return end local seen = {} for k, v in pairs(_G) do seen[k] = v end\n"
        "assert(seen.x == 1 and seen.y[1] == 2 and seen.print == print and seen.broken == nil)");
}

static void a_strict_metatable_keeps_working(void) {
  carry(
      "local declared = {} known = 1 late = {2}\n"
      "setmetatable(_G, {declared = declared, __index = function(_, n) error('undeclared ' .. n, 2) end,\n"
      "__newindex = function(t, n, v) if n == 'forbidden' then error('no ' .. n) end declared[n] = true "
      "rawset(t, n, v) end})",
      "local ok, why = pcall(function() return nothing end) assert(not ok and why:find('undeclared "
      "nothing'), why)\n"
      "assert(known == 1) fresh = 3 assert(fresh == 3) assert(not pcall(function() forbidden = 1 end))\n"
      "assert(late[1] == 2) local mt = getmetatable(_G) assert(mt.declared.fresh)\n"
      "ok, why = pcall(function() return nothing end) assert(not ok and why:find('undeclared nothing'), "
      "why)");
  carry("x = 1 setmetatable(_G, {__index = {inherited = 7}})",
        "assert(inherited == 7 and x == 1 and inherited == 7)");
}

static void additions_to_libraries_are_carried(void) {
  carry(
      "function string.trim(s) return (s:gsub('^%s+', ''):gsub('%s+$', '')) end math.tau = 2 * math.pi\n"
      "math.pi = 3 local old = os.time os.time = function() return 42 end",
      "assert((' x '):trim() == 'x' and math.pi == 3 and math.tau > 6 and os.time() == 42)\n"
      "assert(string.format and rawget(_G, 'string') == string)");
  carry("string.bad = coroutine.create(function() end)",
        "local ok, why = pcall(string.bad) assert(not ok and why:find('string.bad: cannot send a "
        "coroutine'), why)");
}

static void replaced_functions_of_lua_are_carried(void) {
  carry("local old = print lines = {} print = function(s) lines[#lines + 1] = s end type2 = type",
        "print('a') assert(lines[1] == 'a' and type2 == type and type(print) == 'function')");
  carry("string = {mine = true}", "assert(string.mine and ('x'):rep(2) == 'xx')");
}

static void preloaded_modules_are_carried(void) {
  carry("package.preload.answer = function(name) return {value = 42, name = name} end",
        "local m = require 'answer' assert(m.value == 42 and m.name == 'answer')");
}

static void modules_are_required_when_used(void) {
  carry(
      "package.loaded.later = {v = 1} package.preload.later = function() loads = (loads or 0) + 1 return {v "
      "= 2} end\n"
      "mod = package.loaded.later text = string",
      "assert(package.loaded.later == nil and mod.v == 2 and loads == 1 and text == string and mod == "
      "require 'later')");
}

static void registered_classes_are_carried(void) {
  struct world w = {.p = pair_open()};
  pair_run(w.p.sender, "local C = {__index = {hello = function() return 'hi' end}} return C", 0, 1);
  lua_pushvalue(w.p.sender, -1);
  names_register(w.p.sender, "C", NAMES_FOR_STRANGERS);
  lua_setglobal(w.p.sender, "Class");
  globals_encode(w.p.sender, &w.image);
  globals_install(w.p.receiver, w.image.data, w.image.len);
  CHECK_EQ(names_audience_of(w.p.receiver, "C"), NAMES_FOR_STRANGERS);
  CHECK_EQ(names_audience_of(w.p.receiver, "D"), NAMES_FOR_PEERS);
  pair_send(&w.p, "return setmetatable({}, Class)",
            "local o = ... assert(o.hello() == 'hi' and getmetatable(o) == Class)");
  pair_send(&w.p, "return setmetatable({}, Class)", "assert(getmetatable((...)) == Class)");
  world_end(&w);
}

static void messages_find_classes_among_the_globals(void) {
  struct world w =
      world_start("Point = {} Point.__index = Point function Point:sum() return self.x + self.y end");
  pair_send(&w.p, "return setmetatable({x = 1, y = 2}, Point)",
            "local o = ... assert(o:sum() == 3 and getmetatable(o) == Point)");
  world_end(&w);
}

static void a_worker_can_pass_its_globals_on(void) {
  struct world w = world_start(
      "x = 1 list = {1, 2} bad = coroutine.create(function() end)\n"
      "function string.trim(s) return s end setmetatable(_G, {__index = {inherited = 7}})");
  pair_run(w.p.receiver, "own = {list}", 0, 0);
  struct bytes second = {0};
  globals_encode(w.p.receiver, &second);
  lua_State *L = pair_open_one();
  globals_install(L, second.data, second.len);
  pair_run(L,
           "assert(x == 1 and own[1] == list and #list == 2 and string.trim('a') == 'a' and inherited == 7)\n"
           "local ok, why = pcall(function() return bad end)\n"
           "assert(not ok and why:find(\"global 'bad': cannot send a coroutine (at bad)\", 1, true), why)",
           0, 0);
  lua_close(L);
  bytes_fini(&second);
  world_end(&w);
}

int main(void) {
  a_fresh_vm_has_nothing_to_carry();
  globals_are_decoded_at_first_use();
  global_functions_call_each_other();
  large_globals_are_decoded_only_when_used();
  sharing_between_globals_is_kept();
  classes_keep_their_instances();
  a_million_levels_are_carried();
  unsendable_globals_raise_where_they_are_used();
  a_failed_global_does_not_affect_others();
  a_global_that_cannot_be_decoded_raises_its_reason_each_time();
  assignment_in_the_worker_wins();
  pairs_visits_all_globals_where_lua_has_pairs_metamethods();
  a_strict_metatable_keeps_working();
  additions_to_libraries_are_carried();
  replaced_functions_of_lua_are_carried();
  preloaded_modules_are_carried();
  modules_are_required_when_used();
  registered_classes_are_carried();
  messages_find_classes_among_the_globals();
  a_worker_can_pass_its_globals_on();
  return 0;
}
