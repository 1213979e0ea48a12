/* SPDX-License-Identifier: MIT */
/* A hostile peer: one process of a program changes words of the segment while others work with it.
 *
 * The workers may end as they like: well, by a failed check, or not at all (a peer may also just
 * keep a lock), in which case they are killed. What they may not do is jump or write outside of the
 * segment: a signal other than SIGABRT, or private memory that has changed, is a failure. Each
 * round has a segment of its own, in processes of its own, and a seed that is printed when it
 * fails.
 *
 *   fuzz_segment [SECONDS] [SEED]
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "channel/message_refs.h"
#include "channel/pipe.h"
#include "os/clock.h"
#include "os/process.h"
#include "profile/writer.h"
#include "shared/arena_private.h"
#include "shared/frozen_builder.h"
#include "shared/holds.h"
#include "shared/permits.h"
#include "shared/rwlock.h"
#include "shared/segment_private.h"
#include "shared/shared_table.h"
#include "shared/sweep.h"
#include "shared/typed_array.h"
#include "shared/wait_graph.h"

enum {
  WORKERS = 3,
  RINGS = 4,
  SORTED = 3,        /* the place of the sorted one */
  TURNS = 4000,      /* of a worker */
  CHANGES = 1500,    /* of the peer */
  PATIENCE_MS = 400, /* for workers after the peer's last change */
  CANARY = 1 << 16,
  ELEMENTS = 3000,
  PLACES_MAX = 4096,
};

/* ---- the scene ------------------------------------------------------------------------------- */

struct target {
  block_ref at;
  uint64_t size;
};

struct scene {
  uint64_t random;
  struct ring *rings[RINGS]; /* unbounded and long, bounded by bytes, joinable, sorted */
  struct pipe_end *ends[2];
  struct shared_table *table;
  struct typed_array *array;
  struct array_view view;
  struct frozen_table *frozen;
  struct synchronizer *lock;
  struct synchronizer *semaphore;
  struct synchronizer *rwlock;
  struct target places[PLACES_MAX]; /* what the peer changes */
  size_t place_count;
};

static uint64_t next_random(struct scene *s) {
  s->random ^= s->random << 13;
  s->random ^= s->random >> 7;
  s->random ^= s->random << 17;
  return s->random;
}

static uint64_t below(struct scene *s, uint64_t bound) { return next_random(s) % bound; }

static void add_place(struct scene *s, block_ref at, uint64_t size) {
  if (s->place_count < PLACES_MAX) s->places[s->place_count++] = (struct target){at, size};
}

/* The sheets of a profile are few, and made later. */
static void add_block(void *context, block_ref block, owner_id owner) {
  struct scene *s = context;
  const uint64_t size = segment_committed(block);
  const bool is_sheet = size == PROFILE_SHEET_BYTES &&
                        ((const struct profile_sheet *)segment_at(block))->magic == PROFILE_MAGIC;
  (void)owner;
  for (int i = is_sheet ? 40 : 1; i > 0; i--) add_place(s, block, size > 8192 ? 8192 : size);
}

/* The structures have several shares, so that they are not lost among the messages. */
static void list_places(struct scene *s) {
  const struct arena *a = segment_arena();
  const uint64_t high = chunk_count_used(a);
  s->place_count = 0;
  for (int i = 0; i < 20; i++) {
    add_place(s, segment_ref(segment_wait_graph()), 4096);
    add_place(s, 8, sizeof(struct segment_header) - 8);
    add_place(s, segment_process_table_offset(), 1024);
    add_place(s, segment_ref(a->table), high * sizeof(struct arena_chunk));
  }
  for (uint64_t chunk = 0; chunk < high; chunk++)
    if (atomic_load(&a->table[chunk].has_control)) add_place(s, segment_ref(chunk_control(a, chunk)), 1024);
  for (int i = 0; i < 20; i++) {
    for (int r = 0; r < RINGS; r++) add_place(s, segment_ref(s->rings[r]), sizeof(struct ring));
    add_place(s, segment_ref(s->table), sizeof *s->table);
    add_place(s, segment_ref(s->array), sizeof *s->array);
    add_place(s, segment_ref(s->frozen), sizeof *s->frozen + 1000);
    add_place(s, segment_ref(s->lock), sizeof *s->lock + 100);
    add_place(s, segment_ref(s->semaphore), sizeof *s->semaphore + 100);
    add_place(s, segment_ref(s->rwlock), sizeof *s->rwlock + 100);
    for (int e = 0; e < 2; e++) add_place(s, segment_ref(s->ends[e]), sizeof *s->ends[e]);
  }
  arena_each_block(a, add_block, s);
}

