/* SPDX-License-Identifier: MIT */
/* The envelope of a message: its header, its body and the handles behind it, as drawn in format.h.
 *
 * For code that forwards, keeps or discards messages without a Lua state. The bytes belong to the
 * caller and need not be trusted. Pure functions; any thread.
 */
#ifndef WIRE_MESSAGE_H
#define WIRE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

struct message {
  const uint8_t *data; /* the header; offsets count from here */
  size_t body_end;     /* offset */
  uint8_t version;
  uint8_t flags; /* enum wire_flag */
  uint8_t key_count;
  uint32_t handle_count;
};

struct message_handle {
  uint8_t type;
  uint64_t reference;
};

/* STATUS_MALFORMED unless the numbers in the header are possible and the sizes add up to `size`.
 * Another version is accepted, but its sizes are not read: body_end is 0 and there are no
 * handles. */
MUST_CHECK status message_parse(const void *data, size_t size, struct message *out);

/* The handle at index < handle_count. */
struct message_handle message_handle_at(const struct message *m, uint32_t index);

/* The offset at which the values of the body end and its classes begin, or else the body's end; a wrong offset in the
 * body gives that as well. */
size_t message_values_end(const struct message *m);

/* Marks a message as one of a sandboxed worker, from which readers take data alone.
 * STATUS_MALFORMED: it is no message, or has handles. */
MUST_CHECK status message_mark_foreign(uint8_t *data, size_t size);

/* Marks an encoded message as one with the globals of a call. */
void message_mark_globals(uint8_t *data);
/* Whether a message, or a lone scalar, has one of the flags. */
bool message_has_flag(const uint8_t *data, size_t size, unsigned flags);

struct message_header {
  unsigned flags;
  unsigned key_count;
  uint32_t body_size;
  uint32_t handle_count;
};
/* Writes a header of WIRE_HEADER_SIZE bytes, and returns the address behind it. */
uint8_t *message_put_header(uint8_t *at, const struct message_header *header);
/* Starts a message in `out`, which is empty; the caller appends the body next. -ENOMEM. */
MUST_CHECK status message_begin(struct bytes *out);
/* Ends the body, appends `handles` (WIRE_HANDLE_SIZE bytes each) and fills in the header.
 * STATUS_TOO_LARGE: more than 4 GiB; -ENOMEM. */
MUST_CHECK status message_finish(struct bytes *out, unsigned flags, unsigned key_count,
                                 const struct bytes *handles);

#endif
