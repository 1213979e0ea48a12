/* SPDX-License-Identifier: MIT */
#include "os/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "os/pages.h"

/* Names of kernels and hosts are short: utsname has 65 bytes for each. */
static void describe_system(struct machine *m) {
  struct utsname names;
  if (uname(&names)) return;
  snprintf(m->name, sizeof m->name, "%s", names.nodename);
  snprintf(m->system, sizeof m->system, "%s %s", names.sysname, names.release);
}

/* With the two digits that the system shows. */
static double load_of_a_minute(void) {
  double load = 0;
  return getloadavg(&load, 1) == 1 ? (double)(long)(load * 100 + 0.5) / 100 : 0;
}

void machine_describe(struct machine *out) {
  *out = (struct machine){.memory = pages_physical()};
  const long processors = sysconf(_SC_NPROCESSORS_ONLN);
  out->processors = processors > 0 ? (int)processors : 1;
  out->load = load_of_a_minute();
  describe_system(out);
  machine_describe_processor(out->processor);
}
