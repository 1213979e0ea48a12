/* SPDX-License-Identifier: MIT */
/* A guard and its worker: the worker has left the program's segment, uses the queues that were lent
 * to it and no others, is killed when it breaks the rules, and the guard learns how it ended. The
 * worker enters no sandbox here (tests/unit/os/test_sandbox.c). */
#include "process/guard.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/memory.h"
#include "channel/message_refs.h"
#include "os/clock.h"
#include "os/process.h"
#include "process/sandboxed.h"
#include "wire/format.h"
#include "wire/handles.h"
#include "wire/message.h"
#include "wire/writer.h"

enum { PAYLOAD_MAX = 4096 };

static struct ring *lent, *other;
static struct worker_status *worker_status;

/* A message with one small number and the handles of a list of rings. */
static struct bytes message_with(struct ring *const *rings, int count) {
  struct bytes out, handles;
  bytes_init(&out);
  bytes_init(&handles);
  CHECK_EQ(message_begin(&out), STATUS_OK);
  CHECK_EQ(bytes_append(&out, "\1\x47", 2), STATUS_OK);
  for (int i = 0; i < count; i++) {
    uint8_t entry[WIRE_HANDLE_SIZE];
    put_u64(put_u8(entry, HANDLE_QUEUE), segment_object_ref(&rings[i]->object));
    CHECK_EQ(bytes_append(&handles, entry, sizeof entry), STATUS_OK);
  }
  CHECK_EQ(message_finish(&out, 0, 0, &handles), STATUS_OK);
  bytes_fini(&handles);
  return out;
}

/* ---- inside ---------------------------------------------------------------------------------- */

static bool never(void *context) {
  (void)context;
  return false;
}

static struct frame ask(enum queue_call what, object_ref reference, const struct bytes *text,
                        struct bytes *answer) {
  struct frame f = {.kind = FRAME_QUEUE, .value = (int32_t)what, .numbers = {reference, 0}};
  CHECK_EQ(sandboxed_ask(&f, text ? text->data : NULL, text ? text->len : 0, answer, never, NULL), STATUS_OK);
  CHECK_EQ(f.kind, FRAME_RESULT);
  return f;
}

static void use_queues(object_ref lent_ref, object_ref other_ref, int program_fd) {
  struct bytes answer, number = message_with(NULL, 0);
  bytes_init(&answer);
  CHECK(sandboxed_is());
  CHECK(segment_fd() == program_fd || fcntl(program_fd, F_GETFD) < 0);
  CHECK_EQ(ask(QUEUE_CALL_PUT, lent_ref, &number, &answer).value, STATUS_OK);
  CHECK_EQ(ask(QUEUE_CALL_SIZE, lent_ref, NULL, &answer).numbers[0], 1);
  CHECK_EQ(ask(QUEUE_CALL_GET, lent_ref, NULL, &answer).value, STATUS_OK);
  struct message m;
  CHECK_EQ(message_parse(answer.data, answer.len, &m), STATUS_OK);
  CHECK_EQ(m.flags, FLAG_FOREIGN);
  CHECK_EQ(ask(QUEUE_CALL_GET, lent_ref, NULL, &answer).value, STATUS_EMPTY);
  CHECK_EQ(ask(QUEUE_CALL_PUT, other_ref, &number, &answer).value, STATUS_FOREIGN);
  CHECK_EQ(ask(QUEUE_CALL_SIZE, 12345, NULL, &answer).value, STATUS_FOREIGN);
  number.len--;
  CHECK_EQ(ask(QUEUE_CALL_PUT, lent_ref, &number, &answer).value, STATUS_MALFORMED);
  CHECK_EQ(ask(QUEUE_CALL_PUT, lent_ref, NULL, &answer).value, STATUS_MALFORMED);
  bytes_fini(&number);
  bytes_fini(&answer);
}

enum deed { USE_QUEUES, SEND_TOO_MUCH, CALL_WRONGLY, DIE };

NO_RETURN static void be_inside(const struct guard *g, enum deed deed) {
  const object_ref lent_ref = segment_object_ref(&lent->object),
                   other_ref = segment_object_ref(&other->object);
  const int program_fd = segment_fd();
  CHECK_EQ(sandboxed_leave_program(g), STATUS_OK);
  struct frame f = {.kind = FRAME_QUEUE, .value = 99, .numbers = {lent_ref}};
  static const char large[PAYLOAD_MAX + 1];
  switch (deed) {
    case USE_QUEUES: use_queues(lent_ref, other_ref, program_fd); process_exit_now(7);
    case SEND_TOO_MUCH: CHECK_EQ(sandboxed_tell(&f, large, sizeof large, NULL, 0), STATUS_OK); break;
    case CALL_WRONGLY: CHECK_EQ(sandboxed_tell(&f, NULL, 0, NULL, 0), STATUS_OK); break;
    case DIE: raise(SIGKILL); break;
  }
  for (;;) pause();
}

/* ---- outside --------------------------------------------------------------------------------- */

static int exit_code_of(enum deed deed) {
  struct guard g;
  enum guard_side side = GUARD_OUTSIDE;
  struct bytes message = message_with(&lent, 1);
  CHECK_EQ(guard_start(&g, worker_status, PAYLOAD_MAX, &side), STATUS_OK);
  if (side == GUARD_INSIDE) be_inside(&g, deed);
  CHECK_EQ(guard_lend(&g, message.data, message.len), STATUS_OK);
  CHECK_EQ(guard_receive(&g), STATUS_CLOSED);
  bytes_fini(&message);
  return guard_end(&g);
}

int main(void) {
  CHECK_EQ(segment_open(), STATUS_OK);
  channel_register_kinds();
  CHECK_EQ(worker_status_make(&worker_status), STATUS_OK);
  CHECK_EQ(ring_make(&lent, (struct ring_bounds){0}, RING_GROWS), STATUS_OK);
  CHECK_EQ(ring_make(&other, (struct ring_bounds){0}, RING_GROWS), STATUS_OK);
  CHECK_EQ(exit_code_of(USE_QUEUES), 7);
  CHECK_EQ(exit_code_of(SEND_TOO_MUCH), -SIGKILL);
  CHECK_EQ(exit_code_of(CALL_WRONGLY), -SIGKILL);
  CHECK_EQ(exit_code_of(DIE), -SIGKILL);
  ring_validate(lent);
  segment_release(&lent->object);
  segment_release(&other->object);
  worker_status_destroy(worker_status);
  return 0;
}
