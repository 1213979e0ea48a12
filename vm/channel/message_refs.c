/* SPDX-License-Identifier: MIT */
#include "channel/message_refs.h"

#include "channel/pipe.h"
#include "shared/descriptor.h"
#include "shared/shared_table.h"
#include "shared/typed_array.h"
#include "wire/message.h"

static struct object *find_object(object_ref ref) {
  struct object *object = NULL;
  for (int kind = OBJECT_RING; kind <= OBJECT_KIND_LAST; kind++)
    if (segment_find(ref, (enum object_kind)kind, &object) == STATUS_OK) return object;
  return NULL;
}

void message_refs_drop_reference(object_ref ref) {
  struct object *object = find_object(ref);
  if (object) segment_release(object);
}

/* Discarding and retaining read the end of the message alone (wire/format.h, I4). */
void message_refs_discard(const uint8_t *data, size_t size) {
  struct message m;
  if (message_parse(data, size, &m)) return;
  for (uint32_t i = 0; i < m.handle_count; i++)
    message_refs_drop_reference(message_handle_at(&m, i).reference);
}

static status retain(object_ref ref) {
  struct object *object = find_object(ref);
  return object ? segment_hold(object) : STATUS_FOREIGN;
}

status message_refs_retain(const uint8_t *data, size_t size) {
  struct message m;
  if (message_parse(data, size, &m)) return STATUS_OK;
  for (uint32_t i = 0; i < m.handle_count; i++) {
    const status st = retain(message_handle_at(&m, i).reference);
    if (st == STATUS_OK) continue;
    while (i-- > 0) message_refs_drop_reference(message_handle_at(&m, i).reference);
    return st;
  }
  return STATUS_OK;
}

static bool is_pipe_end(const struct object *o) { return o && o->kind == OBJECT_PIPE_END; }

status message_refs_list(const uint8_t *data, size_t size, enum message_part part, struct bytes *out) {
  struct message m;
  if (message_parse(data, size, &m)) return STATUS_OK;
  for (uint32_t i = 0; i < m.handle_count; i++) {
    const object_ref ref = message_handle_at(&m, i).reference;
    struct object *left_out = part == MESSAGE_BUT_PIPES ? find_object(ref) : NULL;
    if (is_pipe_end(left_out)) {
      object_lend(left_out);
      continue;
    }
    const status st = bytes_append(out, &ref, sizeof ref);
    if (st) return st;
  }
  return STATUS_OK;
}

void message_refs_drain(struct ring *r) {
  struct bytes inbox;
  struct ring_message message;
  bytes_init(&inbox);
  while (ring_take(r, &inbox, &message, deadline_now()) == STATUS_OK) ring_message_done(&message);
  bytes_fini(&inbox);
}

static void ring_object_destroy(struct object *object) {
  struct ring *r = (struct ring *)(void *)object;
  message_refs_drain(r);
  ring_fini(r);
}

static void ring_object_owner_died(struct object *object, uint32_t slot) {
  ring_forget((struct ring *)(void *)object, slot);
}

void channel_register_kinds(void) {
  segment_set_owner_died(OBJECT_RING, ring_object_owner_died);
  segment_set_destructor(OBJECT_RING, ring_object_destroy);
  segment_set_destructor(OBJECT_PIPE_END, pipe_end_destroy);
  synchronizer_register_kind();
  typed_array_register_kind();
  shared_table_register_kind();
  descriptor_register_kind();
}
