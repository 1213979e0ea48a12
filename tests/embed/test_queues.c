/* SPDX-License-Identifier: MIT */
/* Queues between the program and its scripts, both ways, with a descriptor. */
#include <poll.h>

#include "embed.h"

static bool is_readable(int fd) {
  struct pollfd entry = {.fd = fd, .events = POLLIN};
  return poll(&entry, 1, 0) == 1;
}

static int64_t take(mm_queue *q) {
  mm_val *v = NULL;
  CHECK_EQ(mm_queue_get(q, &v, 20000), 0);
  const int64_t n = mm_int(v);
  mm_val_free(v);
  return n;
}

static void put(mm_rt *rt, mm_queue *q, int64_t n) {
  mm_val *v = mm_pack(rt, "i", n);
  CHECK_EQ(mm_queue_put(q, v, 0), 0);
  mm_val_free(v);
}

static void program_and_script_talk(void) {
  mm_rt *rt = make_rt();
  mm_vm *vm = make_vm(rt);
  mm_queue *orders = NULL, *answers = NULL;
  CHECK_EQ(mm_queue_create(rt, &orders, 0), 0);
  CHECK_EQ(mm_queue_create(rt, &answers, 0), 0);
  const int fd = mm_queue_fd(answers);
  CHECK(fd >= 0 && !is_readable(fd));
  CHECK_EQ(
      run(vm,
          "function serve(orders, answers) for n in orders:iter() do answers:put(n * n) end return 7 end"),
      1);
  mm_val *args = mm_pack(rt, "QQ", orders, answers);
  mm_job *job = NULL;
  CHECK_EQ(mm_call(vm, &job, "serve", args, NULL), 0);
  mm_val_free(args);
  for (int64_t n = 1; n <= 3; n++) {
    put(rt, orders, n);
    while (!is_readable(fd)) CHECK(mm_poll(rt, 1000, 1) >= 0);
    CHECK_EQ(take(answers), n * n);
    CHECK(!is_readable(fd));
  }
  CHECK_EQ(mm_job_state(job), 0);
  mm_queue_close(orders);
  CHECK_EQ(mm_job_wait(job, 20000), 1);
  CHECK_EQ(mm_int(mm_job_result(job)), 7);
  mm_job_free(job);
  mm_val *none = NULL;
  CHECK_EQ(mm_queue_get(answers, &none, 0), -MM_ETIMEOUT);
  mm_queue_close(answers);
  CHECK(is_readable(fd));
  CHECK_EQ(mm_queue_get(answers, &none, -1), -MM_ECLOSED);
  CHECK_EQ(mm_queue_size(answers), 0);
  mm_queue_free(orders);
  mm_queue_free(answers);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

/* A script that waits in a VM of the program's loop lets the program go on. */
static void a_waiting_script_holds_nothing_up(void) {
  mm_rt *rt = make_rt();
  mm_vm *vm = make_vm(rt);
  mm_queue *q = NULL;
  CHECK_EQ(mm_queue_create(rt, &q, 1), 0);
  mm_val *args = mm_pack(rt, "Q", q);
  mm_job *job = NULL;
  CHECK_EQ(run(vm, "function wait(q) return q:get() + q:get() end"), 1);
  CHECK_EQ(mm_call(vm, &job, "wait", args, NULL), 0);
  CHECK(mm_poll(rt, 0, 0) >= 0);
  put(rt, q, 20);
  while (mm_queue_size(q)) CHECK(mm_poll(rt, 0, 1) >= 0);
  put(rt, q, 22);
  CHECK_EQ(mm_job_wait(job, 20000), 1);
  CHECK_EQ(mm_int(mm_job_result(job)), 42);
  mm_job_free(job);
  job = NULL;
  CHECK_EQ(mm_call(vm, &job, "wait", args, NULL), 0); /* one that waits can be cancelled */
  CHECK(mm_poll(rt, 0, 0) >= 0);
  CHECK_EQ(mm_job_cancel(job), 0);
  CHECK_EQ(mm_job_wait(job, 20000), -MM_ECANCELED);
  mm_job_free(job);
  put(rt, q, 1);
  mm_val *more = mm_pack(rt, "i", (int64_t)2);
  CHECK_EQ(mm_queue_put(q, more, 0), -MM_ETIMEOUT);
  mm_val_free(more);
  mm_val_free(args);
  mm_queue_free(q);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

static void queues_of_scripts_are_unpacked_and_carry_values(void) {
  mm_rt *rt = make_rt();
  mm_vm *vm = NULL;
  mm_vm_config config = config_of_kind();
  config.libs = MM_LIB_ALL;
  CHECK_EQ(mm_vm_create(rt, &vm, &config), 0);
  mm_job *job = eval(vm, "q = require('manymoons').Queue() q:put({ name = 'first' }) q:put(print) return q");
  CHECK_EQ(mm_job_wait(job, 20000), 1);
  CHECK_EQ(mm_typeof(mm_job_result(job)), MM_QUEUE);
  mm_queue *q = NULL;
  CHECK_EQ(mm_unpack(mm_job_result(job), "Q", &q), 0);
  mm_job_free(job);
  mm_val *v = NULL;
  CHECK_EQ(mm_queue_get(q, &v, 0), 0);
  CHECK(strcmp(mm_str(mm_get(v, "name"), NULL), "first") == 0);
  mm_val_free(v);
  CHECK_EQ(mm_queue_get(q, &v, 0), 0);
  CHECK_EQ(mm_typeof(v), MM_OTHER);
  CHECK_EQ(mm_queue_put(q, v, 0), 0); /* a whole list can be put */
  mm_val_free(v);
  CHECK_EQ(run(vm, "assert(q:get() == print)"), 1);
  mm_buf *buf = NULL;
  CHECK_EQ(mm_buf_create(rt, &buf, "i32", 2), 0);
  v = mm_pack(rt, "BQ", buf, q);
  CHECK_EQ(mm_queue_put(q, v, 0), 0);
  mm_val_free(v);
  mm_buf_free(buf);
  CHECK_EQ(number(vm, "local array, queue = q:get() assert(queue == q) return #array"), 2);
  mm_queue_free(q);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

/* So do its other waits, and those of its tasks, in a VM of the program's loop. */
static void sleeps_and_tasks_hold_nothing_up(void) {
  mm_rt *rt = make_rt();
  mm_vm *vm = NULL;
  mm_vm_config config = config_of_kind();
  config.libs = MM_LIB_ALL;
  CHECK_EQ(mm_vm_create(rt, &vm, &config), 0);
  mm_queue *q = NULL;
  CHECK_EQ(mm_queue_create(rt, &q, 0), 0);
  mm_val *args = mm_pack(rt, "Q", q);
  CHECK_EQ(run(vm,
               "function wait(q) local m = require('manymoons') m.sleep(0.001)\n"
               "return m.async.run(function() m.sleep(0.001) return q:get() end) end"),
           1);
  mm_job *job = NULL;
  CHECK_EQ(mm_call(vm, &job, "wait", args, NULL), 0);
  for (int i = 0; i < 20; i++) CHECK(mm_poll(rt, 0, 1) >= 0);
  CHECK_EQ(mm_job_state(job), 0);
  put(rt, q, 9);
  while (mm_job_state(job) == 0) CHECK(mm_poll(rt, 0, 1) >= 0);
  CHECK_EQ(mm_job_state(job), 1);
  CHECK_EQ(mm_int(mm_job_result(job)), 9);
  mm_job_free(job);
  mm_val_free(args);
  mm_queue_free(q);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

int main(void) {
  in_every_kind(program_and_script_talk);
  in_every_kind(a_waiting_script_holds_nothing_up);
  in_every_kind(queues_of_scripts_are_unpacked_and_carry_values);
  in_every_kind(sleeps_and_tasks_hold_nothing_up);
  return 0;
}
