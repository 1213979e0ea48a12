/* SPDX-License-Identifier: MIT */
#include "history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "os/environment.h"
#include "os/line_file.h"
#include "os/regular_file.h"

/* The file has at most FILE_MOST bytes; an entry that is longer than ENTRY_MOST lives as long as the program. */
enum { FILE_MOST = 256 * 1024, READ_MOST = 4 * FILE_MOST, ENTRY_MOST = 16 * 1024, ENTRIES_MOST = 1000 };

/* ---- where it is ----------------------------------------------------------------------------- */

static void set_path(struct history *h, const char *folder, const char *rest) {
  const int length = snprintf(h->path, sizeof h->path, "%s%s", folder, rest);
  if (length >= (int)sizeof h->path) h->path[0] = '\0';
}

void history_open(struct history *h) {
  *h = (struct history){0};
  const char *own = environment_get("MANYMOONS_HISTORY");
  const char *state = environment_get("XDG_STATE_HOME");
  const char *home = environment_get("HOME");
  if (own)
    set_path(h, own, "");
  else if (state && state[0] == '/')
    set_path(h, state, "/manymoons/history");
  else if (home && home[0] == '/')
    set_path(h, home, "/.local/state/manymoons/history");
}

/* ---- entries --------------------------------------------------------------------------------- */

static void keep_last(struct history *h, const char *entry) {
  free(h->last);
  h->last = strdup(entry);
}

/* Of the lines from `at` on: the first one that begins an entry, behind the first line. */
static char *find_next(char *at) {
  for (char *newline = strchr(at, '\n'); newline; newline = strchr(newline + 1, '\n'))
    if (newline[1] != '\t') return newline + 1;
  return at + strlen(at);
}

/* Makes an entry of its lines: without the tabs, and without the last newline. */
static void join_lines(char *entry, char *end) {
  char *out = entry;
  for (const char *in = entry; in < end; in++) {
    if (in > entry && in[-1] == '\n' && *in == '\t') continue;
    *out++ = *in;
  }
  if (out > entry && out[-1] == '\n') out--;
  *out = '\0';
}

static int count_entries(char *text) {
  int count = 0;
  for (; *text; text = find_next(text)) count++;
  return count;
}

static void give_entries(struct history *h, char *text, void (*add)(void *context, const char *entry),
                         void *context) {
  int left = count_entries(text);
  while (*text) {
    char *const next = find_next(text);
    const char first_of_next = *next;
    join_lines(text, next);
    if (left-- <= ENTRIES_MOST && *text) {
      add(context, text);
      keep_last(h, text);
    }
    *next = first_of_next;
    text = next;
  }
}

void history_each(struct history *h, void (*add)(void *context, const char *entry), void *context) {
  if (!h->path[0]) return;
  struct bytes text;
  bytes_init(&text);
  const status st = regular_file_read(h->path, READ_MOST, &text);
  if (st == STATUS_OK && bytes_append(&text, "", 1) == STATUS_OK)
    give_entries(h, (char *)text.data, add, context);
  bytes_fini(&text);
}

/* The entry as it stands in the file. */
static status write_lines(struct bytes *out, const char *entry) {
  status st = STATUS_OK;
  for (const char *at = entry; *at && st == STATUS_OK; at++) {
    st = bytes_append(out, at, 1);
    if (st == STATUS_OK && *at == '\n') st = bytes_append(out, "\t", 1);
  }
  return st ? st : bytes_append(out, "\n", 1);
}

static void append(const struct history *h, const char *entry) {
  struct bytes lines;
  bytes_init(&lines);
  if (write_lines(&lines, entry) == STATUS_OK)
    (void)!line_file_append(h->path, (const char *)lines.data, lines.len, FILE_MOST);
  bytes_fini(&lines);
}

bool history_add(struct history *h, const char *entry) {
  entry += strspn(entry, " \t\n");
  if (!*entry || (h->last && strcmp(h->last, entry) == 0)) return false;
  keep_last(h, entry);
  if (h->path[0] && strlen(entry) <= ENTRY_MOST) append(h, entry);
  return true;
}

void history_close(struct history *h) {
  free(h->last);
  h->last = NULL;
}
