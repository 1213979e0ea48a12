/* SPDX-License-Identifier: MIT */
/* The hook of a request has the count 1: it runs at the next instruction. */
#include "state/vm_interrupt.h"

#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include "base/memory.h"
#include "os/clock.h"
#include "os/signals.h"
#include "shared/segment.h"
#include "state/error.h"
#include "state/hook_permission.h"
#include "state/lua_compat.h"
#include "state/sample.h"
#include "state/sampler.h"
#include "state/traceback.h"

enum { ONE_STEP_SLICE = 20 }; /* instructions until a deferred request checks again */

/* The grace of a worker (struct vm_grace). */
enum {
  GRACE_RAISES = 2,
  GRACE_TICKS = 40,
  ASK_TICKS = 2,
  TICK_NS = 2500 * 1000,
  TICKS_AT_ONCE = 4,
  DEFERRED_MAX = 1000
};

/* ---- count hooks of scripts ------------------------------------------------------------------ */

enum { SLICE = 1000, FIRST_CAPACITY = 8 };

/* A script's hook with a count; `left` is the rest of the count. */
struct user_hook {
  lua_State *of;
  lua_Hook hook;
  int mask;
  int count;
  int left;
};

struct user_hooks {
  size_t count;
  size_t capacity;
  struct user_hook list[];
};

static struct user_hook *find_user_hook(const struct vm *vm, const lua_State *L) {
  for (size_t i = 0; vm->hooks && i < vm->hooks->count; i++)
    if (vm->hooks->list[i].of == L) return &vm->hooks->list[i];
  return NULL;
}

static void forget_user_hook(const struct vm *vm, const lua_State *L) {
  struct user_hook *h = find_user_hook(vm, L);
  if (h) *h = vm->hooks->list[--vm->hooks->count];
}

static status make_room_for_hook(struct vm *vm) {
  struct user_hooks *old = vm->hooks;
  if (old && old->count < old->capacity) return STATUS_OK;
  const size_t capacity = old ? old->capacity * 2 : FIRST_CAPACITY;
  struct user_hooks *new = memory_alloc(sizeof *new + capacity * sizeof *new->list);
  if (!new) return -ENOMEM;
  new->capacity = capacity;
  new->count = old ? old->count : 0;
  for (size_t i = 0; i < new->count; i++) new->list[i] = old->list[i];
  memory_free(old);
  vm->hooks = new;
  return STATUS_OK;
}

static int next_slice(const struct user_hook *h) { return h->left < SLICE ? h->left : SLICE; }

static void slice_hook(lua_State *L, lua_Debug *ar);

/* Whether the script's count is over. */
static bool count_a_slice(lua_State *L, struct user_hook *h) {
  h->left -= SLICE;
  const bool is_due = h->left <= 0;
  if (is_due) h->left = h->count;
  lua_sethook(L, slice_hook, h->mask, next_slice(h));
  return is_due;
}

/* What is asked of the thread comes before the script's hook, which may raise. */
static void obey_requests(lua_State *L, struct vm *vm) REQUIRES(rank_vm) {
  sample_answer(vm);
  if (vm_lock_is_asked(&vm->lock)) vm_make_way(L, vm);
  if (vm_must_stop(vm)) vm_raise_stop(L, vm);
}

/* A new coroutine inherits slice_hook from its creator, but has no user_hook. */
static void slice_hook(lua_State *L, lua_Debug *ar) REQUIRES(rank_vm) {
  struct vm *vm = vm_of(L);
  struct user_hook *h = find_user_hook(vm, L);
  if (!h) lua_sethook(L, NULL, 0, 0);
  const bool is_due = h && (ar->event != LUA_HOOKCOUNT || count_a_slice(L, h));
  const lua_Hook hook = h ? h->hook : NULL; /* other threads may move the list */
  obey_requests(L, vm);
  if (is_due) hook(L, ar);
}

/* Whether the hook of L counts in slices, and so checks for requests itself. Async-signal-safe. */
static bool has_slices(lua_State *L) { return lua_gethook(L) == slice_hook; }

/* ---- raising --------------------------------------------------------------------------------- */

enum { POLL_INSTRUCTIONS = 1000 }; /* between two checks of a VM that polls */

