/* SPDX-License-Identifier: MIT */
/* The ring, used by one process: order, bounds, growth, large messages, closing, waking. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "os/clock.h"
#include "os/thread.h"
#include "shared/ring.h"

static struct bytes inbox;

static void put_text(struct ring *r, const void *data, size_t size) {
  const struct ring_record record = {.body = data, .body_size = size};
  CHECK_EQ(ring_put(r, &record, deadline_now()), STATUS_OK);
  ring_validate(r);
}

static void expect_text(struct ring *r, const void *data, size_t size) {
  struct ring_message m;
  CHECK_EQ(ring_take(r, &inbox, &m, deadline_now()), STATUS_OK);
  CHECK_EQ(m.size, size);
  CHECK(size == 0 || memcmp(m.data, data, size) == 0);
  ring_message_done(&m);
  ring_validate(r);
}

static void messages_of_any_size_come_out_in_order(void) {
  struct ring *r = NULL;
  CHECK_EQ(ring_make(&r, (struct ring_bounds){0}, RING_GROWS), STATUS_OK);
  static uint8_t text[3 << 20];
  for (size_t i = 0; i < sizeof text; i++) text[i] = (uint8_t)(i * 7 + i / 251);
  const size_t sizes[] = {0, 1, 7, 8, 9, 100, 1500, 4096, 4097, 70000, 1 << 20, sizeof text - 64};
  for (int round = 0; round < 20; round++) {
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
      put_text(r, text + i, sizes[i] ? sizes[i] - i % 2 : 0);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
      expect_text(r, text + i, sizes[i] ? sizes[i] - i % 2 : 0);
  }
  CHECK_EQ(ring_count(r), 0);
  ring_fini(r);
  segment_release(&r->object);
}

static void what_was_sent_is_counted_while_the_ring_lives_and_after_it(void) {
  const struct ring_traffic before = ring_traffic_of_all();
  struct ring *r = NULL;
  CHECK_EQ(ring_make(&r, (struct ring_bounds){0}, RING_GROWS), STATUS_OK);
  static const uint8_t text[5000];
  put_text(r, text, 10);
  put_text(r, text, sizeof text);
  for (int is_gone = 0; is_gone <= 1; is_gone++) {
    const struct ring_traffic now = ring_traffic_of_all();
    CHECK_EQ(now.messages - before.messages, 2);
    CHECK_EQ(now.bytes - before.bytes, 10 + sizeof text);
    if (is_gone) break;
    expect_text(r, text, 10);
    expect_text(r, text, sizeof text);
    ring_fini(r);
    segment_release(&r->object);
  }
}

static void a_record_in_two_parts_arrives_as_one(void) {
  struct ring *r = NULL;
  CHECK_EQ(ring_make(&r, (struct ring_bounds){0}, RING_GROWS), STATUS_OK);
  const struct ring_record record = {.head = "head", .head_size = 4, .body = "body", .body_size = 4};
  CHECK_EQ(ring_put(r, &record, deadline_now()), STATUS_OK);
  expect_text(r, "headbody", 8);
  ring_fini(r);
  segment_release(&r->object);
}

static void a_block_goes_as_it_is_with_a_head_in_front(void) {
  struct ring *r = NULL;
  block_ref block = 0;
  const uint64_t before = arena_used(segment_arena());
  CHECK_EQ(ring_make(&r, (struct ring_bounds){1, 0}, RING_GROWS), STATUS_OK);
  CHECK_EQ(segment_alloc(5000, &block), STATUS_OK);
  uint8_t *body = (uint8_t *)segment_at(block) + 64;
  memcpy(body, "body", 4);
  const struct ring_record record = {.head = "head", .head_size = 4, .body = body, .body_size = 4};
  CHECK_EQ(ring_put_block(r, &record, block, deadline_now()), STATUS_OK);
  CHECK_EQ(ring_put_block(r, &record, block, deadline_now()), STATUS_FULL);
  struct ring_message m;
  CHECK_EQ(ring_take(r, &inbox, &m, deadline_now()), STATUS_OK);
  CHECK_EQ(m.size, 8);
  CHECK(m.block == block && m.data == body - 4 && memcmp(m.data, "headbody", 8) == 0);
  ring_message_done(&m);
  ring_validate(r);
  ring_fini(r);
  segment_release(&r->object);
  CHECK_EQ(arena_used(segment_arena()), before);
}

static void a_bounded_ring_is_full_at_its_bound_and_not_before(void) {
  struct ring *r = NULL;
  CHECK_EQ(ring_make(&r, (struct ring_bounds){3, 0}, RING_GROWS), STATUS_OK);
  for (int i = 0; i < 3; i++) put_text(r, &i, sizeof i);
  const struct ring_record record = {.body = "x", .body_size = 1};
  CHECK_EQ(ring_put(r, &record, deadline_now()), STATUS_FULL);
  CHECK_EQ(ring_put(r, &record, deadline_after(0.02)), STATUS_TIMEOUT);
  CHECK(ring_is_full(r));
  const int first = 0;
  expect_text(r, &first, sizeof first);
  CHECK_EQ(ring_put(r, &record, deadline_now()), STATUS_OK);
  ring_fini(r);
  segment_release(&r->object);
}

static void a_staying_ring_waits_for_its_reader(void) {
  struct ring *r = NULL;
  CHECK_EQ(ring_make(&r, (struct ring_bounds){0}, RING_STAYS), STATUS_OK);
  static uint8_t text[4000];
  const struct ring_record record = {.body = text, .body_size = sizeof text};
  status st = STATUS_OK;
  int count = 0;
  for (; st == STATUS_OK; count++) st = ring_put(r, &record, deadline_now());
  CHECK_EQ(st, STATUS_FULL);
  CHECK(count > 200 && count < 300);
  ring_validate(r);
  expect_text(r, text, sizeof text);
  expect_text(r, text, sizeof text);
  CHECK_EQ(ring_put(r, &record, deadline_now()), STATUS_OK);
  ring_fini(r);
  segment_release(&r->object);
}

static uint64_t take_number(struct ring *r) {
  struct ring_message m;
  uint64_t number = 0;
  CHECK_EQ(ring_take(r, &inbox, &m, deadline_now()), STATUS_OK);
  memcpy(&number, m.data, sizeof number);
  ring_message_done(&m);
  return number;
}

/* Fifty MiB of small messages, put and taken in turns; afterwards the memory is free again. */
static void an_unbounded_ring_takes_what_its_messages_take(void) {
  enum { MESSAGES = 500000, SIZE = 100 };
  const uint64_t before = arena_used(segment_arena());
  struct arena_figures figures;
  struct ring *r = NULL;
  uint64_t taken = 0;
  uint64_t message[SIZE / 8] = {0};
  const struct ring_record record = {.body = message, .body_size = sizeof message};
  CHECK_EQ(ring_make(&r, (struct ring_bounds){0}, RING_GROWS), STATUS_OK);
  for (uint64_t i = 0; i < MESSAGES; i++) {
    message[0] = i;
    CHECK_EQ(ring_put(r, &record, deadline_now()), STATUS_OK);
    if (i % 10 == 0) CHECK_EQ(take_number(r), taken++);
    if (i % 100000 == 0) ring_validate(r);
  }
  CHECK_EQ(ring_count(r), MESSAGES - taken);
  arena_measure(segment_arena(), &figures);
  CHECK(figures.block_bytes < (uint64_t)60 << 20);
  for (; taken < MESSAGES; taken++) {
    CHECK_EQ(take_number(r), taken);
    if (taken % 100000 == 0) ring_validate(r);
  }
  arena_measure(segment_arena(), &figures);
  CHECK(figures.block_bytes < (uint64_t)256 << 10);
  put_text(r, "last", 4);
  ring_validate(r);
  ring_fini(r);
  segment_release(&r->object);
  CHECK_EQ(arena_used(segment_arena()), before);
}

