/* SPDX-License-Identifier: MIT */
#include "state/parcel.h"

#include <errno.h>

#include "base/check.h"
#include "channel/message_refs.h"
#include "shared/block_bytes.h"
#include "state/error.h"
#include "state/scalar.h"
#include "state/transfer.h"
#include "trace/trace.h"

_Static_assert(PARCEL_ENVELOPE_MAX + SCALAR_HEAD_MAX <= PARCEL_HEAD_MAX,
               "a lone value fits behind any envelope");
_Static_assert((int)PARCEL_ENVELOPE_MAX <= (int)BLOCK_BYTES_MARGIN,
               "an envelope fits in front of a block's bytes");

static bool pack_scalar(lua_State *L, struct parcel *p, int index) {
  struct ring_record *record = &p->record;
  const char *text = NULL;
  const size_t size = scalar_write(L, index, p->head + record->head_size, &text, &record->body_size);
  record->head_size += size;
  record->body = text;
  return size > 0;
}

static void list_carried(lua_State *L, struct parcel *p) {
  if (message_refs_list(p->text->data, p->text->len, MESSAGE_ALL, &p->carried)) {
    message_refs_discard(p->text->data, p->text->len);
    bytes_clear(&p->carried);
    parcel_settle(p, -ENOMEM);
    error_raise_memory(L);
  }
}

static void pack_encoded(lua_State *L, struct parcel *p, int first, int count, const char *what) {
  p->text = transfer_encode_for_ring(L, first, count, what);
  p->record.body = p->text->data;
  p->record.body_size = p->text->len;
  list_carried(L, p);
}

void parcel_open(struct parcel *p, const void *envelope, size_t size) {
  CHECK(size <= PARCEL_ENVELOPE_MAX);
  p->text = NULL;
  p->key = (struct ring_key){0};
  bytes_init(&p->carried);
  p->record = (struct ring_record){.head = p->head, .head_size = size};
  if (size) memcpy(p->head, envelope, size);
}

void parcel_sort(struct parcel *p, struct ring_key key) { p->key = key; }

void parcel_pack(lua_State *L, struct parcel *p, int first, int count, const char *what) {
  if (count != 1 || !pack_scalar(L, p, first)) pack_encoded(L, p, first, count, what);
}

/* The block that can be handed over as it is. A message with attachments gets a block of its
 * own, and so does one with a key. */
static block_ref block_of(const struct parcel *p) {
  return p->text && !p->carried.len && !p->key.size ? block_bytes_block(p->text) : 0;
}

static status put(struct ring *r, const struct parcel *p, const struct ring_record *record, deadline until) {
  const block_ref block = block_of(p);
  const struct object_list carried = message_refs_listed(&p->carried);
  if (p->key.size) return ring_put_sorted(r, &p->key, record, &carried, until);
  if (carried.count) return ring_put_carrying(r, record, &carried, until);
  return block ? ring_put_block(r, record, block, until) : ring_put(r, record, until);
}

status parcel_put(struct ring *r, const struct parcel *p, deadline until) {
  if (!trace_is_on()) return put(r, p, &p->record, until);
  struct ring_receipt receipt;
  struct ring_record record = p->record;
  record.receipt = &receipt;
  const status st = put(r, p, &record, until);
  if (st == STATUS_OK) trace_record_put(r, &receipt);
  if (st == STATUS_OK && p->record.receipt) *p->record.receipt = receipt;
  return st;
}

void parcel_keep(struct parcel *p) {
  if (!p->text) return;
  p->kept = *p->text;
  bytes_init(p->text);
  p->text = &p->kept;
}

void parcel_settle(struct parcel *p, status st) {
  if (!p->text) return;
  const bool is_handed_over = st == STATUS_OK && block_of(p);
  if (is_handed_over) block_bytes_yield(p->text);
  if (p->carried.len) message_refs_discard(p->text->data, p->text->len);
  bytes_fini(&p->carried);
  if (p->text == &p->kept)
    bytes_fini(&p->kept);
  else
    block_bytes_end(p->text);
}
