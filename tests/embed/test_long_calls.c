/* SPDX-License-Identifier: MIT */
/* Functions of Lua's library that would run for long: they can be stopped like a loop, an INLINE VM pauses in
 * them, and their results are those of Lua. */
#include "embed.h"

#define BACKTRACKS "('.-'):rep(20) .. 'b'"

static const struct {
  const char *source;
  bool is_for_5_4; /* LuaJIT's function does not look at metamethods */
} calls[] = {
    {"local r = (('a'):rep(30000)):find(" BACKTRACKS ")", false},
    {"local r = (('a'):rep(30000)):match(" BACKTRACKS ")", false},
    {"local r = (('a'):rep(30000)):gsub(" BACKTRACKS ", '')", false},
    {"for word in (('a'):rep(30000)):gmatch(" BACKTRACKS ") do end", false},
    {"local r = (('a'):rep(30000)):find(('a*'):rep(20) .. 'b')", false},
    {"local r = (('a'):rep(30000)):find(('a?'):rep(150) .. ('a'):rep(150) .. 'b')", false},
    {"local co = coroutine.wrap(function() local r = (('a'):rep(30000)):find(" BACKTRACKS
     ") end) local r = co()",
     false},
    {"local r = pcall(string.find, ('a'):rep(30000), " BACKTRACKS ")", false},
    {"while true do pcall(string.find, ('a'):rep(30000), " BACKTRACKS ") end", false},
    {"local r = (('x'):gsub('x', function() local r = (('a'):rep(30000)):find(" BACKTRACKS ") end))", false},
    {"local t = {} for i = 1, 1e5 do t[i] = i % 7 end while true do table.sort(t) end", false},
    {"local t = {} for i = 1, 1e5 do t[i] = 1 end while true do table.sort(t, rawequal) end", false},
    {"local t = {} for i = 1, 1e5 do t[i] = 'x' end while true do table.concat(t, ',') end", false},
    {"local r = table.concat(setmetatable({}, { __len = function() return 2^53 end, __index = rawlen }))",
     true},
    {"local r = table.insert(setmetatable({}, { __len = function() return 2^52 end }), 1, nil)", true},
    {"local r = table.remove(setmetatable({}, { __len = function() return 2^52 end }), 1)", true},
    {"local r = table.move({}, 1, 2^52, 2)", true},
    {"local s = ('x = 1\\n'):rep(1e5) while true do load(s) end", true},
    {"local t = {} for i = 1, 1e5 do t[i] = {} end while true do collectgarbage() end", false},
};
enum { CALLS = sizeof calls / sizeof *calls };

static bool is_for_this_lua(int i) { return !calls[i].is_for_5_4 || !is_jit(); }

static void says_where(const mm_job *job) {
  const char *text = mm_job_error(job);
  if (!strstr(text, "stopped at mod:1")) fprintf(stderr, "it says: %s\n", text);
  CHECK(strstr(text, "stopped at mod:1") != NULL);
  CHECK(strstr(text, "stack traceback:") != NULL);
}

static void a_long_call_over_its_time_limit_is_stopped_and_says_where_it_was(void) {
  mm_rt *rt = make_rt();
  mm_vm_config config = config_of_kind();
  mm_vm *vm = NULL;
  config.call_ms = 30;
  config.mem_limit = 64 << 20;
  CHECK_EQ(mm_vm_create(rt, &vm, &config), 0);
  for (int i = 0; i < CALLS; i++) {
    if (!is_for_this_lua(i)) continue;
    mm_job *job = NULL;
    CHECK_EQ(mm_eval(vm, &job, "mod", calls[i].source, MM_ZERO, NULL), 0);
    const int state = mm_job_wait(job, -1);
    if (state != -MM_ELIMIT_TIME) fprintf(stderr, "%s: %s\n", calls[i].source, mm_job_error(job));
    CHECK_EQ(state, -MM_ELIMIT_TIME);
    CHECK(strstr(mm_job_error(job), "over its time limit: ") == mm_job_error(job));
    says_where(job);
    mm_job_free(job);
    CHECK_EQ(number(vm, "return 7"), 7);
  }
  mm_vm_stats stats = {.size = sizeof stats};
  CHECK_EQ(mm_vm_get_stats(vm, &stats), 0);
  CHECK(stats.is_alive);
  CHECK_EQ(mm_rt_free(rt, 10000), 0);
}

