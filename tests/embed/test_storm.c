/* SPDX-License-Identifier: MIT */
/* Threads that call, cancel, interrupt, kill and free at random: each job ends, with an outcome
 * that one of these operations explains. */
#include <pthread.h>
#include <stdatomic.h>

#include "embed.h"

enum { THREADS = 4, STEPS = 150, HELD = 4 };

struct storm {
  mm_rt *rt;
  unsigned seed;
};

static unsigned next(unsigned *seed) { return (*seed = *seed * 1664525 + 1013904223) >> 16; }

static const char *const sources[] = {
    "return 1",
    "local s = 0 for i = 1, 20000 do s = s + i end return s",
    "while true do end",
    "error('on purpose')",
    "local t = {} for i = 1, 500 do t[i] = { name = 'n' .. i } end return t",
};
static const int values[] = {1, 200010000, 0, 0, 0};

static void judge(mm_job *job, int source) {
  const int state = mm_job_wait(job, 30000);
  switch (state) {
    case 1:
      CHECK(source != 2 && source != 3);
      if (values[source]) CHECK_EQ(mm_int(mm_job_result(job)), values[source]);
      if (source == 4) CHECK_EQ(mm_len(mm_at(mm_job_result(job), 0)), 500);
      break;
    case -MM_ERUN: CHECK_EQ(source, 3); break;
    case -MM_ELIMIT_TIME:
    case -MM_ECANCELED: break;
    case -MM_EDIED: CHECK_EQ(kind.where, MM_PROCESS); break;
    default: CHECK_EQ(state, 1);
  }
  mm_job_free(job);
}

static mm_vm *open_vm(mm_rt *rt) {
  mm_vm_config config = config_of_kind();
  mm_vm *vm = NULL;
  config.call_ms = 20;
  CHECK_EQ(mm_vm_create(rt, &vm, &config), 0);
  return vm;
}

static void *storm_main(void *arg) {
  struct storm *s = arg;
  mm_vm *vm = open_vm(s->rt);
  mm_job *held[HELD] = {0};
  int held_source[HELD] = {0};
  for (int step = 0; step < STEPS; step++) {
    const unsigned place = next(&s->seed) % HELD;
    const int source = (int)(next(&s->seed) % 5);
    if (held[place]) judge(held[place], held_source[place]);
    held[place] = NULL;
    held_source[place] = source;
    const int err = mm_eval(vm, &held[place], "storm", sources[source], MM_ZERO, NULL);
    CHECK(err == 0 || err == -MM_EDIED);
    const unsigned deed = next(&s->seed) % 12;
    if (deed == 0) CHECK_EQ(mm_vm_interrupt(vm), 0);
    if (deed == 1 && held[place]) CHECK_EQ(mm_job_cancel(held[place]), 0);
    if (deed == 2) (void)!mm_vm_kill(vm);
    if (deed == 3 || err == -MM_EDIED) {
      mm_vm_free(vm);
      vm = open_vm(s->rt);
    }
    if (deed == 4) (void)!mm_poll(s->rt, 100, 0);
  }
  for (int i = 0; i < HELD; i++)
    if (held[i]) judge(held[i], held_source[i]);
  mm_vm_free(vm);
  return NULL;
}

static void a_storm(void) {
  if (kind.where == MM_INLINE) return; /* one thread at a time may use it */
  mm_rt *rt = make_rt();
  struct storm storms[THREADS];
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) {
    storms[i] = (struct storm){rt, (unsigned)i * 77 + 1};
    CHECK_EQ(pthread_create(&threads[i], NULL, storm_main, &storms[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  CHECK_EQ(mm_rt_free(rt, 10000), 0);
}

int main(void) {
  in_every_kind(a_storm);
  return 0;
}
