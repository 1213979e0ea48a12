/* SPDX-License-Identifier: MIT */
#include "os/libc_random.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

status libc_random_init(struct libc_random *r) {
  uint32_t seed = 0;
  int32_t words[31];
  if (getentropy(&seed, sizeof seed) || getentropy(words, sizeof words)) return -errno;
  memset(r, 0, sizeof *r);
  initstate_r(seed, (char *)r->state, sizeof r->state, &r->data);
  /* The first word describes the state; of the others at least one has to be odd. */
  memcpy(&r->state[1], words, sizeof words);
  r->state[1] |= 1;
  return STATUS_OK;
}

void libc_random_seed(struct libc_random *r, unsigned seed) { srandom_r(seed, &r->data); }

int32_t libc_random_next(struct libc_random *r) {
  int32_t number = 0;
  random_r(&r->data, &number);
  return number;
}