static void a_long_call_is_cancelled_and_says_where_it_was(void) {
  mm_rt *rt = make_rt();
  mm_vm *vm = make_vm(rt);
  mm_job *job = NULL;
  CHECK_EQ(mm_eval(vm, &job, "mod", calls[0].source, MM_ZERO, NULL), 0);
  CHECK_EQ(mm_job_wait(job, 20), -MM_ETIMEOUT);
  CHECK_EQ(mm_job_cancel(job), 0);
  CHECK_EQ(mm_job_wait(job, -1), -MM_ECANCELED);
  CHECK(strstr(mm_job_error(job), "cancelled: ") == mm_job_error(job));
  says_where(job);
  mm_job_free(job);
  CHECK_EQ(number(vm, "return 7"), 7);
  CHECK_EQ(mm_rt_free(rt, 10000), 0);
}

/* However long the call, mm_poll returns, and the job goes on in the next one. */
static void an_inline_vm_pauses_in_a_long_call(void) {
  if (kind.where != MM_INLINE) return;
  mm_rt *rt = make_rt();
  mm_vm *vm = make_vm(rt);
  for (int i = 0; i < CALLS; i++) {
    if (!is_for_this_lua(i)) continue;
    mm_job *job = NULL;
    CHECK_EQ(mm_eval(vm, &job, "mod", calls[i].source, MM_ZERO, NULL), 0);
    for (int poll = 0; poll < 5; poll++) {
      CHECK(mm_poll(rt, 500, 0) >= 0);
      CHECK_EQ(mm_job_state(job), 0);
    }
    CHECK_EQ(mm_job_cancel(job), 0);
    CHECK_EQ(mm_job_wait(job, -1), -MM_ECANCELED);
    mm_job_free(job);
  }
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

static void a_vm_is_freed_in_the_middle_of_a_long_call(void) {
  mm_rt *rt = make_rt();
  for (int i = 0; i < 8; i++) {
    mm_vm *vm = make_vm(rt);
    mm_job *job = eval(vm, calls[i].source);
    CHECK_EQ(mm_job_wait(job, 2), -MM_ETIMEOUT);
    mm_vm_free(vm);
    CHECK_EQ(kind.where == MM_INLINE ? mm_poll(rt, 0, 0) : 0, 0);
    CHECK_EQ(mm_job_wait(job, -1), -MM_ECANCELED);
    mm_job_free(job);
  }
  mm_vm *vm = make_vm(rt);
  mm_job *job = eval(vm, calls[0].source);
  CHECK_EQ(mm_job_wait(job, 2), -MM_ETIMEOUT);
  CHECK_EQ(mm_rt_free(rt, 10000), 0);
  CHECK_EQ(mm_job_state(job), -MM_ECANCELED);
  mm_job_free(job);
}

static void inline_vms_take_turns_in_the_middle_of_calls(void) {
  if (kind.where != MM_INLINE) return;
  enum { VMS = 5 };
  mm_rt *rt = make_rt();
  mm_job *jobs[VMS];
  for (int i = 0; i < VMS; i++)
    jobs[i] = eval(make_vm(rt),
                   "local n = 0 for i = 1, 20 do "
                   "('a'):rep(200):gsub('a', function() n = n + #(('x'):rep(20)):gsub('.-y', '') end) end "
                   "return n");
  for (int i = 0; i < VMS; i++) {
    CHECK_EQ(mm_job_wait(jobs[i], -1), 1);
    CHECK_EQ(mm_int(mm_job_result(jobs[i])), 80000);
    mm_job_free(jobs[i]);
  }
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

static void large_strings_fill_the_memory_in_many_polls(void) {
  mm_rt *rt = make_rt();
  mm_vm_config config = config_of_kind();
  mm_vm *vm = NULL;
  config.mem_limit = 64 << 20;
  CHECK_EQ(mm_vm_create(rt, &vm, &config), 0);
  for (int round = 0; round < 3; round++) {
    mm_job *job = eval(vm, "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1048576) .. i end");
    int polls = 0;
    while (kind.where == MM_INLINE && mm_job_state(job) == 0) {
      CHECK(mm_poll(rt, 500, 0) >= 0);
      polls++;
    }
    CHECK_EQ(mm_job_wait(job, -1), -MM_ELIMIT_MEM);
    if (kind.where == MM_INLINE) CHECK(polls > 5);
    mm_job_free(job);
    CHECK_EQ(number(vm, "return 7"), 7);
  }
  CHECK_EQ(mm_rt_free(rt, 10000), 0);
}

/* What these functions give, in both Luas. */
static const char *const truths[] = {
    "('hello world'):find('o w') == 5",
    "('hello'):find('l', 1, true) == 3",
    "('hello'):find('xyz') == nil",
    "('hello'):find('') == 1",
    "('hello'):find('', -2) == 4",
    "select('#', ('hello'):find('(h)(e)()')) == 5",
    "('a.b'):find('.', 2, true) == 2",
    "('key = value'):match('^(%w+)%s*=%s*(%w+)$') == 'key'",
    "select(2, ('key = value'):match('^(%w+)%s*=%s*(%w+)$')) == 'value'",
    "('  trim '):match('^%s*(.-)%s*$') == 'trim'",
    "('f(a(b)c)d'):match('%b()') == '(a(b)c)'",
    "('THE (quick) fox'):find('%((%a+)%)') == 5",
    "('hello hello'):match('(%w+) %1') == 'hello'",
    "('hello'):match('()ll()') == 3",
    "('x]y'):match('[]]') == ']'",
    "('a-b'):match('[a-]+') == 'a-'",
    "('THE (quick)'):gsub('%f[%a]%a+', 'w') == 'w (w)'",
    "('abc'):gsub('%w', '%0%0') == 'aabbcc'",
    "('abc'):gsub('', '-') == '-a-b-c-'",
    "select(2, ('abc'):gsub('', '-')) == 4",
    "('hello world'):gsub('o', '0', 1) == 'hell0 world'",
    "('$name is $age'):gsub('%$(%w+)', { name = 'x', age = 7 }) == 'x is 7'",
    "('abc'):gsub('%w', function(c) if c == 'b' then return false end return c:upper() end) == 'AbC'",
    "('100%'):gsub('%%', '%%%%') == '100%%'",
    "('a\\0b'):find('b') == 3",
    "(function() local r = '' for k, v in ('a=1, b=2'):gmatch('(%w+)=(%w+)') do r = r .. k .. v end "
    "return r end)() == 'a1b2'",
    "not pcall(string.find, 'a', '[a')",
    "not pcall(string.find, 'a', '%')",
    "not pcall(string.find, 'a', '(a')",
    "not pcall(string.match, 'a', 'a)')",
    "not pcall(string.rep)",
    "select(2, pcall(string.rep, 'xx', 2^62)):find('resulting string too large')",
    "('ab'):rep(3) == 'ababab'",
    "('ab'):rep(3, ',') == 'ab,ab,ab'",
    "('ab'):rep(0) == '' and ('ab'):rep(-1) == '' and (''):rep(1e15) == ''",
    "#('abc'):rep(1e5, '-') == 4e5 - 1",
    "table.concat({ 1, 2, 'x' }, ', ') == '1, 2, x'",
    "table.concat({ 1, 2, 3 }, '-', 2, 3) == '2-3' and table.concat({}) == ''",
    "(function() local t = {} for i = 1, 1000 do t[i] = i * 7919 % 1009 end table.sort(t) "
    "for i = 2, #t do if t[i - 1] > t[i] then return false end end return #t == 1000 end)()",
    "(function() local t = { 3, 1, 2 } table.sort(t, function(a, b) return a > b end) "
    "return table.concat(t) end)() == '321'",
    "(function() local t = { 1, 2 } table.insert(t, 1, 0) table.insert(t, 3) return table.concat(t) end)() "
    "== '0123'",
    "(function() local t = { 1, 2, 3 } return table.remove(t, 1) + table.remove(t) + #t end)() == 5",
    "table.remove({}) == nil",
    "#load('local a = 1\\n' .. ('a = a + 1\\n'):rep(5000) .. 'return (\"x\"):rep(a)')() == 5001",
};

static void results_are_those_of_lua(void) {
  mm_rt *rt = make_rt();
  mm_vm *vm = make_vm(rt);
  for (size_t i = 0; i < sizeof truths / sizeof *truths; i++) {
    char source[1000];
    snprintf(source, sizeof source, "return (%s) and 1 or 0", truths[i]);
    mm_job *job = eval(vm, source);
    const bool is_true = mm_job_wait(job, -1) == 1 && mm_int(mm_job_result(job)) == 1;
    if (!is_true) fprintf(stderr, "%s %s\n", truths[i], mm_job_error(job));
    CHECK(is_true);
    mm_job_free(job);
  }
  CHECK_EQ(mm_rt_free(rt, 10000), 0);
}

int main(void) {
  in_every_kind(a_long_call_over_its_time_limit_is_stopped_and_says_where_it_was);
  in_every_kind(a_long_call_is_cancelled_and_says_where_it_was);
  in_every_kind(an_inline_vm_pauses_in_a_long_call);
  in_every_kind(a_vm_is_freed_in_the_middle_of_a_long_call);
  in_every_kind(inline_vms_take_turns_in_the_middle_of_calls);
  in_every_kind(large_strings_fill_the_memory_in_many_polls);
  in_every_kind(results_are_those_of_lua);
  return 0;
}
