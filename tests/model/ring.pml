/* SPDX-License-Identifier: MIT */
/* The protocol of vm/shared/ring.c, for spin: producers, consumers, and deaths at any step.
 *
 * Modelled, under the names of ring.c: the two robust locks and their repair by the next holder,
 * the journals, the two commit words, the counts, the owners of outside blocks, the claims, growth
 * under both locks, the close, and sleeping: register under the opposite lock, announce, commit,
 * wake. After each death the sweeper runs ring_forget once, which settles both ends and wakes the
 * sleepers. The limit of a quarter of a second for each sleep is not modelled: a sleeper sleeps
 * until it is woken.
 *
 * Not modelled: spinning (it only checks again), the caches of the other side's word (they only
 * lag), fillers at the wrap (one more length in the journaled position), the extents of a long ring
 * (each is added under the producers' lock before a commit and freed under the consumers' after
 * one; test_ring_kill dies at each instant of that), the bound by bytes (as that by count), weak
 * memory (the stores of a dead process happened in the order of its program; living processes meet
 * at locks, and at the release and acquire of the commit words).
 *
 * To keep the number of states small, without hiding an interleaving:
 *
 * - One `atomic` takes a lock, or has one access that a process without the same lock can see, or
 *   releases a lock, in this order: everything else in it commutes with the steps of others (Lipton
 *   1975). A process may die inside, between any two stores: MAY_DIE.
 * - A process that takes an abandoned lock repairs, wakes, releases it and starts again; in ring.c
 *   it keeps the lock, which is one of the orders that are searched.
 * - Of an event word only this matters: whether it changed since a sleeper read it. `watching` says
 *   so.
 * - `waiters` and `woken` are compared with each other and with earlier values alone. Both are kept
 *   as differences to `woken`, which is therefore 0; when it changes, the notes of wakers change
 *   with it.
 * - A variable that is not read again is set to 0.
 *
 * Bounds: PRODUCERS, CONSUMERS, MESSAGES (of each producer), DEATHS, CAPACITY (records),
 * CAPACITY_MAX (growth if it is larger), MESSAGES_MAX (0: no bound by count), CLOSES. Each
 * MUTATION_… is one mistake, which the assertions must find; tests/model/run lists them. */
#ifndef PRODUCERS
#define PRODUCERS 2
#endif
#ifndef CONSUMERS
#define CONSUMERS 2
#endif
#ifndef MESSAGES
#define MESSAGES 1
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef CAPACITY
#define CAPACITY 1
#endif
#ifndef CAPACITY_MAX
#define CAPACITY_MAX CAPACITY
#endif
#ifndef MESSAGES_MAX
#define MESSAGES_MAX 0
#endif

#define PROCESSES (PRODUCERS + CONSUMERS)
#define SWEEPER PROCESSES
#define CLOSER (PROCESSES + 1)
#define TOTAL (PRODUCERS * MESSAGES)
#define NOBODY 255

/* Owners of blocks. */
#define FREE 0
#define PRODUCER 1
#define RING 2
#define CONSUMER 3

/* The two event words, which a process watches or sleeps on. */
#define NOTHING 0
#define TAIL_EVENT 1 /* consumers */
#define HEAD_EVENT 2 /* producers */

/* ---- the ring ---- */
byte tail_lock = NOBODY, head_lock = NOBODY;
byte tail, head;             /* the commit words */
byte tail_count, head_count; /* stored after the commit: may lag behind */
byte tail_journal_position, tail_journal_count, tail_journal_block;
byte head_journal_position, head_journal_count, head_journal_block;
byte head_journal_claim;     /* process + 1 */
short waiters[3];            /* by event word: how often a process went to sleep, less `woken` */
bool closed;
bool storage;                /* 0: the first storage; 1: the one that it grew into */
byte growth_journal;         /* 0, or 1 + the storage that is being filled */
byte storage_owner[2];
/* A record has two halves, written one after the other. */
byte first_half[CAPACITY + CAPACITY_MAX], second_half[CAPACITY + CAPACITY_MAX];
byte block_owner[TOTAL + 1]; /* each message has an outside block of its own */
byte claim[PROCESSES];