static void put(struct ring *r, uint64_t number, size_t size) {
  static uint8_t text[30000];
  const struct ring_record record = {
      .head = &number, .head_size = sizeof number, .body = text, .body_size = size};
  (void)!ring_put(r, &record, deadline_now());
}

static void put_sorted(struct scene *s, size_t size) {
  static uint8_t text[300];
  const uint64_t key_bytes[4] = {0, 0, below(s, 5), 0};
  const struct ring_key key = {key_bytes, (uint32_t)(1 + below(s, sizeof key_bytes))};
  const struct ring_record record = {.body = text, .body_size = size};
  (void)!ring_put_sorted(s->rings[SORTED], &key, &record, &(struct object_list){0}, deadline_now());
}

/* Tables of 20 keys, each with the next one as a value. */
static void make_frozen(struct scene *s) {
  struct frozen_builder b;
  struct frozen_value keys[20], child = {0, FROZEN_NIL};
  const struct frozen_outline outline = {0, 0, 20, keys};
  CHECK_EQ(frozen_builder_init(&b), STATUS_OK);
  for (int i = 0; i < 20; i++) {
    const char text = (char)('a' + i);
    keys[i].tag = FROZEN_STRING;
    CHECK_EQ(frozen_builder_name(&b, &text, 1, &keys[i].bits), STATUS_OK);
  }
  for (int i = 0; i < 10; i++) {
    uint64_t place = 0;
    CHECK_EQ(frozen_builder_table(&b, &outline, &place), STATUS_OK);
    for (uint64_t n = 0; n < 20; n++) frozen_builder_set(&b, place, 20, n, n % 2 ? keys[n] : child);
    child = (struct frozen_value){place, FROZEN_TABLE};
  }
  CHECK_EQ(frozen_builder_finish(&b, child.bits, &s->frozen), STATUS_OK);
  frozen_builder_fini(&b);
}

static void make_scene(struct scene *s) {
  channel_register_kinds();
  CHECK_EQ(ring_make(&s->rings[0], (struct ring_bounds){0}, RING_GROWS), STATUS_OK);
  CHECK_EQ(ring_make(&s->rings[1], (struct ring_bounds){0, 100000}, RING_GROWS), STATUS_OK);
  CHECK_EQ(ring_make(&s->rings[2], (struct ring_bounds){20, 0}, RING_GROWS), STATUS_OK);
  CHECK_EQ(ring_count_unfinished(s->rings[2]), STATUS_OK);
  CHECK_EQ(ring_make(&s->rings[SORTED], (struct ring_bounds){0}, RING_GROWS), STATUS_OK);
  ring_sort(s->rings[SORTED]);
  CHECK_EQ(pipe_make(&s->ends[0], &s->ends[1], PIPE_BOTH_WAYS), STATUS_OK);
  CHECK_EQ(shared_table_make(0, &s->table), STATUS_OK);
  CHECK_EQ(typed_array_make(element_type_called("u32"), ELEMENTS, &s->array), STATUS_OK);
  make_frozen(s);
  CHECK_EQ(synchronizer_make(LOCK_KIND_RLOCK, 1, &s->lock), STATUS_OK);
  CHECK_EQ(synchronizer_make(LOCK_KIND_SEMAPHORE, 3, &s->semaphore), STATUS_OK);
  CHECK_EQ(synchronizer_make(LOCK_KIND_RWLOCK, 0, &s->rwlock), STATUS_OK);
  for (int i = 0; i < 1200; i++) put(s->rings[0], (uint64_t)i, 1000);
  for (int i = 0; i < 3; i++) put(s->rings[0], (uint64_t)i, 20000);
  for (int i = 0; i < 100; i++) put_sorted(s, 100);
}

