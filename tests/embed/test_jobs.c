/* SPDX-License-Identifier: MIT */
/* Jobs: results, failures, stops, order, and notification. */
#include "embed.h"

static void a_call_returns_its_values(void) {
  mm_rt *rt = make_rt();
  mm_vm *vm = make_vm(rt);
  CHECK_EQ(run(vm, "function add(a, b) return a + b, 'text', nil, true end"), 1);
  mm_val *args = mm_pack(rt, "in", (int64_t)40, 2.5);
  mm_job *job = NULL;
  CHECK_EQ(mm_call(vm, &job, "add", args, NULL), 0);
  CHECK_EQ(mm_job_wait(job, -1), 1);
  CHECK_EQ(mm_job_state(job), 1);
  const mm_val *result = mm_job_result(job);
  CHECK_EQ(mm_len(result), 4);
  CHECK(mm_num(mm_at(result, 0)) == 42.5);
  CHECK(strcmp(mm_str(mm_at(result, 1), NULL), "text") == 0);
  CHECK_EQ(mm_typeof(mm_at(result, 2)), MM_NIL);
  CHECK(mm_bool(mm_at(result, 3)));
  CHECK(mm_at(result, 4) == NULL);
  CHECK(strcmp(mm_job_error(job), "") == 0);
  mm_job_free(job);
  mm_val_free(args);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

static void fails_with(mm_vm *vm, const char *source, int err, const char *text) {
  mm_job *job = eval(vm, source);
  CHECK_EQ(mm_job_wait(job, 20000), -err);
  if (!strstr(mm_job_error(job), text)) fprintf(stderr, "it says: %s\n", mm_job_error(job));
  CHECK(strstr(mm_job_error(job), text) != NULL);
  CHECK(mm_job_result(job) == NULL);
  mm_job_free(job);
}

static void a_failure_says_what_and_where(void) {
  mm_rt *rt = make_rt();
  mm_vm *vm = make_vm(rt);
  fails_with(vm, "local t\n return t.x", MM_ERUN, "chunk:2: attempt to index");
  fails_with(vm, "local function f() error('on purpose') end f()", MM_ERUN, "stack traceback");
  fails_with(vm, "error({ code = 1 })", MM_ERUN, "(error object is a table value)");
  fails_with(vm, "error(setmetatable({}, { __tostring = function() return 'shown' end }))", MM_ERUN, "shown");
  fails_with(vm, "return 1 +", MM_ESYNTAX, "chunk:1:");
  fails_with(vm, "\033Lua", MM_ESYNTAX, "bytecode");
  fails_with(vm, "return { a = { coroutine.create(function() end) } }", MM_EUNSENDABLE, "a[1]");
  mm_job *job = NULL;
  CHECK_EQ(mm_call(vm, &job, "nobody.knows", NULL, NULL), 0);
  CHECK_EQ(mm_job_wait(job, -1), -MM_ERUN);
  CHECK(strstr(mm_job_error(job), "no function 'nobody.knows'") != NULL);
  mm_job_free(job);
  CHECK_EQ(number(vm, "return 7"), 7);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

static void globals_stay_from_job_to_job(void) {
  mm_rt *rt = make_rt();
  mm_vm *vm = make_vm(rt);
  CHECK_EQ(run(vm, "count = 0; tools = { deep = { add = function(n) count = count + n return count end } }"),
           1);
  mm_val *args = mm_pack(rt, "i", (int64_t)3);
  for (int i = 1; i <= 100; i++) {
    mm_job *job = NULL;
    CHECK_EQ(mm_call(vm, &job, "tools.deep.add", args, NULL), 0);
    CHECK_EQ(mm_job_wait(job, -1), 1);
    CHECK_EQ(mm_int(mm_job_result(job)), 3 * i);
    mm_job_free(job);
  }
  mm_val_free(args);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

static const char *const endless[] = {
    "while true do end",
    "while true do pcall(function() while true do end end) end",
    "local co = coroutine.wrap(function() while true do end end) co()",
    "local t = setmetatable({}, { __index = function(t, k) return t[k + 1] end }) while true do "
    "pcall(function() return t[1] end) end",
    "local s = ('x'):rep(1000) while true do s = s:gsub('x', function() return 'x' end) end",
};

static void a_job_over_its_time_limit_is_stopped_and_the_vm_continues(void) {
  mm_rt *rt = make_rt();
  mm_vm *vm = make_vm(rt);
  mm_job_opts opts;
  mm_job_opts_init(&opts);
  opts.timeout_ms = 20;
  for (size_t i = 0; i < sizeof endless / sizeof *endless; i++) {
    mm_job *job = NULL;
    CHECK_EQ(mm_eval(vm, &job, "endless", endless[i], MM_ZERO, &opts), 0);
    CHECK_EQ(mm_job_wait(job, 20000), -MM_ELIMIT_TIME);
    mm_job_free(job);
    CHECK_EQ(number(vm, "local s = 0 for i = 1, 100000 do s = s + 1 end return s"), 100000);
  }
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

static void a_limit_of_the_vm_holds_for_each_job(void) {
  mm_rt *rt = make_rt();
  mm_vm_config config = config_of_kind();
  mm_vm *vm = NULL;
  config.call_ms = 30;
  config.stoppable = false;
  CHECK_EQ(mm_vm_create(rt, &vm, &config), 0);
  for (int i = 0; i < 3; i++) {
    CHECK_EQ(run(vm, "while true do end"), -MM_ELIMIT_TIME);
    CHECK_EQ(number(vm, "return 5"), 5);
  }
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

static void wait_until_it_runs(mm_rt *rt, mm_vm *vm) {
  mm_vm_stats stats = {.size = sizeof stats};
  do {
    CHECK(mm_poll(rt, 500, 0) >= 0);
    CHECK_EQ(mm_vm_get_stats(vm, &stats), 0);
  } while (!stats.is_running);
}

static void jobs_are_cancelled_waiting_or_running(void) {
  mm_rt *rt = make_rt();
  mm_vm *vm = make_vm(rt);
  for (int round = 0; round < 20; round++) {
    mm_job *first = eval(vm, "while true do end");
    mm_job *second = eval(vm, "second = true");
    if (round % 2) CHECK_EQ(mm_job_wait(first, 2), -MM_ETIMEOUT);
    CHECK_EQ(mm_job_cancel(second), 0);
    CHECK_EQ(mm_job_wait(second, 20000), -MM_ECANCELED);
    CHECK_EQ(mm_job_cancel(first), 0);
    CHECK_EQ(mm_job_wait(first, 20000), -MM_ECANCELED);
    CHECK_EQ(mm_job_cancel(first), 0);
    mm_job_free(first);
    mm_job_free(second);
  }
  CHECK_EQ(number(vm, "return second and 1 or 0"), 0);
  mm_job *job = eval(vm, "while true do end");
  wait_until_it_runs(rt, vm);
  CHECK_EQ(mm_vm_interrupt(vm), 0);
  CHECK_EQ(mm_job_wait(job, 20000), -MM_ECANCELED);
  mm_job_free(job);
  CHECK_EQ(mm_vm_interrupt(vm), 0);
  CHECK_EQ(number(vm, "return 1"), 1);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

static void jobs_that_cannot_be_stopped_are_unsupported(void) {
  if (kind.where != MM_THREAD || kind.use_sigurg) return;
  mm_rt *rt = make_rt();
  mm_vm_config config = config_of_kind();
  mm_vm *vm = NULL;
  config.stoppable = false;
  CHECK_EQ(mm_vm_create(rt, &vm, &config), 0);
  mm_job_opts opts;
  mm_job_opts_init(&opts);
  opts.timeout_ms = 5;
  mm_job *job = NULL;
  CHECK_EQ(mm_eval(vm, &job, "x", "return 1", MM_ZERO, &opts), -MM_EUNSUPPORTED);
  CHECK(job == NULL);
  CHECK_EQ(run(vm, "stop = false"), 1);
  mm_rt_free(rt, 1000);
}

struct delivered {
  char order[16];
  int count;
};

static void note(void *ud, mm_job *job) {
  struct delivered *delivered = ud;
  delivered->order[delivered->count++] = *mm_str(mm_job_result(job), NULL);
}

static void done_is_called_by_poll_and_priorities_count(void) {
  mm_rt *rt = make_rt();
  mm_vm *vm = make_vm(rt);
  struct delivered delivered = {{0}, 0};
  mm_job_opts opts;
  mm_job_opts_init(&opts);
  opts.done = note;
  opts.ud = &delivered;
  mm_job *gate = eval(vm, "while true do end");
  wait_until_it_runs(rt, vm);
  static const struct {
    const char *source;
    int priority;
  } jobs[] = {{"return 'c'", 0}, {"return 'd'", 0}, {"return 'a'", 5}, {"return 'b'", 5}, {"return 'e'", -1}};
  for (int i = 0; i < 5; i++) {
    opts.priority = jobs[i].priority;
    CHECK_EQ(mm_eval(vm, NULL, "x", jobs[i].source, MM_ZERO, &opts), 0);
  }
  CHECK_EQ(mm_poll(rt, 1000, 0), 0);
  CHECK_EQ(mm_job_cancel(gate), 0);
  mm_job_free(gate);
  while (delivered.count < 5) CHECK(mm_poll(rt, 0, 1000) >= 0);
  CHECK(strcmp(delivered.order, "abcde") == 0);
  CHECK_EQ(mm_poll(rt, 0, 0), 0);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

static void a_full_queue_refuses_jobs(void) {
  mm_rt *rt = make_rt();
  mm_vm_config config = config_of_kind();
  mm_vm *vm = NULL;
  config.queue_max = 3;
  CHECK_EQ(mm_vm_create(rt, &vm, &config), 0);
  mm_job *gate = eval(vm, "while true do end");
  wait_until_it_runs(rt, vm);
  for (int i = 0; i < 3; i++) CHECK_EQ(mm_eval(vm, NULL, "x", "n = (n or 0) + 1", MM_ZERO, NULL), 0);
  CHECK_EQ(mm_eval(vm, NULL, "x", "n = 100", MM_ZERO, NULL), -MM_EAGAIN);
  mm_job_cancel(gate);
  mm_job_free(gate);
  mm_job *job = NULL;
  while (mm_eval(vm, &job, "x", "return n", MM_ZERO, NULL) == -MM_EAGAIN) CHECK(mm_poll(rt, 0, 0) >= 0);
  CHECK_EQ(mm_job_wait(job, -1), 1);
  CHECK_EQ(mm_int(mm_job_result(job)), 3);
  mm_job_free(job);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

static void count_log(void *ud, mm_log_level level, const mm_vm *vm, const char *text) {
  (void)vm;
  if (level == MM_LOG_ERROR && strstr(text, "nobody hears")) ++*(int *)ud;
  if (level == MM_LOG_PRINT && strcmp(text, "1\ttwo\tnil") == 0) *(int *)ud += 100;
}

static void failures_without_a_receiver_are_logged(void) {
  int logged = 0;
  mm_rt *rt = NULL;
  mm_rt_config config;
  mm_rt_config_init(&config);
  config.log = count_log;
  config.log_ud = &logged;
  CHECK_EQ(mm_rt_create(&rt, &config), 0);
  mm_vm *vm = make_vm(rt);
  CHECK_EQ(mm_eval(vm, NULL, "x", "error('nobody hears')", MM_ZERO, NULL), 0);
  if (kind.where != MM_PROCESS) CHECK_EQ(run(vm, "print(1, 'two', nil)"), 1);
  CHECK_EQ(number(vm, "return 1"), 1);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
  CHECK_EQ(logged, kind.where == MM_PROCESS ? 1 : 101);
}

static void freeing_a_vm_cancels_its_jobs_and_held_jobs_stay(void) {
  mm_rt *rt = make_rt();
  mm_vm *vm = make_vm(rt);
  mm_job *done = eval(vm, "return { 'kept' }");
  CHECK_EQ(mm_job_wait(done, -1), 1);
  mm_job *running = eval(vm, "while true do end");
  mm_job *waiting = eval(vm, "return 1");
  mm_vm_free(vm);
  CHECK_EQ(mm_rt_free(rt, 5000), 0);
  CHECK_EQ(mm_job_state(running), -MM_ECANCELED);
  CHECK_EQ(mm_job_state(waiting), -MM_ECANCELED);
  CHECK(strcmp(mm_str(mm_at(mm_at(mm_job_result(done), 0), 0), NULL), "kept") == 0);
  mm_job_free(done);
  mm_job_free(running);
  mm_job_free(waiting);
}

static void wrong_arguments_are_errors(void) {
  mm_rt *rt = make_rt();
  mm_vm *vm = make_vm(rt), *none = NULL;
  mm_vm_config config = config_of_kind();
  config.where = (mm_where)99;
  CHECK_EQ(mm_vm_create(rt, &none, &config), -MM_EINVAL);
  config = config_of_kind();
  config.nice = 20;
  CHECK_EQ(mm_vm_create(rt, &none, &config), -MM_EINVAL);
  config = config_of_kind();
  config.size = 3;
  CHECK_EQ(mm_vm_create(rt, &none, &config), -MM_EINVAL);
  config = config_of_kind();
  config.libs = 1u << 20;
  CHECK_EQ(mm_vm_create(rt, &none, &config), -MM_EINVAL);
  CHECK(none == NULL);
  CHECK_EQ(mm_eval(NULL, NULL, "x", "", MM_ZERO, NULL), -MM_EINVAL);
  CHECK_EQ(mm_eval(vm, NULL, "x", NULL, 0, NULL), -MM_EINVAL);
  CHECK_EQ(mm_call(vm, NULL, "", NULL, NULL), -MM_EINVAL);
  CHECK_EQ(mm_job_state(NULL), -MM_EINVAL);
  mm_job_free(NULL);
  mm_vm_free(NULL);
  CHECK_EQ(mm_rt_free(NULL, 0), 0);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

int main(void) {
  in_every_kind(a_call_returns_its_values);
  in_every_kind(a_failure_says_what_and_where);
  in_every_kind(globals_stay_from_job_to_job);
  in_every_kind(a_job_over_its_time_limit_is_stopped_and_the_vm_continues);
  in_every_kind(a_limit_of_the_vm_holds_for_each_job);
  in_every_kind(jobs_are_cancelled_waiting_or_running);
  in_every_kind(jobs_that_cannot_be_stopped_are_unsupported);
  in_every_kind(done_is_called_by_poll_and_priorities_count);
  in_every_kind(a_full_queue_refuses_jobs);
  in_every_kind(failures_without_a_receiver_are_logged);
  in_every_kind(freeing_a_vm_cancels_its_jobs_and_held_jobs_stay);
  in_every_kind(wrong_arguments_are_errors);
  return 0;
}