/* ---- the world ---- */
byte watching[PROCESSES]; /* it read this event word, which has not changed since */
byte asleep[PROCESSES];   /* on this event word */
byte noted[PROCESSES];    /* the event word of the two notes */
short note_waiters[PROCESSES], note_woken[PROCESSES];
bool dead[PROCESSES + 2], ended[PROCESSES];
byte deaths, announced;

/* ---- ghosts: variables for the assertions alone ---- */
bool committed[TOTAL + 1];
byte taken[TOTAL + 1];
byte took[PROCESSES];     /* the number of the message that the take under way has committed */

#define capacity_of(s) (s -> CAPACITY_MAX : CAPACITY)
#define place(s, p) ((s -> CAPACITY : 0) + ((p) % capacity_of(s)))
#define is_abandoned(lock) (lock != NOBODY && dead[lock])

#define DIE(me) dead[me] = true; deaths++; leave(me); goto end_of_life
#define MAY_DIE(me) \
  if \
  :: me < PROCESSES && deaths < DEATHS -> DIE(me) \
  :: true \
  fi

inline leave(me) {
  d_step { asleep[me] = NOTHING; watching[me] = NOTHING; noted[me] = NOTHING; note_waiters[me] = 0; note_woken[me] = 0 }
}

/* ---- sleeping and waking ---- */

/* Changes the event word: a process that read it before will not fall asleep on it. */
inline move(word) {
  d_step {
    i = 0;
    do
    :: i < PROCESSES -> if :: watching[i] == word -> watching[i] = NOTHING :: else fi; i++
    :: else -> break
    od;
    i = 0
  }
}

inline futex_sleep(me, word) {
  atomic { if :: watching[me] == word -> asleep[me] = word :: else fi; watching[me] = NOTHING; MAY_DIE(me) };
  if
  :: atomic { asleep[me] == NOTHING -> MAY_DIE(me) } /* woken, and the wake-up is lost with it */
  :: atomic { asleep[me] != NOTHING && deaths < DEATHS -> DIE(me) }
  fi
}

inline futex_wake_one(word, reached) {
  reached = 1;
  if
  :: asleep[0] == word -> asleep[0] = NOTHING
  :: PROCESSES > 1 && asleep[1 % PROCESSES] == word -> asleep[1 % PROCESSES] = NOTHING
  :: PROCESSES > 2 && asleep[2 % PROCESSES] == word -> asleep[2 % PROCESSES] = NOTHING
  :: PROCESSES > 3 && asleep[3 % PROCESSES] == word -> asleep[3 % PROCESSES] = NOTHING
  :: PROCESSES > 4 && asleep[4 % PROCESSES] == word -> asleep[4 % PROCESSES] = NOTHING
  :: else -> reached = 0
  fi
}

inline futex_wake_all(word) {
  d_step {
    i = 0;
    do
    :: i < PROCESSES -> if :: asleep[i] == word -> asleep[i] = NOTHING :: else fi; i++
    :: else -> break
    od;
    i = 0
  }
}

inline take_note(me, word) { noted[me] = word; note_waiters[me] = waiters[word]; note_woken[me] = 0 }

inline forget_note(me) { noted[me] = NOTHING; note_waiters[me] = 0; note_woken[me] = 0; change = 0 }

/* Sets `woken` to `change`, counted from its value; as it is 0, everything else moves back. */
inline set_woken(word, change) {
  waiters[word] = waiters[word] - change;
  i = 0;
  do
  :: i < PROCESSES ->
     if
     :: noted[i] == word -> note_waiters[i] = note_waiters[i] - change; note_woken[i] = note_woken[i] - change
     :: else
     fi;
     i++
  :: else -> break
  od;
  i = 0
}

inline wake_everybody(me) {
  atomic { move(TAIL_EVENT); MAY_DIE(me) };
  atomic { move(HEAD_EVENT); MAY_DIE(me) };
  atomic { futex_wake_all(TAIL_EVENT); MAY_DIE(me) };
  atomic { futex_wake_all(HEAD_EVENT); MAY_DIE(me) }
}

/* ---- locks and repair ---- */

inline drop_block(owner) { if :: owner == RING -> owner = FREE :: else fi }

