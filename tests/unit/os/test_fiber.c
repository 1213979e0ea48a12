/* SPDX-License-Identifier: MIT */
/* Stacks that are left as they stand, and gone on with; in several threads at once. */
#include <pthread.h>
#include <setjmp.h>
#include <string.h>

#include "base/check.h"
#include "os/fiber.h"

enum { ROUNDS = 1000, FIBERS = 3, THREADS = 4, DEEP = 1000, FRAME = 4096 };

struct ring {
  struct fiber home;
  struct fiber fibers[FIBERS];
  int next; /* which of them is started next */
  int steps;
  char order[ROUNDS];
};

/* Each passes on to the next until all rounds are made; its own count lives on its own stack. */
static void pass_on(void *argument) {
  struct ring *r = argument;
  const int self = r->next++;
  volatile int own = 0;
  for (;;) {
    if (r->steps == ROUNDS) fiber_leave(&r->fibers[self], &r->home);
    r->order[r->steps++] = (char)('a' + self);
    own++;
    CHECK(own <= ROUNDS / FIBERS + 1);
    fiber_switch(&r->fibers[self], &r->fibers[(self + 1) % FIBERS]);
  }
}

static void *fibers_take_turns(void *unused) {
  struct ring r = {.steps = 0};
  fiber_adopt(&r.home);
  for (int i = 0; i < FIBERS; i++) CHECK_EQ(fiber_make(&r.fibers[i], pass_on, &r), STATUS_OK);
  fiber_switch(&r.home, &r.fibers[0]);
  CHECK_EQ(r.steps, ROUNDS);
  for (int i = 0; i < ROUNDS; i++) CHECK_EQ(r.order[i], 'a' + i % FIBERS);
  for (int i = 0; i < FIBERS; i++) fiber_free(&r.fibers[i]);
  return unused;
}

struct deep {
  struct fiber home, fiber;
  long sum;
};

static long use_stack(int depth) {
  volatile char frame[FRAME];
  memset((void *)(uintptr_t)frame, depth, sizeof frame);
  return depth == 0 ? frame[0] : use_stack(depth - 1) + frame[FRAME - 1] * 0 + 1;
}

static void go_deep(void *argument) {
  struct deep *d = argument;
  d->sum = use_stack(DEEP);
  fiber_leave(&d->fiber, &d->home);
}

/* As deep as in a thread. */
static void a_stack_is_deep_enough(void) {
  struct deep d = {.sum = 0};
  fiber_adopt(&d.home);
  CHECK_EQ(fiber_make(&d.fiber, go_deep, &d), STATUS_OK);
  fiber_switch(&d.home, &d.fiber);
  CHECK_EQ(d.sum, DEEP);
  fiber_free(&d.fiber);
}

struct jump {
  struct fiber home, fiber;
  jmp_buf back;
  int jumps;
};

static void jump_on_own_stack(void *argument) {
  struct jump *j = argument;
  if (setjmp(j->back) == 0) {
    fiber_switch(&j->fiber, &j->home);
    longjmp(j->back, 1);
  }
  j->jumps++;
  fiber_leave(&j->fiber, &j->home);
}

/* As Lua's errors do. */
static void jumps_within_a_stack_are_fine(void) {
  struct jump j = {.jumps = 0};
  fiber_adopt(&j.home);
  CHECK_EQ(fiber_make(&j.fiber, jump_on_own_stack, &j), STATUS_OK);
  fiber_switch(&j.home, &j.fiber);
  CHECK_EQ(j.jumps, 0);
  fiber_switch(&j.home, &j.fiber);
  CHECK_EQ(j.jumps, 1);
  fiber_free(&j.fiber);
}

static void free_self(void *argument) {
  struct deep *d = argument;
  fiber_free(&d->fiber); /* does nothing here */
  d->sum = 1;
  fiber_leave(&d->fiber, &d->home);
}

static void the_stack_on_which_one_runs_is_not_freed(void) {
  struct deep d = {.sum = 0};
  fiber_adopt(&d.home);
  CHECK_EQ(fiber_make(&d.fiber, free_self, &d), STATUS_OK);
  fiber_switch(&d.home, &d.fiber);
  CHECK_EQ(d.sum, 1);
  fiber_free(&d.fiber);
}

int main(void) {
  pthread_t threads[THREADS];
  fibers_take_turns(NULL);
  for (int i = 0; i < THREADS; i++) CHECK_EQ(pthread_create(&threads[i], NULL, fibers_take_turns, NULL), 0);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  a_stack_is_deep_enough();
  jumps_within_a_stack_are_fine();
  the_stack_on_which_one_runs_is_not_freed();
  return 0;
}
