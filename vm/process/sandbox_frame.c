/* SPDX-License-Identifier: MIT */
#include "process/sandbox_frame.h"

#include "os/duplex.h"

status frame_send(int channel, struct frame *f, const void *head, size_t head_size, const void *body,
                  size_t body_size) {
  f->size = head_size + body_size;
  status st = duplex_write(channel, f, sizeof *f);
  if (st == STATUS_OK && head_size) st = duplex_write(channel, head, head_size);
  if (st == STATUS_OK && body_size) st = duplex_write(channel, body, body_size);
  return st;
}

/* Once a frame has begun, its rest is awaited whatever signals come. */
static status read_on(int channel, void *bytes, size_t size) {
  status st = STATUS_INTERRUPTED;
  while (st == STATUS_INTERRUPTED) st = duplex_read(channel, bytes, size);
  return st;
}

status frame_receive(int channel, struct frame *f, struct bytes *payload, uint64_t size_max) {
  status st = duplex_read(channel, f, sizeof *f);
  if (st) return st;
  if (f->size > size_max) return STATUS_TOO_LARGE;
  bytes_clear(payload);
  st = bytes_reserve(payload, (size_t)f->size);
  if (st) return st;
  payload->len = (size_t)f->size;
  return f->size ? read_on(channel, payload->data, payload->len) : STATUS_OK;
}
