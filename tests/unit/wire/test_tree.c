/* SPDX-License-Identifier: MIT */
/* Trees: a tree that was written reads the same; fields are found; mutated bytes and failed
 * allocations are failures and no more.
 */
#include "wire/tree.h"

#include <errno.h>

#include "base/check.h"
#include "base/memory.h"

/* { 1, 2.5, "text", { x = true }, name = "moon", other = { 1 … 40 } }, 7 */
static struct mm_val table_of(struct tree *t, size_t items, size_t pairs) {
  struct mm_val v = {.tree = t, .type = NODE_TABLE};
  v.table = tree_allocate(t, sizeof *v.table);
  CHECK(v.table != NULL);
  *v.table = (struct node_table){.item_count = items, .pair_count = pairs};
  v.table->items = items ? tree_allocate(t, items * sizeof *v.table->items) : NULL;
  v.table->pairs = pairs ? tree_allocate(t, pairs * sizeof *v.table->pairs) : NULL;
  return v;
}

static struct mm_val integer(struct tree *t, int64_t n) {
  return (struct mm_val){.tree = t, .type = NODE_INTEGER, .integer = n};
}

static struct mm_val text(struct tree *t, const char *s) {
  struct mm_val v;
  CHECK_EQ(tree_set_string(t, &v, s, strlen(s)), STATUS_OK);
  return v;
}

static struct bytes sample(void) {
  struct tree *t = NULL;
  struct bytes out;
  bytes_init(&out);
  CHECK_EQ(tree_make(&t), STATUS_OK);
  struct mm_val list = table_of(t, 2, 0), main = table_of(t, 4, 2), inner = table_of(t, 0, 1),
                long_one = table_of(t, 40, 0);
  for (int i = 0; i < 40; i++) long_one.table->items[i] = integer(t, i * 1000 - 20000);
  inner.table->pairs[0] = (struct node_pair){text(t, "x"), {.tree = t, .type = NODE_TRUE}};
  main.table->items[0] = integer(t, 1);
  main.table->items[1] = (struct mm_val){.tree = t, .type = NODE_FLOAT, .number = 2.5};
  main.table->items[2] = text(t, "text");
  main.table->items[3] = inner;
  main.table->pairs[0] = (struct node_pair){text(t, "other"), long_one};
  main.table->pairs[1] = (struct node_pair){text(t, "name"), text(t, "moon")};
  tree_order_pairs(main.table);
  tree_order_pairs(inner.table);
  list.table->items[0] = main;
  list.table->items[1] = integer(t, 7);
  t->root.table = list.table;
  CHECK_EQ(tree_write(&t->root, &out), STATUS_OK);
  CHECK(tree_drop(t));
  tree_free(t);
  return out;
}

static void what_is_written_is_read(void) {
  struct bytes message = sample();
  struct tree *t = NULL;
  CHECK_EQ(tree_read(&message, &t), STATUS_OK);
  CHECK_EQ(message.len, 0);
  const struct node_table *list = t->root.table, *main = list->items[0].table;
  CHECK_EQ(list->item_count, 2);
  CHECK_EQ(list->items[1].integer, 7);
  CHECK_EQ(main->item_count, 4);
  CHECK(main->items[1].number == 2.5);
  CHECK(strcmp(main->items[2].string.text, "text") == 0);
  CHECK_EQ(tree_field(main->items[3].table, "x", 1)->type, NODE_TRUE);
  CHECK(strcmp(tree_field(main, "name", 4)->string.text, "moon") == 0);
  CHECK_EQ(tree_field(main, "other", 5)->table->items[39].integer, 19000);
  CHECK(tree_field(main, "nam", 3) == NULL && tree_field(main, "names", 5) == NULL);
  tree_keep(t);
  CHECK(!tree_drop(t));
  CHECK(tree_drop(t));
  tree_free(t);
}

static void a_part_is_written_alone(void) {
  struct bytes message = sample(), part;
  struct tree *t = NULL, *again = NULL;
  bytes_init(&part);
  CHECK_EQ(tree_read(&message, &t), STATUS_OK);
  CHECK_EQ(tree_write(&t->root.table->items[0], &part), STATUS_OK);
  tree_free(t);
  CHECK_EQ(tree_read(&part, &again), STATUS_OK);
  CHECK(strcmp(tree_field(again->root.table->items[0].table, "name", 4)->string.text, "moon") == 0);
  tree_free(again);
}

static void mutated_bytes_do_no_harm(int rounds) {
  struct bytes original = sample();
  uint32_t seed = 12345;
  for (int i = 0; i < rounds; i++) {
    struct bytes copy;
    struct tree *t = NULL;
    bytes_init(&copy);
    CHECK_EQ(bytes_append(&copy, original.data, original.len), STATUS_OK);
    for (int change = 0; change <= i % 3; change++) {
      seed = seed * 1664525 + 1013904223;
      copy.data[12 + seed % (copy.len - 12)] = (uint8_t)(seed >> 24);
    }
    const status st = tree_read(&copy, &t);
    CHECK(st == STATUS_OK || st == STATUS_MALFORMED);
    if (st == STATUS_OK) tree_free(t);
    bytes_fini(&copy);
  }
  bytes_fini(&original);
}

#if defined(MM_FAULTS)
static void without_memory_nothing_is_taken(void) {
  for (long n = 1;; n++) {
    struct bytes message = sample();
    struct tree *t = NULL;
    memory_fail_after(n);
    const status st = tree_read(&message, &t);
    memory_fail_after(0);
    if (st == STATUS_OK) {
      tree_free(t);
      CHECK(n > 2);
      return;
    }
    CHECK_EQ(st, -ENOMEM);
    CHECK(message.len > 0);
    bytes_fini(&message);
  }
}
#endif

int main(void) {
  what_is_written_is_read();
  a_part_is_written_alone();
  mutated_bytes_do_no_harm(20000);
#if defined(MM_FAULTS)
  without_memory_nothing_is_taken();
#endif
  return 0;
}