/* After a backlog of ten MiB, whose memory is free again, messages pass one by one. */
static void a_consumer_that_keeps_up_touches_few_pages(void) {
  enum { MESSAGES = 10000, SIZE = 1000 };
  const uint64_t before = arena_used(segment_arena());
  struct arena_figures figures;
  struct ring *r = NULL;
  uint64_t message[SIZE / 8] = {0};
  const struct ring_record record = {.body = message, .body_size = sizeof message};
  CHECK_EQ(ring_make(&r, (struct ring_bounds){0}, RING_GROWS), STATUS_OK);
  for (uint64_t i = 0; i < MESSAGES; message[0] = ++i)
    CHECK_EQ(ring_put(r, &record, deadline_now()), STATUS_OK);
  for (uint64_t i = 0; i < MESSAGES - 10; i++) CHECK_EQ(take_number(r), i);
  for (uint64_t i = MESSAGES; i < 2 * MESSAGES; message[0] = ++i) {
    CHECK_EQ(ring_put(r, &record, deadline_now()), STATUS_OK);
    CHECK_EQ(take_number(r), i - 10);
    CHECK(arena_used(segment_arena()) <= before + 3);
  }
  arena_measure(segment_arena(), &figures);
  CHECK(figures.block_bytes < (uint64_t)256 << 10);
  ring_validate(r);
  ring_fini(r);
  segment_release(&r->object);
  CHECK_EQ(arena_used(segment_arena()), before);
}