static void raise_stop_reason(struct vm_thread *t, enum vm_stop why) {
  int seen = atomic_load(&t->stop);
  while (seen < (int)why)
    if (atomic_compare_exchange_weak(&t->stop, &seen, (int)why)) return;
}

/* Async-signal-safe. */
static void stop_when_overdue(struct vm_thread *t) {
  const int64_t at = atomic_load(&t->stop_at_ns);
  if (at && clock_now_ns() >= at) raise_stop_reason(t, VM_STOP_TERMINATE);
}

enum {
  PAUSING_INSTRUCTIONS = 128, /* the same of a VM that pauses: at most */
  STEPS = 4000,               /* of C functions between two checks */
  LONG_NS = 100000,           /* between two looks of a VM that pauses: the next one comes sooner */
};

static void poll_hook(lua_State *L, lua_Debug *ar);

static void set_poll_hook(lua_State *L, const struct vm *vm) {
  lua_sethook(L, poll_hook, LUA_MASKCOUNT, vm->polling.count);
}

static void pause_now(lua_State *L, struct vm_polling *p) {
  p->pause(p->argument);
  p->looked_at_ns = clock_now_ns();
  lua_become_current(L);
}

static void pause_by_count(lua_State *L, struct vm_polling *p) {
  while (p->left <= 0) pause_now(L, p);
  p->count = p->left < PAUSING_INSTRUCTIONS ? (int)p->left : PAUSING_INSTRUCTIONS;
}

static void pause_when_due(lua_State *L, struct vm *vm) {
  struct vm_polling *p = &vm->polling;
  if (!vm_pauses(vm)) return;
  if (p->counts) {
    pause_by_count(L, p);
    return;
  }
  const int64_t now = clock_now_ns(), before = p->looked_at_ns;
  const bool took_long = now - before > LONG_NS;
  p->looked_at_ns = now;
  p->count = took_long ? 1 : p->count < PAUSING_INSTRUCTIONS ? p->count * 2 : PAUSING_INSTRUCTIONS;
  if (p->pause_at_ns && now >= p->pause_at_ns) pause_now(L, p);
}

bool vm_wait_for_poll(lua_State *L, struct vm *vm) {
  struct vm_polling *p = &vm->polling;
  if (!vm_pauses(vm)) return false;
  p->waits = true;
  pause_now(L, p);
  p->waits = false;
  return true;
}

static void look_up(lua_State *L, struct vm *vm) {
  stop_when_overdue(vm_self(vm));
  if (!vm_should_stop(vm)) pause_when_due(L, vm);
  stop_when_overdue(vm_self(vm));
  if (vm_must_stop(vm)) vm_raise_stop(L, vm);
}

void vm_look_up(lua_State *L, struct vm *vm) {
  vm->polling.steps_left = STEPS;
  vm->polling.left -= STEPS;
  look_up(L, vm);
}

static void poll_hook(lua_State *L, lua_Debug *ar) {
  (void)ar;
  struct vm *vm = vm_of(L);
  if (!vm) return;
  const int count = vm->polling.count;
  vm->polling.steps_left = STEPS;
  vm->polling.left -= lua_gethookcount(L);
  look_up(L, vm);
  if (vm->polling.count != count || lua_gethookcount(L) != count) set_poll_hook(L, vm);
}

static void look_soon(struct vm *vm) {
  lua_State *running = atomic_load_explicit(&vm->main.running, memory_order_relaxed);
  if (vm->polling.counts || vm_self(vm) != &vm->main || lua_gethook(running) != poll_hook) return;
  vm->polling.count = 1;
  set_poll_hook(running, vm);
}

void vm_pause_with(struct vm *vm, void (*pause)(void *argument), void *argument, enum vm_pauses how) {
  vm->polling = (struct vm_polling){.pause = pause,
                                    .argument = argument,
                                    .look_soon = look_soon,
                                    .counts = how == VM_PAUSES_BY_COUNT,
                                    .count = PAUSING_INSTRUCTIONS};
  lua_collect_in_steps(vm->state);
  set_poll_hook(vm->state, vm);
}

