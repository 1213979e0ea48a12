/* SPDX-License-Identifier: MIT */
#include "process/sandboxed.h"

#include <stdint.h>

#include "os/process.h"
#include "os/signals.h"

struct sandboxed {
  bool is_inside;
  int channel;
  struct sandbox_page *page;
};

static struct sandboxed self = {.channel = -1};

status sandboxed_leave_program(const struct guard *g) {
  const status st = segment_leave_program();
  if (st) return st;
  const int kept[] = {g->channel, segment_fd(), segment_bag()};
  process_close_inherited(kept, sizeof kept / sizeof *kept);
  signals_reset_in_child();
  self = (struct sandboxed){.is_inside = true, .channel = g->channel, .page = g->page};
  return STATUS_OK;
}

status sandboxed_enter(const struct sandbox_rules *rules, const char **what) {
  return sandbox_enter(rules, &self.page->refused, what);
}

bool sandboxed_is(void) { return self.is_inside; }

struct sandbox_page *sandboxed_page(void) {
  return self.page;
}

status sandboxed_ask(struct frame *f, const void *body, size_t body_size, struct bytes *payload,
                     bool (*must_end)(void *context), void *context) {
  status st = frame_send(self.channel, f, NULL, 0, body, body_size);
  if (st) return st;
  do st = frame_receive(self.channel, f, payload, SIZE_MAX);
  while (st == STATUS_INTERRUPTED && !must_end(context));
  return st;
}

status sandboxed_tell(struct frame *f, const void *head, size_t head_size, const void *body,
                      size_t body_size) {
  return frame_send(self.channel, f, head, head_size, body, body_size);
}
