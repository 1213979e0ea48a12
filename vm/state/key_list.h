/* SPDX-License-Identifier: MIT */
/* The keys that a message has spelled out, by number (wire/format.h, I6).
 *
 * Records come in lists, and their keys are the same few strings. A small direct-mapped cache finds a key by
 * the address of its text, which Lua keeps for as long as the string lives; a hit is compared with the bytes
 * in the message, so a stale address, or another key in the same place, can only miss. Emptied in constant
 * time by counting messages. One owner, one thread.
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
  uint32_t message; /* in use when it is the list's */
  uint32_t offset;  /* of the key's tag */
  uint8_t number;
};

struct key_list {
  uint32_t message;
  unsigned count;    /* so many keys have a number */
  unsigned repeated; /* the numbers that were used again are below it */
  struct key_place places[KEY_PLACES];
};

/* For the next message. Zeroed memory is a list that was never begun. */
void key_list_begin(struct key_list *k);

static inline struct key_place *key_place(struct key_list *k, const char *text) {
  const uint64_t hash = (uint64_t)(uintptr_t)text * UINT64_C(0x9e3779b97f4a7c15);
  return &k->places[hash >> 56];
}

/* True when the place says where `out` has the key already, `size` bytes of text. */
static inline bool key_is_at(const struct key_list *k, const struct key_place *place, const char *text,
                             size_t size, const uint8_t *out) {
  if (place->text != text || place->message != k->message) return false;
  const uint8_t *tag = out + place->offset;
  return *tag == (TAG_SHORT_STRING | size) && memcmp(tag + 1, text, size) == 0;
}

/* The key is spelled out at `offset`, and gets a number if there is one left, as it will
 * at the receiver's. */
static inline void key_enter(struct key_list *k, struct key_place *place, const char *text, uint32_t offset) {
  if (k->count == KEYS_MAX) return;
  *place = (struct key_place){text, k->message, offset, (uint8_t)k->count++};
}

#endif