/* Removes the request's hook; a VM that polls gets its polling hook back. */
static void disarm(lua_State *L, const struct vm *vm) {
  if (vm->polls_stops)
    set_poll_hook(L, vm);
  else
    lua_sethook(L, NULL, 0, 0);
}

/* The events of the script's hook that is displaced in L: they go on while a request's hook stands there. */
static int script_mask(const struct vm_thread *t, lua_State *L) {
  return t->displaced.of == L ? t->displaced.mask & ~LUA_MASKCOUNT : 0;
}

/* An event beyond the masks' is a tail call, or in 5.1 its return. */
static bool is_meant_for(const struct displaced_hook *d, const lua_Debug *ar) {
  const int bit = ar->event > LUA_HOOKCOUNT ? LUA_MASKCALL | LUA_MASKRET : 1 << ar->event;
  return (d->mask & bit) != 0 && ar->event != LUA_HOOKCOUNT;
}

/* Gives an event to the script's hook that is displaced in L. */
static void pass_on(lua_State *L, lua_Debug *ar, struct vm *vm) {
  const struct displaced_hook d = vm_self(vm)->displaced;
  if (d.of == L && is_meant_for(&d, ar)) d.hook(L, ar);
}

/* Puts back the hook of the script that a request displaced, or none. False: there was none. */
static bool put_back_hook(lua_State *L, struct vm *vm) {
  const struct displaced_hook d = vm_self(vm)->displaced;
  if (d.of == L)
    lua_sethook(L, d.hook, d.mask, d.count);
  else
    disarm(L, vm);
  return d.of == L;
}

/* Returns the hook of the script that this event is meant for as well, or NULL. */
static lua_Hook restore_hook(lua_State *L, const lua_Debug *ar, struct vm *vm) {
  const struct displaced_hook d = vm_self(vm)->displaced;
  return put_back_hook(L, vm) && is_meant_for(&d, ar) ? d.hook : NULL;
}

static bool is_c(const lua_Debug *ar) { return *ar->what == 'C'; }

/* Whether the hook runs inside a step that other threads must see whole: a C function, or Lua code
 * of this module. Script code that they call is not part of the step. A C function that a script
 * calls has not begun, or has ended, when its hook runs; one that a C function calls is in the
 * middle of that. */
static bool is_one_step(lua_State *L) {
  lua_Debug ar;
  for (int level = 0; level < 2 && lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "S", &ar);
    if (!is_c(&ar)) return strncmp(ar.source, "=manymoons/", 11) == 0;
  }
  return is_c(&ar);
}

enum { HOOK_LEVELS = 100 }; /* of the stack, searched for the call of a hook */

/* Whether L runs the hook of the script that was displaced: restored there, it would call itself. */
static bool is_in_hook_of_script(lua_State *L, struct vm *vm) {
  lua_Debug ar;
  if (vm_self(vm)->displaced.of != L) return false;
  for (int level = 0; level < HOOK_LEVELS && lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "n", &ar);
    if (strcmp(ar.namewhat, "hook") == 0) return true;
  }
  return false;
}

static bool has_grace(struct vm_thread *t) {
  return atomic_load(&t->grace.raises) > 0 && atomic_load(&t->stop) < VM_STOP_KILL;
}

/* Code that cleans up uses this library, so its steps are not broken off; but not for ever. */
static bool may_defer_stop(struct vm *vm) {
  struct vm_thread *t = vm_self(vm);
  return has_grace(t) && t->grace.deferred++ < DEFERRED_MAX;
}

/* Runs at the first instruction after it was armed, and restores the script's hook. */
static void request_hook(lua_State *L, lua_Debug *ar) REQUIRES(rank_vm) {
  struct vm *vm = vm_of(L);
  if (!vm) return;
  sampler_follow(L, vm);
  sample_answer(vm);
  const bool must_stop = vm_must_stop(vm);
  if ((must_stop ? may_defer_stop(vm) : vm_lock_is_asked(&vm->lock)) && is_one_step(L)) {
    lua_sethook(L, request_hook, LUA_MASKCOUNT | script_mask(vm_self(vm), L), ONE_STEP_SLICE);
    pass_on(L, ar, vm);
    return;
  }
  if (must_stop) vm_raise_stop(L, vm);
  if (is_in_hook_of_script(L, vm)) {
    lua_sethook(L, request_hook, LUA_MASKCOUNT | script_mask(vm_self(vm), L), SLICE);
    obey_requests(L, vm);
    return;
  }
  const lua_Hook meant = restore_hook(L, ar, vm);
  obey_requests(L, vm);
  if (meant) meant(L, ar);
}

