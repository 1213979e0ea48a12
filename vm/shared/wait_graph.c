/* SPDX-License-Identifier: MIT */
#include "shared/wait_graph.h"

#include <string.h>

#include "base/check.h"
#include "shared/kill_point.h"

void wait_description_end_texts(struct wait_description *d) {
  d->name[sizeof d->name - 1] = '\0';
  d->what[sizeof d->what - 1] = '\0';
  d->place[sizeof d->place - 1] = '\0';
  d->stack[sizeof d->stack - 1] = '\0';
}

void wait_graph_init(struct wait_graph *g) { robust_mutex_init(&g->lock); }

static void lock(struct wait_graph *g) { robust_mutex_lock_whole(&g->lock); } /* I1 */

static void unlock(struct wait_graph *g) { robust_mutex_unlock(&g->lock); }

static uint32_t count_used(const struct wait_graph *g) {
  const uint32_t high = *(const volatile uint32_t *)&g->high_water;
  return high < WAIT_GRAPH_MAX ? high : WAIT_GRAPH_MAX;
}

/* ---- entering and leaving -------------------------------------------------------------------- */

static void drop(struct wait_entry *e) {
  e->number = 0;
  STORE_ORDER();
  KILL_POINT("wait_graph.dropped");
  e->owner = 0;
}

/* Waits in which deadlocks are looked for have places of their own. */
static struct wait_entry *find_room(struct wait_graph *g, uint32_t use) {
  const uint32_t used = count_used(g);
  const uint32_t most = use <= WAIT_FOR_END ? WAIT_GRAPH_MAX : WAIT_GRAPH_OTHERS;
  for (uint32_t i = 0; i < used && i < most; i++)
    if (!g->entries[i].owner) return &g->entries[i];
  if (used >= most) return NULL;
  g->high_water = used + 1;
  KILL_POINT("wait_graph.grown");
  return &g->entries[used];
}

static void describe(struct wait_entry *e, const struct wait_description *wait) {
  e->wait = *wait;
  wait_description_end_texts(&e->wait);
  e->stamp = 0;
  e->threads = 0;
  e->is_held = 0;
}

bool wait_graph_enter(struct wait_graph *g, owner_id owner, const struct wait_description *wait,
                      struct graph_wait *out) {
  lock(g);
  struct wait_entry *e = find_room(g, wait->use);
  if (e) {
    e->number = 0;
    e->owner = owner;
    KILL_POINT("wait_graph.claimed");
    describe(e, wait);
    STORE_ORDER();
    KILL_POINT("wait_graph.described");
    e->number = ++g->waits;
    out->number = e->number;
    out->place = (uint32_t)(e - g->entries);
    out->sights_count = 0;
  }
  unlock(g);
  return e != NULL;
}

static struct wait_entry *entry_of(struct wait_graph *g, const struct graph_wait *w) {
  CHECK(w->place < WAIT_GRAPH_MAX);
  struct wait_entry *e = &g->entries[w->place];
  return w->number && e->number == w->number ? e : NULL;
}

void wait_graph_leave(struct wait_graph *g, struct graph_wait *w) {
  if (!w->number) return;
  lock(g);
  struct wait_entry *e = entry_of(g, w);
  if (e) drop(e);
  unlock(g);
  w->number = 0;
}

void wait_graph_reap(struct wait_graph *g, owner_id dead) {
  lock(g);
  for (uint32_t i = 0; i < count_used(g); i++)
    if (g->entries[i].owner == dead) drop(&g->entries[i]);
  unlock(g);
}

/* ---- cycles ---------------------------------------------------------------------------------- */

static bool has_share(const struct wait_description *wait, object_ref object) {
  for (int i = 0; i < WAIT_GRAPH_SHARES; i++)
    if (wait->shares[i] == object) return true;
  return false;
}

static bool is_worker(const struct wait_description *wait, const struct wait_description *of) {
  return wait->tid && wait->tid == of->worker_tid && wait->pid == of->worker_pid;
}

static bool holds(const struct wait_entry *by, const struct wait_entry *e) {
  if (e->wait.use == WAIT_FOR_END) return is_worker(&by->wait, &e->wait);
  if (e->is_held && execution_context_is(by->wait.waiter, e->holder)) return true;
  return e->wait.use == WAIT_FOR_WRITING && has_share(&by->wait, e->wait.object);
}

/* The first in line for the RWLock of `e`, if it came before; NULL: none that is in the table. */
static const struct wait_entry *first_in_line(const struct wait_graph *g, const struct wait_entry *e) {
  const struct wait_entry *first = NULL;
  if (!e->wait.ticket) return NULL;
  const uint32_t used = count_used(g);
  for (const struct wait_entry *f = g->entries; f < g->entries + used; f++) {
    if (!f->number || f->wait.object != e->wait.object || !f->wait.ticket) continue;
    if (f->wait.ticket < (first ? first->wait.ticket : e->wait.ticket)) first = f;
  }
  return first;
}

