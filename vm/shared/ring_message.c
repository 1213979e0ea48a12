/* SPDX-License-Identifier: MIT */
#include "shared/attachments.h"
#include "shared/ring.h"

void ring_message_unload(const struct ring_message *message) {
  if (message->block) attachments_unload(message->block);
}

void ring_message_done(struct ring_message *message) {
  if (message->block) attachments_discard(message->block);
  *message = (struct ring_message){0};
}