static const int request_mask = LUA_MASKCOUNT | LUA_MASKCALL | LUA_MASKRET;

/* Safe to call while the hook is armed: then it does nothing. Lua 5.4 visits each call on the stack to set a hook; in a
 * deep recursion that takes longer than a waiter waits before its next signal. */
void vm_arm(struct vm_thread *t, lua_State *L) {
  const lua_Hook now = lua_gethook(L);
  if (now == request_hook && (lua_gethookmask(L) & request_mask) == request_mask) return;
  if (now == request_hook || now == poll_hook || !now) {
    if (now != request_hook) t->displaced = (struct displaced_hook){.of = NULL};
  } else if (!has_slices(L)) {
    t->displaced = (struct displaced_hook){L, now, lua_gethookmask(L), lua_gethookcount(L)};
  }
  const bool polls = has_slices(L) && !vm_stop_is_due(t);
  if (!polls) lua_sethook(L, request_hook, request_mask | script_mask(t, L), 1);
}

/* Keeps where the main thread stops; no Lua runs for it. [-0, +0, memory] */
static void note_place(lua_State *L, struct vm *vm) {
  traceback_push_place(L, L);
  memory_free(vm->stop_place);
  vm->stop_place = memory_copy_text(lua_tostring(L, -1), lua_rawlen(L, -1));
  lua_pop(L, 1);
}

static const char stop_text[] = "interrupted";

static void on_interrupt(int number);

/* Starts the ticks. False: there are none. */
static bool start_ticks(struct vm_grace *g, int count) {
  if (signals_on_interrupt(on_interrupt)) return false;
  if (!g->has_alarm) g->has_alarm = alarm_make(&g->alarm, SIGNAL_INTERRUPT) == STATUS_OK;
  if (!g->has_alarm) return false;
  atomic_store(&g->tick_ns, clock_now_ns() + TICK_NS);
  atomic_store(&g->ticks, count);
  alarm_start(&g->alarm, deadline_after(TICK_NS * 1e-9), TICK_NS);
  return true;
}

/* Async-signal-safe. */
static void count_tick(struct vm_grace *g) {
  const int left = atomic_load(&g->ticks);
  if (left == 0) return;
  const int64_t now = clock_now_ns();
  const int64_t late_ns = now - atomic_load(&g->tick_ns);
  if (late_ns < 0) return;
  const int64_t passed = 1 + late_ns / TICK_NS;
  const int counted = passed < TICKS_AT_ONCE ? (int)passed : TICKS_AT_ONCE;
  atomic_store(&g->tick_ns, now + TICK_NS);
  atomic_store(&g->ticks, counted < left ? left - counted : 0);
}

bool vm_must_stop(struct vm *vm) {
  struct vm_thread *t = vm_self(vm);
  struct vm_grace *g = &t->grace;
  if (!vm_stop_is_due(t)) return false;
  if (!has_grace(t) || g->had_time) return true;
  const bool is_polling = atomic_load(&g->is_polling);
  if (!is_polling && g->was_asked) return true;
  g->was_asked = true;
  g->had_time = is_polling;
  return !start_ticks(g, is_polling ? GRACE_TICKS : ASK_TICKS);
}

static bool begin_grace(struct vm_thread *t) {
  if (!has_grace(t)) return false;
  atomic_fetch_sub(&t->grace.raises, 1);
  t->grace.deferred = 0;
  return start_ticks(&t->grace, GRACE_TICKS);
}

NO_RETURN static void raise_text(lua_State *L) {
  lua_pushstring(L, stop_text);
  lua_error(L);
  __builtin_unreachable();
}

void vm_raise_stop(lua_State *L, struct vm *vm) {
  const bool has_stopped = atomic_exchange(&vm_self(vm)->has_stopped, true);
  if (!has_stopped && vm->notes_stops && vm_self(vm) == &vm->main) note_place(L, vm);
  if (!begin_grace(vm_self(vm)))
    vm_arm(vm_self(vm), L);
  else if (lua_gethook(L) == request_hook)
    put_back_hook(L, vm);
  raise_text(L);
}

