/* SPDX-License-Identifier: MIT */
/* What was typed at the prompt, over sessions.
 *
 * The file is MANYMOONS_HISTORY (empty: there is none), else manymoons/history in XDG_STATE_HOME, else in
 * ~/.local/state. Each entry is appended when it was typed, so that no end of the program loses it, and several prompts
 * keep one file (os/line_file.h). Where the file cannot be read or written there is no history, and no message.
 *
 * An entry of several lines has a tab before each line but the first.
 */
#ifndef PROGRAM_HISTORY_H
#define PROGRAM_HISTORY_H

#include <limits.h>
#include <stdbool.h>

struct history {
  char path[PATH_MAX]; /* empty: there is none */
  char *last;          /* the last entry, which is not repeated; NULL: none */
};

void history_open(struct history *h);
/* Calls add(context, entry) for the last entries, oldest first. */
void history_each(struct history *h, void (*add)(void *context, const char *entry), void *context);
/* Whether the entry is new: not blank, and not the last one once more. It is kept then. */
bool history_add(struct history *h, const char *entry);
void history_close(struct history *h);

#endif
