/* SPDX-License-Identifier: MIT */
#include "locks/lock_wait.h"

#include "base/memory.h"
#include "deadlock/standstill.h"
#include "deadlock/wait_text.h"
#include "locks/held_locks.h"
#include "os/clock.h"
#include "shared/permits.h"
#include "shared/rwlock.h"
#include "state/raise.h"
#include "state/vm_thread.h"

static const double look_seconds = 0.1;

/* ---- the list of the VM ---------------------------------------------------------------------- */

static void add(struct held_locks *h, struct lock_wait *w) {
  struct lock_wait **list = held_locks_waits(h);
  w->next = *list;
  *list = w;
}

/* The place that names the wait of that thread or task; its value is NULL: there is none. */
static struct lock_wait **find(struct held_locks *h, uint64_t thread) {
  struct lock_wait **at = held_locks_waits(h);
  while (*at && (*at)->self.thread != thread) at = &(*at)->next;
  return at;
}

static void leave(struct held_locks *h, struct lock_wait *w) {
  struct lock_wait **at = held_locks_waits(h);
  while (*at && *at != w) at = &(*at)->next;
  if (*at) *at = w->next;
  wait_graph_leave(segment_wait_graph(), &w->graph);
}

static void drop_task(struct held_locks *h, struct lock_wait *w) {
  leave(h, w);
  memory_free(w);
}

void lock_wait_renew(struct held_locks *h, struct execution_context self) {
  for (struct lock_wait *w = *held_locks_waits(h); w; w = w->next)
    if (w->self.thread == self.thread) wait_graph_leave(segment_wait_graph(), &w->graph);
}

/* ---- describing ------------------------------------------------------------------------------ */

static void describe(struct lock_wait *w, struct held_locks *h) {
  struct wait_description *d = &w->description;
  *d = (struct wait_description){.waiter = w->self, .kind = w->s->kind, .use = w->use};
  d->object = segment_object_ref(&w->s->object);
  held_locks_shares(h, w->self, d->shares, WAIT_GRAPH_SHARES);
}

static void fill_shares(lua_State *L, struct wait_description *d) {
  struct held_locks *h = held_locks_of(L);
  if (h) held_locks_shares(h, d->waiter, d->shares, WAIT_GRAPH_SHARES);
}

void lock_wait_open(lua_State *L) { wait_text_set_shares(L, fill_shares); }

/* ---- looking --------------------------------------------------------------------------------- */

static bool see_holder(struct synchronizer *s, struct execution_context *out) {
  if (synchronizer_holding(s) != HOLD_SHARED) return permits_holder(s, out);
  struct rwlock_holders holders;
  rwlock_look(s, &holders);
  *out = holders.writer;
  return holders.has_writer;
}

/* Permits of a semaphore are released by any process. */
static bool has_holder(const struct synchronizer *s) {
  const enum synchronizer_holding holds = synchronizer_holding(s);
  return holds != HOLD_PERMITS && holds != HOLD_BOUNDED;
}

static bool is_own(const struct lock_wait *w, struct execution_context holder) {
  return w->use == WAIT_FOR_LOCK && execution_context_is(holder, w->self);
}

static bool enter(struct lock_wait *w) {
  const bool is_in_line = w->line && w->line->waiter;
  w->description.ticket = is_in_line ? w->line->ticket : 0;
  return wait_graph_enter(segment_wait_graph(), segment_self(), &w->description, &w->graph);
}

/* is_last: no other task of the thread could release a lock that the waiter holds itself. */
static bool look(struct lock_wait *w, bool is_last) {
  struct wait_graph *graph = segment_wait_graph();
  const uint64_t stamp = wait_graph_stamp(graph);
  struct execution_context holder;
  const bool is_held = see_holder(w->s, &holder);
  if (is_held && is_last && is_own(w, holder)) {
    w->cycle.count = 0;
    return true;
  }
  if (!w->graph.number && !enter(w)) return false;
  const struct wait_look seen = {
      .stamp = stamp, .holder = is_held ? &holder : NULL, .threads = vm_live_threads()};
  return wait_graph_look(graph, &w->graph, &seen, &w->cycle);
}

static status attempt_and_look(void *context, deadline until) {
  struct lock_wait *w = context;
  for (;;) {
    const status st = w->attempt(w->context, deadline_earlier(until, w->next_look));
    if (st != STATUS_TIMEOUT) return st;
    if (deadline_passed(w->next_look)) {
      if (look(w, !w->thread->has_tasks)) return STATUS_DEADLOCK;
      if (!w->thread->has_tasks) standstill_look(w->thread->vm, &w->seen);
      w->next_look = deadline_after(look_seconds);
    }
    if (deadline_passed(until)) return STATUS_TIMEOUT;
  }
}