struct search {
  const struct wait_graph *g;
  const struct wait_entry *target;
  struct wait_sight path[WAIT_GRAPH_PATH];
  uint32_t length;
  uint64_t visited[WAIT_GRAPH_MAX / 64];
};

static bool visit(struct search *s, const struct wait_entry *e) {
  const uint32_t place = (uint32_t)(e - s->g->entries);
  const uint64_t bit = UINT64_C(1) << (place % 64);
  if (s->length == WAIT_GRAPH_PATH || s->visited[place / 64] & bit) return false;
  s->visited[place / 64] |= bit;
  s->path[s->length++] = (struct wait_sight){.place = place, .number = e->number};
  return true;
}

static bool search_from(struct search *s, const struct wait_entry *e);

/* Whether a way leads from `e` over `next` to the target. */
static bool search_over(struct search *s, const struct wait_entry *next, bool is_line) {
  s->path[s->length - 1].is_line = is_line;
  return next == s->target || search_from(s, next);
}

static bool search_from(struct search *s, const struct wait_entry *e) {
  if (!visit(s, e)) return false;
  const uint32_t used = count_used(s->g);
  for (const struct wait_entry *f = s->g->entries; f < s->g->entries + used; f++)
    if (f->number && f != e && holds(f, e) && search_over(s, f, false)) return true;
  const struct wait_entry *first = first_in_line(s->g, e);
  if (first && search_over(s, first, true)) return true;
  s->length--;
  return false;
}

/* ---- looking --------------------------------------------------------------------------------- */

static bool is_seen_again(const struct graph_wait *w, const struct search *s) {
  if (w->sights_count != s->length) return false;
  for (uint32_t i = 0; i < s->length; i++)
    if (w->sights[i].place != s->path[i].place || w->sights[i].number != s->path[i].number) return false;
  return true;
}

static bool have_all_looked(const struct graph_wait *w, const struct search *s) {
  for (uint32_t i = 0; i < s->length; i++)
    if (s->g->entries[s->path[i].place].stamp <= w->sighted_at) return false;
  return true;
}

/* Of those that can be refused. */
static bool is_youngest(const struct graph_wait *w, const struct search *s) {
  for (uint32_t i = 0; i < s->length; i++) {
    const bool is_last = s->g->entries[s->path[i].place].wait.is_last;
    if (s->path[i].number == w->number ? is_last : !is_last && s->path[i].number > w->number) return false;
  }
  return true;
}

static void copy_wait(struct wait_description *to, const struct wait_entry *from) {
  *to = from->wait;
  wait_description_end_texts(to);
}

static void copy_cycle(const struct search *s, struct wait_cycle *out) {
  out->count = s->length;
  out->shown = s->length < WAIT_GRAPH_SHOWN ? s->length : WAIT_GRAPH_SHOWN;
  for (uint32_t i = 0; i < out->shown; i++) {
    copy_wait(&out->waits[i], &s->g->entries[s->path[i].place]);
    out->is_line[i] = s->path[i].is_line;
  }
}

static bool judge(struct graph_wait *w, const struct search *s, struct wait_cycle *out) {
  if (!is_seen_again(w, s)) {
    w->sights_count = s->length;
    w->sighted_at = atomic_load(&s->g->stamps);
    memcpy(w->sights, s->path, s->length * sizeof *w->sights);
    return false;
  }
  if (!have_all_looked(w, s) || !is_youngest(w, s)) return false;
  copy_cycle(s, out);
  return true;
}

uint64_t wait_graph_stamp(struct wait_graph *g) { return atomic_fetch_add(&g->stamps, 1) + 1; }

static void note(struct wait_entry *e, const struct wait_look *look) {
  e->is_held = 0;
  KILL_POINT("wait_graph.looking");
  if (look->holder) e->holder = *look->holder;
  e->is_held = look->holder != NULL;
  e->threads = look->threads;
  e->stamp = look->stamp;
  KILL_POINT("wait_graph.looked");
}

static bool is_refused(struct wait_graph *g, struct wait_entry *e, struct graph_wait *w,
                       struct wait_cycle *out) {
  struct search s = {.g = g, .target = e};
  if (e->wait.use > WAIT_FOR_END) return false;
  if (search_from(&s, e)) return judge(w, &s, out);
  w->sights_count = 0;
  return false;
}

