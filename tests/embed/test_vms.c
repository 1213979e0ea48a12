/* SPDX-License-Identifier: MIT */
/* VMs: libraries, modules, memory, death of processes, functions of the program in a VM, and no
 * effects on the program's signals, threads and descriptors. */
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "embed.h"

struct lua_State;
extern void lua_pushinteger(struct lua_State *L, long long n);
extern void lua_pushstring(struct lua_State *L, const char *s);
extern int lua_error(struct lua_State *L);

static mm_vm *vm_with(mm_rt *rt, unsigned libs) {
  mm_vm_config config = config_of_kind();
  mm_vm *vm = NULL;
  config.libs = libs;
  CHECK_EQ(mm_vm_create(rt, &vm, &config), 0);
  return vm;
}

static void a_vm_has_the_libraries_it_was_given(void) {
  mm_rt *rt = make_rt();
  mm_vm *safe = vm_with(rt, MM_LIB_SAFE);
  CHECK_EQ(number(safe,
                  "local n = 0 for _, name in ipairs({ 'io', 'os', 'package', 'require', 'debug', 'dofile', "
                  "'loadfile', "
                  "'ffi', 'jit', 'newproxy' }) do if _G[name] ~= nil then n = n + 1 end end return n"),
           0);
  CHECK_EQ(number(safe, "return (load or loadstring)('return 6')()"), 6);
  CHECK_EQ(number(safe,
                  "local f, why = load(string.dump(function() end)) return (not f and why:find('bytecode')) "
                  "and 1 or 0"),
           1);
  CHECK_EQ(number(safe,
                  "local once = false local f, why = load(function() if once then return nil end once = true "
                  "return string.dump(function() end) end) return f and 1 or 0"),
           0);
  CHECK_EQ(number(safe, "return #('x'):rep(3) + math.floor(2.5) + #table.concat({ 'a', 'b' })"), 7);
  mm_vm *with = vm_with(rt, MM_LIB_IO | MM_LIB_OS);
  CHECK_EQ(number(with, "return io.open and os.time and dofile and not _G.require and not debug and 1 or 0"),
           1);
  CHECK_EQ(run(with, "os.exit(3)"), -MM_ERUN);
  CHECK_EQ(number(with, "return 1"), 1);
  mm_vm *all = vm_with(rt, MM_LIB_ALL);
  CHECK_EQ(number(all, "return load(string.dump(function() return 8 end))()"), 8);
  CHECK_EQ(number(all, "return require('string') == string and debug.getinfo and 1 or 0"), 1);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

static void scripts_use_manymoons_in_their_vm(void) {
  mm_rt *rt = make_rt();
  mm_vm *vm = vm_with(rt, MM_LIB_ALL);
  CHECK_EQ(number(vm,
                  "local mm = require('manymoons') local pool = mm.interpreters.Pool(2) "
                  "local list = pool:map(function(x) return x * x end, { 1, 2, 3 }) pool:close() pool:join() "
                  "return list[3]"),
           9);
  mm_job *job = eval(vm, "local mm = require('manymoons') q = mm.Queue() return q");
  CHECK_EQ(mm_job_wait(job, -1), 1);
  mm_vm *other = vm_with(rt, MM_LIB_SAFE); /* a handle has its methods also without `require` */
  CHECK_EQ(run(other, "function fill(queue) for i = 1, 10 do queue:put(i) end end"), 1);
  mm_job *filled = NULL;
  CHECK_EQ(mm_call(other, &filled, "fill", mm_job_result(job), NULL), 0);
  CHECK_EQ(mm_job_wait(filled, -1), 1);
  mm_job_free(filled);
  mm_job_free(job);
  CHECK_EQ(number(vm, "local s = 0 for _ = 1, 10 do s = s + q:get(5) end return s"), 55);
  /* The workers of a script end with its VM. */
  CHECK_EQ(run(vm,
               "pool = require('manymoons').interpreters.Pool(2) pool:submit(function() while true do "
               "require('manymoons').sleep(0.01) end end)"),
           1);
  CHECK_EQ(mm_rt_free(rt, 5000), 0);
}

static int open_host(struct lua_State *L) {
  lua_pushinteger(L, 77);
  return 1;
}

static void modules_of_the_program_are_found(void) {
  mm_rt *rt = make_rt();
  CHECK_EQ(mm_register(rt, "host", open_host), 0);
  CHECK_EQ(mm_register_lua(rt, "tool.box",
                           "local name = ... return { name = name, add = function(a, b) return a + b end }",
                           MM_ZERO),
           0);
  CHECK_EQ(mm_register(rt, NULL, open_host), -MM_EINVAL);
  mm_vm *vm = vm_with(rt, MM_LIB_PACKAGE);
  CHECK_EQ(number(vm, "local t = require('tool.box') assert(t.name == 'tool.box') return t.add(1, 2)"), 3);
  mm_val *args = mm_pack(rt, "ii", (int64_t)20, (int64_t)22);
  mm_job *job = NULL;
  CHECK_EQ(mm_call(vm, &job, "tool.box.add", args, NULL), 0);
  CHECK_EQ(mm_job_wait(job, -1), 1);
  CHECK_EQ(mm_int(mm_job_result(job)), 42);
  mm_job_free(job);
  mm_val_free(args);
  if (kind.where == MM_PROCESS) {
    job = eval(vm, "return require('host')");
    CHECK_EQ(mm_job_wait(job, -1), -MM_ERUN);
    CHECK(strstr(mm_job_error(job), "'host' is C code of the host program") != NULL);
    mm_job_free(job);
  } else {
    CHECK_EQ(number(vm, "return require('host')"), 77);
  }
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

/* The program's archive. The chunk's name is a path. */
static bool find_in_archive(void *ud, const mm_vm *vm, const char *name, mm_source *out) {
  CHECK(vm && ud == &kind);
  if (strcmp(name, "ai.wolf") == 0)
    return mm_source_give(out, "ai/wolf.lua",
                          "local n = ... return { name = n, howl = function()\n error('awoo') end }",
                          MM_ZERO) == 0;
  if (strcmp(name, "ai.pack") == 0)
    return mm_source_give(out, NULL, "return { leader = require('ai.wolf') }", MM_ZERO) == 0;
  if (strcmp(name, "broken") == 0) return mm_source_give(out, NULL, "return +", MM_ZERO) == 0;
  return strcmp(name, "code") == 0 && mm_source_give(out, NULL, "\033Lua", 4) == 0;
}

static void raises(mm_vm *vm, const char *source, const char *text) {
  mm_job *job = eval(vm, source);
  CHECK_EQ(mm_job_wait(job, 20000), -MM_ERUN);
  if (!strstr(mm_job_error(job), text)) fprintf(stderr, "it says: %s\n", mm_job_error(job));
  CHECK(strstr(mm_job_error(job), text) != NULL);
  mm_job_free(job);
}

static void modules_are_found_by_the_program(void) {
  mm_rt *rt = NULL;
  mm_rt_config config;
  mm_rt_config_init(&config);
  config.use_sigurg = kind.use_sigurg;
  config.find = find_in_archive;
  config.find_ud = &kind;
  CHECK_EQ(mm_rt_create(&rt, &config), 0);
  CHECK_EQ(mm_register_lua(rt, "tool", "return { n = 7 }", MM_ZERO), 0);
  for (int round = 0; round < 2; round++) {
    mm_vm *vm = vm_with(rt, round ? MM_LIB_PACKAGE : MM_LIB_REQUIRE);
    CHECK_EQ(
        number(
            vm,
            "local pack = require('ai.pack') assert(pack == require('ai.pack'))\n"
            "assert(pack.leader.name == 'ai.wolf' and require('string') == string) return require('tool').n"),
        7);
    raises(vm, "require('ai.wolf').howl()", "ai/wolf.lua:2: awoo");
    raises(vm, "require('broken')", "broken:1:");
    raises(vm, "require('code')", "source expected, got bytecode");
    raises(vm, "require('nowhere')", "nowhere");
    CHECK_EQ(number(vm, "return package == nil and 1 or 0"), round ? 0 : 1);
    mm_job *job = NULL;
    CHECK_EQ(mm_call(vm, &job, "ai.wolf.howl", NULL, NULL), 0);
    CHECK_EQ(mm_job_wait(job, 20000), -MM_ERUN);
    mm_job_free(job);
  }
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

static void memory_has_a_limit(void) {
  mm_rt *rt = make_rt();
  mm_vm_config config = config_of_kind();
  mm_vm *vm = NULL;
  config.mem_limit = 4 << 20;
  CHECK_EQ(mm_vm_create(rt, &vm, &config), 0);
  for (int i = 0; i < 3; i++) {
    CHECK_EQ(run(vm, "local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end"), -MM_ELIMIT_MEM);
    CHECK_EQ(number(vm, "return 3"), 3);
  }
  mm_vm_stats stats = {.size = sizeof stats};
  CHECK_EQ(mm_vm_get_stats(vm, &stats), 0);
  CHECK(stats.memory_peak > 3 << 20 && stats.memory_peak <= 4 << 20);
  CHECK_EQ(stats.jobs, 6);
  config.mem_limit = 1000;
  mm_vm *none = NULL;
  CHECK_EQ(mm_vm_create(rt, &none, &config), -MM_ENOMEM);
  CHECK(none == NULL);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

static _Atomic long long allocated;

static void *count_bytes(void *ud, void *block, size_t old_size, size_t new_size) {
  (void)ud;
  void *moved = NULL;
  if (!block) old_size = 0;
  if (new_size == 0)
    free(block);
  else
    moved = realloc(block, new_size);
  if (moved || !new_size) allocated += (long long)new_size - (long long)old_size;
  return moved;
}

static void the_program_s_allocator_gets_all_blocks_back(void) {
  if (kind.where == MM_PROCESS) return;
  mm_rt_config config;
  mm_rt *rt = NULL;
  mm_rt_config_init(&config);
  config.alloc = count_bytes;
  CHECK_EQ(mm_rt_create(&rt, &config), 0);
  mm_vm *vm = make_vm(rt);
  CHECK_EQ(number(vm, "local t = {} for i = 1, 1000 do t[i] = { i } end return #t"), 1000);
  CHECK(allocated > 10000);
  mm_vm_stats stats = {.size = sizeof stats};
  CHECK_EQ(mm_vm_get_stats(vm, &stats), 0);
  CHECK((long long)stats.memory == allocated);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
  CHECK_EQ(allocated, 0);
}

struct started {
  void (*run)(void *);
  void *arg;
};
static _Atomic int threads;

static void *run_started(void *arg) {
  const struct started s = *(struct started *)arg;
  free(arg);
  s.run(s.arg);
  return NULL;
}

static int start(void *ud, void (*entry)(void *), void *arg, const char *name, size_t stack_size,
                 void **token) {
  (void)ud, (void)name, (void)stack_size;
  if (threads == 2) return 1;
  struct started *s = malloc(sizeof *s);
  pthread_t *thread = malloc(sizeof *thread);
  s->run = entry;
  s->arg = arg;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int failed = pthread_create(thread, NULL, run_started, s);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  threads++;
  *token = thread;
  return failed;
}

static void join(void *ud, void *token) {
  (void)ud;
  pthread_join(*(pthread_t *)token, NULL);
  free(token);
  threads--;
}

static void threads_may_be_the_program_s_own(void) {
  if (kind.where == MM_INLINE) return;
  mm_rt_config config;
  mm_rt *rt = NULL;
  mm_vm *third = NULL;
  mm_rt_config_init(&config);
  config.spawn_thread = start;
  CHECK_EQ(mm_rt_create(&rt, &config), -MM_EINVAL);
  config.join_thread = join;
  config.use_sigurg = kind.use_sigurg;
  CHECK_EQ(mm_rt_create(&rt, &config), 0);
  mm_vm *vm = make_vm(rt), *second = make_vm(rt);
  CHECK_EQ(threads, 2);
  CHECK_EQ(mm_vm_create(rt, &third, NULL), -MM_ESYS);
  CHECK_EQ(number(vm, "return 1") + number(second, "return 2"), 3);
  mm_vm_free(second);
  while (threads == 2) CHECK(mm_poll(rt, 0, 10) >= 0);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
  CHECK_EQ(threads, 0);
}

static void the_death_of_a_process_fails_its_jobs(void) {
  if (kind.where != MM_PROCESS) return;
  mm_rt *rt = make_rt();
  for (int round = 0; round < 3; round++) {
    mm_vm *vm = vm_with(rt, MM_LIB_ALL);
    mm_job *job = eval(vm, "while true do end"), *next = eval(vm, "return 1");
    if (round == 0) CHECK_EQ(mm_job_wait(job, 2), -MM_ETIMEOUT);
    CHECK_EQ(mm_vm_kill(vm), 0);
    CHECK_EQ(mm_job_wait(job, 20000), -MM_EDIED);
    CHECK(strstr(mm_job_error(job), "signal 9") != NULL);
    CHECK_EQ(mm_job_wait(next, 20000), -MM_EDIED);
    CHECK_EQ(mm_eval(vm, NULL, "x", "", MM_ZERO, NULL), -MM_EDIED);
    mm_vm_stats stats = {.size = sizeof stats};
    CHECK_EQ(mm_vm_get_stats(vm, &stats), 0);
    CHECK(!stats.is_alive);
    CHECK_EQ(mm_vm_kill(vm), 0);
    mm_job_free(job);
    mm_job_free(next);
    mm_vm_free(vm);
  }
  /* A C function that does not return within a second ends with its process. */
  mm_vm *vm = vm_with(rt, MM_LIB_ALL);
  mm_job_opts opts;
  mm_job_opts_init(&opts);
  opts.timeout_ms = 10;
  mm_job *job = NULL;
  static const char waits[] = "os.execute('while kill -0 $PPID 2>/dev/null; do sleep 0.05; done')";
  CHECK_EQ(mm_eval(vm, &job, "x", waits, MM_ZERO, &opts), 0);
  CHECK_EQ(mm_job_wait(job, 20000), -MM_ELIMIT_TIME);
  mm_job_free(job);
  CHECK_EQ(mm_rt_free(rt, 5000), 0);
}

static int add_to(struct lua_State *L, void *ud) {
  (void)L;
  return *(int *)ud + 1;
}

static int push_error(struct lua_State *L, void *ud) {
  (void)ud;
  lua_pushstring(L, "on purpose");
  return lua_error(L);
}

static int know(struct lua_State *L, void *ud) { return mm_vm_of(L) == ud && mm_vm_user(ud) == &kind; }

static int take_and_push(struct lua_State *L, void *ud) {
  mm_val **value = ud;
  if (*value) return mm_push(L, *value);
  lua_pushinteger(L, 5);
  lua_pushstring(L, "six");
  *value = mm_take(L, -2, 2);
  return 0;
}

static void the_program_s_functions_run_in_the_vm(void) {
  mm_rt *rt = make_rt();
  mm_vm_config config = config_of_kind();
  mm_vm *vm = NULL;
  int n = 41;
  config.user = &kind;
  CHECK_EQ(mm_vm_create(rt, &vm, &config), 0);
  if (kind.where == MM_PROCESS) {
    CHECK_EQ(mm_vm_with_state(vm, add_to, &n), -MM_EUNSUPPORTED);
  } else {
    CHECK_EQ(mm_vm_with_state(vm, add_to, &n), 42);
    CHECK_EQ(mm_vm_with_state(vm, push_error, NULL), -MM_ERUN);
    CHECK_EQ(mm_vm_with_state(vm, know, vm), 1);
    mm_val *value = NULL;
    CHECK_EQ(mm_vm_with_state(vm, take_and_push, &value), 0);
    CHECK_EQ(mm_len(value), 2);
    CHECK_EQ(mm_vm_with_state(vm, take_and_push, &value), 2);
    CHECK(strcmp(mm_str(mm_at(value, 1), NULL), "six") == 0);
    mm_val_free(value);
    CHECK_EQ(number(vm, "return 1"), 1);
  }
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

static void hear(void *ud, mm_job *job) {
  CHECK_EQ(mm_job_state(job), 1);
  ++*(int *)ud;
}

static void the_descriptor_is_readable_while_there_is_something_to_do(void) {
  mm_rt *rt = make_rt();
  mm_vm *vm = make_vm(rt);
  struct pollfd entry = {.fd = mm_fd(rt), .events = POLLIN};
  int heard = 0;
  mm_job_opts opts;
  mm_job_opts_init(&opts);
  opts.done = hear;
  opts.ud = &heard;
  CHECK_EQ(poll(&entry, 1, 0), 0);
  for (int i = 1; i <= 5; i++) {
    CHECK_EQ(mm_eval(vm, NULL, "x", "return 1", MM_ZERO, &opts), 0);
    while (heard < i) {
      CHECK_EQ(poll(&entry, 1, 5000), 1);
      CHECK(mm_poll(rt, 0, 0) >= 0);
    }
    CHECK_EQ(poll(&entry, 1, 0), 0);
  }
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

static void two_runtimes_are_independent(void) {
  mm_rt *a = make_rt(), *b = make_rt();
  mm_vm *in_a = make_vm(a), *in_b = make_vm(b);
  CHECK_EQ(run(in_a, "x = 1"), 1);
  CHECK_EQ(number(in_b, "return x or 2"), 2);
  CHECK_EQ(mm_rt_free(a, 1000), 0);
  CHECK_EQ(number(in_b, "return 3"), 3);
  CHECK_EQ(mm_rt_free(b, 1000), 0);
}

static int count_entries(const char *folder) {
  DIR *d = opendir(folder);
  int count = 0;
  if (!d) return 0;
  while (readdir(d)) count++;
  closedir(d);
  return count;
}

static int count_handlers(void) {
  int count = 0;
  for (int number = 1; number < NSIG; number++) {
    struct sigaction action;
    count +=
        sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN;
  }
  return count;
}

static void come_and_go(int times) {
  for (int i = 0; i < times; i++) {
    mm_rt *rt = make_rt();
    mm_vm *vm = make_vm(rt);
    CHECK_EQ(number(vm, "return 1"), 1);
    if (i % 2) mm_vm_free(vm);
    CHECK_EQ(mm_rt_free(rt, 1000), 0);
  }
}

static void nothing_is_left(void) {
  const int handlers = count_handlers();
  come_and_go(2); /* sanitizers start threads of their own */
  const int descriptors = count_entries("/proc/self/fd"), running = count_entries("/proc/self/task");
  come_and_go(20);
  CHECK_EQ(count_entries("/proc/self/fd"), descriptors);
  CHECK_EQ(count_entries("/proc/self/task"), running);
  CHECK(count_handlers() - handlers <= (int)kind.use_sigurg);
}

static void call_many(mm_vm *vm, _Atomic int *sum) {
  for (int i = 0; i < 200; i++) *sum += (int)number(vm, "return 1");
}

struct crowd {
  mm_vm *vm;
  _Atomic int sum;
};

static void *crowd_main(void *arg) {
  struct crowd *crowd = arg;
  call_many(crowd->vm, &crowd->sum);
  return NULL;
}

static void any_thread_may_call(void) {
  if (kind.where == MM_INLINE) return;
  enum { THREADS = 4 };
  mm_rt *rt = make_rt();
  struct crowd crowd = {.vm = make_vm(rt)};
  pthread_t handles[THREADS];
  for (int i = 0; i < THREADS; i++) CHECK_EQ(pthread_create(&handles[i], NULL, crowd_main, &crowd), 0);
  for (int i = 0; i < THREADS; i++) pthread_join(handles[i], NULL);
  CHECK_EQ(crowd.sum, THREADS * 200);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

static void *use_a_runtime(void *unused) {
  mm_rt *rt = make_rt();
  mm_vm *vm = vm_with(rt, MM_LIB_ALL);
  CHECK_EQ(number(vm, "local q = require 'manymoons'.Queue() q:put(7) return q:get()"), 7);
  (void)unused;
  return rt;
}

static void *free_a_runtime(void *rt) {
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
  return NULL;
}

static void *in_another_thread(void *(*use)(void *argument), void *argument) {
  pthread_t handle;
  void *result = NULL;
  CHECK_EQ(pthread_create(&handle, NULL, use, argument), 0);
  CHECK_EQ(pthread_join(handle, &result), 0);
  return result;
}

/* No other runtime is open meanwhile. */
static void a_runtime_is_freed_in_any_thread(void) {
  free_a_runtime(in_another_thread(use_a_runtime, NULL));
  in_another_thread(free_a_runtime, use_a_runtime(NULL));
  in_another_thread(free_a_runtime, in_another_thread(use_a_runtime, NULL));
}

int main(void) {
  in_every_kind(nothing_is_left); /* first, because an installed signal handler stays */
  in_every_kind(a_runtime_is_freed_in_any_thread);
  in_every_kind(a_vm_has_the_libraries_it_was_given);
  in_every_kind(scripts_use_manymoons_in_their_vm);
  in_every_kind(modules_of_the_program_are_found);
  in_every_kind(modules_are_found_by_the_program);
  in_every_kind(memory_has_a_limit);
  in_every_kind(the_program_s_allocator_gets_all_blocks_back);
  in_every_kind(threads_may_be_the_program_s_own);
  in_every_kind(the_death_of_a_process_fails_its_jobs);
  in_every_kind(the_program_s_functions_run_in_the_vm);
  in_every_kind(the_descriptor_is_readable_while_there_is_something_to_do);
  in_every_kind(two_runtimes_are_independent);
  in_every_kind(any_thread_may_call);
  return 0;
}
