/* SPDX-License-Identifier: MIT */
/* How long the C library takes: making a VM, and calls one by one and many at once, in each kind of VM.
 * Medians of 7 rounds.
 *
 *     cc -O2 -Ibindings/c tests/bench/c/embed.c -Lbuild -lmanymoons -Wl,-rpath,build -o build/embed && build/embed
 */
#include <manymoons.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 7, CALLS = 3000 };

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_size(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *list) {
  qsort(list, ROUNDS, sizeof *list, by_size);
  return list[ROUNDS / 2];
}

static void count(void *ud, mm_job *job) {
  (void)job;
  ++*(int *)ud;
}

static void measure(mm_rt *rt, mm_where where, const char *name) {
  double made[ROUNDS], one[ROUNDS], many[ROUNDS];
  for (int round = 0; round < ROUNDS; round++) {
    mm_vm_config config;
    mm_vm *vm = NULL;
    mm_vm_config_init(&config);
    config.where = where;
    config.queue_max = CALLS;
    double begun = now_us();
    if (mm_vm_create(rt, &vm, &config)) exit(1);
    made[round] = now_us() - begun;
    mm_eval(vm, NULL, "f", "function f(x) return x + 1 end", MM_ZERO, NULL);
    mm_val *args = mm_pack(rt, "i", (int64_t)1);
    begun = now_us();
    for (int i = 0; i < CALLS; i++) {
      mm_job *job = NULL;
      if (mm_call(vm, &job, "f", args, NULL) || mm_job_wait(job, -1) != 1) exit(1);
      mm_job_free(job);
    }
    one[round] = (now_us() - begun) / CALLS;
    int told = 0;
    mm_job_opts opts;
    mm_job_opts_init(&opts);
    opts.done = count;
    opts.ud = &told;
    begun = now_us();
    for (int i = 0; i < CALLS; i++)
      if (mm_call(vm, NULL, "f", args, &opts)) exit(1);
    while (told < CALLS) mm_poll(rt, 0, -1);
    many[round] = (now_us() - begun) / CALLS;
    mm_val_free(args);
    mm_vm_free(vm);
  }
  printf("%-10s %10.0f %12.2f %12.2f\n", name, median(made), median(one), median(many));
}

int main(void) {
  mm_rt *rt = NULL;
  mm_rt_config config;
  mm_rt_config_init(&config);
  config.use_sigurg = true;
  if (mm_rt_create(&rt, &config)) return 1;
  printf("where      made in us  one call us  of many us\n");
  measure(rt, MM_THREAD, "thread");
  measure(rt, MM_PROCESS, "process");
  measure(rt, MM_INLINE, "inline");
  return mm_rt_free(rt, 1000);
}