bool wait_graph_look(struct wait_graph *g, struct graph_wait *w, const struct wait_look *look,
                     struct wait_cycle *out) {
  lock(g);
  struct wait_entry *e = entry_of(g, w);
  if (e) note(e, look);
  const bool is_found = e && is_refused(g, e, w, out);
  unlock(g);
  return is_found;
}

/* ---- standing still -------------------------------------------------------------------------- */

/* The waits of each process, and how many threads it has; of all of them together, what tells one standstill from
 * another. */
struct census {
  uint16_t waits[PROCESS_TABLE_MAX];
  uint16_t threads[PROCESS_TABLE_MAX];
  struct standstill now;
  uint64_t oldest_stamp;
  int64_t youngest_ns;
};

static void count_waits(const struct wait_graph *g, struct census *c) {
  memset(c, 0, sizeof *c);
  c->oldest_stamp = UINT64_MAX;
  const uint32_t used = count_used(g);
  for (const struct wait_entry *e = g->entries; e < g->entries + used; e++) {
    const uint32_t slot = e->wait.waiter.slot;
    if (!e->number || !e->wait.tid || slot >= PROCESS_TABLE_MAX) continue; /* a task is no thread */
    c->waits[slot]++;
    if (e->threads > c->threads[slot])
      c->threads[slot] = (uint16_t)(e->threads < UINT16_MAX ? e->threads : UINT16_MAX);
    c->now.sum += e->number;
    c->now.count++;
    if (e->stamp < c->oldest_stamp) c->oldest_stamp = e->stamp;
    if (e->wait.since_ns > c->youngest_ns) c->youngest_ns = e->wait.since_ns;
  }
}

/* Whether each thread of each process waits. A process that is about to begin, or has died, is none that waits. */
static bool do_all_wait(struct process_table *t, const struct census *c) {
  for (uint32_t slot = 0; slot < process_table_count(t); slot++) {
    const uint64_t state = atomic_load(&t->slots[slot].state) & 3;
    if (state == PROCESS_TABLE_FREE) continue;
    if (state != PROCESS_TABLE_LIVE || c->threads[slot] == 0 || c->waits[slot] != c->threads[slot])
      return false;
    if (process_table_is_dead(t, slot)) return false;
  }
  return c->now.count > 0;
}

static void list_waits(const struct wait_graph *g, struct wait_cycle *out) {
  const uint32_t used = count_used(g);
  out->count = out->shown = 0;
  for (uint32_t i = 0; i < used; i++) out->count += g->entries[i].number != 0;
  for (int idle = 0; idle <= 1; idle++)
    for (const struct wait_entry *e = g->entries; e < g->entries + used && out->shown < WAIT_GRAPH_SHOWN; e++)
      if (e->number && (e->wait.use == WAIT_IDLE) == (idle == 1)) copy_wait(&out->waits[out->shown++], e);
}

static bool is_new_and_proven(struct wait_graph *g, struct standstill *seen, const struct census *c) {
  if (seen->sum != c->now.sum || seen->count != c->now.count) {
    *seen = c->now;
    seen->sighted_at = atomic_load(&g->stamps);
    return false;
  }
  return c->oldest_stamp > seen->sighted_at && g->said != c->now.sum;
}

bool wait_graph_stands_still(struct wait_graph *g, struct process_table *processes, struct standstill *seen,
                             int64_t before_ns, struct wait_cycle *out) {
  struct census c;
  lock(g);
  count_waits(g, &c);
  bool is_said = false;
  if (c.youngest_ns > before_ns || !do_all_wait(processes, &c))
    *seen = (struct standstill){.sum = 0};
  else
    is_said = is_new_and_proven(g, seen, &c);
  if (is_said) {
    g->said = c.now.sum;
    list_waits(g, out);
  }
  unlock(g);
  return is_said;
}

/* ---- for tests and inspectors ---------------------------------------------------------------- */

uint32_t wait_graph_count(struct wait_graph *g) {
  uint32_t count = 0;
  lock(g);
  for (uint32_t i = 0; i < count_used(g); i++) count += g->entries[i].number != 0;
  unlock(g);
  return count;
}

void wait_graph_validate(struct wait_graph *g) {
  lock(g);
  CHECK(g->high_water <= WAIT_GRAPH_MAX);
  for (uint32_t i = 0; i < WAIT_GRAPH_MAX; i++) {
    const struct wait_entry *e = &g->entries[i];
    CHECK(e->number <= g->waits);
    if (e->number) CHECK(e->owner != 0);
    if (i >= g->high_water) CHECK(!e->owner && !e->number);
    for (uint32_t j = 0; e->number && j < i; j++) CHECK(g->entries[j].number != e->number);
  }
  unlock(g);
}
