/* SPDX-License-Identifier: MIT */
/* Frames arrive whole and in order, and a frame that is too large, or ends early, is refused. */
#include "process/sandbox_frame.h"

#include <string.h>

#include "base/check.h"
#include "os/duplex.h"

enum { MOST = 1000 };

static int ends[2];
static struct bytes payload;

static void frames_arrive_whole_and_in_order(void) {
  struct frame f = {.kind = FRAME_ANSWER, .value = -3, .numbers = {7, UINT64_MAX}};
  struct frame empty = {.kind = FRAME_NEXT};
  CHECK_EQ(frame_send(ends[0], &f, "head ", 5, "body", 4), STATUS_OK);
  CHECK_EQ(frame_send(ends[0], &empty, NULL, 0, NULL, 0), STATUS_OK);
  struct frame got;
  CHECK_EQ(frame_receive(ends[1], &got, &payload, MOST), STATUS_OK);
  CHECK_EQ(got.kind, FRAME_ANSWER);
  CHECK_EQ(got.value, -3);
  CHECK(got.numbers[0] == 7 && got.numbers[1] == UINT64_MAX);
  CHECK_EQ(payload.len, 9);
  CHECK(memcmp(payload.data, "head body", 9) == 0);
  CHECK_EQ(frame_receive(ends[1], &got, &payload, MOST), STATUS_OK);
  CHECK_EQ(got.kind, FRAME_NEXT);
  CHECK_EQ(payload.len, 0);
}

static void a_payload_that_is_too_large_is_not_read(void) {
  struct frame f = {.kind = FRAME_ANSWER, .size = MOST + 1}, got;
  CHECK_EQ(duplex_write(ends[0], &f, sizeof f), STATUS_OK);
  CHECK_EQ(frame_receive(ends[1], &got, &payload, MOST), STATUS_TOO_LARGE);
}

static void a_frame_that_ends_early_is_a_closed_channel(void) {
  struct frame f = {.kind = FRAME_ANSWER, .size = 8}, got;
  CHECK_EQ(duplex_write(ends[0], &f, sizeof f), STATUS_OK);
  CHECK_EQ(duplex_write(ends[0], "four", 4), STATUS_OK);
  duplex_close(ends[0]);
  CHECK_EQ(frame_receive(ends[1], &got, &payload, MOST), STATUS_CLOSED);
  CHECK_EQ(frame_receive(ends[1], &got, &payload, MOST), STATUS_CLOSED);
}

int main(void) {
  CHECK_EQ(duplex_make(ends), STATUS_OK);
  frames_arrive_whole_and_in_order();
  a_payload_that_is_too_large_is_not_read();
  a_frame_that_ends_early_is_a_closed_channel();
  duplex_close(ends[1]);
  bytes_fini(&payload);
  return 0;
}
