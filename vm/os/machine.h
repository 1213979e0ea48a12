/* SPDX-License-Identifier: MIT */
/* The machine that this process runs on, for those who read figures of it. */
#ifndef OS_MACHINE_H
#define OS_MACHINE_H

#include <stddef.h>

enum { MACHINE_TEXT_MAX = 256 };

/* What is unknown is "" or 0. */
struct machine {
  char name[MACHINE_TEXT_MAX];      /* in its network */
  char processor[MACHINE_TEXT_MAX]; /* its model */
  char system[MACHINE_TEXT_MAX];    /* "Linux 6.1.0" */
  int processors;                   /* all, and not those alone that this process may use */
  size_t memory;                    /* bytes */
  double load;                      /* processes that want to run, on average over a minute */
};

/* What is not known is 0 or "". It reads files, and takes up to some milliseconds. */
void machine_describe(struct machine *out);
/* The model of the processor; untouched where the system does not say. */
void machine_describe_processor(char text[MACHINE_TEXT_MAX]);

#endif