/* A dropped block may have another owner at once. */
inline drop_storage(s) {
  d_step {
    if
    :: storage_owner[s] == RING ->
       storage_owner[s] = FREE;
       i = 0;
       do
       :: i < capacity_of(s) -> first_half[place(s, i)] = 0; second_half[place(s, i)] = 0; i++
       :: else -> break
       od;
       i = 0
    :: else
    fi
  }
}

inline settle_growth() {
  if
  :: growth_journal == 0
  :: growth_journal != 0 && growth_journal != storage + 1 -> drop_storage((growth_journal - 1))
  :: growth_journal != 0 && growth_journal == storage + 1 -> drop_storage((1 - storage))
  fi
}

/* Under the lock of an abandoned tail. Only the store of the count is visible to others. */
inline repair_tail(me) {
  if
  :: tail == tail_journal_position -> tail_count = tail_journal_count
  :: tail != tail_journal_position && tail_journal_block != 0 -> drop_block(block_owner[tail_journal_block])
  :: else
  fi;
  MAY_DIE(me);
  tail_journal_block = 0;
  MAY_DIE(me);
  settle_growth();
  MAY_DIE(me);
  growth_journal = 0;
  MAY_DIE(me)
}

inline repair_head(me) {
  if
  :: head == head_journal_position ->
     head_count = head_journal_count;
     MAY_DIE(me);
     if :: head_journal_block != 0 -> drop_block(block_owner[head_journal_block]) :: else fi
  :: head != head_journal_position && head_journal_claim != 0 -> claim[head_journal_claim - 1] = 0
  :: else
  fi;
  MAY_DIE(me);
  head_journal_block = 0;
  MAY_DIE(me);
  head_journal_claim = 0;
  MAY_DIE(me)
}

/* The alternative to each taking of a lock. */
inline take_over_tail(me) {
  atomic { is_abandoned(tail_lock) -> tail_lock = me; repair_tail(me) };
  wake_everybody(me);
  tail_lock = NOBODY
}

inline take_over_head(me) {
  atomic { is_abandoned(head_lock) -> head_lock = me; repair_head(me) };
  wake_everybody(me);
  head_lock = NOBODY
}

/* ---- put ---- */

#define byte_room (tail + 1 - head <= capacity_of(storage))
#define message_room (MESSAGES_MAX == 0 || tail_count - head_count < MESSAGES_MAX)

/* Under rank_tail. */
inline grow(me) {
  atomic { storage_owner[1] = PRODUCER; MAY_DIE(me) };
#ifndef MUTATION_GROWS_WITHOUT_HEAD
  do
  :: take_over_head(me)
  :: atomic {
       head_lock == NOBODY -> head_lock = me;
       MAY_DIE(me);
#else
     atomic {
#endif
       i = head;
       do
       :: i < tail ->
          first_half[place(1, i)] = first_half[place(0, i)];
          second_half[place(1, i)] = second_half[place(0, i)];
          i++
       :: else -> break
       od;
       i = 0;
       MAY_DIE(me);
#ifndef MUTATION_GROWTH_UNJOURNALED
       growth_journal = 2;
       MAY_DIE(me);
#endif
       storage_owner[1] = RING;
       MAY_DIE(me);
#ifdef MUTATION_GROWS_WITHOUT_HEAD
     };
     atomic {
#endif
       storage = 1;
       MAY_DIE(me);
#ifdef MUTATION_GROWTH_UNJOURNALED
       drop_storage(0);
#else
       settle_growth();
       MAY_DIE(me);
       growth_journal = 0;
       MAY_DIE(me);
#endif
#ifndef MUTATION_GROWS_WITHOUT_HEAD
       head_lock = NOBODY;
       break
     }
  od
#else
     }
#endif
}

