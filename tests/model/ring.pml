/* SPDX-License-Identifier: MIT */
/* The protocol of vm/shared/ring.c, for spin: producers, consumers, and deaths at any step.
 *
 * Modelled, under the names of ring.c: the two robust locks and their repair by the next holder,
 * the journals, the two commit words, the counts, the owners of outside blocks, the claims, the chain
 * of storages whose blocks are taken, left and taken again, the close, and sleeping: register under
 * the opposite lock, announce, commit, wake. After each death the sweeper runs ring_forget once, which settles both ends and wakes the
 * sleepers. The limit of a quarter of a second for each sleep is not modelled: a sleeper sleeps
 * until it is woken.
 *
 * Not modelled: spinning (it only checks again), the caches of the other side's word (they only
 * lag), fillers at the wrap (one more length in the journaled position), storages of several sizes,
 * the limit of a ring that stays, once it has several storages, the bound by bytes (as that by
 * count), weak
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
 * Bounds: PRODUCERS, CONSUMERS, MESSAGES (of each producer), DEATHS, CAPACITY (records of a storage,
 * one of them a RECORD_NEXT), STORAGES (1: the ring does not grow), MESSAGES_MAX (0: no bound by
 * count), CLOSES. Each MUTATION_… is one mistake, which the assertions must find; tests/model/run lists them. */
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
#define CAPACITY 2
#endif
#ifndef STORAGES
#define STORAGES 1
#endif
#ifndef MESSAGES_MAX
#define MESSAGES_MAX 0
#endif

#define PROCESSES (PRODUCERS + CONSUMERS)
#define SWEEPER PROCESSES
#define CLOSER (PROCESSES + 1)
#define TOTAL (PRODUCERS * MESSAGES)
#define NOBODY 255
#define NEXT 100 /* and a storage: the content of a RECORD_NEXT */

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
byte tail_storage, head_storage; /* the places of both ends; storage 0 is in the ring's own block */
byte tail_start, head_start;
byte tail_journal_storage, tail_journal_start; /* storage + 1, or 0 */
byte head_journal_storage, head_journal_start;
byte storage_owner[STORAGES];
byte storage_holder[STORAGES]; /* the process, if it is the owner */
/* A record has two halves, written one after the other. */
byte first_half[STORAGES * CAPACITY], second_half[STORAGES * CAPACITY];
byte block_owner[TOTAL + 1]; /* each message has an outside block of its own */
byte claim[PROCESSES];

/* ---- the world ---- */
byte watching[PROCESSES]; /* it read this event word, which has not changed since */
byte asleep[PROCESSES];   /* on this event word */
byte noted[PROCESSES];    /* the event word of the two notes */
short note_waiters[PROCESSES], note_woken[PROCESSES];
bool dead[PROCESSES + 2], ended[PROCESSES];
byte deaths, announced;
byte left;                /* the storage that is being left */

/* ---- ghosts: variables for the assertions alone ---- */
bool committed[TOTAL + 1];
byte taken[TOTAL + 1];
byte took[PROCESSES];     /* the number of the message that the take under way has committed */
byte puts, takes;         /* that committed */

#define place(storage, start, position) ((storage) * CAPACITY + ((position) - (start)) % CAPACITY)
#define is_abandoned(lock) (lock != NOBODY && dead[lock])

#define DIE(me) dead[me] = true; deaths++; leave(me); goto end_of_life
#define MAY_DIE(me) \
  if \
  :: me < PROCESSES && deaths < DEATHS -> DIE(me) \
  :: true \
  fi

