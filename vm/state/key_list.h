/* SPDX-License-Identifier: MIT */
/* The numbered keys of a message (wire/format.h, I6).
 *
 * Lists of records repeat the same few keys. A small direct-mapped cache finds a key by the address
 * of its text, which Lua keeps as long as the string lives. A hit is compared with the bytes in the
 * message, so a stale address, or another key in the same slot, is only a miss. Counting messages
 * empties the list in constant time. One owner, one thread.
 */
#ifndef STATE_KEY_LIST_H
#define STATE_KEY_LIST_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "wire/format.h"

enum { KEY_PLACES = 256 };

struct key_place {
  const char *text;
  uint32_t message; /* in use if equal to key_list.message */
  uint32_t offset;  /* of the key's tag */
  uint8_t number;
};

struct key_list {
  uint32_t message;
  unsigned count;    /* keys with a number */
  unsigned repeated; /* all numbers that the message refers to are below it */
  struct key_place places[KEY_PLACES];
};

/* Empties the list for the next message. Zeroed memory is a valid argument. */
void key_list_begin(struct key_list *k);

/* Where a key with this text is, if the list has it: see key_is_at. */
static inline struct key_place *key_place(struct key_list *k, const char *text) {
  const uint64_t hash = (uint64_t)(uintptr_t)text * UINT64_C(0x9e3779b97f4a7c15);
  return &k->places[hash >> 56];
}

/* Whether `place` gives the offset in `out` of this key, `size` bytes of text. */
static inline bool key_is_at(const struct key_list *k, const struct key_place *place, const char *text,
                             size_t size, const uint8_t *out) {
  if (place->text != text || place->message != k->message) return false;
  const uint8_t *tag = out + place->offset;
  return *tag == (TAG_SHORT_STRING | size) && memcmp(tag + 1, text, size) == 0;
}

/* Enters a key that is written in full at `offset`. It gets a number if there is one left, by the
 * same rule as at the receiver. */
static inline void key_enter(struct key_list *k, struct key_place *place, const char *text, uint32_t offset) {
  if (k->count == KEYS_MAX) return;
  *place = (struct key_place){text, k->message, offset, (uint8_t)k->count++};
}

#endif