static bool is_any(const uint8_t *data, size_t size) { return data || size == 0; }
static bool is_not_seven(const uint8_t *data, size_t size) { return size == 0 || data[0] != 7; }

static void fill_batch(struct ring_batch *batch, uint64_t first, uint64_t last, size_t size) {
  uint64_t message[100] = {0};
  batch->count = batch->size = 0;
  for (message[0] = first; message[0] <= last; message[0]++) {
    const struct ring_record record = {
        .head = message, .head_size = 8, .body = message + 1, .body_size = size - 8};
    CHECK(ring_batch_add(batch, &record));
  }
}

/* Numbers from `from` on come out, up to `most` at a time. Returns the next one. */
static uint64_t take_batch(struct ring *r, uint64_t from, uint64_t most,
                           bool (*is_wanted)(const uint8_t *, size_t)) {
  static struct ring_batch batch;
  uint32_t at = 0;
  CHECK_EQ(ring_take_batch(r, &batch, most, is_wanted), STATUS_OK);
  CHECK(batch.count <= most);
  ring_validate(r);
  while (at < batch.size) CHECK_EQ(*(const uint64_t *)ring_batch_next(&batch, &at).body, from++);
  return from;
}

/* Through all storages, by batches of each size, and with single puts and takes between them. */
static void several_messages_go_and_come_at_once(void) {
  static struct ring_batch batch;
  struct ring *r = NULL;
  const uint64_t before = arena_used(segment_arena());
  CHECK_EQ(ring_make(&r, (struct ring_bounds){0}, RING_GROWS), STATUS_OK);
  CHECK_EQ(ring_take_batch(r, &batch, 3, is_any), STATUS_EMPTY);
  uint64_t put = 100, taken = 100;
  for (int round = 0; round < 400; round++) {
    uint32_t count = 0;
    const uint64_t many = (uint64_t)(round * 7 % 60 + 1);
    fill_batch(&batch, put, put + many - 1, round % 3 ? 16 : 120);
    CHECK_EQ(ring_put_batch(r, &batch, &count), STATUS_OK);
    CHECK_EQ(count, many);
    ring_validate(r);
    put += many;
    put_text(r, &put, sizeof put);
    put++;
    while (taken + (round < 200 ? 3000 : 0) < put) {
      if (round % 5 == 0) CHECK_EQ(take_number(r), taken++);
      if (taken < put) taken = take_batch(r, taken, (uint64_t)(round % 50 + 1), is_any);
    }
  }
  CHECK_EQ(taken, put);
  ring_close(r);
  CHECK_EQ(ring_put_batch(r, &batch, &(uint32_t){0}), STATUS_CLOSED);
  CHECK_EQ(ring_take_batch(r, &batch, 3, is_any), STATUS_CLOSED);
  ring_fini(r);
  segment_release(&r->object);
  CHECK_EQ(arena_used(segment_arena()), before);
}

