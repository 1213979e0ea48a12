/* SPDX-License-Identifier: MIT */
/* Death at each instant of each change in the segment: blocks, slots of the process table, objects
 * and their ends, pipes, handles in messages, and sweeping.
 *
 * For each deed a child runs into the n-th kill point, for n = 1, 2, … until it survives. After
 * each death the parent sweeps, everything validates, the segment can be used, and no block and no
 * slot is left allocated. Each deed is done twice: once with the child as the last holder of all
 * objects, and once with the parent, which ends every object that it can before the sweep, and uses
 * the memory again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "channel/message_refs.h"
#include "channel/pipe.h"
#include "os/process.h"
#include "shared/kill_point.h"
#include "shared/sweep.h"

#if defined(MM_KILL_POINTS)

enum { POINTS_MAX = 200, GIANT = 300 << 20, LARGE = 20000 };

static struct bytes inbox;
static uint8_t text[LARGE];

/* Made by the parent before, and inherited by the child. */
struct scene {
  struct ring *ring;    /* empty */
  struct ring *carried; /* an object that messages carry */
  struct pipe_end *ends[2];
  struct child_slot dead; /* a holder that is dead and not swept */
};

static void put(struct ring *r, size_t size) {
  const struct ring_record record = {.head = text, .head_size = size};
  CHECK_EQ(ring_put(r, &record, deadline_now()), STATUS_OK);
}

static bool take(struct ring *r) {
  struct ring_message m;
  if (ring_take(r, &inbox, &m, deadline_now())) return false;
  ring_message_done(&m);
  return true;
}

/* ---- deeds ----------------------------------------------------------------------------------- */

static void use_blocks(struct scene *s) {
  (void)s;
  const uint64_t sizes[] = {1, 4096, 100000, 1 << 20, GIANT};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    block_ref block = 0;
    CHECK_EQ(segment_alloc(sizes[i], &block), STATUS_OK);
    *(uint8_t *)segment_at(block) = 1;
    segment_free(block);
  }
}

/* Blocks that are charged: used, left in a ring, and left to the sweeper. */
static void make_memory_with_a_limit(struct scene *s) {
  struct account account;
  CHECK_EQ(segment_open_account(4 << 20, &account), STATUS_OK);
  account_use(&account);
  for (int i = 0; i < 2; i++) {
    put(s->ring, LARGE);
    put(s->ring, 3000);
    CHECK(take(s->ring));
  }
  block_ref block = 0;
  CHECK_EQ(segment_alloc(GIANT, &block), -ENOMEM);
  CHECK_EQ(segment_alloc_room(100000, GIANT, &block), STATUS_OK);
  CHECK_EQ(segment_commit(block, 200000), STATUS_OK);
  segment_free(block);
  CHECK_EQ(segment_alloc(100, &block), STATUS_OK);
  segment_close_account(&account);
}

static void make_and_end_a_ring(struct scene *s) {
  (void)s;
  struct ring *r = NULL;
  CHECK_EQ(ring_make(&r, (struct ring_bounds){0}, RING_GROWS), STATUS_OK);
  for (int i = 0; i < 3; i++) put(r, LARGE);
  for (int i = 0; i < 3; i++) put(r, 3000);
  CHECK(take(r));
  segment_release(&r->object);
}

static void make_and_end_a_ring_with_unfinished_messages(struct scene *s) {
  (void)s;
  struct ring *r = NULL;
  CHECK_EQ(ring_make(&r, (struct ring_bounds){0}, RING_GROWS), STATUS_OK);
  CHECK_EQ(ring_count_unfinished(r), STATUS_OK);
  put(r, 10);
  CHECK(take(r));
  segment_release(&r->object);
}

static void make_and_end_a_pipe(struct scene *s) {
  (void)s;
  struct pipe_end *ends[2];
  CHECK_EQ(pipe_make(&ends[0], &ends[1], PIPE_BOTH_WAYS), STATUS_OK);
  put(pipe_outgoing(ends[0]), LARGE);
  CHECK(take(pipe_incoming(ends[1])));
  segment_release(&ends[0]->object);
  segment_release(&ends[1]->object);
}

static void end_what_was_inherited(struct scene *s) {
  put(s->ring, LARGE);
  put(pipe_outgoing(s->ends[0]), LARGE);
  for (int i = 0; i < 2; i++) segment_release(&s->ends[i]->object);
  segment_release(&s->carried->object);
  segment_release(&s->ring->object);
}

