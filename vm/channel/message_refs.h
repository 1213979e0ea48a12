/* SPDX-License-Identifier: MIT */
/* The handles in a message.
 *
 * While a message is bytes of one process's own, that process has a hold on each object in it
 * (segment_hold). Before the bytes go anywhere else the references are listed and become attachments
 * (shared/attachments.h), which keeps the objects alive if any process dies; then the holds are released.
 * A decoder takes holds of its own.
 */
#ifndef CHANNEL_MESSAGE_REFS_H
#define CHANNEL_MESSAGE_REFS_H

#include <stddef.h>
#include <stdint.h>

#include "shared/ring.h"

/* Releases the message's holds. Malformed bytes are ignored. */
void message_refs_discard(const uint8_t *data, size_t size);
/* One hold more on each object of the message, whose holder the caller is: for a copy of its
 * bytes. -ENOMEM: none. */
MUST_CHECK status message_refs_retain(const uint8_t *data, size_t size);
/* One hold, of a message that did not come to be. */
void message_refs_drop_reference(object_ref ref);
/* Appends the message's references. The ends of pipes are left out of a worker's copy of the globals: an end
 * that a worker merely could use does not keep the other side from seeing the end of file. */
enum message_part { MESSAGE_ALL, MESSAGE_BUT_PIPES };
static inline struct object_list message_refs_listed(const struct bytes *b) {
  return (struct object_list){(const object_ref *)(const void *)b->data, b->len / sizeof(object_ref)};
}
MUST_CHECK status message_refs_list(const uint8_t *data, size_t size, enum message_part part,
                                    struct bytes *out);
/* Takes and discards all that is in a ring. */
void message_refs_drain(struct ring *r);

/* How rings and pipe ends end; once for each process, before the first is made. */
void channel_register_kinds(void);

#endif
