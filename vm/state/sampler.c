/* SPDX-License-Identifier: MIT */
#include "state/sampler.h"

#include <string.h>

#include "os/clock.h"
#include "os/mutex.h"
#include "os/signals.h"
#include "profile/writer.h"
#include "state/sample.h"
#include "state/vm_thread.h"
#include "trace/trace.h"

enum { PAUSE_SHARE = 50 }; /* a pause is at least so many times as long as the tick before it */

/* See vm/README.md. */
static struct {
  struct mutex lock; /* a leaf but for the writer's: protects the rest */
  bool is_fork_watched;
  bool is_running;
  struct thread thread;
  futex_word stop;
  uint64_t word;
} sampler = {.lock = MUTEX_INITIALIZER};

/* ---- what a thread does ---------------------------------------------------------------------- */

/* Shares the time of runnable threads out among samples, so that in sum as much of it is `ready` as the
 * kernel says. */
static enum profile_state running_state(struct vm_sampled *s, const struct thread_activity *now,
                                        int64_t passed_ns) {
  s->ready_balance_ns += (int64_t)(now->was_ready_ns - s->was_ready_ns);
  if (s->ready_balance_ns > 2 * passed_ns) s->ready_balance_ns = 2 * passed_ns;
  if (s->ready_balance_ns < passed_ns / 2) return PROFILE_RAN;
  s->ready_balance_ns -= passed_ns;
  return PROFILE_READY;
}

static enum profile_state state_of_call(const struct vm_thread *t) {
  return atomic_load(&t->call) == TRACE_CALL_SLEEP ? PROFILE_SLEPT : PROFILE_CALL;
}

/* What follows from the time that the thread ran, which is cheap to learn; the rest is dear. True: one that ran nearly all
 * the time ran; one that was runnable, and has not run since, is ready still: on a busy machine most looks find that. */
static bool guess_state(struct vm_sampled *s, int32_t number, int64_t passed_ns, enum profile_state *out) {
  uint64_t ran_ns = 0;
  if (thread_read_run_time(number, &ran_ns)) return false;
  const int64_t more_ns = (int64_t)(ran_ns - s->ran_ns);
  s->ran_ns = ran_ns;
  s->has_run = more_ns > 0;
  if (more_ns >= passed_ns / 10 * 9) {
    s->was_runnable = s->is_assumed = true;
    *out = PROFILE_RAN;
    return true;
  }
  if (s->has_run || !s->was_runnable || s->is_assumed) return false;
  s->ready_balance_ns -= passed_ns;
  *out = PROFILE_READY;
  return true;
}

static enum profile_state state_of(struct vm_thread *t, int64_t passed_ns) {
  struct vm_sampled *s = &t->sampled;
  if (atomic_load(&t->user.is_waiting)) return PROFILE_LOCK;
  if (sample_has_known_stack(t) && !s->was_runnable) return state_of_call(t);
  enum profile_state guess = PROFILE_RAN;
  if (guess_state(s, t->user.number, passed_ns, &guess)) return guess;
  struct thread_activity now = {.is_runnable = false};
  const bool is_known = thread_read_activity(t->user.number, &now) == STATUS_OK;
  const enum profile_state running = running_state(s, &now, passed_ns);
  s->was_runnable = now.is_runnable;
  s->is_assumed = false;
  s->was_ready_ns = now.was_ready_ns;
  if (is_known && now.is_runnable) return running;
  return sample_is_holder(t) ? PROFILE_SLEPT : state_of_call(t);
}

/* ---- a tick ---------------------------------------------------------------------------------- */

/* Under the mutex of the VMs. */
static void introduce(struct vm_thread *t) {
  struct vm_sampled *s = &t->sampled;
  const uint32_t generation = profile_generation(sampler.word);
  if (s->generation == generation && atomic_load(&s->root)) return;
  if (s->generation != generation) {
    uint32_t ignored[PROFILE_STATE_COUNT];
    (void)sample_take_due(t, ignored);
    struct thread_activity now = {0};
    (void)!thread_read_activity(t->user.number, &now);
    s->was_ready_ns = now.was_ready_ns;
    s->ready_balance_ns = 0;
  }
  const struct profile_thread thread = {t->user.number, t->vm->number, t->name[0] ? t->name : "main",
                                        t->world};
  atomic_store(&s->stack, 0);
  atomic_store(&s->root, profile_writer_root(&thread));
  s->generation = generation;
}

static void add_due(struct vm_thread *t, enum profile_state state, uint32_t us) {
  atomic_fetch_add_explicit(&t->sampled.due_us[state], us, memory_order_relaxed);
}