/* One check for room; registers as a sleeper if there is none. */
inline wait_writable(me) {
#ifdef MUTATION_REGISTERS_UNLOCKED
  if
  :: !closed && !(byte_room && message_room) ->
     atomic { waiters[HEAD_EVENT]++; watching[me] = HEAD_EVENT };
     futex_sleep(me, HEAD_EVENT)
  :: else
  fi
#else
  do
  :: take_over_head(me)
  :: atomic {
       head_lock == NOBODY -> head_lock = me;
       MAY_DIE(me);
#ifdef MUTATION_DOES_NOT_LOOK_AGAIN
       if
       :: true ->
#else
       if
       :: closed || (byte_room && message_room) -> head_lock = NOBODY; MAY_DIE(me); break
       :: else ->
#endif
          waiters[HEAD_EVENT]++;
          MAY_DIE(me)
       fi
     };
     atomic { watching[me] = HEAD_EVENT; MAY_DIE(me); head_lock = NOBODY };
     futex_sleep(me, HEAD_EVENT);
     break
  od
#endif
}

/* Journals, hands over the block, commits. Only the store of the tail is visible to others. */
inline commit_put(me, m) {
  atomic {
#ifdef MUTATION_JOURNAL_ORDER
    tail_journal_count = tail_count + 1;
    MAY_DIE(me);
    tail_journal_block = m;
    MAY_DIE(me);
    tail_journal_position = tail + 1;
#else
    tail_journal_position = tail + 1;
    MAY_DIE(me);
    tail_journal_count = tail_count + 1;
    MAY_DIE(me);
#ifndef MUTATION_BLOCK_UNJOURNALED
    tail_journal_block = m;
#endif
#endif
    MAY_DIE(me);
    block_owner[m] = RING;
    MAY_DIE(me);
    d_step { tail = tail + 1; committed[m] = true };
    MAY_DIE(me)
  };
#ifdef MUTATION_WRITES_AFTER_COMMIT
  atomic { second_half[place(storage, tail - 1)] = m; MAY_DIE(me) };
#endif
  atomic {
    tail_count = tail_journal_count;
    MAY_DIE(me);
    tail_journal_block = 0;
    MAY_DIE(me);
    tail_lock = NOBODY;
    MAY_DIE(me)
  }
}

inline wake_a_consumer(me) {
  if
  :: note_waiters[me] != note_woken[me] ->
     atomic { futex_wake_one(TAIL_EVENT, reached); MAY_DIE(me) };
#ifdef MUTATION_WAKES_BEFORE_IT_ANNOUNCES
     atomic { move(TAIL_EVENT); MAY_DIE(me) };
#endif
     d_step {
       change = (reached -> note_woken[me] + 1 : note_waiters[me]);
#ifdef MUTATION_COUNTS_THE_WOKEN
       set_woken(TAIL_EVENT, (reached -> 1 : change));
#else
       if :: note_woken[me] == 0 -> set_woken(TAIL_EVENT, change) :: else fi;
#endif
       forget_note(me);
       reached = 0
     }
  :: else -> d_step { forget_note(me) }
  fi
}

proctype producer(byte me) {
  byte m, reached, i, k;
  short change;
again:
  if :: k >= MESSAGES -> goto out :: else fi;
  do
  :: take_over_tail(me)
  :: atomic {
       tail_lock == NOBODY -> tail_lock = me;
       m = me * MESSAGES + k + 1;
       block_owner[m] = PRODUCER;
       MAY_DIE(me);
       if
       :: closed -> tail_lock = NOBODY; goto out
       :: !closed && !message_room -> tail_lock = NOBODY; MAY_DIE(me)
       :: else -> goto has_message_room
       fi
     };
     wait_writable(me)
  od;
has_message_room:
  if
  :: atomic { byte_room -> MAY_DIE(me) }
  :: !byte_room && capacity_of(storage) < CAPACITY_MAX -> grow(me); goto has_message_room
  :: atomic { !byte_room && capacity_of(storage) >= CAPACITY_MAX -> tail_lock = NOBODY; MAY_DIE(me) };
     wait_writable(me);
     goto again
  fi;
  atomic { first_half[place(storage, tail)] = m; MAY_DIE(me) };
#ifndef MUTATION_WRITES_AFTER_COMMIT
  atomic { second_half[place(storage, tail)] = m; MAY_DIE(me) };
#endif
  atomic { take_note(me, TAIL_EVENT); MAY_DIE(me) };
#ifndef MUTATION_WAKES_BEFORE_IT_ANNOUNCES
  if
  :: atomic { note_waiters[me] != note_woken[me] -> move(TAIL_EVENT); MAY_DIE(me) }
  :: else
  fi;
#endif
  commit_put(me, m);
  wake_a_consumer(me);
  atomic { MAY_DIE(me); k++; goto again };
out:
  ended[me] = true;
end_of_life:
  atomic { m = 0; reached = 0; i = 0; k = 0; change = 0 }
}