void vm_pass_stop(lua_State *L, struct vm *vm) {
  if (vm_must_stop(vm)) vm_raise_stop(L, vm);
  raise_text(L);
}

bool vm_is_stop(lua_State *L, int index) {
  struct vm *vm = vm_of(L);
  if (!vm || !vm_should_stop(vm) || lua_type(L, index) != LUA_TSTRING) return false;
  return strcmp(lua_tostring(L, index), stop_text) == 0;
}

void vm_raise_exit(lua_State *L, struct vm *vm, int code) {
  atomic_store(&vm_self(vm)->exit_code, code);
  atomic_store(&vm_self(vm)->stop, VM_STOP_EXIT);
  vm_raise_stop(L, vm);
}

/* ---- requesting a stop ----------------------------------------------------------------------- */

/* Where two signals found the coroutine where no hook runs, a finalizer, a hook or a message handler of the
 * script may loop: the request's hook runs there. */
static void break_silence(lua_State *L, struct vm_thread *t) {
  if (has_slices(L)) {
    t->displaced = (struct displaced_hook){L, lua_gethook(L), lua_gethookmask(L), lua_gethookcount(L)};
    lua_sethook(L, request_hook, LUA_MASKCOUNT, 1);
  }
  hook_permission_grant(L);
}

static void arm_running(struct vm_thread *t) {
  lua_State *running = atomic_load(&t->running);
  if (!running) return;
  const bool is_silent = hook_permission_is_off(running);
  if (is_silent && t->silent == running) break_silence(running, t);
  t->silent = is_silent ? running : NULL;
  vm_arm(t, running);
}

/* A look at the stack does not break a silence. */
static void arm_for_sample(struct vm_thread *t) {
  lua_State *running = atomic_load(&t->running);
  if (running && !atomic_load(&t->vm->is_watched)) vm_arm(t, running);
}

void vm_interrupt_from_signal(struct vm *vm, enum vm_stop why) {
  struct vm_thread *t = vm_self(vm);
  raise_stop_reason(t, why);
  arm_running(t);
}

static void on_interrupt(int number) {
  (void)number;
  struct vm_thread *t = vm_thread_bound();
  if (!t) return;
  if (t->word && atomic_load(t->word)) raise_stop_reason(t, VM_STOP_TERMINATE);
  stop_when_overdue(t);
  count_tick(&t->grace);
  if (vm_stop_is_due(t)) arm_running(t);
}

void vm_obey(struct vm *vm, const _Atomic uint64_t *word) {
  vm->main.word = word;
  (void)!signals_on_interrupt(on_interrupt); /* a host with its own handler has the word alone */
}

/* ---- SIGTERM --------------------------------------------------------------------------------- */

enum { SIGTERM_GRACE_NS = 600 * 1000 * 1000 };

static void stop_by_sigterm(struct vm_thread *t) {
  const int64_t now = clock_now_ns();
  const int64_t end = atomic_load(&t->grace.end_ns);
  if (atomic_load(&t->is_ending) || (end && now >= end)) signals_end_process(SIGTERM);
  if (!end) {
    atomic_store(&t->exit_code, -SIGTERM);
    atomic_store(&t->grace.end_ns, now + SIGTERM_GRACE_NS);
    alarm_start(&t->grace.end, (deadline){now + SIGTERM_GRACE_NS}, TICK_NS);
    raise_stop_reason(t, VM_STOP_TERMINATE);
  }
  if (vm_stop_is_due(t)) arm_running(t);
}

/* The signal of a process may come to any of its threads. */
static void on_sigterm(int number) {
  if (thread_pass_to_first(number)) return;
  struct vm_thread *t = vm_thread_bound();
  if (t)
    stop_by_sigterm(t);
  else
    signals_end_process(number);
}

void vm_obey_sigterm(struct vm *vm) {
  struct vm_grace *g = &vm->main.grace;
  if (alarm_make(&g->end, SIGTERM) == STATUS_OK) signals_handle(SIGTERM, on_sigterm, SIGNAL_INTERRUPT);
}

