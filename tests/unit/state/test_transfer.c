/* SPDX-License-Identifier: MIT */
/* Sending values: copies at the receiver, refused values and their errors. */
#include "lua_pair.h"

static void numbers_arrive_to_the_bit(struct lua_pair *p) {
  pair_send(p, "return 0, 1, 63, 64, -1, 2.5, 1/0, -1/0, 2^53, -2^53, 1e300, 5e-324",
            "local want = {0, 1, 63, 64, -1, 2.5, 1/0, -1/0, 2^53, -2^53, 1e300, 5e-324}\n"
            "for i, v in ipairs{...} do assert(v == want[i], i) end");
  pair_send(p, "local zero = 0.0 return -zero, zero/zero",
            "local a, b = ... assert(1/a == -1/0 and a == 0) assert(b ~= b)");
  if (strcmp(pair_kind(), "5.4") != 0) return;
  pair_send(p, "return 3, 3.0, math.mininteger, math.maxinteger, 2^53|0 + 1, {3, 3.0}",
            "local a, b, c, d, e, t = ... assert(math.type(a) == 'integer' and math.type(b) == 'float')\n"
            "assert(c == math.mininteger and math.type(c) == 'integer' and d == math.maxinteger and e == "
            "9007199254740993)\n"
            "assert(math.type(t[1]) == 'integer' and math.type(t[2]) == 'float')");
  pair_send(p, "return string.unpack('d', string.pack('i8', 0x7ff8dead0000beef))",
            "assert(string.unpack('i8', string.pack('d', (...))) == 0x7ff8dead0000beef)");
}

static void strings_arrive_with_every_byte(struct lua_pair *p) {
  pair_send(p,
            "local all = {} for i = 0, 255 do all[i + 1] = string.char(i) end\n"
            "return '', 'a\\0b', table.concat(all), ('x'):rep(127), ('x'):rep(128), ('y'):rep(100000)",
            "local a, b, c, d, e, f = ... assert(a == '' and b == 'a\\0b' and #c == 256 and c:byte(1) == 0 "
            "and c:byte(256) == 255)\n"
            "assert(#d == 127 and #e == 128 and f == ('y'):rep(100000))");
}

/* How many bytes longer the message of the first value is than that of the second one. */
static size_t bytes_more(struct lua_pair *p, const char *code) {
  size_t sizes[2];
  pair_run(p->sender, code, 0, 2);
  for (int i = 0; i < 2; i++) {
    struct bytes *m = transfer_encode(p->sender, i - 2, 1, "value");
    sizes[i] = m->len;
  }
  lua_settop(p->sender, 0);
  return sizes[0] - sizes[1];
}

/* As values and as keys, in each of several values, and in tables whose metatables are the reader's. */
static void a_long_string_that_repeats_goes_once(struct lua_pair *p) {
  CHECK(bytes_more(p, "local s = ('x'):rep(5000) return {s, s, {s, [s] = s}}, {s, 1, {1, x = 1}}") < 20);
  CHECK(bytes_more(p, "local s = ('x'):rep(64) return {s, s}, {s, 1}") < 5);
  pair_send(
      p, "local s, t = ('x'):rep(5000), ('y'):rep(64) return s, {s, t, {s, [s] = t}, t}, t, s, ('x'):rep(63)",
      "local a, b, c, d, e = ... assert(a == ('x'):rep(5000) and d == a and c == ('y'):rep(64))\n"
      "assert(b[1] == a and b[2] == c and b[3][1] == a and b[3][a] == c and b[4] == c and #e == 63)");
  pair_send(p,
            "local list = {} for i = 1, 3000 do list[i] = ('%06d'):format(i % 1000):rep(20) end return list",
            "local list = ... for i = 1, 3000 do assert(list[i] == ('%06d'):format(i % 1000):rep(20)) end");
}

