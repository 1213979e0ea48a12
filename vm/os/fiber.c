/* SPDX-License-Identifier: MIT */
/* ucontext; stacks of the size that threads have by default, which cost address space until they
 * are used. */
#include "os/fiber.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "os/pages.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define HAS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_TSAN 1
#endif
#endif

#ifdef HAS_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef HAS_TSAN
#include <sanitizer/tsan_interface.h>
#endif

enum { STACK_SIZE = 8 << 20, HALF_BITS = 32 };

/* ---- what sanitizers are told ---------------------------------------------------------------- */

#ifdef HAS_ASAN
static _Thread_local struct fiber *left; /* by the last switch of this thread */
#endif

static void before_switch(struct fiber *from, const struct fiber *to, bool is_last) {
#ifdef HAS_ASAN
  left = from;
  __sanitizer_start_switch_fiber(is_last ? NULL : &from->fake_stack, to->bottom, to->size);
#endif
#ifdef HAS_TSAN
  __tsan_switch_to_fiber(to->tsan, 0);
#endif
  (void)from, (void)to, (void)is_last;
}

/* Where the stack of an adopted fiber is, ASan tells when it is left. */
static void after_switch(struct fiber *f) {
#ifdef HAS_ASAN
  const void *bottom;
  size_t size;
  __sanitizer_finish_switch_fiber(f->fake_stack, &bottom, &size);
  if (!left->bottom) {
    left->bottom = bottom;
    left->size = size;
  }
#endif
  (void)f;
}

/* Frames that were left for good are still marked. */
static void forget_frames(const struct fiber *f) {
#ifdef HAS_ASAN
  __asan_unpoison_memory_region(f->bottom, f->size);
#endif
#ifdef HAS_TSAN
  __tsan_destroy_fiber(f->tsan);
#endif
  (void)f;
}

/* ---- fibers ---------------------------------------------------------------------------------- */

void fiber_adopt(struct fiber *f) {
  *f = (struct fiber){.stack = NULL};
#ifdef HAS_TSAN
  f->tsan = __tsan_get_current_fiber();
#endif
}

/* makecontext passes nothing wider than an int. */
static void enter(unsigned high, unsigned low) {
  struct fiber *f = (struct fiber *)((uintptr_t)high << HALF_BITS | (uintptr_t)low); /* NOLINT */
  after_switch(f);
  f->start(f->argument);
  abort();
}

status fiber_make(struct fiber *f, void (*start)(void *argument), void *argument) {
  *f = (struct fiber){.start = start, .argument = argument};
  const status st = pages_make_stack(STACK_SIZE, &f->stack);
  if (st) return st;
  f->bottom = f->stack;
  f->size = STACK_SIZE;
  if (getcontext(&f->context)) {
    const int failed = errno;
    pages_free_stack(f->stack, STACK_SIZE);
    f->stack = NULL;
    return -failed;
  }
  f->context.uc_stack.ss_sp = f->stack;
  f->context.uc_stack.ss_size = STACK_SIZE;
  f->context.uc_link = NULL;
  const uintptr_t self = (uintptr_t)f;
  makecontext(&f->context, (void (*)(void))enter, 2, (unsigned)(self >> HALF_BITS),
              (unsigned)self); /* NOLINT */
#ifdef HAS_TSAN
  f->tsan = __tsan_create_fiber(0);
#endif
  return STATUS_OK;
}

/* swapcontext in two calls: ASan warns of that one although it is told what happens. getcontext returns a
 * second time when somebody switches back. */
void fiber_switch(struct fiber *from, struct fiber *to) {
  volatile bool is_back = false;
  before_switch(from, to, false);
  getcontext(&from->context);
  if (!is_back) {
    is_back = true;
    setcontext(&to->context);
  }
  after_switch(from);
}

void fiber_leave(struct fiber *from, struct fiber *to) {
  before_switch(from, to, true);
  setcontext(&to->context);
  abort();
}

static bool is_here(const struct fiber *f) {
  const uintptr_t here = (uintptr_t)__builtin_frame_address(0);
  const uintptr_t bottom = (uintptr_t)f->stack;
  return here >= bottom && here - bottom < STACK_SIZE;
}

void fiber_free(struct fiber *f) {
  if (!f->stack || is_here(f)) return;
  forget_frames(f);
  pages_free_stack(f->stack, STACK_SIZE);
  f->stack = NULL;
}
