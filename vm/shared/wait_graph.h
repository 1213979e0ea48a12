/* SPDX-License-Identifier: MIT */
/* The wait graph: which waiter of the program waits for what, and which one it waits for, where that is known.
 * A deadlock is a cycle in it. The program stands still when all its threads are in it.
 *
 *     entry := owner (a process), number of the wait, waiter, what it waits for, holder, stamp, texts for messages
 *
 * A waiter enters when it has waited for a moment, without a deadline, for what only this program can do; so a
 * lock that is free, or soon will be, costs nothing here. It looks some times a second: it takes a stamp, tries once
 * more, notes which holder it sees then, and follows the entries from its own.
 *
 * I1  An entry counts while its number is not 0. The number is stored last and cleared first, so there
 *     is nothing to repair when a holder of the table's lock dies. No number is given twice.
 * I2  While an entry counts, its waiter runs no code of the script: it neither takes nor releases a
 *     lock. A waiter that does (in a callback of a pool) renews its wait, which then has a new number.
 * I3  A cycle is a deadlock when it was seen twice, the numbers are the same, and the look of each waiter
 *     in it began in between, as its stamp says: then each saw its holder at an instant at which that
 *     holder waited as well, from before the first sight until after the second.
 * I4  The youngest wait of a cycle is the one that is refused, so that one waiter alone is.
 *     One that cannot be refused, because its program ends, is left out; so a cycle of such waits is none.
 * I5  Entries of a dead process are dropped by the sweep; until then it does not look, and no cycle
 *     through it is a deadlock.
 * I6  The program stands still when each thread of each of its processes was seen here twice, with the same
 *     numbers, and each of them looked in between: then each found nothing at an instant at which all
 *     others waited. A look says how many threads its process has, and those that are about to begin.
 *
 * A waiter for a worker's end waits for the worker's main thread, known by its number. A waiter for a lock waits for its holder. One for an RWLock waits for the writer, or for each reader,
 * and for the first in line before it. Each of these alone blocks it, so any cycle is a deadlock.
 * Readers are known only while they wait for something themselves: an entry lists what its waiter
 * holds for reading. A semaphore has no holder: any process may release it.
 *
 * Any thread of any process, under the table's own lock.
 */
#ifndef SHARED_WAIT_GRAPH_H
#define SHARED_WAIT_GRAPH_H

#include "shared/arena_types.h"
#include "shared/execution_context.h"
#include "shared/object.h"
#include "shared/process_table.h"

enum {
  WAIT_GRAPH_MAX = 512,  /* waits; a further one is not watched */
  WAIT_GRAPH_PATH = 64,  /* waits of a cycle; a longer one is not found */
  WAIT_GRAPH_SHARES = 4, /* RWLocks that a waiter holds for reading; further ones are not known */
  WAIT_GRAPH_SHOWN = 8,  /* waits of a cycle that a message names */
  WAIT_GRAPH_NAME = 32,
  WAIT_GRAPH_PLACE = 64,
  WAIT_GRAPH_STACK = 320,
  WAIT_GRAPH_OTHERS = WAIT_GRAPH_MAX / 4 * 3, /* places for waits that are not for locks */
};

/* IDLE: a worker of a pool has no task. EVENT: anything else that only this program can do. */
enum wait_use {
  WAIT_FOR_LOCK = 0,
  WAIT_FOR_READING = 1,
  WAIT_FOR_WRITING = 2,
  WAIT_FOR_END = 3,
  WAIT_FOR_EVENT = 4,
  WAIT_IDLE = 5,
};

/* A wait, as its waiter describes it. The texts end within their fields. */
struct wait_description {
  struct execution_context waiter;
  object_ref object; /* what it waits for */
  uint32_t kind;     /* enum lock_kind */
  uint32_t use;      /* enum wait_use */
  uint64_t ticket;   /* its place in the line of an RWLock; 0: none */
  object_ref shares[WAIT_GRAPH_SHARES];
  int32_t pid;        /* the waiter's process, … */
  int32_t tid;        /* … and its thread; 0: a task */
  int32_t worker_pid; /* WAIT_FOR_END: the worker's process and thread */
  int32_t worker_tid;
  uint32_t is_last; /* it cannot be refused: the waiter's program ends */
  uint32_t pad;
  int64_t since_ns;             /* when the wait began */
  char name[WAIT_GRAPH_NAME];   /* the waiter's */
  char what[WAIT_GRAPH_NAME];   /* "Queue:get"; the worker's name */
  char place[WAIT_GRAPH_PLACE]; /* "script.lua:12" */
  char stack[WAIT_GRAPH_STACK]; /* the waiter's calls, a line each */
};