/* ---- take ---- */

inline wait_readable(me) {
#ifdef MUTATION_REGISTERS_UNLOCKED
  if
  :: tail == head && !closed ->
     atomic { waiters[TAIL_EVENT]++; watching[me] = TAIL_EVENT };
     futex_sleep(me, TAIL_EVENT)
  :: else
  fi
#else
  do
  :: take_over_tail(me)
  :: atomic {
       tail_lock == NOBODY -> tail_lock = me;
       MAY_DIE(me);
#ifdef MUTATION_DOES_NOT_LOOK_AGAIN
       if
       :: true ->
#else
       if
       :: tail != head || closed -> tail_lock = NOBODY; MAY_DIE(me); break
       :: else ->
#endif
          waiters[TAIL_EVENT]++;
          MAY_DIE(me)
       fi
     };
     atomic { watching[me] = TAIL_EVENT; MAY_DIE(me); tail_lock = NOBODY };
     futex_sleep(me, TAIL_EVENT);
     break
  od
#endif
}

inline commit_take(me, m) {
  atomic {
#ifdef MUTATION_JOURNAL_ORDER
    head_journal_count = head_count + 1;
    MAY_DIE(me);
    head_journal_block = m;
    head_journal_claim = me + 1;
    MAY_DIE(me);
    head_journal_position = head + 1;
#else
    head_journal_position = head + 1;
    MAY_DIE(me);
    head_journal_count = head_count + 1;
    MAY_DIE(me);
    head_journal_block = m;
    MAY_DIE(me);
    head_journal_claim = me + 1;
#endif
    MAY_DIE(me);
#ifndef MUTATION_CLAIMS_AFTER_COMMIT
    claim[me] = head_journal_count;
    MAY_DIE(me);
#endif
    d_step {
      first_half[place(storage, head)] = 0; /* it is not read again */
      second_half[place(storage, head)] = 0;
      head = head + 1;
      took[me] = head;
      taken[m]++;
      assert(taken[m] == 1); /* none is taken twice */
      assert(committed[m])   /* none is taken that was not put */
    };
    MAY_DIE(me)
  };
  atomic {
#ifdef MUTATION_CLAIMS_AFTER_COMMIT
    claim[me] = head_journal_count;
    MAY_DIE(me);
#endif
    head_count = head_journal_count;
    MAY_DIE(me);
    assert(block_owner[m] == RING);
    block_owner[m] = CONSUMER;
    MAY_DIE(me);
    head_journal_block = 0;
    MAY_DIE(me);
    head_journal_claim = 0;
    MAY_DIE(me);
    head_lock = NOBODY;
    MAY_DIE(me)
  }
}

inline wake_the_producers(me) {
  if
  :: note_waiters[me] != note_woken[me] ->
     atomic { futex_wake_all(HEAD_EVENT); MAY_DIE(me) };
     d_step {
       change = note_waiters[me];
       if :: note_woken[me] == 0 -> set_woken(HEAD_EVENT, change) :: else fi;
       forget_note(me)
     }
  :: else -> d_step { forget_note(me) }
  fi
}

proctype consumer(byte me) {
  byte m, half, i;
  short change;
  bool was_closed, from;
again:
  was_closed = closed;
  do
  :: take_over_head(me)
  :: atomic {
       head_lock == NOBODY -> head_lock = me;
       MAY_DIE(me);
       if
       :: tail != head -> break
       :: tail == head && was_closed -> head_lock = NOBODY; goto out
       :: else -> head_lock = NOBODY
       fi
     };
     wait_readable(me);
     goto again
  od;
  atomic { take_note(me, HEAD_EVENT); MAY_DIE(me) };
  if
  :: atomic { note_waiters[me] != note_woken[me] -> move(HEAD_EVENT); MAY_DIE(me) }
  :: else
  fi;
  atomic { from = storage; m = first_half[place(from, head)] };
  atomic {
    half = second_half[place(from, head)];
    assert(m == half && m != 0); /* none is torn */
    half = 0;
    from = 0
  };
  commit_take(me, m);
  wake_the_producers(me);
  atomic {
    MAY_DIE(me);
    block_owner[m] = FREE;
    claim[me] = 0;
    took[me] = 0;
    m = 0;
    goto again
  };
out:
  ended[me] = true;
end_of_life:
  atomic { m = 0; half = 0; i = 0; change = 0; was_closed = false; from = 0 }
}