inline leave(me) {
  d_step {
    asleep[me] = NOTHING; watching[me] = NOTHING; noted[me] = NOTHING; note_waiters[me] = 0; note_woken[me] = 0;
    left = 0
  }
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

/* A block that is free may have another owner at once. */
inline free_storage(s) {
  d_step {
    storage_owner[s] = FREE;
    storage_holder[s] = 0;
    i = 0;
    do
    :: i < CAPACITY -> first_half[s * CAPACITY + i] = 0; second_half[s * CAPACITY + i] = 0; i++
    :: else -> break
    od;
    i = 0
  }
}

inline enter_storage(me) {
  tail_storage = tail_journal_storage - 1;
  MAY_DIE(me);
  tail_start = tail_journal_start;
  MAY_DIE(me);
  d_step { tail_journal_storage = 0; tail_journal_start = 0 };
  MAY_DIE(me)
}

/* The owner is changed before the place. */
inline leave_storage(me) {
  if
  :: head_storage != 0 && head_storage != head_journal_storage - 1 && storage_owner[head_storage] == RING ->
#ifdef MUTATION_FREES_BEFORE_IT_MOVES
     free_storage(head_storage)
#else
     left = head_storage;
     storage_owner[left] = CONSUMER;
     storage_holder[left] = me
#endif
  :: else
  fi;
  MAY_DIE(me);
  head_storage = head_journal_storage - 1;
  MAY_DIE(me);
  head_start = head_journal_start;
  MAY_DIE(me);
  d_step { head_journal_storage = 0; head_journal_start = 0 };
  MAY_DIE(me);
  if :: left != 0 -> free_storage(left); left = 0 :: else fi;
  MAY_DIE(me)
}

inline settle_tail(me) {
  if
  :: tail_journal_storage != 0 && tail >= tail_journal_start -> enter_storage(me)
  :: tail_journal_storage != 0 && tail < tail_journal_start ->
     if
     :: storage_owner[tail_journal_storage - 1] == RING -> free_storage((tail_journal_storage - 1))
     :: else
     fi;
     MAY_DIE(me);
     d_step { tail_journal_storage = 0; tail_journal_start = 0 };
     MAY_DIE(me)
  :: else
  fi
}

inline settle_head(me) {
  if
  :: head_journal_storage != 0 && head >= head_journal_start -> leave_storage(me)
  :: else -> d_step { head_journal_storage = 0; head_journal_start = 0 }
  fi;
  MAY_DIE(me)
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
  settle_tail(me)
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
  MAY_DIE(me);
  settle_head(me)
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

#define is_free(storage) (storage_owner[(storage) % STORAGES] == FREE && (storage) < STORAGES)
#define is_short (STORAGES > 1 && !is_free(1) && !is_free(2) && !is_free(3))
/* With a RECORD_NEXT behind the record. */
#define byte_room (tail + 2 - (head > tail_start -> head : tail_start) <= CAPACITY)
#define message_room (MESSAGES_MAX == 0 || tail_count - head_count < MESSAGES_MAX)
#define room ((STORAGES > 1 || byte_room) && message_room)

/* Under rank_tail, in an atomic. `to` is a block that was free: the storage of the next record. */
inline begin_storage(me) {
  storage_owner[to] = PRODUCER;
  storage_holder[to] = me;
  MAY_DIE(me);
#ifdef MUTATION_STORAGE_BEFORE_START
  tail_journal_storage = to + 1;
  MAY_DIE(me);
  tail_journal_start = tail + 1;
#else
  tail_journal_start = tail + 1;
  MAY_DIE(me);
#ifndef MUTATION_STORAGE_UNJOURNALED
  tail_journal_storage = to + 1;
#endif
#endif
  MAY_DIE(me);
  storage_owner[to] = RING;
  storage_holder[to] = 0;
  MAY_DIE(me);
  first_half[place(tail_storage, tail_start, tail)] = NEXT + to;
  MAY_DIE(me);
  second_half[place(tail_storage, tail_start, tail)] = NEXT + to;
  MAY_DIE(me)
}

/* One check for room; registers as a sleeper if there is none. */
inline wait_writable(me) {
#ifdef MUTATION_REGISTERS_UNLOCKED
  if
  :: !closed && !room ->
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
       :: closed || room -> head_lock = NOBODY; MAY_DIE(me); break
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

/* Where the record is written: in storage `to`, or in the tail's. */
#define record_place place((to != 0 -> to : tail_storage), (to != 0 -> tail + 1 : tail_start), tail + (to != 0))

/* Journals, hands over the block, commits. Only the store of the tail is visible to others. */
inline commit_put(me, m) {
  atomic {
#ifdef MUTATION_JOURNAL_ORDER
    tail_journal_count = tail_count + 1;
    MAY_DIE(me);
    tail_journal_block = m;
    MAY_DIE(me);
    tail_journal_position = tail + 1 + (to != 0);
#else
    tail_journal_position = tail + 1 + (to != 0);
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
    d_step { tail = tail + 1 + (to != 0); puts++; committed[m] = true };
    MAY_DIE(me)
  };
#ifdef MUTATION_WRITES_AFTER_COMMIT
  atomic { second_half[record_place] = m; MAY_DIE(me) };
#endif
  atomic {
    tail_count = tail_journal_count;
    MAY_DIE(me);
    tail_journal_block = 0;
    MAY_DIE(me);
#ifdef MUTATION_STORAGE_UNJOURNALED
    if :: to != 0 -> tail_journal_storage = to + 1 :: else fi;
#endif
    if :: to != 0 -> enter_storage(me) :: else fi;
    to = 0;
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
  byte m, reached, i, k, to;
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
#if STORAGES > 1
  :: atomic { !byte_room && is_free(1) -> to = 1; begin_storage(me) }
  :: atomic { !byte_room && is_free(2) -> to = 2; begin_storage(me) }
  :: atomic { !byte_room && is_free(3) -> to = 3; begin_storage(me) }
#endif
  :: atomic { !byte_room && is_short -> tail_lock = NOBODY; goto out }
  :: atomic { !byte_room && STORAGES == 1 -> tail_lock = NOBODY; MAY_DIE(me) };
     wait_writable(me);
     goto again
  fi;
  atomic { first_half[record_place] = m; MAY_DIE(me) };
#ifndef MUTATION_WRITES_AFTER_COMMIT
  atomic { second_half[record_place] = m; MAY_DIE(me) };
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
  atomic { m = 0; reached = 0; i = 0; k = 0; change = 0; to = 0 }
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

/* The take reads from storage `from`, which begins at `start`. */
inline commit_take(me, m) {
  atomic {
    if
    :: from != head_storage ->
       head_journal_start = start;
       MAY_DIE(me);
       head_journal_storage = from + 1;
       MAY_DIE(me)
    :: else
    fi;
#ifdef MUTATION_LEAVES_BEFORE_IT_COMMITS
    if :: head_journal_storage != 0 -> leave_storage(me) :: else fi;
#endif
#ifdef MUTATION_JOURNAL_ORDER
    head_journal_count = head_count + 1;
    MAY_DIE(me);
    head_journal_block = m;
    head_journal_claim = me + 1;
    MAY_DIE(me);
    head_journal_position = position + 1;
#else
    head_journal_position = position + 1;
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
      first_half[place(from, start, position)] = 0; /* it is not read again */
      second_half[place(from, start, position)] = 0;
      head = position + 1;
      takes++;
      took[me] = takes;
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
    if :: head_journal_storage != 0 -> leave_storage(me) :: else fi;
    d_step { from = 0; start = 0; position = 0 };
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
  byte m, half, i, from, start, position;
  short change;
  bool was_closed;
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
  atomic {
    from = head_storage;
    start = head_start;
    position = head;
    m = first_half[place(from, start, position)];
    if
    :: m >= NEXT ->
       assert(second_half[place(from, start, position)] == m);
       from = m - NEXT;
       position++;
       start = position;
       assert(storage_owner[from] == RING);
       m = first_half[place(from, start, position)]
    :: else
    fi
  };
  atomic {
    half = second_half[place(from, start, position)];
    assert(m == half && m != 0 && m < NEXT); /* none is torn */
    half = 0
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
  atomic { m = 0; half = 0; i = 0; change = 0; was_closed = false; from = 0; start = 0; position = 0 }
}

/* ---- sweeping and closing ---- */

/* The blocks of the dead, once the ring is settled. */
inline sweep_storages() {
  left = 1;
  do
  :: left < STORAGES ->
     if
     :: (storage_owner[left] == PRODUCER || storage_owner[left] == CONSUMER) && dead[storage_holder[left]] ->
        free_storage(left)
     :: else
     fi;
     left++
  :: else -> break
  od;
  left = 0
}

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
       sweep_storages();
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
  assert(head != tail || (head_storage == tail_storage && head_start == tail_start))
}

/* Each block is free, or in the chain. */
inline look_at_storages() {
  i = head_storage;
  consumers = head_start;
  storage_owner[0] = FREE;
  do
  :: head < tail ->
     if
     :: first_half[place(i, consumers, head)] >= NEXT ->
        storage_owner[i] = FREE;
        i = first_half[place(i, consumers, head)] - NEXT;
        consumers = head + 1;
        assert(storage_owner[i] == RING)
     :: else
     fi;
     head++
  :: else -> break
  od;
  assert(i == tail_storage && consumers == tail_start);
  storage_owner[i] = FREE;
  i = 0;
  do
  :: i < STORAGES -> assert(storage_owner[i] == FREE); i++
  :: else -> break
  od
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
     assert(dead[i] || ended[i] || (consumers == 0 && !closed && !room));
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
    assert(tail_count == puts && head_count == takes);
    assert(tail_journal_block == 0 && head_journal_block == 0);
    assert(tail_journal_storage == 0 && head_journal_storage == 0);
    look_at_blocks();
    look_at_sleepers();
    look_at_storages()
  }
}