static void whole_numbers_take_as_many_bytes_as_they_need(struct lua_pair *p) {
  pair_send(
      p,
      "local lists = {} for b, most in ipairs{127, 128, 32767, 32768, 2^31 - 1, 2^31, 2^53} do\n"
      "  for s, sign in ipairs{1, -1} do local t = {} lists[#lists + 1] = t\n"
      "    for i = 1, 40 do t[i] = (i % 3 == 0 and sign * most or i) end t[41] = -most - (b % 2) t.n = most\n"
      "  end end return lists",
      "local lists, n = ..., 0 for b, most in ipairs{127, 128, 32767, 32768, 2^31 - 1, 2^31, 2^53} do\n"
      "  for s, sign in ipairs{1, -1} do n = n + 1 local t = lists[n] assert(#t == 41 and t.n == most)\n"
      "    for i = 1, 40 do assert(t[i] == (i % 3 == 0 and sign * most or i)) end\n"
      "    assert(t[41] == -most - (b % 2))\n"
      "  end end");
  CHECK(bytes_more(
            p,
            "local a, b = {}, {} for i = 1, 1000 do a[i], b[i] = i % 100, 1 end a[500] = -128 return a, b") ==
        0);
}

static void any_number_of_values_arrives_with_nils(struct lua_pair *p) {
  pair_send(p, "return", "assert(select('#', ...) == 0)");
  pair_send(p, "return nil, nil, true, nil", "assert(select('#', ...) == 4 and select(3, ...) == true)");
  pair_send(p, "local t = {} for i = 1, 200 do t[i] = i end return (table.unpack or unpack)(t)",
            "assert(select('#', ...) == 200 and select(200, ...) == 200)");
}

static void tables_arrive_whole(struct lua_pair *p) {
  pair_send(p, "return {}, {{}}, {[1.5] = 1, [true] = 2, [-1] = 3, x = {y = 'z'}}",
            "local a, b, c = ... assert(next(a) == nil and next(b[1]) == nil and #b == 1)\n"
            "assert(c[1.5] == 1 and c[true] == 2 and c[-1] == 3 and c.x.y == 'z')");
  pair_send(p, "local t = {} for i = 1, 1000 do t[i] = i end t.x = 1 t[0] = 0 t[2000] = 2 return t",
            "local t = ... assert(#t >= 1000 and t.x == 1 and t[0] == 0 and t[2000] == 2)\n"
            "for i = 1, 1000 do assert(t[i] == i) end");
  pair_send(
      p, "local t = {} for i = 1, 5000 do t[i] = i + 0.5 end return t, {1, 2, 3, 4, 5, 6, 7, 8, 'x'}",
      "local t, u = ... assert(#t == 5000 and t[5000] == 5000.5 and #u == 9 and u[9] == 'x' and u[8] == 8)");
}

/* More keys than can be numbered, short and long, the same strings as values, and at any depth. */
static void records_arrive_with_their_keys(struct lua_pair *p) {
  pair_send(p,
            "local list = {} for i = 1, 300 do list[i] = {name = 'name', x = i, [i] = 'x', [true] = {name = "
            "i}} end\n"
            "return list",
            "local list = ... for i = 1, 300 do local t = list[i]\n"
            "assert(t.name == 'name' and t.x == i and t[i] == 'x' and t[true].name == i) end");
  pair_send(
      p,
      "local list = {} for i = 1, 20 do local t = {} list[i] = t for k = 1, 150 do t[('k'):rep(k)] = i * k "
      "t['k' .. k] = k end end return list",
      "local list = ... assert(#list == 20) for i = 1, 20 do for k = 1, 150 do\n"
      "assert(list[i][('k'):rep(k)] == i * k and list[i]['k' .. k] == k) end end");
  pair_send(
      p, "local t = {name = 0} for i = 1, 500 do t = {name = i, next = t, [''] = {name = 'n'}} end return t",
      "local t = ... for i = 500, 1, -1 do assert(t.name == i and t[''].name == 'n') t = t.next end "
      "assert(t.name == 0)");
  pair_send(p, "return {a = 1}, {a = 2}, 'a', {a = {a = 'a'}}",
            "local a, b, c, d = ... assert(a.a == 1 and b.a == 2 and c == 'a' and d.a.a == 'a')");
}

static void arrays_made_backwards_or_with_holes_keep_their_elements(struct lua_pair *p) {
  pair_send(p, "local t = {} for i = 100, 1, -1 do t[i] = i end return t, {1, nil, 3}, {nil, nil, 3}",
            "local t, u, v = ... assert(#t == 100) for i = 1, 100 do assert(t[i] == i) end\n"
            "assert(u[1] == 1 and u[2] == nil and u[3] == 3 and v[3] == 3 and v[1] == nil)");
  pair_send(p, "local t = {} for k = 0, 30 do t[2^k] = k end return t",
            "local t, n = ..., 0 for k, v in pairs(t) do n = n + 1 assert(k == 2^v) end assert(n == 31)");
}

