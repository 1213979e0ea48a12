/* SPDX-License-Identifier: MIT */
#include "cli/stats.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "os/environment.h"
#include "shared/ring.h"

static const double seconds_per_ns = 1e-9;

static double seconds_of(const _Atomic uint64_t *ns) {
  return (double)atomic_load_explicit(ns, memory_order_relaxed) * seconds_per_ns;
}

static void print_stats(FILE *out) {
  static const struct totals nothing;
  const struct ring_traffic traffic = ring_traffic_of_all();
  const struct totals *t = segment_totals();
  if (!t) t = &nothing;
  fprintf(
      out, "{\"messages\":%llu,\"bytes\":%llu,\"lock\":{\"held\":%.6f,\"waited\":%.6f,\"switches\":%llu}}\n",
      (unsigned long long)traffic.messages, (unsigned long long)traffic.bytes, seconds_of(&t->lock_held_ns),
      seconds_of(&t->lock_waited_ns), (unsigned long long)atomic_load(&t->lock_switches));
}

void stats_write(void) {
  const char *path = environment_get("MANYMOONS_STATS");
  if (!path || !*path) return;
  FILE *out = fopen(path, "we");
  if (out) print_stats(out);
  const bool is_written = out && !ferror(out);
  if ((!out || fclose(out) != 0) || !is_written)
    fprintf(stderr, "manymoons: MANYMOONS_STATS: cannot write %s: %s\n", path, strerror(errno));
}
