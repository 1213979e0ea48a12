/* SPDX-License-Identifier: MIT */
/* The command line of the host program: `manymoons [options] [script [args]]`.
 *
 * The options of this program may stand behind the name of a subcommand as well, among those of the subcommand, which has
 * neither name of its own for them: they are read as if they stood before it (argv is a copy then). The usage that a
 * subcommand prints says which options are its own: a line that begins with the option, and one space and the
 * name of its value if it has one.
 *
 * `help` prints the usage, and `help COMMAND` is `COMMAND --help`.
 *
 * Parsing does not change argv, and the results point into it. main.c acts on them; the options
 * that run code (-e, -l, -W) are returned as steps, in their order.
 */
#ifndef PROGRAM_OPTIONS_H
#define PROGRAM_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

enum wrong_kind {
  WRONG_OPTION,
  WRONG_WITHOUT_ARGUMENT, /* a known option */
  WRONG_COMMAND,
  WRONG_WITHOUT_WARNINGS, /* -W, in a Lua that has none */
};

struct options {
  int argc;
  char **argv;
  char **own_words;         /* argv in another order; NULL: it is that of main */
  int script;               /* index of the script's name in argv; argc: none */
  bool is_script_literal;   /* it follows "--": "-" and the names of subcommands are file names */
  bool is_subcommand;       /* it is the name of one */
  bool is_interactive;      /* -i */
  bool shows_version;       /* -v, -i, --version */
  bool shows_help;          /* -h, --help */
  bool ignores_environment; /* -E */
  bool has_chunks;          /* -e: without a script, stdin is not read */
  const char *world;        /* --world; NULL: not given */
  const char *wrong;        /* a word in error; NULL: none */
  enum wrong_kind wrong_kind;
};

/* usage(word) → the text that has the usage of that subcommand, NULL: there is none; its size in *size. */
typedef const char *(*options_usage)(const char *word, size_t *size);
struct options options_parse(int argc, char **argv, options_usage usage);
void options_fini(struct options *o);
enum { EXIT_WRONG_USE = 2 };
/* Prints the error of `o->wrong` in one line, with the name that is meant; returns the exit status. */
int options_refuse(const struct options *o, FILE *out);
/* The subcommand that is nearest to the word; NULL: none is near. */
const char *options_nearest_command(const char *word);
void options_print_usage(FILE *out);

enum step_kind { STEP_EXECUTE, STEP_REQUIRE, STEP_WARN };

struct step {
  enum step_kind kind;
  const char *text; /* the chunk, or the module; NULL for STEP_WARN */
};

/* Stores the next step; false behind the last one. *cursor is 0 at first. `o->wrong` must be
 * NULL. */
bool options_next_step(const struct options *o, int *cursor, struct step *out);

#endif