/* ---- workers --------------------------------------------------------------------------------- */

static struct bytes inbox;

static void take(struct ring *r) {
  struct ring_message m;
  if (ring_take(r, &inbox, &m, deadline_now())) return;
  ring_message_unload(&m);
  ring_message_done(&m);
}

static void use_rings(struct scene *s) {
  struct ring *r = s->rings[below(s, RINGS)];
  if (below(s, 2))
    r == s->rings[SORTED] ? put_sorted(s, below(s, 300))
                          : put(r, 1, below(s, 10) ? below(s, 300) : 5000 + below(s, 20000));
  else
    take(r);
  if (r == s->rings[2] && below(s, 2)) (void)!ring_report_done(r);
}

/* NULL: as a changed word may say */
static void use_pipe(struct scene *s) {
  struct ring *outgoing = pipe_outgoing(s->ends[0]), *incoming = pipe_incoming(s->ends[1]);
  if (below(s, 2) && outgoing)
    put(outgoing, 2, below(s, 3000));
  else if (incoming)
    take(incoming);
}

static void send_a_handle(struct scene *s) {
  const object_ref ref = segment_object_ref(&s->table->object);
  const struct object_list list = {&ref, 1};
  const struct ring_record record = {.head = "handle", .head_size = 6};
  (void)!ring_put_carrying(s->rings[0], &record, &list, deadline_now());
}

static void use_table(struct scene *s) {
  char name[24];
  static uint8_t value[3000];
  snprintf(name, sizeof name, "key %llu", (unsigned long long)below(s, 2000));
  const struct shared_table_text key = {name, strlen(name)};
  bool is_there = false;
  switch (below(s, 4)) {
    case 0: shared_table_remove(s->table, key); break;
    case 1: (void)!shared_table_get(s->table, key, &inbox, &is_there); break;
    default:
      (void)!shared_table_set(s->table, key, (struct shared_table_text){value, below(s, sizeof value)});
  }
  if (below(s, 500) == 0) (void)!shared_table_keys(s->table, &inbox);
  bytes_clear(&inbox);
}

static void use_array(struct scene *s) {
  if (s->view.count == 0) return; /* as a changed word may say */
  const uint64_t index = below(s, s->view.count);
  typed_array_store(&s->view, index, next_random(s));
  (void)typed_array_load(&s->view, below(s, s->view.count));
  if (below(s, 50) == 0) typed_array_fill(&s->view, index, s->view.count - index, 7);
}

static void use_frozen(struct scene *s) {
  const struct frozen_view v = frozen_table_view(s->frozen);
  struct frozen_reader r;
  uint64_t place = v.root;
  for (int depth = 0; depth < 12 && frozen_view_read(&v, place, &r) && frozen_reader_count(&r) > 0; depth++) {
    const char text = (char)('a' + below(s, 26));
    const struct frozen_value key = {frozen_view_name(&v, &text, 1), FROZEN_STRING};
    (void)frozen_reader_find(&v, &r, key);
    const struct frozen_value value = frozen_reader_value(&r, below(s, frozen_reader_count(&r)));
    if (value.tag == FROZEN_STRING) (void)frozen_view_text(&v, value.bits);
    if (value.tag == FROZEN_TABLE) place = value.bits;
  }
}

static void use_locks(struct scene *s) {
  const struct execution_context who = {segment_slot(), 1};
  struct synchronizer_wait wait = {0};
  struct synchronizer *l = below(s, 2) ? s->lock : s->semaphore;
  bool was_abandoned = false;
  if (permits_take(l, who, &wait, deadline_now(), &was_abandoned) == STATUS_OK)
    (void)!permits_return(l, who, 1);
  const enum rwlock_use use = below(s, 2) ? RWLOCK_READ : RWLOCK_WRITE;
  wait = rwlock_wait(use);
  if (rwlock_try(s->rwlock, who, &wait, &was_abandoned) == STATUS_OK)
    (void)!rwlock_return(s->rwlock, who, use);
}

