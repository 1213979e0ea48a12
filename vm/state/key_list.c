/* SPDX-License-Identifier: MIT */
#include "state/key_list.h"

void key_list_begin(struct key_list *k) {
  if (k->message == UINT32_MAX) memset(k, 0, sizeof *k);
  k->message++;
  k->count = 0;
  k->repeated = 0;
}
