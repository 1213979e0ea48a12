/* SPDX-License-Identifier: MIT */
/* The command line of the host program: `manymoons [options] [trace [-o FILE]] [script [args]]`.
 *
 * Parsing only reads: argv stays as it is, and everything here points into it. What the options make happen
 * is main.c's business; those that run something (-e, -l, -W) are handed out as steps, in their order.
 */
#ifndef PROGRAM_OPTIONS_H
#define PROGRAM_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

struct options {
  int argc;
  char **argv;
  int script;               /* index of the script's name in argv; argc: there is none */
  bool is_script_literal;   /* it follows "--": "-" and the names of subcommands are files there */
  bool is_interactive;      /* -i */
  bool shows_version;       /* -v, -i, --version */
  bool shows_help;          /* -h, --help */
  bool ignores_environment; /* -E */
  bool has_chunks;          /* -e: without a script, nothing is read from stdin */
  const char *world;        /* --world; NULL: none was chosen */
  const char *trace;        /* the file that `trace` before the script's name means; NULL: there is none */
  const char *wrong;        /* the word that could not be understood; NULL: all could */
  bool lacks_more;          /* it could, but nothing comes after it */
};

struct options options_parse(int argc, char **argv);
/* Says what is wrong with `o->wrong`, and how it is done right. */
void options_print_refusal(const struct options *o, FILE *out);
void options_print_usage(FILE *out);

enum step_kind { STEP_EXECUTE, STEP_REQUIRE, STEP_WARN };

struct step {
  enum step_kind kind;
  const char *text; /* the chunk, or the module; NULL for STEP_WARN */
};

/* The next step; false behind the last one. `cursor` starts at 0. Of options without a wrong word only. */
bool options_next_step(const struct options *o, int *cursor, struct step *out);

#endif
