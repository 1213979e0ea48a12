/* SPDX-License-Identifier: MIT */
#include "os/machine.h"

#include <stdio.h>
#include <string.h>

/* The first line "model name : …" of /proc/cpuinfo; not every architecture has one. */
void machine_describe_processor(char text[MACHINE_TEXT_MAX]) {
  FILE *file = fopen("/proc/cpuinfo", "re");
  if (!file) return;
  char line[MACHINE_TEXT_MAX];
  while (fgets(line, sizeof line, file)) {
    if (strncmp(line, "model name", strlen("model name")) != 0) continue;
    const char *value = strchr(line, ':');
    if (!value) continue;
    value += strspn(value, ": \t");
    snprintf(text, MACHINE_TEXT_MAX, "%.*s", (int)strcspn(value, "\n"), value);
    break;
  }
  fclose(file);
}
