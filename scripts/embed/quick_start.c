/* SPDX-License-Identifier: MIT */
/* The quick start: a Lua function runs on another thread, and its result comes back.
 *
 *     cc quick_start.c $(pkg-config --cflags --libs manymoons) -o quick_start
 */
#include <manymoons.h>
#include <stdio.h>

int main(void) {
  mm_rt *rt = NULL;
  mm_vm *vm = NULL;
  mm_job *job = NULL;
  int64_t sum = 0;
  if (mm_rt_create(&rt, NULL) || mm_vm_create(rt, &vm, NULL)) return 1;
  mm_eval(vm, NULL, "start", "function add(a, b) return a + b end", MM_ZERO, NULL);
  mm_val *args = mm_pack(rt, "ii", (int64_t)2, (int64_t)40);
  mm_call(vm, &job, "add", args, NULL); /* returns at once: this thread could do something else */
  if (mm_job_wait(job, -1) == 1 && mm_unpack(mm_job_result(job), "i", &sum) == 0)
    printf("%d\n", (int)sum);
  else
    fprintf(stderr, "%s\n", mm_job_error(job));
  mm_job_free(job);
  mm_val_free(args);
  return mm_rt_free(rt, 1000);
}
