/* SPDX-License-Identifier: MIT */
/* VMs in a sandbox: what they reach and what not, and what the program gets from them. */
#include <unistd.h>

#include "embed.h"

enum { SKIPPED = 77 };

static mm_vm *sandboxed(mm_rt *rt, const char *const *read, const char *const *write) {
  const mm_sandbox sandbox = {.read = read, .write = write};
  mm_vm_config config = config_of_kind();
  mm_vm *vm = NULL;
  config.libs = MM_LIB_ALL;
  config.sandbox = &sandbox;
  const int made = mm_vm_create(rt, &vm, &config);
  if (made == -MM_EUNSUPPORTED) {
    fprintf(stderr, "SKIPPED: this kernel cannot enforce a sandbox\n");
    exit(SKIPPED);
  }
  CHECK_EQ(made, 0);
  return vm;
}

static void fails_with(mm_vm *vm, const char *source, int state, const char *text) {
  mm_job *job = eval(vm, source);
  CHECK_EQ(mm_job_wait(job, -1), state);
  if (!strstr(mm_job_error(job), text)) fprintf(stderr, "%s\n", mm_job_error(job));
  CHECK(strstr(mm_job_error(job), text) != NULL);
  mm_job_free(job);
}

static void other_kinds_are_refused(void) {
  const mm_sandbox sandbox = {.network = false};
  mm_rt *rt = make_rt();
  mm_vm_config config = config_of_kind();
  mm_vm *vm = NULL;
  config.sandbox = &sandbox;
  if (kind.where != MM_PROCESS) CHECK_EQ(mm_vm_create(rt, &vm, &config), -MM_EUNSUPPORTED);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

static void jobs_run_and_reach_the_named_files(void) {
  char folder[] = "/tmp/mm-sandbox.XXXXXX", file[64], source[256];
  mm_rt *rt = make_rt();
  CHECK(mkdtemp(folder) != NULL);
  snprintf(file, sizeof file, "%s/file", folder);
  const char *const paths[] = {folder, NULL};
  mm_vm *vm = sandboxed(rt, paths, paths);
  CHECK_EQ(number(vm, "return 6 * 7"), 42);
  snprintf(source, sizeof source, "local f = assert(io.open('%s', 'w')) f:write('text') f:close() return 4",
           file);
  CHECK_EQ(number(vm, source), 4);
  snprintf(source, sizeof source, "return #assert(io.open('%s')):read('*a')", file);
  CHECK_EQ(number(vm, source), 4);
  fails_with(vm, "assert(io.open('/etc/passwd'))", -MM_ERUN, "Permission denied");
  fails_with(vm, "assert(os.execute('true'))", -MM_ERUN, "the sandbox refuses to start a program");
  fails_with(vm, "error('boom')", -MM_ERUN, "boom");
  fails_with(vm, "return 1 +", -MM_ESYNTAX, "");
  CHECK_EQ(number(vm, "return 1"), 1);
  unlink(file);
  rmdir(folder);
  const char *const missing[] = {folder, NULL};
  const mm_sandbox wrong = {.read = missing};
  mm_vm_config config = config_of_kind();
  mm_vm *none = NULL;
  config.sandbox = &wrong;
  CHECK_EQ(mm_vm_create(rt, &none, &config), -MM_EINVAL);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

/* Values go both ways; a function of the sandbox is called by no other VM. */
static void results_are_data(void) {
  mm_rt *rt = make_rt();
  mm_vm *vm = sandboxed(rt, NULL, NULL);
  mm_vm *free_vm = make_vm(rt);
  mm_job *job = NULL;
  CHECK_EQ(run(vm, "function echo(...) return ... end"), 1);
  mm_val *args = mm_pack(rt, "i{s name=s}s", (int64_t)7, "in", "table", "text");
  CHECK_EQ(mm_call(vm, &job, "echo", args, NULL), 0);
  CHECK_EQ(mm_job_wait(job, -1), 1);
  int64_t number_back = 0;
  const mm_val *table = NULL;
  const char *text = NULL;
  CHECK_EQ(mm_unpack(mm_job_result(job), "ivs", &number_back, &table, &text), 0);
  CHECK_EQ(number_back, 7);
  CHECK(strcmp(text, "text") == 0);
  mm_job_free(job);
  mm_val_free(args);
  job = eval(vm, "return function() return 1 end");
  if (mm_job_wait(job, -1) == 1) {
    mm_job *called = NULL;
    CHECK_EQ(run(free_vm, "function run(f) return f() end"), 1);
    CHECK_EQ(mm_call(free_vm, &called, "run", mm_job_result(job), NULL), 0);
    CHECK_EQ(mm_job_wait(called, -1), -MM_ERUN);
    mm_job_free(called);
  }
  mm_job_free(job);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

static void queues_of_the_program_have_stand_ins(void) {
  mm_rt *rt = make_rt();
  mm_vm_config config = config_of_kind();
  mm_vm *free_vm = NULL;
  config.libs = MM_LIB_ALL;
  CHECK_EQ(mm_vm_create(rt, &free_vm, &config), 0);
  mm_vm *vm = sandboxed(rt, NULL, NULL);
  mm_job *made = eval(free_vm, "q = require('manymoons').Queue() return q");
  CHECK_EQ(mm_job_wait(made, -1), 1);
  CHECK_EQ(run(vm, "function fill(queue) for i = 1, 10 do queue:put(i) end end"), 1);
  mm_job *filled = NULL;
  CHECK_EQ(mm_call(vm, &filled, "fill", mm_job_result(made), NULL), 0);
  CHECK_EQ(mm_job_wait(filled, -1), 1);
  mm_job_free(filled);
  mm_job_free(made);
  CHECK_EQ(number(free_vm, "local s = 0 for _ = 1, 10 do s = s + q:get(5) end return s"), 55);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

static void jobs_stop_and_processes_die_alone(void) {
  mm_rt *rt = make_rt();
  mm_vm *vm = sandboxed(rt, NULL, NULL);
  mm_job *job = eval(vm, "while true do end");
  CHECK_EQ(mm_job_cancel(job), 0);
  CHECK_EQ(mm_job_wait(job, -1), -MM_ECANCELED);
  mm_job_free(job);
  CHECK_EQ(number(vm, "return 5"), 5);
  mm_job_opts opts;
  mm_job_opts_init(&opts);
  opts.timeout_ms = 50;
  CHECK_EQ(mm_eval(vm, &job, "chunk", "while true do end", MM_ZERO, &opts), 0);
  CHECK_EQ(mm_job_wait(job, -1), -MM_ELIMIT_TIME);
  mm_job_free(job);
  CHECK_EQ(number(vm, "return 6"), 6);
  job = eval(vm, "while true do end");
  CHECK_EQ(mm_vm_kill(vm), 0);
  CHECK_EQ(mm_job_wait(job, -1), -MM_EDIED);
  mm_job_free(job);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

static bool find_module(void *ud, const mm_vm *vm, const char *name, mm_source *out) {
  (void)ud, (void)vm;
  return strcmp(name, "walk") == 0 &&
         mm_source_give(out, NULL, "return function(n) for i = 1, n do mm.frame() end return n end",
                        MM_ZERO) == 0;
}

/* Modules of the program, jobs that wait for frames and collections reach the sandbox through its guard. */
static void jobs_wait_for_frames_in_modules_of_the_program(void) {
  mm_rt *rt = NULL;
  mm_rt_config rt_config;
  mm_rt_config_init(&rt_config);
  rt_config.find = find_module;
  CHECK_EQ(mm_rt_create(&rt, &rt_config), 0);
  const mm_sandbox sandbox = {.read = NULL};
  mm_vm_config config = config_of_kind();
  mm_vm *vm = NULL;
  config.sandbox = &sandbox;
  config.libs = MM_LIB_REQUIRE;
  CHECK_EQ(mm_vm_create(rt, &vm, &config), 0);
  mm_job_opts opts;
  mm_job *job = NULL;
  mm_job_opts_init(&opts);
  opts.coroutine = true;
  CHECK_EQ(mm_eval(vm, &job, "x", "return require('walk')(3)", MM_ZERO, &opts), 0);
  while (mm_job_state(job) == 0) {
    CHECK(mm_poll(rt, 0, 1) >= 0);
    CHECK_EQ(mm_vm_collect(vm, 100), 0);
  }
  if (mm_job_state(job) != 1) fprintf(stderr, "%s\n", mm_job_error(job));
  CHECK_EQ(mm_int(mm_job_result(job)), 3);
  mm_job_free(job);
  CHECK_EQ(mm_vm_reset(vm), 0);
  CHECK_EQ(number(vm, "return pcall(require, 'nowhere') and 1 or 2"), 2);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

int main(void) {
  in_every_kind(other_kinds_are_refused);
  kind = (struct kind){"sandboxed process", MM_PROCESS, false};
#if defined(__SANITIZE_THREAD__)
  return SKIPPED;
#endif
  jobs_run_and_reach_the_named_files();
  results_are_data();
  queues_of_the_program_have_stand_ins();
  jobs_stop_and_processes_die_alone();
  jobs_wait_for_frames_in_modules_of_the_program();
  return 0;
}