static void several_messages_keep_the_bounds(void) {
  static struct ring_batch batch;
  struct ring *r = NULL;
  uint32_t count = 0;
  CHECK_EQ(ring_make(&r, (struct ring_bounds){5, 100}, RING_GROWS), STATUS_OK);
  fill_batch(&batch, 3, 10, 16);
  CHECK_EQ(ring_put_batch(r, &batch, &count), STATUS_FULL);
  CHECK_EQ(count, 5);
  CHECK_EQ(take_batch(r, 3, 9, is_not_seven), 7); /* the fifth one is not wanted */
  CHECK_EQ(take_number(r), 7);
  fill_batch(&batch, 10, 13, 40);
  CHECK_EQ(ring_put_batch(r, &batch, &count), STATUS_FULL);
  CHECK_EQ(count, 2);
  put_text(r, &count, sizeof count);
  CHECK_EQ(take_batch(r, 10, 2, is_any), 12);
  ring_validate(r);
  ring_fini(r);
  segment_release(&r->object);
}

static void a_ring_bounded_by_bytes_is_full_at_its_bound(void) {
  struct ring *r = NULL;
  static uint8_t text[6000];
  const struct ring_record small = {.body = text, .body_size = 400};
  const struct ring_record large = {.body = text, .body_size = sizeof text};
  CHECK_EQ(ring_make(&r, (struct ring_bounds){0, 1000}, RING_GROWS), STATUS_OK);
  CHECK_EQ(ring_put(r, &large, deadline_never()), STATUS_TOO_LARGE);
  for (int i = 0; i < 2; i++) CHECK_EQ(ring_put(r, &small, deadline_now()), STATUS_OK);
  CHECK_EQ(ring_put(r, &small, deadline_now()), STATUS_FULL);
  CHECK_EQ(ring_put(r, &small, deadline_after(0.02)), STATUS_TIMEOUT);
  CHECK(!ring_is_full(r));
  const struct ring_record rest = {.body = text, .body_size = 200};
  CHECK_EQ(ring_put(r, &rest, deadline_now()), STATUS_OK);
  CHECK(ring_is_full(r));
  expect_text(r, text, 400);
  CHECK_EQ(ring_put(r, &small, deadline_now()), STATUS_OK);
  ring_validate(r);
  ring_fini(r);
  segment_release(&r->object);
}

static void a_closed_ring_drains_and_then_says_so(void) {
  struct ring *r = NULL;
  struct ring_message m;
  CHECK_EQ(ring_make(&r, (struct ring_bounds){0}, RING_GROWS), STATUS_OK);
  CHECK_EQ(ring_take(r, &inbox, &m, deadline_now()), STATUS_EMPTY);
  CHECK_EQ(ring_take(r, &inbox, &m, deadline_after(0.01)), STATUS_TIMEOUT);
  put_text(r, "last", 4);
  ring_close(r);
  const struct ring_record record = {.body = "x", .body_size = 1};
  CHECK_EQ(ring_put(r, &record, deadline_never()), STATUS_CLOSED);
  expect_text(r, "last", 4);
  CHECK_EQ(ring_take(r, &inbox, &m, deadline_never()), STATUS_CLOSED);
  ring_fini(r);
  segment_release(&r->object);
}

static void blocks_are_reused_and_none_is_left(void) {
  const uint64_t before = arena_used(segment_arena());
  for (int i = 0; i < 10000; i++) {
    struct ring *r = NULL;
    static uint8_t text[9000];
    CHECK_EQ(ring_make(&r, (struct ring_bounds){0}, RING_GROWS), STATUS_OK);
    put_text(r, text, i % 2 ? sizeof text : 10);
    expect_text(r, text, i % 2 ? sizeof text : 10);
    ring_fini(r);
    segment_release(&r->object);
  }
  CHECK_EQ(arena_used(segment_arena()), before);
  arena_validate(segment_arena());
}

static bool is_readable(int fd) {
  struct pollfd entry = {.fd = fd, .events = POLLIN};
  return poll(&entry, 1, 0) == 1;
}

