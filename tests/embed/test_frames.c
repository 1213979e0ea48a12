/* SPDX-License-Identifier: MIT */
/* Jobs that wait over frames, slices by instructions, fresh VMs, and garbage collected a little at a time. */
#include "embed.h"

static mm_job *start(mm_vm *vm, const char *source) {
  mm_job_opts opts;
  mm_job *job = NULL;
  mm_job_opts_init(&opts);
  opts.coroutine = true;
  CHECK_EQ(mm_eval(vm, &job, "guard", source, MM_ZERO, &opts), 0);
  return job;
}

/* Begins frames until the global `name` has the value. */
static void poll_until(mm_rt *rt, mm_vm *vm, const char *name, int64_t value) {
  char source[60];
  snprintf(source, sizeof source, "return %s == %lld and 1 or 0", name, (long long)value);
  do CHECK(mm_poll(rt, 0, 0) >= 0);
  while (!number(vm, source));
}

static void jobs_wait_for_frames_side_by_side(void) {
  mm_rt *rt = make_rt();
  mm_vm *vm = make_vm(rt);
  CHECK_EQ(run(vm, "order = ''"), 1);
  static const char walk[] =
      "local name, sum = %s, 0 for i = 1, 3 do order = order .. name sum = sum + i mm.frame() end return sum";
  char first[200], second[200];
  snprintf(first, sizeof first, walk, "'a'");
  snprintf(second, sizeof second, walk, "'b'");
  mm_job *a = start(vm, first), *b = start(vm, second);
  while (mm_job_state(a) == 0 || mm_job_state(b) == 0) CHECK(mm_poll(rt, 0, 1) >= 0);
  CHECK_EQ(mm_job_wait(a, 0), 1);
  CHECK_EQ(mm_int(mm_job_result(a)), 6);
  CHECK_EQ(mm_int(mm_job_result(b)), 6);
  CHECK_EQ(number(vm, "return order == 'ababab' and 1 or 0"), 1);
  mm_job_free(a);
  mm_job_free(b);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

static void a_waiting_job_is_cancelled_and_closed(void) {
  mm_rt *rt = make_rt();
  mm_vm *vm = make_vm(rt);
  mm_job *job = start(
      vm, is_jit()
              ? "rounds = 0\nwhile true do rounds = rounds + 1\nmm.frame() end"
              : "rounds = 0 local _ <close> = setmetatable({}, { __close = function() closed = 1 end })\n"
                "while true do rounds = rounds + 1\nmm.frame() end");
  poll_until(rt, vm, "rounds", 2);
  CHECK_EQ(mm_job_cancel(job), 0);
  while (mm_job_state(job) == 0) CHECK(mm_poll(rt, 0, 1) >= 0);
  CHECK_EQ(mm_job_state(job), -MM_ECANCELED);
  if (!strstr(mm_job_error(job), "stopped at guard:3")) fprintf(stderr, "it says: %s\n", mm_job_error(job));
  CHECK(strstr(mm_job_error(job), "cancelled: stopped at guard:3") != NULL);
  mm_job_free(job);
  CHECK_EQ(number(vm, "return rounds"), 2);
  if (!is_jit()) CHECK_EQ(number(vm, "return closed"), 1);
  job = start(vm, "mm.frame() error('later')");
  while (mm_job_state(job) == 0) CHECK(mm_poll(rt, 0, 1) >= 0);
  CHECK_EQ(mm_job_state(job), -MM_ERUN);
  CHECK(strstr(mm_job_error(job), "guard:1: later\nstack traceback:") != NULL);
  mm_job_free(job);
  job = start(vm, "mm.frame() while true do end"); /* one that loops after its frame */
  for (int i = 0; i < 2; i++) CHECK(mm_poll(rt, 1000, 1) >= 0);
  mm_job_cancel(job);
  while (mm_job_state(job) == 0) CHECK(mm_poll(rt, 1000, 1) >= 0);
  CHECK_EQ(mm_job_state(job), -MM_ECANCELED);
  mm_job_free(job);
  mm_job *unended = start(vm, "while true do mm.frame() end");
  CHECK(mm_poll(rt, 0, 0) >= 0);
  CHECK_EQ(mm_rt_free(rt, 2000), 0);
  CHECK_EQ(mm_job_state(unended), -MM_ECANCELED);
  mm_job_free(unended);
}

static void a_plain_job_waits_for_a_frame_where_the_program_runs_it(void) {
  mm_rt *rt = make_rt();
  mm_vm *vm = make_vm(rt);
  mm_job *job = eval(vm, "mm.frame() return 5");
  if (kind.where == MM_INLINE) {
    CHECK(mm_poll(rt, 0, 0) >= 0);
    CHECK_EQ(mm_job_state(job), 0);
    CHECK(mm_poll(rt, 0, 0) >= 0);
    CHECK_EQ(mm_job_state(job), 1);
  } else {
    CHECK_EQ(mm_job_wait(job, 20000), -MM_ERUN);
    CHECK(strstr(mm_job_error(job), "mm_job_opts.coroutine") != NULL);
  }
  mm_job_free(job);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

/* The counts that a loop has reached after each of some polls. */
static void count_in_polls(int64_t counts[10]) {
  mm_rt *rt = make_rt();
  mm_vm *vm = NULL;
  mm_buf *buf = NULL;
  mm_vm_config config = config_of_kind();
  config.poll_instructions = 10000;
  CHECK_EQ(mm_vm_create(rt, &vm, &config), 0);
  CHECK_EQ(mm_buf_create(rt, &buf, "i64", 1), 0);
  mm_val *args = mm_pack(rt, "B", buf);
  CHECK_EQ(run(vm, "function count(a) while true do a[1] = a[1] + 1 local s = ('x'):rep(100) end end"), 1);
  mm_job *job = NULL;
  CHECK_EQ(mm_call(vm, &job, "count", args, NULL), 0);
  for (int i = 0; i < 10; i++) {
    CHECK(mm_poll(rt, 1, 0) >= 0); /* whatever the time is */
    counts[i] = *(const int64_t *)mm_buf_data(buf, NULL);
    CHECK(counts[i] > (i ? counts[i - 1] : 0));
  }
  mm_job_free(job);
  mm_val_free(args);
  mm_buf_free(buf);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

static void slices_by_instructions_are_the_same_each_time(void) {
  if (kind.where != MM_INLINE) return;
  int64_t first[10], again[10];
  count_in_polls(first);
  count_in_polls(again);
  for (int i = 0; i < 10; i++) CHECK_EQ(first[i], again[i]);
}

static void a_reset_vm_is_fresh(void) {
  mm_rt *rt = make_rt();
  mm_vm *vm = make_vm(rt);
  CHECK_EQ(run(vm, "left = 1"), 1);
  mm_job *endless = eval(vm, "while true do end"), *waiting = eval(vm, "return 1");
  mm_job *asleep = start(vm, "mm.frame()");
  CHECK(mm_poll(rt, 500, 0) >= 0);
  CHECK_EQ(mm_vm_reset(vm), 0);
  CHECK_EQ(mm_job_state(endless), -MM_ECANCELED);
  CHECK_EQ(mm_job_state(waiting), -MM_ECANCELED);
  CHECK_EQ(mm_job_state(asleep), -MM_ECANCELED);
  CHECK_EQ(number(vm, "return left == nil and 2 or 0"), 2);
  mm_job_free(endless);
  mm_job_free(waiting);
  mm_job_free(asleep);
  if (kind.where == MM_PROCESS) {
    CHECK_EQ(mm_vm_kill(vm), 0);
    mm_job *job = NULL;
    if (mm_eval(vm, &job, "x", "return 1", MM_ZERO, NULL) == 0) CHECK_EQ(mm_job_wait(job, 20000), -MM_EDIED);
    mm_job_free(job);
    CHECK_EQ(mm_vm_reset(vm), 0);
  }
  CHECK_EQ(number(vm, "return 3"), 3);
  CHECK_EQ(mm_vm_reset(vm), 0);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

static void garbage_is_collected_a_little_at_a_time(void) {
  mm_rt *rt = make_rt();
  mm_vm *vm = make_vm(rt);
  CHECK_EQ(run(vm, "weak = setmetatable({}, { __mode = 'v' }) weak[1] = {} collectgarbage('stop')"), 1);
  mm_job *job = eval(vm, kind.where == MM_INLINE ? "local n = 0 mm.frame() return 1" : "return 1");
  CHECK(mm_poll(rt, 0, 0) >= 0);
  int over = 0;
  for (int i = 0; i < 1000 && (kind.where == MM_INLINE ? over < 2 : i < 2);
       i++) { /* also in the middle of a job */
    const int result = mm_vm_collect(vm, kind.where == MM_INLINE ? 100 : 1000000);
    CHECK(result >= 0);
    over += result;
  }
  CHECK_EQ(mm_job_wait(job, 20000), 1);
  CHECK_EQ(number(vm, "return weak[1] and 0 or 1"), 1);
  mm_job_free(job);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

int main(void) {
  in_every_kind(jobs_wait_for_frames_side_by_side);
  in_every_kind(a_waiting_job_is_cancelled_and_closed);
  in_every_kind(a_plain_job_waits_for_a_frame_where_the_program_runs_it);
  in_every_kind(slices_by_instructions_are_the_same_each_time);
  in_every_kind(a_reset_vm_is_fresh);
  in_every_kind(garbage_is_collected_a_little_at_a_time);
  return 0;
}