static void hold_and_release(struct scene *s) {
  const object_ref ref = segment_object_ref(&s->carried->object);
  segment_release(&s->carried->object);
  CHECK_EQ(segment_claim(ref, OBJECT_RING), STATUS_OK);
  CHECK_EQ(segment_hold(&s->carried->object), STATUS_OK);
  segment_release(&s->carried->object);
  segment_release(&s->carried->object);
}

/* A message that carries an object twice. */
static void put_handle(struct ring *r, const struct object *carried) {
  const object_ref ref = segment_object_ref(carried);
  const object_ref references[] = {ref, ref};
  const struct object_list list = {references, 2};
  const struct ring_record record = {.head = text, .head_size = 100};
  CHECK_EQ(ring_put_carrying(r, &record, &list, deadline_now()), STATUS_OK);
}

static void send_and_receive_a_handle(struct scene *s) {
  struct ring_message m;
  struct object *carried = &s->carried->object;
  put_handle(s->ring, carried);
  segment_release(carried);
  CHECK_EQ(ring_take(s->ring, &inbox, &m, deadline_now()), STATUS_OK);
  CHECK_EQ(segment_hold(carried), STATUS_OK);
  ring_message_unload(&m);
  ring_message_done(&m);
}

static void send_and_discard_a_handle(struct scene *s) {
  put_handle(s->ring, &s->carried->object);
  segment_release(&s->carried->object);
  message_refs_drain(s->ring);
}

/* An object that only a message keeps alive, in a ring that only another message keeps alive. */
static void send_a_ring_that_carries(struct scene *s) {
  put_handle(s->carried, &s->ends[0]->object);
  segment_release(&s->ends[0]->object);
  put_handle(s->ring, &s->carried->object);
  segment_release(&s->carried->object);
  segment_release(&s->ring->object);
}

static void be_refused_to_send(struct scene *s) {
  const object_ref ref = segment_object_ref(&s->carried->object);
  const struct object_list list = {&ref, 1};
  const struct ring_record record = {.head = text, .head_size = 100};
  ring_close(s->ring);
  CHECK_EQ(ring_put_carrying(s->ring, &record, &list, deadline_now()), STATUS_CLOSED);
}

static void prepare_a_child(struct scene *s) {
  (void)s;
  struct child_slot place;
  CHECK_EQ(segment_reserve_slot(&place), STATUS_OK);
  segment_share_with_child(place.slot, NULL);
  segment_forget_child(place);
}

static void sweep_after_another(struct scene *s) { segment_forget_child(s->dead); }

enum dead { DEAD_IS_SWEPT, DEAD_IS_THERE };

static const struct deed {
  const char *name;
  void (*act)(struct scene *s);
  enum dead dead;
} deeds[] = {
    {"use blocks", use_blocks, DEAD_IS_SWEPT},
    {"make memory with a limit", make_memory_with_a_limit, DEAD_IS_SWEPT},
    {"make and end a ring", make_and_end_a_ring, DEAD_IS_SWEPT},
    {"make and end a ring with unfinished messages", make_and_end_a_ring_with_unfinished_messages,
     DEAD_IS_SWEPT},
    {"make and end a pipe", make_and_end_a_pipe, DEAD_IS_SWEPT},
    {"end what was inherited", end_what_was_inherited, DEAD_IS_SWEPT},
    {"hold and release", hold_and_release, DEAD_IS_THERE},
    {"send and receive a handle", send_and_receive_a_handle, DEAD_IS_SWEPT},
    {"send and discard a handle", send_and_discard_a_handle, DEAD_IS_SWEPT},
    {"send a ring that carries", send_a_ring_that_carries, DEAD_IS_SWEPT},
    {"be refused to send", be_refused_to_send, DEAD_IS_SWEPT},
    {"prepare a child", prepare_a_child, DEAD_IS_SWEPT},
    {"sweep after another", sweep_after_another, DEAD_IS_THERE},
};

/* ---- the matrix ------------------------------------------------------------------------------ */

static void make_scene(struct scene *s) {
  CHECK_EQ(ring_make(&s->ring, (struct ring_bounds){0}, RING_GROWS), STATUS_OK);
  CHECK_EQ(ring_make(&s->carried, (struct ring_bounds){0}, RING_GROWS), STATUS_OK);
  CHECK_EQ(pipe_make(&s->ends[0], &s->ends[1], PIPE_BOTH_WAYS), STATUS_OK);
  for (int i = 0; i < 2; i++) pipe_end_validate(s->ends[i]);
}

static pid_t fork_child(struct child_slot *place) {
  CHECK_EQ(segment_reserve_slot(place), STATUS_OK);
  segment_share_with_child(place->slot, NULL);
  pid_t pid = -1;
  CHECK_EQ(process_fork(&pid), STATUS_OK);
  if (pid == 0) segment_after_fork(place->slot);
  return pid;
}

