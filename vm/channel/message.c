/* SPDX-License-Identifier: MIT */
#include "channel/message.h"

#include "channel/pipe.h"
#include "wire/message.h"

static struct object *find_object(object_ref ref) {
  struct object *object = NULL;
  for (int kind = OBJECT_RING; kind <= OBJECT_PIPE_END; kind++)
    if (commons_find(ref, (enum object_kind)kind, &object) == STATUS_OK) return object;
  return NULL;
}

void message_drop_reference(object_ref ref) {
  struct object *object = find_object(ref);
  if (object) commons_discard(object);
}

void message_copy_reference(object_ref ref) {
  struct object *object = find_object(ref);
  if (object) commons_send(object);
}

/* Works on the message's tail alone (wire/format.h, I4). */
static void drop_each(const uint8_t *data, size_t size, bool (*is_meant)(const struct object *o)) {
  struct message m;
  if (message_parse(data, size, &m)) return;
  for (uint32_t i = 0; i < m.handle_count; i++) {
    struct object *object = find_object(message_handle_at(&m, i).reference);
    if (object && is_meant(object)) commons_discard(object);
  }
}

static bool is_pipe_end(const struct object *o) { return o->kind == OBJECT_PIPE_END; }
static bool is_no_pipe_end(const struct object *o) { return o->kind != OBJECT_PIPE_END; }
static bool is_any(const struct object *o) { return o != NULL; }

void message_weaken(const uint8_t *data, size_t size) { drop_each(data, size, is_pipe_end); }
void message_discard_weakened(const uint8_t *data, size_t size) { drop_each(data, size, is_no_pipe_end); }

void message_discard(const uint8_t *data, size_t size) {
  const bool has_envelope = size >= ENVELOPE_SIZE && data[0] == ENVELOPE_MAGIC;
  const size_t skipped = has_envelope ? ENVELOPE_SIZE : 0;
  drop_each(data + skipped, size - skipped, is_any);
}

void message_drain(struct ring *r) {
  struct bytes inbox;
  struct ring_message message;
  bytes_init(&inbox);
  while (ring_take(r, &inbox, &message, deadline_now()) == STATUS_OK) {
    message_discard(message.data, message.size);
    ring_message_done(&message);
  }
  bytes_fini(&inbox);
}

static void ring_object_destroy(struct object *object) {
  struct ring *r = (struct ring *)(void *)object;
  message_drain(r);
  ring_fini(r);
}

static void ring_object_mourn(struct object *object, uint32_t slot) {
  ring_forget((struct ring *)(void *)object, slot);
}

void channel_register_kinds(void) {
  commons_set_mourner(OBJECT_RING, ring_object_mourn);
  commons_set_destructor(OBJECT_RING, ring_object_destroy);
  commons_set_destructor(OBJECT_PIPE_END, pipe_end_destroy);
}