/* ---- requests of other threads --------------------------------------------------------------- */

void vm_thread_interrupt(struct vm_thread *t, enum vm_stop why) {
  if (atomic_load(&t->is_ending)) return;
  raise_stop_reason(t, why);
  if (signals_on_interrupt(on_interrupt) == STATUS_OK) thread_signal(&t->user.thread, SIGNAL_INTERRUPT);
}

/* The signal alone asks for nothing. */
static void wake_waiter(struct vm_thread *t, const void *thing) {
  t->is_disturbed = true;
  if (t->waits_for == thing || t->waits_for == &t->is_disturbed) thread_signal(&t->waiter, SIGNAL_INTERRUPT);
}

void vm_wake_waiters(struct vm *vm, const void *thing) {
  if (vm->threads == 1 || signals_on_interrupt(on_interrupt)) return;
  wake_waiter(&vm->main, thing);
  for (struct vm_thread *t = vm->others; t; t = t->next) wake_waiter(t, thing);
}

void vm_interrupt(struct vm *vm, enum vm_stop why) { vm_thread_interrupt(&vm->main, why); }

void vm_grant_grace(struct vm *vm) { vm_self(vm)->grace = (struct vm_grace){.raises = GRACE_RAISES}; }

/* Also by the word of its parent, which is written before the signal comes. */
bool vm_is_asked_to_stop(struct vm *vm) {
  struct vm_thread *t = vm_self(vm);
  atomic_store_explicit(&t->grace.is_polling, true, memory_order_relaxed);
  const int stop = atomic_load_explicit(&t->stop, memory_order_relaxed);
  return stop == VM_STOP_TERMINATE || stop == VM_STOP_KILL || (t->word && atomic_load(t->word));
}

void vm_forget_polling(struct vm *vm) { atomic_store(&vm_self(vm)->grace.is_polling, false); }

static void end_grace(struct vm_grace *g) {
  atomic_store(&g->raises, 0);
  atomic_store(&g->ticks, 0);
  if (g->has_alarm) alarm_destroy(&g->alarm);
  g->has_alarm = false;
}

void vm_clear_stop(struct vm *vm) {
  struct vm_thread *t = vm_self(vm);
  end_grace(&t->grace);
  atomic_store(&t->stop_at_ns, 0);
  atomic_store(&t->stop, VM_STOP_NONE);
  atomic_store(&t->has_stopped, false);
  if (t == &vm->main) {
    memory_free(vm->stop_place);
    vm->stop_place = NULL;
  }
  disarm(atomic_load(&t->running), vm);
}

void vm_ask_to_stop(struct vm *vm, enum vm_stop why) { raise_stop_reason(&vm->main, why); }

status vm_prepare_stops(void) { return signals_on_interrupt(on_interrupt); }

void vm_stop_at(struct vm *vm, deadline at) {
  atomic_store(&vm_self(vm)->stop_at_ns, deadline_is_never(at) ? 0 : at.ns);
}

void vm_poll_stops(struct vm *vm) {
  vm->polls_stops = true;
  vm->polling.count = POLL_INSTRUCTIONS;
  if (lua_is_jit()) lua_turn_jit_off(vm->state);
  disarm(vm->state, vm);
}

void vm_end_stops(struct vm *vm) {
  atomic_store(&vm_self(vm)->is_ending, true);
  vm_clear_stop(vm);
}

/* ---- making way for other threads ------------------------------------------------------------ */

/* Runs on the holder of the lock, or on a thread that held it a moment ago; there the hook does
 * nothing. */
static void on_request(int number) {
  (void)number;
  struct vm_thread *t = vm_thread_bound();
  if (!t) return;
  if (vm_lock_is_asked(&t->vm->lock))
    arm_running(t);
  else if (sample_is_asked(t->vm) || segment_profiling() != t->vm->profile_word)
    arm_for_sample(t);
}

status vm_prepare_requests(void) {
  const status st = signals_on_request(on_request);
  if (st) return st;
  signals_let_requests_in();
  segment_note_request_signal(signals_request_number());
  return STATUS_OK;
}

