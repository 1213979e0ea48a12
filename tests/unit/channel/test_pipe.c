/* SPDX-License-Identifier: MIT */
/* Pipes: one end receives what the other sends, and either detects that the other is gone. */
#include "channel/pipe.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/memory.h"
#include "channel/message_refs.h"
#include "os/process.h"
#include "shared/holds.h"
#include "shared/sweep.h"

static struct bytes inbox;

static uint64_t used(void) { return arena_used(segment_arena()); }

static status send(struct pipe_end *end, const char *text) {
  const struct ring_record record = {.head = text, .head_size = strlen(text)};
  return ring_put(pipe_outgoing(end), &record, deadline_now());
}

static status receive(struct pipe_end *end, const char *expected) {
  struct ring_message m;
  const status st = ring_take(pipe_incoming(end), &inbox, &m, deadline_now());
  if (st) return st;
  CHECK_EQ(m.size, strlen(expected));
  CHECK_EQ(memcmp(m.data, expected, m.size), 0);
  ring_message_done(&m);
  return STATUS_OK;
}

static void make(struct pipe_end **first, struct pipe_end **second, enum pipe_ways ways) {
  CHECK_EQ(pipe_make(first, second, ways), STATUS_OK);
  pipe_end_validate(*first);
  pipe_end_validate(*second);
}

static void release(struct pipe_end *end) { segment_release(&end->object); }

static void both_ends_send_and_receive_in_order(void) {
  struct pipe_end *a, *b;
  make(&a, &b, PIPE_BOTH_WAYS);
  CHECK_EQ(receive(a, ""), STATUS_EMPTY);
  CHECK_EQ(send(a, "one"), STATUS_OK);
  CHECK_EQ(send(b, "other"), STATUS_OK);
  CHECK_EQ(send(a, "two"), STATUS_OK);
  CHECK_EQ(receive(b, "one"), STATUS_OK);
  CHECK_EQ(receive(b, "two"), STATUS_OK);
  CHECK_EQ(receive(a, "other"), STATUS_OK);
  CHECK_EQ(receive(b, ""), STATUS_EMPTY);
  pipe_end_validate(a);
  release(a);
  release(b);
}

static void of_a_pipe_with_one_way_the_first_end_receives(void) {
  struct pipe_end *a, *b;
  make(&a, &b, PIPE_ONE_WAY);
  CHECK(pipe_outgoing(a) == NULL && pipe_incoming(b) == NULL);
  CHECK(pipe_incoming(a) == pipe_outgoing(b));
  CHECK_EQ(send(b, "x"), STATUS_OK);
  CHECK_EQ(receive(a, "x"), STATUS_OK);
  release(b);
  CHECK_EQ(receive(a, ""), STATUS_CLOSED);
  release(a);
}

static void what_was_sent_before_the_end_was_closed_is_received_and_then_it_is_the_end(void) {
  struct pipe_end *a, *b;
  make(&a, &b, PIPE_BOTH_WAYS);
  CHECK_EQ(send(a, "last"), STATUS_OK);
  release(a);
  pipe_end_validate(b);
  CHECK_EQ(send(b, "in vain"), STATUS_CLOSED);
  CHECK_EQ(receive(b, "last"), STATUS_OK);
  CHECK_EQ(receive(b, ""), STATUS_CLOSED);
  CHECK_EQ(receive(b, ""), STATUS_CLOSED);
  release(b);
}

static void an_end_lives_as_long_as_somebody_holds_it(void) {
  struct pipe_end *a, *b;
  make(&a, &b, PIPE_BOTH_WAYS);
  CHECK_EQ(segment_hold(&a->object), STATUS_OK);
  release(a);
  CHECK_EQ(send(b, "x"), STATUS_OK);
  CHECK_EQ(receive(a, "x"), STATUS_OK);
  release(a);
  CHECK_EQ(send(b, "y"), STATUS_CLOSED);
  release(b);
}

/* The child has both ends, the parent one. Ends that were not passed do not keep the other side
 * from the end of file. */
static void the_end_of_a_process_that_was_killed_is_closed(bool is_passed) {
  struct pipe_end *a, *b;
  struct child_slot place;
  make(&a, &b, PIPE_BOTH_WAYS);
  const object_ref ref = segment_object_ref(&a->object);
  const struct object_list passed = {&ref, is_passed};
  CHECK_EQ(segment_reserve_slot(&place), STATUS_OK);
  segment_share_with_child(place.slot, &passed);
  pid_t pid = -1;
  CHECK_EQ(process_fork(&pid), STATUS_OK);
  CHECK(pid >= 0);
  if (pid == 0) {
    segment_after_fork(place.slot);
    if (is_passed) CHECK_EQ(send(a, "from the child"), STATUS_OK);
    raise(SIGKILL);
  }
  release(a);
  CHECK_EQ(waitpid(pid, NULL, 0), pid);
  if (!is_passed) CHECK_EQ(receive(b, ""), STATUS_CLOSED);
  segment_forget_child(place);
  if (is_passed) CHECK_EQ(receive(b, "from the child"), STATUS_OK);
  CHECK_EQ(receive(b, ""), STATUS_CLOSED);
  CHECK_EQ(send(b, "x"), STATUS_CLOSED);
  release(b);
}

static void a_pipe_without_memory_leaves_nothing(void) {
#if defined(MM_FAULTS)
  const uint64_t blocks = used();
  status st = -1;
  for (long n = 1; st; n++) {
    struct pipe_end *a = NULL;
    struct pipe_end *b = NULL;
    memory_fail_after(n);
    st = pipe_make(&a, &b, PIPE_BOTH_WAYS);
    memory_fail_after(0);
    if (st == STATUS_OK) {
      release(a);
      release(b);
    }
    CHECK_EQ(used(), blocks);
    CHECK(n < 100);
  }
#endif
}

int main(void) {
  CHECK_EQ(segment_open(), STATUS_OK);
  channel_register_kinds();
  const uint64_t blocks = used();
  both_ends_send_and_receive_in_order();
  of_a_pipe_with_one_way_the_first_end_receives();
  what_was_sent_before_the_end_was_closed_is_received_and_then_it_is_the_end();
  an_end_lives_as_long_as_somebody_holds_it();
  the_end_of_a_process_that_was_killed_is_closed(true);
  the_end_of_a_process_that_was_killed_is_closed(false);
  a_pipe_without_memory_leaves_nothing();
  CHECK_EQ(used(), blocks);
  bytes_fini(&inbox);
  segment_validate();
  return 0;
}