struct wait_entry {
  uint64_t number; /* 0: the entry does not count */
  owner_id owner;  /* 0: it is free */
  uint32_t is_held;
  uint64_t stamp;   /* of the last look */
  uint32_t threads; /* of its process, at the last look */
  uint32_t pad;
  struct execution_context holder; /* at the last look, if is_held */
  struct wait_description wait;
};

/* In shared memory; all 0 before wait_graph_init. */
struct wait_graph {
  struct robust_mutex lock; /* no rank: a leaf, under which no other lock is taken; all but the stamps */
  _Atomic uint64_t stamps;  /* atomic, no lock: so many looks have begun */
  uint64_t waits;           /* numbers that were given out */
  uint64_t said;            /* the sum of the numbers of the last standstill that was said */
  uint32_t high_water;      /* entries at and above it were never used */
  uint32_t pad;
  struct wait_entry entries[WAIT_GRAPH_MAX];
};

/* A wait of a cycle that was seen. */
struct wait_sight {
  uint32_t place;
  uint32_t is_line;
  uint64_t number;
};

/* The waiter's own record of its wait; {0}: it is not in the table. */
struct graph_wait {
  uint64_t number;
  uint32_t place;
  uint32_t sights_count;
  uint64_t sighted_at;                       /* stamps that had been given out by then */
  struct wait_sight sights[WAIT_GRAPH_PATH]; /* the cycle as it was first seen */
};

/* A deadlock: each wait is for what the next one holds, the last one's for what the first one holds. */
struct wait_cycle {
  uint32_t count;
  uint32_t shown; /* so many are in `waits` */
  struct wait_description waits[WAIT_GRAPH_SHOWN];
  /* The next one does not hold it: it is the first in line for the same RWLock. */
  bool is_line[WAIT_GRAPH_SHOWN];
};

/* All threads of the program, as one of them saw them wait; {0}: it has not. */
struct standstill {
  uint64_t sum;        /* of the numbers of the waits */
  uint32_t count;      /* of the waits */
  uint64_t sighted_at; /* as in a graph_wait */
};

/* What a waiter saw. */
struct wait_look {
  uint64_t stamp;
  const struct execution_context *holder; /* NULL: none, or many, or unknown */
  uint32_t threads;                       /* of its process */
};

/* Of a copy that another process has written. */
void wait_description_end_texts(struct wait_description *d);

void wait_graph_init(struct wait_graph *g);
/* False: there is no room, and the wait is not watched. */
MUST_CHECK bool wait_graph_enter(struct wait_graph *g, owner_id owner, const struct wait_description *wait,
                                 struct graph_wait *out);
/* Does nothing for a wait that is not in the table. */
void wait_graph_leave(struct wait_graph *g, struct graph_wait *w);
/* Begins a look: the caller sees afterwards which waiter holds the lock. */
uint64_t wait_graph_stamp(struct wait_graph *g);
/* Notes what the waiter saw after that stamp. True: the wait never ends, and this waiter is the one to be refused. */
MUST_CHECK bool wait_graph_look(struct wait_graph *g, struct graph_wait *w, const struct wait_look *look,
                                struct wait_cycle *out);
/* True, once for each standstill: the program has stood still (I6) since `before_ns` or longer. Lists the waits with
 * a text, those of idle workers last; out->count says how many there are in all. */
MUST_CHECK bool wait_graph_stands_still(struct wait_graph *g, struct process_table *processes,
                                        struct standstill *seen, int64_t before_ns, struct wait_cycle *out);
/* Drops the entries of a dead process. May be done twice. */
void wait_graph_reap(struct wait_graph *g, owner_id dead);
/* How many waits are in it. */
uint32_t wait_graph_count(struct wait_graph *g);
/* Aborts when an invariant does not hold. */
void wait_graph_validate(struct wait_graph *g);

#endif
