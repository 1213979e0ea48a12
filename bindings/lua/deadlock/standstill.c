/* SPDX-License-Identifier: MIT */
#include "deadlock/standstill.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deadlock/wait_text.h"
#include "os/clock.h"
#include "os/environment.h"
#include "os/process.h"
#include "shared/segment.h"

static const char variable[] = "MANYMOONS_STANDSTILL";

void standstill_follow_environment(struct vm *vm, double usual) {
  const char *text = environment_get(variable);
  char *end = NULL;
  double seconds = text ? strtod(text, &end) : usual;
  if (text && (end == text || !(seconds >= 0 && seconds < 1e9))) seconds = usual;
  vm->standstill_ns = (int64_t)(seconds * 1e9);
}

/* ---- saying ---------------------------------------------------------------------------------- */

enum { WAITS_SHOWN = 4, WAIT_TEXT = 256, LINE_MOST = 1600 };

static void append(char *line, const char *text) {
  const size_t length = strlen(line);
  snprintf(line + length, LINE_MOST - length, "%s", text);
}

static void append_waits(char *line, const struct wait_cycle *all) {
  uint32_t shown = 0;
  char text[WAIT_TEXT];
  for (; shown < all->shown && shown < WAITS_SHOWN; shown++) {
    append(line, shown ? "; " : ": ");
    wait_text_write(&all->waits[shown], text, sizeof text);
    append(line, text);
  }
  if (shown == all->count) return;
  snprintf(text, sizeof text, "; and %d more", (int)(all->count - shown));
  append(line, text);
}

/* Names are the script's: what is no text would be more lines than one. */
static void clean(char *line) {
  for (; *line; line++)
    if ((unsigned char)*line < ' ') *line = ' ';
}

static void write_line(char *line, const struct vm *vm, const struct wait_cycle *all) {
  char text[WAIT_TEXT];
  snprintf(line, LINE_MOST, "manymoons: the program has stood still for %.3g s",
           (double)vm->standstill_ns / 1e9);
  append_waits(line, all);
  append(line, ". Only a signal or another program can end that; ");
  snprintf(text, sizeof text,
           vm->is_adopted ? "manymoons stack %d prints all stacks"
                          : "manymoons stack %d, or kill -QUIT %d, prints all stacks",
           (int)process_pid(), (int)process_pid());
  append(line, text);
  clean(line);
}

static void say(const char *line) {
  const char *setting = environment_get(variable);
  const char *path = setting ? strchr(setting, ',') : NULL;
  FILE *file = path ? fopen(path + 1, "ae") : stderr;
  if (!file) return;
  fprintf(file, "%s\n", line);
  if (path)
    fclose(file);
  else
    fflush(file);
}

void standstill_look(const struct vm *vm, struct standstill *seen) {
  struct wait_cycle all;
  char line[LINE_MOST];
  if (!vm->standstill_ns || !segment_stands_still(seen, clock_now_ns() - vm->standstill_ns, &all)) return;
  write_line(line, vm, &all);
  say(line);
}