static void a_notify_socket_rings_at_puts_and_at_the_close(void) {
  struct ring *r = NULL;
  int fd = -1;
  notify_name name = 0;
  CHECK_EQ(ring_make(&r, (struct ring_bounds){0}, RING_GROWS), STATUS_OK);
  CHECK_EQ(notify_socket_open(&fd, &name), STATUS_OK);
  ring_set_notify_socket(r, name);
  CHECK(!is_readable(fd));
  put_text(r, "x", 1);
  CHECK(is_readable(fd));
  notify_socket_clear(fd);
  CHECK(!is_readable(fd));
  for (int i = 0; i < 1000; i++) put_text(r, "x", 1); /* more notifications than the socket holds */
  CHECK(is_readable(fd));
  notify_socket_clear(fd);
  ring_close(r);
  CHECK(is_readable(fd));
  ring_set_notify_socket(r, 0);
  notify_socket_close(fd);
  notify_socket_notify(name); /* its reader is gone */
  ring_fini(r);
  segment_release(&r->object);
}

enum { THREADS = 2, EACH = 50000 };

struct traffic {
  struct ring *ring;
  uint64_t sum;
  uint64_t base;
};

static void produce(void *argument) {
  const struct traffic *t = argument;
  for (uint64_t i = 1; i <= EACH; i++) {
    const uint64_t value = t->base + i;
    const struct ring_record record = {.body = &value, .body_size = sizeof value};
    CHECK_EQ(ring_put(t->ring, &record, deadline_never()), STATUS_OK);
  }
}

static void consume(void *argument) {
  struct traffic *t = argument;
  struct bytes scratch;
  struct ring_message m;
  bytes_init(&scratch);
  while (ring_take(t->ring, &scratch, &m, deadline_never()) == STATUS_OK) {
    uint64_t value;
    memcpy(&value, m.data, sizeof value);
    t->sum += value;
    ring_message_done(&m);
  }
  bytes_fini(&scratch);
}

static void run_traffic(uint64_t bound, enum ring_growth growth) {
  struct ring *r = NULL;
  struct traffic makers[THREADS];
  struct traffic consumers[THREADS];
  struct thread threads[2 * THREADS];
  CHECK_EQ(ring_make(&r, (struct ring_bounds){bound, 0}, growth), STATUS_OK);
  uint64_t expected = 0;
  for (int i = 0; i < THREADS; i++) {
    makers[i] = (struct traffic){r, 0, (uint64_t)i * EACH};
    consumers[i] = (struct traffic){r, 0, 0};
    CHECK_EQ(thread_start(&threads[i], produce, &makers[i], "maker"), STATUS_OK);
    CHECK_EQ(thread_start(&threads[THREADS + i], consume, &consumers[i], "consumer"), STATUS_OK);
  }
  for (uint64_t i = 1; i <= THREADS * EACH; i++) expected += i;
  for (int i = 0; i < THREADS; i++) thread_join(&threads[i]);
  ring_close(r);
  uint64_t sum = 0;
  for (int i = 0; i < THREADS; i++) {
    thread_join(&threads[THREADS + i]);
    sum += consumers[i].sum;
  }
  CHECK_EQ(sum, expected);
  ring_validate(r);
  ring_fini(r);
  segment_release(&r->object);
}

static void many_producers_and_consumers_lose_nothing(void) {
  run_traffic(0, RING_GROWS);
  run_traffic(1, RING_GROWS);
  run_traffic(7, RING_STAYS);
}

int main(void) {
  CHECK_EQ(segment_open(), STATUS_OK);
  messages_of_any_size_come_out_in_order();
  a_record_in_two_parts_arrives_as_one();
  what_was_sent_is_counted_while_the_ring_lives_and_after_it();
  a_block_goes_as_it_is_with_a_head_in_front();
  a_bounded_ring_is_full_at_its_bound_and_not_before();
  a_staying_ring_waits_for_its_reader();
  an_unbounded_ring_takes_what_its_messages_take();
  a_consumer_that_keeps_up_touches_few_pages();
  several_messages_go_and_come_at_once();
  several_messages_keep_the_bounds();
  a_ring_bounded_by_bytes_is_full_at_its_bound();
  a_closed_ring_drains_and_then_says_so();
  blocks_are_reused_and_none_is_left();
  a_notify_socket_rings_at_puts_and_at_the_close();
  many_producers_and_consumers_lose_nothing();
  bytes_fini(&inbox);
  return 0;
}
