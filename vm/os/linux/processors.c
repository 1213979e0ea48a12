/* SPDX-License-Identifier: MIT */
#include "os/processors.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/control_group.h"

/* ---- how many -------------------------------------------------------------------------------- */

static int count_allowed(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
  const long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? (int)count : 1;
}

int processors_count(void) {
  const int allowed = count_allowed();
  const int paid = control_group_processors(control_groups_own);
  return paid < allowed ? paid : allowed;
}

/* ---- which ----------------------------------------------------------------------------------- */

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

/* ---- their clock rate ------------------------------------------------------------------------ */

void processor_governor(char name[PROCESSOR_GOVERNOR_MAX]) {
  name[0] = '\0';
  FILE *file = fopen("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "re");
  if (!file) return;
  if (!fgets(name, PROCESSOR_GOVERNOR_MAX, file)) name[0] = '\0';
  name[strcspn(name, "\n")] = '\0';
  fclose(file);
}
