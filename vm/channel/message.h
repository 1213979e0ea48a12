/* SPDX-License-Identifier: MIT */
/* Messages that nobody will read: the handles inside are let go, so that what they stand for can end. */
#ifndef CHANNEL_MESSAGE_H
#define CHANNEL_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "shared/ring.h"

/* Lets go what the message carries. Bytes that are no message carry nothing. */
void message_discard(const uint8_t *data, size_t size);
/* What a message may carry without holding it: the ends of pipes, in a worker's copy of the globals. An end
 * that a worker merely could use does not keep the other side from seeing the end of file. */
void message_weaken(const uint8_t *data, size_t size);
/* As message_discard, for a message that was weakened. */
void message_discard_weakened(const uint8_t *data, size_t size);
/* One reference that was meant for a message and did not get into it. */
void message_drop_reference(object_ref ref);
/* One more message carries the object of a reference that some message holds already. */
void message_copy_reference(object_ref ref);
/* Takes and discards all that is in a ring. */
void message_drain(struct ring *r);

/* How rings and pipe ends end; once for each process, before the first is made. */
void channel_register_kinds(void);

/* In front of the wire message in the rings of a pool (bindings/pool_core.h); message_discard looks behind
 * it. */
enum { ENVELOPE_MAGIC = 'E', ENVELOPE_SIZE = 32 };

#endif