/* False: the thread has to be looked at. */
static bool tick_thread(struct vm_thread *t, uint32_t us) {
  introduce(t);
  const enum profile_state state = state_of(t, (int64_t)us * 1000);
  add_due(t, state, us);
  if (sample_is_holder(t) && vm_lock_is_waited(&t->vm->lock)) add_due(t, PROFILE_HOLDS, us);
  if (!sample_has_known_stack(t)) return false;
  uint32_t due[PROFILE_STATE_COUNT];
  if (sample_take_due(t, due)) sample_note(t, atomic_load(&t->sampled.stack), due);
  return true;
}

/* A holder that sleeps in a C function was asked once, and is left alone. So is one that has not run since: the signal
 * waits for it. */
static void ask_holder(struct vm *vm) {
  const bool is_asked_already = atomic_exchange(&vm->is_sampled, true);
  const struct lock_user *holder = atomic_load(&vm->lock.owner);
  for (struct vm_thread *t = &vm->main; t; t = t == &vm->main ? vm->others : t->next)
    if (&t->user == holder && (!is_asked_already || (t->sampled.was_runnable && t->sampled.has_run)))
      thread_signal_number(t->user.number, signals_request_number());
}

static void tick_vm(struct vm *vm, uint32_t us) NO_THREAD_SAFETY_ANALYSIS {
  bool is_done = tick_thread(&vm->main, us);
  for (struct vm_thread *t = vm->others; t; t = t->next) is_done = tick_thread(t, us) && is_done;
  if (is_done) return;
  if (!vm_lock_borrow(&vm->lock)) {
    ask_holder(vm);
    return;
  }
  if (vm->state) sample_all(vm);
  vm_lock_give_back(&vm->lock);
}

static void tick(int64_t passed_ns) {
  vm_live_lock();
  for (struct vm *vm = vm_live_first(); vm; vm = vm->next_live) tick_vm(vm, (uint32_t)(passed_ns / 1000));
  vm_live_unlock();
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* Another program that has asked for the profile, and was killed, does not end it. */
static bool is_abandoned(void) {
  const int64_t until_ns = segment_profiled_until();
  return until_ns && clock_now_ns() > until_ns;
}

static bool goes_on(uint64_t word) {
  if (is_abandoned()) atomic_compare_exchange_strong(segment_profiling_place, &word, 0);
  return !atomic_load(&sampler.stop) && segment_profiling() == word;
}

static void sampler_main(void *argument) {
  const uint64_t word = sampler.word;
  const int64_t interval_ns = 1000000000 / (int64_t)profile_rate(word);
  (void)argument;
  int64_t last_ns = clock_now_ns();
  int64_t next_ns = last_ns + interval_ns;
  while (goes_on(word)) {
    if (futex_wait(&sampler.stop, 0, (deadline){next_ns}) == STATUS_OK) continue;
    const int64_t now_ns = clock_now_ns();
    tick(now_ns - last_ns);
    last_ns = now_ns;
    const int64_t cost_ns = clock_now_ns() - now_ns;
    next_ns += interval_ns;
    if (next_ns < now_ns + cost_ns * PAUSE_SHARE) next_ns = now_ns + cost_ns * PAUSE_SHARE;
  }
  trace_thread_ends(); /* its samples stand in a lane of its own */
}

/* ---- following the word ---------------------------------------------------------------------- */

/* In a forked child. What a thread of the parent was asked for is nothing to it. */
static void forget_parent(void) {
  vm_live_after_fork();
  mutex_init(&sampler.lock);
  sampler.is_running = false;
  sampler.word = 0;
  for (struct vm *vm = vm_live_first(); vm; vm = vm->next_live) sample_after_fork(vm);
}

static void stop(void) {
  if (!sampler.is_running) return;
  atomic_store(&sampler.stop, 1);
  futex_wake(&sampler.stop, 1);
  thread_join(&sampler.thread);
  sampler.is_running = false;
  profile_writer_end();
}

static bool prepare(void) {
  if (!sampler.is_fork_watched && thread_on_fork(forget_parent)) return false;
  return sampler.is_fork_watched = true;
}

static void start(uint64_t word) {
  sampler.word = word;
  if (!profile_rate(word) || !prepare() || profile_writer_begin(word)) return;
  atomic_store(&sampler.stop, 0);
  sampler.is_running = thread_start(&sampler.thread, sampler_main, NULL, "mm-sampler") == STATUS_OK;
}

void sampler_follow_word(lua_State *L, struct vm *vm, uint64_t word) {
  vm->profile_word = word;
  mutex_lock(&sampler.lock);
  if (sampler.word != word) {
    stop();
    start(word);
  }
  mutex_unlock(&sampler.lock);
  sample_watch(L, vm, word ? SAMPLE_WATCHED : SAMPLE_UNWATCHED);
}

int sampler_threads(void) {
#ifdef __SANITIZE_ADDRESS__
  return 0; /* what it holds of ASan's allocator would stay locked in a forked child: then there is no fork */
#endif
  mutex_lock(&sampler.lock);
  const int count = sampler.is_running;
  mutex_unlock(&sampler.lock);
  return count;
}
