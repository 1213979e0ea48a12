/* SPDX-License-Identifier: MIT */
/* The idle time of /proc/stat is measured, even where the busy times are sampled by the tick. */
#include "os/processor_time.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/control_group.h"

static const int64_t NS_PER_S = 1000000000;

/* ---- ticks ----------------------------------------------------------------------------------- */

bool processor_time_of_line(const char *line, int *processor, int64_t *idle_ticks, int64_t *stolen_ticks) {
  int64_t idle;
  int64_t files;
  int64_t stolen;
  if (strncmp(line, "cpu", 3) != 0 || line[3] < '0' || line[3] > '9') return false;
  const int found = sscanf(line + 3, "%d %*d %*d %*d %" SCNd64 " %" SCNd64 " %*d %*d %" SCNd64, processor,
                           &idle, &files, &stolen);
  if (found != 4) return false;
  *idle_ticks = idle + files;
  *stolen_ticks = stolen;
  return true;
}

static int64_t ns_of_ticks(int64_t ticks) {
  const long rate = sysconf(_SC_CLK_TCK);
  return rate > 0 ? ticks * (NS_PER_S / rate) : 0;
}

static void add_processors(struct processor_time *out, const cpu_set_t *allowed) {
  FILE *file = fopen("/proc/stat", "re");
  if (!file) return;
  char line[512];
  int processor;
  int64_t idle;
  int64_t stolen;
  while (fgets(line, sizeof line, file) && strncmp(line, "cpu", 3) == 0) {
    if (!processor_time_of_line(line, &processor, &idle, &stolen)) continue;
    if (processor >= CPU_SETSIZE || !CPU_ISSET((size_t)processor, allowed)) continue;
    out->processors++;
    out->idle_ns += ns_of_ticks(idle);
    out->stolen_ns += ns_of_ticks(stolen);
    out->precision_ns += ns_of_ticks(1);
  }
  fclose(file);
  if (out->idle_ns == 0) out->processors = 0; /* a file of zeros, as some containers have it */
}

/* ---- all of it ------------------------------------------------------------------------------- */

void processor_time_now(struct processor_time *out) {
  cpu_set_t allowed;
  *out = (struct processor_time){.throttled_ns = control_group_throttled_ns(control_groups_own)};
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) add_processors(out, &allowed);
}
