/* SPDX-License-Identifier: MIT */
#include "c/values/value.h"

#include "channel/message_refs.h"
#include "wire/message.h"

static bool has_handles(const struct bytes *message) {
  struct message m;
  return message_parse(message->data, message->len, &m) == STATUS_OK && m.handle_count > 0;
}

status value_from_message(struct bytes *message, struct tree **out) {
  const status st = has_handles(message) ? segment_open() : STATUS_OK;
  return st ? st : tree_read(message, out);
}

status value_to_message(const struct mm_val *value, struct bytes *out) {
  status st = tree_write(value, out);
  if (st) return st;
  st = message_refs_retain(out->data, out->len);
  if (st) bytes_fini(out);
  return st;
}

void value_discard_message(struct bytes *message) {
  message_refs_discard(message->data, message->len);
  bytes_fini(message);
}

void value_release(struct tree *t) {
  if (!t || !tree_drop(t)) return;
  message_refs_discard(t->message.data, t->message.len);
  tree_free(t);
}
