/* SPDX-License-Identifier: MIT */
/* The object references of a message: its handles.
 *
 * While a message is private bytes of a process, the process has a hold on each object in it
 * (segment_hold). Before the bytes leave the process, the references are listed and become
 * attachments (shared/attachments.h), which keep the objects alive if any process dies; then the
 * holds are released. A decoder takes holds of its own.
 */
#ifndef CHANNEL_MESSAGE_REFS_H
#define CHANNEL_MESSAGE_REFS_H

#include <stddef.h>
#include <stdint.h>

#include "shared/ring.h"

/* Releases the message's holds. Malformed bytes are ignored. */
void message_refs_discard(const uint8_t *data, size_t size);
/* Takes one more hold on each object of the message, for a copy of its bytes. The caller holds them
 * already. -ENOMEM: none was taken. */
MUST_CHECK status message_refs_retain(const uint8_t *data, size_t size);
/* Releases one hold of a message that was not completed. */
void message_refs_drop_reference(object_ref ref);
/* Appends the message's references. A worker's copy of the globals leaves out the ends of pipes: an
 * end that a worker merely could use does not keep the other side from seeing the end of file. */
enum message_part { MESSAGE_ALL, MESSAGE_BUT_PIPES };
/* The references that message_refs_list appended to `b`. */
static inline struct object_list message_refs_listed(const struct bytes *b) {
  return (struct object_list){(const object_ref *)(const void *)b->data, b->len / sizeof(object_ref)};
}
/* Appends the references of the objects that the message names. Malformed bytes name none.
 * -ENOMEM: some are appended. */
MUST_CHECK status message_refs_list(const uint8_t *data, size_t size, enum message_part part,
                                    struct bytes *out);
/* Takes and discards all messages of a ring. */
void message_refs_drain(struct ring *r);

/* Registers what happens at the end of each kind of object. Once for each process, before it makes
 * the first object. */
void channel_register_kinds(void);

#endif