static void shared_parts_and_cycles_arrive_as_such(struct lua_pair *p) {
  pair_send(p, "local s = {1} local t = {a = s, b = s, [s] = s} t.self = t return t, s",
            "local t, s = ... assert(t.a == s and t.b == s and t[s] == s and t.self == t and s[1] == 1)");
}

static void a_million_levels_arrive(struct lua_pair *p) {
  pair_send(p, "local t = {} for i = 1, 1000000 do t = {t} end return t",
            "local t, n = ..., 0 while t[1] do t = t[1] n = n + 1 end assert(n == 1000000)");
  pair_send(
      p, "local first = {} local t = first for i = 1, 1000 do t = {next = t, first = first} end return t",
      "local t, n = ..., 0 local first = t.first\n"
      "while t.next do assert(t.first == first) t = t.next n = n + 1 end assert(t == first and n == 1000)");
  pair_send(p,
            "local f = function() return 0 end\n"
            "for i = 1, 150 do local g = f f = function() return g() + 1 end end return f",
            "assert((...)() == 150)");
}

static void functions_arrive_with_their_upvalues(struct lua_pair *p) {
  pair_send(p,
            "local a, b = 3, {4} return function(x) return a + b[1] + x end, function(...) return "
            "select('#', ...) end",
            "local f, g = ... assert(f(5) == 12 and g(nil, nil) == 2)");
  pair_send(p,
            "local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end return fib",
            "assert((...)(10) == 55)");
  pair_send(p,
            "local odd local function even(n) if n == 0 then return true end return odd(n - 1) end\n"
            "function odd(n) if n == 0 then return false end return even(n - 1) end return even",
            "assert((...)(10) == true and (...)(7) == false)");
  pair_send(p, "return function() counter = (counter or 0) + 1 return _G, tostring end",
            "local g, t = (...)() assert(g == _G and t == tostring and counter == 1)");
}

static void shared_upvalues_stay_shared_within_a_message(struct lua_pair *p) {
  pair_send(p, "local n = 10 return {inc = function() n = n + 1 end, get = function() return n end}",
            "local o = ... o.inc() o.inc() assert(o.get() == (kind == '5.1' and 10 or 12))");
}

static void fields_of_modules_arrive_by_name(struct lua_pair *p) {
  pair_send(p, "return print, string.format, {string, io.stdout}, _G, function() return string.rep, math end",
            "local a, b, c, d, e = ... assert(a == print and b == string.format and c[1] == string)\n"
            "assert(c[2] == io.stdout and d == _G) local f, m = e() assert(f == string.rep and m == math)");
  pair_run(p->sender, "package.loaded.mine = {class = {}, deep = {er = {est = print}}}", 0, 0);
  pair_run(p->receiver, "package.preload.mine = function() return {class = {__index = {name = 'mine'}}} end",
           0, 0);
  pair_send(p, "return setmetatable({}, package.loaded.mine.class), package.loaded.mine",
            "local o, m = ... assert(o.name == 'mine' and m == package.loaded.mine)");
}

static void instances_of_global_classes_find_their_class(struct lua_pair *p) {
  const char *class = "Account = {} Account.__index = Account function Account:get() return self.x end";
  pair_run(p->sender, class, 0, 0);
  pair_run(p->receiver, class, 0, 0);
  pair_send(p, "return setmetatable({x = 5}, Account)",
            "local o = ... assert(getmetatable(o) == Account and o:get() == 5)");
}

static void a_table_of_the_script_is_copied(struct lua_pair *p) {
  pair_run(p->sender, "settings = {depth = 3}", 0, 0);
  pair_send(p, "return settings", "assert((...).depth == 3 and settings == nil)");
}

static void no_metamethod_is_called(struct lua_pair *p) {
  const char *class =
      "Nasty = {} for _, n in ipairs{'__index', '__newindex', '__pairs', '__len', '__eq', '__call'} do\n"
      "Nasty[n] = function() error(n) end end";
  pair_run(p->sender, class, 0, 0);
  pair_run(p->receiver, class, 0, 0);
  pair_send(p, "return setmetatable({1, 2, x = 3}, Nasty)",
            "local o = ... assert(rawget(o, 2) == 2 and rawget(o, 'x') == 3 and getmetatable(o) == Nasty)");
}