/* ---- sweeping and closing ---- */

/* A process that notices a death: ring_forget. */
proctype sweeper() {
  byte i;
  bool readable, writable;
again:
  announced < deaths;
#ifndef MUTATION_NO_SWEEP
  do
  :: take_over_tail(SWEEPER)
  :: atomic { tail_lock == NOBODY -> tail_lock = SWEEPER; break }
  od;
  do
  :: take_over_head(SWEEPER)
  :: atomic {
       head_lock == NOBODY ->
       tail_lock = NOBODY;
       readable = (tail != head || closed) && waiters[TAIL_EVENT] != 0;
       writable = (closed || message_room) && waiters[HEAD_EVENT] != 0;
       break
     }
  od;
  if
  :: readable -> move(TAIL_EVENT); futex_wake_all(TAIL_EVENT); readable = false
  :: else
  fi;
  if
  :: writable -> move(HEAD_EVENT); futex_wake_all(HEAD_EVENT); writable = false
  :: else
  fi;
#endif
  atomic { announced++; goto again };
end_of_life:
  skip
}

proctype closer() {
  byte i;
  do
  :: take_over_tail(CLOSER)
  :: atomic { tail_lock == NOBODY -> tail_lock = CLOSER; break }
  od;
#ifdef MUTATION_CLOSES_WITHOUT_HEAD
  closed = true;
#else
  do
  :: take_over_head(CLOSER)
  :: atomic { head_lock == NOBODY -> closed = true; break }
  od;
#endif
  tail_lock = NOBODY;
  wake_everybody(CLOSER);
end_of_life:
  skip
}

/* ---- what must hold when no process can take another step ---- */

inline look_at_blocks() {
  i = 1;
  do
  :: i <= TOTAL ->
     /* Nothing is lost: a committed message is in the ring, or was taken, once. */
     assert(!committed[i] || taken[i] == 1 || (block_owner[i] == RING && head != tail));
     /* The ring owns a block exactly as long as its message is in the ring. */
     assert(block_owner[i] != RING || (committed[i] && taken[i] == 0));
     i++
  :: else -> break
  od;
  assert(storage_owner[storage] == RING && storage_owner[1 - storage] != RING)
}

inline look_at_sleepers() {
  consumers = 0;
  i = PRODUCERS;
  do
  :: i < PROCESSES ->
     if :: !dead[i] -> consumers++; assert(!closed || ended[i]) :: else -> assert(claim[i] == took[i]) fi;
     i++
  :: else -> break
  od;
  assert(consumers == 0 || head == tail);
  i = 0;
  do
  :: i < PRODUCERS ->
     assert(dead[i] || ended[i] || (consumers == 0 && !closed && !(byte_room && message_room)));
     i++
  :: else -> break
  od
}

active proctype monitor() {
  byte i, consumers;
  atomic {
    storage_owner[0] = RING;
    i = 0;
    do
    :: i < PRODUCERS -> run producer(i); i++
    :: i >= PRODUCERS && i < PROCESSES -> run consumer(i); i++
    :: i >= PROCESSES -> break
    od;
    run sweeper();
#ifdef CLOSES
    run closer();
#endif
    i = 0
  };
  timeout;
  d_step {
    assert(announced == deaths);
    assert(tail_lock == NOBODY && head_lock == NOBODY);
    assert(tail_count == tail && head_count == head);
    assert(tail_journal_block == 0 && head_journal_block == 0 && growth_journal == 0);
    look_at_blocks();
    look_at_sleepers()
  }
}