static status watch(lua_State *L, const struct lock_handle *h, struct lock_wait *w) REQUIRES(rank_vm) {
  struct held_locks *held = h->held_locks;
  w->graph.number = 0;
  w->is_of_task = w->is_refused = false;
  w->thread = vm_self(vm_of(L));
  w->next_look = deadline_now();
  w->seen = (struct standstill){.sum = 0};
  describe(w, held);
  wait_text_describe(L, &w->description);
  add(held, w);
  const status st =
      wait_in_handle(L, &h->shared.is_closed, TRACE_CALL_ACQUIRE, attempt_and_look, w, deadline_never());
  leave(held, w);
  return st;
}

status lock_wait_for(lua_State *L, const struct lock_handle *h, struct lock_wait *w, deadline until) {
  struct object *held = &w->s->object;
  w->is_alone = !has_holder(w->s);
  w->description.kind = w->s->kind;
  if (!deadline_is_never(until) || !has_holder(w->s))
    return shared_handle_wait_for_others(
        L, &h->shared, &(struct wait_for_others){held, TRACE_CALL_ACQUIRE, w->attempt, w->context}, until);
  const status st = wait_in_handle(L, &h->shared.is_closed, TRACE_CALL_ACQUIRE, w->attempt, w->context,
                                   deadline_after(look_seconds));
  return st == STATUS_TIMEOUT ? watch(L, h, w) : st;
}

/* ---- refusing -------------------------------------------------------------------------------- */

static const char *kind_name(const struct wait_description *d) {
  return d->kind < LOCK_KINDS ? lock_kinds[d->kind].name : "?";
}

void lock_wait_refuse_self(lua_State *L, const char *kind, const char *method) {
  lua_pushfstring(
      L,
      "%s: deadlock: this thread holds the %s already, and would wait for itself for ever; an RLock may "
      "be acquired again, and what another one releases is a Semaphore or an Event",
      method, kind);
  raise_kind(L, "deadlock");
}

void lock_wait_refuse(lua_State *L, const struct lock_wait *w, const char *method) {
  const struct wait_cycle *c = &w->cycle;
  if (w->is_alone) waiting_refuse_alone(L, method, kind_name(&w->description));
  if (c->count == 0) lock_wait_refuse_self(L, lock_kinds[w->description.kind].name, method);
  lua_pushfstring(L, "%s: deadlock: each of %d waits for what another one holds:", method, (int)c->count);
  wait_text_push_cycle(L, c);
  lua_concat(L, 2);
  raise_kind(L, "deadlock");
}

/* ---- tasks ----------------------------------------------------------------------------------- */

void lock_wait_settle(lua_State *L, const struct lock_handle *h, struct execution_context self,
                      bool is_in_vain, const char *method) {
  struct lock_wait *w = *find(h->held_locks, self.thread);
  if (!w || !w->is_of_task) return;
  if (!w->is_refused || !is_in_vain) {
    drop_task(h->held_locks, w);
    return;
  }
  struct lock_wait *copy = lua_newuserdata(L, sizeof *copy);
  *copy = *w;
  drop_task(h->held_locks, w);
  lock_wait_refuse(L, copy, method);
}

static uint64_t agent_at(lua_State *L, int index) {
  const void *agent = lua_isthread(L, index) ? lua_topointer(L, index) : (const void *)vm_self(vm_of(L));
  return (uint64_t)(uintptr_t)agent;
}

/* The wait of that task for the lock; NULL: it cannot be noted. */
static struct lock_wait *task_wait(lua_State *L, const struct lock_handle *h, uint64_t agent) {
  struct lock_wait *w = *find(h->held_locks, agent);
  if (w) return w->is_of_task && w->s == h->s ? w : NULL;
  w = memory_alloc(sizeof *w);
  if (!w) return NULL;
  w->s = h->s;
  w->self = (struct execution_context){segment_slot(), agent};
  w->use = WAIT_FOR_LOCK;
  w->line = NULL;
  w->is_of_task = true;
  w->is_refused = w->is_alone = false;
  w->graph.number = 0;
  lua_State *of = lua_isthread(L, 2) ? lua_tothread(L, 2) : L;
  describe(w, h->held_locks);
  wait_text_describe_task(of, lua_tostring(L, 3), &w->description);
  add(h->held_locks, w);
  return w;
}

int lock_wait_end_task_call(lua_State *L) {
  struct held_locks *h = held_locks_of(L);
  const uint64_t task = (uint64_t)(uintptr_t)lua_topointer(L, 1);
  struct lock_wait *w = *find(h, task);
  if (w && w->is_of_task) drop_task(h, w);
  held_locks_end_agent(h, task, lua_toboolean(L, 2));
  return 0;
}

int lock_wait_look_call(lua_State *L) {
  const struct lock_handle *h = lock_handle_at(L, 1);
  struct lock_wait *w = h && h->s ? task_wait(L, h, agent_at(L, 2)) : NULL;
  if (w && !w->is_refused) w->is_refused = look(w, lua_toboolean(L, 4));
  lua_pushboolean(L, w && w->is_refused);
  return 1;
}
