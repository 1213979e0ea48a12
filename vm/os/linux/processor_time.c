/* SPDX-License-Identifier: MIT */
/* The idle time of /proc/stat is measured, even where the busy times are sampled by the tick. */
#include "os/processor_time.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
  }
  fclose(file);
  if (out->idle_ns == 0) out->processors = 0; /* a file of zeros, as some containers have it */
}

/* ---- the control group ----------------------------------------------------------------------- */

int64_t processor_time_throttled(const char *path) {
  FILE *file = fopen(path, "re");
  if (!file) return 0;
  char line[128];
  int64_t value = 0;
  int64_t ns = 0;
  while (fgets(line, sizeof line, file)) {
    if (sscanf(line, "throttled_usec %" SCNd64, &value) == 1) ns = value * 1000;
    if (sscanf(line, "throttled_time %" SCNd64, &value) == 1) ns = value;
  }
  fclose(file);
  return ns;
}

/* Whether the comma-separated list has this name. */
static bool has_name(const char *list, const char *name) {
  const size_t length = strlen(name);
  for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
    if (strcspn(at, ",") == length && strncmp(at, name, length) == 0) return true;
  return false;
}

/* A line is "0::/path" in version 2 and "1:cpu,cpuacct:/path" in version 1. In a container the path may
 * be one outside of it: its own tree begins at the root. */
static int64_t throttled_of_line(char *line) {
  char path[2 * PATH_MAX];
  char *controllers = strchr(line, ':');
  char *group = controllers ? strchr(controllers + 1, ':') : NULL;
  if (!group) return 0;
  controllers++;
  *group++ = '\0';
  group[strcspn(group, "\n")] = '\0';
  if (*controllers && !has_name(controllers, "cpu")) return 0;
  const char *tree = *controllers ? "/sys/fs/cgroup/cpu" : "/sys/fs/cgroup";
  snprintf(path, sizeof path, "%s%s/cpu.stat", tree, group);
  if (access(path, R_OK) != 0) snprintf(path, sizeof path, "%s/cpu.stat", tree);
  return processor_time_throttled(path);
}

static int64_t throttled_now(void) {
  FILE *file = fopen("/proc/self/cgroup", "re");
  if (!file) return 0;
  char line[PATH_MAX];
  int64_t most = 0;
  while (fgets(line, sizeof line, file)) {
    const int64_t ns = throttled_of_line(line);
    if (ns > most) most = ns;
  }
  fclose(file);
  return most;
}

void processor_time_now(struct processor_time *out) {
  cpu_set_t allowed;
  *out = (struct processor_time){.throttled_ns = throttled_now()};
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) add_processors(out, &allowed);
}

/* ---- the clock rate -------------------------------------------------------------------------- */

void processor_governor(char name[PROCESSOR_GOVERNOR_MAX]) {
  name[0] = '\0';
  FILE *file = fopen("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "re");
  if (!file) return;
  if (!fgets(name, PROCESSOR_GOVERNOR_MAX, file)) name[0] = '\0';
  name[strcspn(name, "\n")] = '\0';
  fclose(file);
}

/* ---- which processors ------------------------------------------------------------------------ */

size_t processors_allowed(int *numbers, size_t room) {
  cpu_set_t set;
  size_t count = 0;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 0;
  for (int i = 0; i < CPU_SETSIZE && count < room; i++)
    if (CPU_ISSET((size_t)i, &set)) numbers[count++] = i;
  return count;
}

status processors_allow(const int *numbers, size_t count) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (size_t i = 0; i < count; i++)
    if (numbers[i] >= 0 && numbers[i] < CPU_SETSIZE) CPU_SET((size_t)numbers[i], &set);
  return sched_setaffinity(0, sizeof set, &set) == 0 ? STATUS_OK : -errno;
}

status processors_bind(int32_t thread, int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET((size_t)processor, &set);
  return sched_setaffinity(thread, sizeof set, &set) == 0 ? STATUS_OK : -errno;
}
