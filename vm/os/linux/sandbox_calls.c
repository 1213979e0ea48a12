/* SPDX-License-Identifier: MIT */
#include <sys/syscall.h>

#include "os/sandbox.h"

struct named_call {
  uint32_t number;
  const char *name;
};

const char *sandbox_call_name(uint32_t number) {
#define NAMED(name)            {SYS_##name, #name},
#define NUMBERED(name, number) {(number), #name},
  static const struct named_call calls[] = {
#include "os/linux/system_calls.def"
  };
#undef NAMED
#undef NUMBERED
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
    if (calls[i].number == number) return calls[i].name;
  return NULL;
}