static bool was_killed(pid_t pid) {
  int report = 0;
  CHECK_EQ(waitpid(pid, &report, 0), pid);
  CHECK(WIFSIGNALED(report) || WEXITSTATUS(report) == 0);
  return WIFSIGNALED(report);
}

/* The parent releases its own holds first, so that the children are the last holders. */
static void let_go(struct scene *s) {
  for (int i = 0; i < 2; i++) segment_release(&s->ends[i]->object);
  segment_release(&s->carried->object);
  segment_release(&s->ring->object);
}

enum last { CHILD_IS_LAST, PARENT_IS_LAST };

/* One child is dead and not swept, one acts: its gate opens after the parent's release. */
static bool run_deed(const struct deed *deed, struct scene *s, long point, enum last last,
                     struct child_slot *place) {
  int gate[2];
  char byte = 0;
  CHECK_EQ(pipe(gate), 0);
  pid_t pid = fork_child(&s->dead);
  if (pid == 0) _exit(0);
  CHECK(!was_killed(pid));
  if (deed->dead == DEAD_IS_SWEPT) segment_forget_child(s->dead);
  pid = fork_child(place);
  if (pid == 0) {
    close(gate[1]);
    CHECK_EQ(read(gate[0], &byte, 1), 0);
    kill_point_arm(NULL, point);
    deed->act(s);
    _exit(0);
  }
  if (last == CHILD_IS_LAST) let_go(s);
  close(gate[1]);
  const bool has_died = was_killed(pid);
  close(gate[0]);
  if (last == PARENT_IS_LAST) let_go(s);
  return has_died;
}

enum { SPARE = 16 };

/* Blocks of the size that rings have. */
struct spare {
  uint64_t size;
  block_ref blocks[SPARE];
};

static void use_freed_blocks(struct spare *spare) {
  for (int i = 0; i < SPARE; i++) {
    CHECK_EQ(segment_alloc(spare->size, &spare->blocks[i]), STATUS_OK);
    memset(segment_at(spare->blocks[i]), 0xff, spare->size);
  }
}

static void free_unharmed(const struct spare *spare) {
  for (int i = 0; i < SPARE; i++) {
    const uint8_t *bytes = segment_at(spare->blocks[i]);
    for (uint64_t at = 0; at < spare->size; at++) CHECK_EQ(bytes[at], 0xff);
    segment_free(spare->blocks[i]);
  }
}

static void use_the_segment(void) {
  struct scene s;
  make_scene(&s);
  make_and_end_a_pipe(&s);
  make_and_end_a_ring_with_unfinished_messages(&s);
  segment_validate();
  let_go(&s);
}

/* All slots but the parent's are free, as before. */
static void expect_free_slots(void) {
  struct child_slot slots[5];
  for (uint32_t i = 0; i < 5; i++) {
    CHECK_EQ(segment_reserve_slot(&slots[i]), STATUS_OK);
    CHECK_EQ(slots[i].slot, i + 1);
  }
  for (int i = 0; i < 5; i++) segment_forget_child(slots[i]);
}

static bool one_death(const struct deed *deed, long point, enum last last) {
  const uint64_t blocks = arena_used(segment_arena());
  struct scene s;
  struct child_slot place;
  make_scene(&s);
  struct spare spare = {.size = segment_block_size(segment_ref(s.carried))};
  const bool has_died = run_deed(deed, &s, point, last, &place);
  use_freed_blocks(&spare);
  segment_forget_child(place);
  segment_sweep(); /* what the dead child had reserved, or had not swept */
  segment_forget_child(s.dead);
  segment_validate();
  free_unharmed(&spare);
  use_the_segment();
  segment_validate();
  CHECK_EQ(arena_used(segment_arena()), blocks);
  expect_free_slots();
  return has_died;
}

static void a_death_at_any_point_leaves_the_segment_whole(const struct deed *deed, enum last last) {
  long point = 1;
  while (one_death(deed, point, last)) CHECK(++point < POINTS_MAX);
  CHECK(point > 2); /* there were points to die at */
}

int main(void) {
  CHECK_EQ(segment_open(), STATUS_OK);
  channel_register_kinds();
  for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
    a_death_at_any_point_leaves_the_segment_whole(&deeds[i], CHILD_IS_LAST);
    a_death_at_any_point_leaves_the_segment_whole(&deeds[i], PARENT_IS_LAST);
  }
  bytes_fini(&inbox);
  return 0;
}

#else
int main(void) { return 0; }
#endif