/* Where Lua does not report its main state, the caller's is known to last if it is that one. */
static bool has_lasting_state(lua_State *L, const struct vm *vm) {
  const bool is_main = lua_pushthread(L);
  lua_pop(L, 1);
  return lua_tells_mainstate() || (is_main && vm->state == L);
}

void vm_prepare_looks(lua_State *L, struct vm *vm) {
  if (!vm->is_adopted || !has_lasting_state(L, vm)) return;
  if (!vm_thread_is_bound(vm) && vm_thread_is_free()) vm_bind_thread(vm);
  (void)!vm_prepare_requests(); /* without a signal threads are seen where they wait */
}

/* By the number, because the thread that had a host's VM may have ended: the signal then goes nowhere. */
static void ask_by_signal(const struct lock_user *owner) {
  thread_signal_number(atomic_load(&owner->number), signals_request_number());
}

bool vm_prepare_threads(struct vm *vm) {
  if (!vm_thread_is_bound(vm) && vm_thread_is_free()) vm_bind_thread(vm);
  if (vm->is_adopted && vm_self(vm) == &vm->main)
    lock_user_is_here(&vm->main.user); /* in a forked child, too */
  if (lua_is_jit()) return false;
  if (vm_prepare_requests()) return false;
  atomic_store(&vm->lock.ask, ask_by_signal);
  return true;
}

/* ---- debug.sethook and debug.gethook --------------------------------------------------------- */

static lua_State *target_of(lua_State *L) { return lua_isthread(L, 1) ? lua_tothread(L, 1) : L; }

/* In the frame of the function that stands in its place: a call of its own would be an event for the script's hook. */
static int call_original(lua_State *L) {
  const lua_CFunction original = lua_is_jit() ? NULL : lua_tocfunction(L, lua_upvalueindex(1));
  if (original) return original(L);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

/* Replaces a hook with a count, which Lua's own function has set, by slice_hook. */
static void take_over(lua_State *L, lua_State *target) {
  struct vm *vm = vm_of(L);
  forget_user_hook(vm, target);
  if (!(lua_gethookmask(target) & LUA_MASKCOUNT)) return;
  if (make_room_for_hook(vm)) error_raise_memory(L);
  struct user_hook *h = &vm->hooks->list[vm->hooks->count++];
  const int count = lua_gethookcount(target);
  *h = (struct user_hook){target, lua_gethook(target), lua_gethookmask(target), count, count};
  lua_sethook(target, slice_hook, h->mask, next_slice(h));
}

static int debug_sethook(lua_State *L) {
  lua_State *target = target_of(L);
  const int results = call_original(L);
  take_over(L, target);
  return results;
}

/* Whether the script's hook is displaced by that of a request, which has not run yet. */
static bool is_displaced(lua_State *L, lua_State *target) {
  return lua_gethook(target) == request_hook && vm_self(vm_of(L))->displaced.of == target;
}

static int call_displaced(lua_State *L, lua_State *target) {
  struct vm_thread *self = vm_self(vm_of(L));
  const struct displaced_hook d = self->displaced;
  lua_sethook(target, d.hook, d.mask, d.count);
  const int results = call_original(L);
  vm_arm(self, target);
  return results;
}

static int debug_gethook(lua_State *L) {
  lua_State *target = target_of(L);
  const struct user_hook *h = has_slices(target) ? find_user_hook(vm_of(L), target) : NULL;
  if (is_displaced(L, target)) return call_displaced(L, target);
  if (!h) return call_original(L);
  const struct user_hook copy = *h;
  lua_sethook(target, copy.hook, copy.mask, copy.count);
  const int results = call_original(L);
  lua_sethook(target, slice_hook, copy.mask, next_slice(&copy));
  return results;
}

static void wrap_function(lua_State *L, const char *name, lua_CFunction function) {
  lua_getfield(L, -1, name);
  lua_pushcclosure(L, function, 1);
  lua_setfield(L, -2, name);
}

void hooks_install(lua_State *L) {
  lua_pushloaded(L);
  lua_getfield(L, -1, LUA_DBLIBNAME);
  if (lua_istable(L, -1)) {
    wrap_function(L, "sethook", debug_sethook);
    wrap_function(L, "gethook", debug_gethook);
  }
  lua_pop(L, 2);
}