/* Waits for locks that this worker does not have, in a circle of all workers. */
static void use_wait_graph(struct scene *s) {
  struct wait_graph *graph = segment_wait_graph();
  const struct execution_context me = {segment_slot(), below(s, 3)},
                                 other = {segment_slot() + 1, below(s, 3)};
  const struct wait_description wait = {.waiter = me, .object = segment_object_ref(&s->lock->object)};
  static struct wait_cycle cycle;
  struct graph_wait w = {0};
  if (!wait_graph_enter(graph, segment_self(), &wait, &w)) return;
  for (int i = 0; i < 3; i++) {
    const struct wait_look look = {.stamp = wait_graph_stamp(graph), .holder = &other, .threads = 1};
    (void)!wait_graph_look(graph, &w, &look, &cycle);
  }
  static struct standstill seen;
  (void)!segment_stands_still(&seen, deadline_now().ns, &cycle);
  wait_graph_leave(graph, &w);
}

static void use_profile(struct scene *s) {
  static uint32_t root;
  static const uint32_t us[PROFILE_STATE_COUNT] = {1};
  const struct profile_thread thread = {.number = 1, .name = "worker", .world = "processes"};
  if (!profile_writer_word()) (void)!profile_writer_begin(profile_word(segment_self(), 1, 100));
  if (!root || below(s, 50) == 0) root = profile_writer_root(&thread);
  struct profile_call calls[3];
  for (int i = 0; i < 3; i++)
    calls[i] = (struct profile_call){.source = "@file.lua", .name = "f", .line = (int32_t)below(s, 40)};
  profile_writer_add(profile_writer_stack(root, calls, 3), us);
  if (below(s, 400) == 0) {
    profile_writer_end();
    root = 0;
  }
}

static void make_and_end(struct scene *s) {
  struct ring *r = NULL;
  if (ring_make(&r, (struct ring_bounds){0}, RING_GROWS)) return;
  for (uint64_t i = below(s, 40); i > 0; i--) put(r, i, below(s, 6000));
  segment_release(&r->object);
}

/* Private memory around what a worker uses: nothing may write to it. */
struct canary {
  uint8_t bytes[CANARY];
};

static void work(struct scene *s, struct canary *canary) {
  static void (*const deeds[])(struct scene *) = {
      use_rings, use_rings,  use_rings,     use_pipe,       use_table,   use_table,   use_array,
      use_locks, use_frozen, send_a_handle, use_wait_graph, use_profile, make_and_end};
  memset(canary->bytes, 0xa5, sizeof canary->bytes);
  s->view = typed_array_view(s->array);
  for (int i = 0; i < TURNS; i++) {
    deeds[below(s, sizeof deeds / sizeof *deeds)](s);
    if (below(s, 1000) == 0) segment_sweep();
  }
  for (size_t i = 0; i < sizeof canary->bytes; i++)
    if (canary->bytes[i] != 0xa5) _exit(3);
}

/* ---- the peer -------------------------------------------------------------------------------- */

static uint64_t changed(struct scene *s, uint64_t word) {
  static const uint64_t special[] = {0,      1,          2,          7,          255,
                                     0xffff, 0x7fffffff, 0xffffffff, UINT64_MAX, UINT64_MAX - 7};
  switch (below(s, 7)) {
    case 0: return word ^ UINT64_C(1) << below(s, 64);
    case 1: return special[below(s, sizeof special / sizeof *special)];
    case 2: return next_random(s);
    case 3: return word + below(s, 16) - 8;
    case 4: return (word & 0xffffffff00000000) | special[below(s, sizeof special / sizeof *special)];
    case 5: return (word & 0xffffffff) | next_random(s) << 32;
    default: return s->places[below(s, s->place_count)].at + below(s, 64);
  }
}