static void an_unsendable_value_is_named_by_its_path(struct lua_pair *p) {
  pair_run(p->sender, "co = coroutine.create(function() end)", 0, 0);
  pair_refuse(p, "return co", "cannot send a coroutine (at value)");
  pair_refuse(p, "return {jobs = {1, 2, {co = co}}}", "cannot send a coroutine (at value.jobs[3].co)");
  pair_refuse(p, "return {['odd key'] = {['a\"\\n'] = co}}",
              "cannot send a coroutine (at value[\"odd key\"][\"a\\\"\\010\"])");
  pair_refuse(p, "return {[true] = {[2.5] = co}}", "cannot send a coroutine (at value[true][2.5])");
  pair_refuse(p, "return {x = {[co] = 1}}", "cannot send a coroutine (at value.x[thread](key))");
  pair_refuse(p, "local conn = co return {f = function() return conn end}",
              "cannot send a coroutine (at value.f(upvalue 'conn'))");
  pair_refuse(p, "return io.tmpfile()", "cannot send a userdata of type FILE* (at value)");
  pair_refuse(p, "return {string.gmatch('a', 'b')}",
              "cannot send a C function that no loaded module holds (at value[1])");
  pair_refuse(p, "return {o = setmetatable({}, {conn = co})}",
              "cannot send a coroutine (at value.o(metatable).conn)");
}

static void a_deep_unsendable_value_has_a_shortened_path(struct lua_pair *p) {
  pair_refuse(p, "local t = {co = co} for i = 1, 100 do t = {t} end return t",
              "cannot send a coroutine (at value….co)");
}

static void after_a_refusal_the_vm_encodes_the_next_message(struct lua_pair *p) {
  pair_refuse(p, "return {{1, 2, 3}, co}", "cannot send a coroutine (at value[2])");
  pair_send(p, "return {1, 2, 3}", "assert(#(...) == 3)");
}

/* A finalizer that sends while its VM encodes uses a scratch of its own. */
static int send_from_finalizer(lua_State *L) {
  lua_pushliteral(L, "from a finalizer");
  transfer_encode(L, -1, 1, "value");
  return 0;
}

static void finalizers_may_send_while_their_vm_sends(struct lua_pair *p) {
  for (int i = 0; i < 200; i++) {
    lua_newuserdata(p->sender, 16);
    lua_newtable(p->sender);
    lua_pushcfunction(p->sender, send_from_finalizer);
    lua_setfield(p->sender, -2, "__gc");
    lua_setmetatable(p->sender, -2);
    lua_pop(p->sender, 1);
    pair_send(p, "local t = {} for i = 1, 50 do t[i] = {('x'):rep(i), function() return t end} end return t",
              "local t = ... for i = 1, 50 do assert(#t[i][1] == i and type(t[i][2]) == 'function') end");
  }
}

int main(void) {
  struct lua_pair p = pair_open();
  numbers_arrive_to_the_bit(&p);
  a_long_string_that_repeats_goes_once(&p);
  whole_numbers_take_as_many_bytes_as_they_need(&p);
  strings_arrive_with_every_byte(&p);
  any_number_of_values_arrives_with_nils(&p);
  tables_arrive_whole(&p);
  records_arrive_with_their_keys(&p);
  arrays_made_backwards_or_with_holes_keep_their_elements(&p);
  shared_parts_and_cycles_arrive_as_such(&p);
  a_million_levels_arrive(&p);
  functions_arrive_with_their_upvalues(&p);
  shared_upvalues_stay_shared_within_a_message(&p);
  fields_of_modules_arrive_by_name(&p);
  instances_of_global_classes_find_their_class(&p);
  a_table_of_the_script_is_copied(&p);
  no_metamethod_is_called(&p);
  an_unsendable_value_is_named_by_its_path(&p);
  a_deep_unsendable_value_has_a_shortened_path(&p);
  after_a_refusal_the_vm_encodes_the_next_message(&p);
  finalizers_may_send_while_their_vm_sends(&p);
  pair_close(&p);
  return 0;
}
