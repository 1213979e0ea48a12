/* SPDX-License-Identifier: MIT */
#include "os/libc_random.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void fill(int32_t *state, const int32_t *words) {
  memcpy(&state[1], &words[1], sizeof *state * (LIBC_RANDOM_WORDS - 1));
  state[1] |= 1;
}

void libc_random_set(struct libc_random *r, const int32_t *words) {
  memset(r, 0, sizeof *r);
  initstate_r(1, (char *)r->state, sizeof r->state, &r->data);
  fill(r->state, words);
}

status libc_random_init(struct libc_random *r) {
  int32_t words[LIBC_RANDOM_WORDS];
  if (getentropy(words, sizeof words)) return -errno;
  libc_random_set(r, words);
  return STATUS_OK;
}

void libc_random_seed(struct libc_random *r, unsigned seed) { srandom_r(seed, &r->data); }

int32_t libc_random_next(struct libc_random *r) {
  int32_t number = 0;
  random_r(&r->data, &number);
  return number;
}

enum {
  KINDS = 5,
  USUAL_KIND = 3
}; /* the first word: the place of the next number times KINDS, and the kind */

/* The state of the process, which draws from `other` meanwhile: the first word of a state in use is not up to date. */
static int32_t *borrow(int32_t *other) {
  return (int32_t *)(void *)initstate(1, (char *)other, sizeof *other * LIBC_RANDOM_WORDS);
}

static void give_back(int32_t *state) { setstate((char *)state); }

bool libc_random_has_process(void) {
  int32_t other[LIBC_RANDOM_WORDS];
  int32_t *state = borrow(other);
  const bool is_usual = state[0] % KINDS == USUAL_KIND;
  give_back(state);
  return is_usual;
}

void libc_random_read_process(int32_t *words) {
  int32_t other[LIBC_RANDOM_WORDS];
  int32_t *state = borrow(other);
  memcpy(words, state, sizeof *words * LIBC_RANDOM_WORDS);
  give_back(state);
}

void libc_random_write_process(const int32_t *words) {
  int32_t other[LIBC_RANDOM_WORDS];
  int32_t *state = borrow(other);
  memcpy(state, words, sizeof *words * LIBC_RANDOM_WORDS);
  give_back(state);
}

void libc_random_set_process(const int32_t *words) {
  int32_t other[LIBC_RANDOM_WORDS];
  int32_t *state = borrow(other);
  state[0] = USUAL_KIND;
  fill(state, words);
  give_back(state);
}