static void act_as_peer(struct scene *s) {
  for (int i = 0; i < CHANGES; i++) {
    if (i % (CHANGES / 5) == CHANGES / 10) list_places(s);
    const struct target *p = &s->places[below(s, s->place_count)];
    if (p->size < 8) continue;
    volatile uint64_t *word =
        (volatile uint64_t *)(void *)(segment.map.base + p->at + below(s, p->size / 8) * 8);
    *word = changed(s, *word);
    usleep((unsigned)below(s, 60));
  }
}

/* ---- a round --------------------------------------------------------------------------------- */

/* A check that fails is expected here, and prints a line. */
static void be_quiet(void) {
  const struct rlimit none = {0, 0};
  (void)setrlimit(RLIMIT_CORE, &none);
  if (!freopen("/dev/null", "w", stderr)) _exit(4);
}

static pid_t start(struct scene *s, int number) {
  struct child_slot place;
  CHECK_EQ(segment_reserve_slot(&place), STATUS_OK);
  segment_share_with_child(place.slot, NULL);
  pid_t pid = -1;
  if (process_fork(&pid)) _exit(4);
  CHECK(pid >= 0);
  if (pid) return pid;
  segment_after_fork(place.slot);
  s->random += (uint64_t)number * 0x9e3779b97f4a7c15u;
  if (number == WORKERS) {
    act_as_peer(s);
    _exit(0);
  }
  struct canary *canary = malloc(sizeof *canary);
  if (!canary) _exit(4);
  work(s, canary);
  _exit(0);
}

/* The wait status; a worker that does not end is killed, and has not failed. */
static int await(pid_t pid, int64_t until_ns) {
  int report = 0;
  for (;;) {
    const pid_t ended = waitpid(pid, &report, WNOHANG);
    if (ended == pid) return report;
    if (clock_now_ns() > until_ns) break;
    usleep(1000);
  }
  kill(pid, SIGKILL);
  while (waitpid(pid, &report, 0) != pid) {
  }
  return 0;
}

static bool is_allowed(int report) {
  return WIFEXITED(report) ? WEXITSTATUS(report) == 0 : WTERMSIG(report) == SIGABRT;
}

/* In a process of its own, so that the next round has another segment. Its exit status is that of
 * the worst worker: 0, or the signal. */
static void run_round(uint64_t seed) {
  static struct scene scene;
  pid_t pids[WORKERS + 1];
  int worst = 0;
  scene.random = seed | 1;
  be_quiet();
  if (segment_open()) _exit(4);
  make_scene(&scene);
  list_places(&scene);
  for (int i = 0; i <= WORKERS; i++) pids[i] = start(&scene, i);
  (void)await(pids[WORKERS], clock_now_ns() + INT64_C(20000000000));
  const int64_t until = clock_now_ns() + PATIENCE_MS * INT64_C(1000000);
  for (int i = 0; i < WORKERS; i++) {
    const int report = await(pids[i], until);
    if (!is_allowed(report)) worst = WIFSIGNALED(report) ? WTERMSIG(report) : 100 + WEXITSTATUS(report);
  }
  _exit(worst);
}

static bool round_passes(uint64_t seed) {
  int report = 0;
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) run_round(seed);
  CHECK_EQ(waitpid(pid, &report, 0), pid);
  if (is_allowed(report)) return true;
  const int code = WIFEXITED(report) ? WEXITSTATUS(report) : WTERMSIG(report);
  printf("fuzz_segment: seed %llu: a worker ended with %d\n", (unsigned long long)seed, code);
  return false;
}

int main(int argc, char **argv) {
  const int64_t seconds = argc > 1 ? strtoll(argv[1], NULL, 10) : 4;
  const int64_t until = clock_now_ns() + seconds * INT64_C(1000000000);
  uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  do {
    if (!round_passes(seed++)) return 1;
  } while (clock_now_ns() < until);
  if (argc > 1) printf("%llu is the next seed\n", (unsigned long long)seed);
  return 0;
}
