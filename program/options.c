/* SPDX-License-Identifier: MIT */
/* read_word classifies a word both for options_parse and for options_next_step, so that both agree
 * on which word is the value of which option. */
#include "options.h"

#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: manymoons [options] [script [args]]\n"
    "       manymoons [options] compare [options] script [args]\n"
    "                     run a script in every world and compare the times (compare --help)\n"
    "       manymoons top [PID]\n"
    "                     show a running program, or list those of this user (top --help)\n"
    "       manymoons stack PID\n"
    "                     print the Lua stacks of all VMs of a running program (stack --help)\n"
    "       manymoons worker URL --pool NAME [options]\n"
    "                     run tasks of a pool on a Redis or Valkey server (worker --help)\n"
    "       manymoons pool URL NAME\n"
    "                     show such a pool (pool --help)\n"
    "       manymoons [options] profile [options] script [args] | PID\n"
    "                     run a script, or watch a program, and write where its time went (profile --help)\n"
    "       manymoons [options] trace [-o FILE] script [args]\n"
    "                     run a script and write a timeline of it (default: trace.json)\n"
    "\n"
    "  -e CODE            run CODE\n"
    "  -l MODULE          require MODULE into the global of that name\n"
    "  -l NAME=MODULE     require MODULE into the global NAME\n"
    "  -i                 read and run lines interactively after the script\n"
    "  -v, --version      print the version\n"
    "  -E                 ignore LUA_INIT, LUA_PATH and LUA_CPATH\n"
    "  -W                 turn warnings on\n"
    "  --world NAME       default world for this run: serial, async, threads, interpreters\n"
    "                     or processes (default: processes)\n"
    "  -h, --help         print this\n"
    "  --                 end of options\n"
    "  -                  end of options; read the script from stdin\n";

static const char world_option[] = "--world";
enum { WORLD_LENGTH = sizeof world_option - 1 };

enum word_kind {
  WORD_WRONG,
  WORD_NO_OPTION,
  WORD_END, /* "--" */
  WORD_EXECUTE,
  WORD_REQUIRE,
  WORD_INTERACTIVE,
  WORD_VERSION,
  WORD_ENVIRONMENT,
  WORD_WARN,
  WORD_WORLD,
  WORD_HELP,
};

struct word {
  enum word_kind kind;
  const char *value;
  int length; /* in words of the command line: 2 if the value is a separate word */
};

static struct word word_alone(enum word_kind kind) { return (struct word){.kind = kind, .length = 1}; }

/* The value is the rest of the word, or the next word, which must not begin with '-'. */
static struct word word_with_value(enum word_kind kind, const char *rest, const char *next) {
  if (*rest) return (struct word){.kind = kind, .value = rest, .length = 1};
  if (!next || next[0] == '-') return word_alone(WORD_WRONG);
  return (struct word){.kind = kind, .value = next, .length = 2};
}

static struct word read_long(const char *text, const char *next) {
  if (strcmp(text, "--") == 0) return word_alone(WORD_END);
  if (strcmp(text, "--version") == 0) return word_alone(WORD_VERSION);
  if (strcmp(text, "--help") == 0) return word_alone(WORD_HELP);
  if (strncmp(text, world_option, WORLD_LENGTH) != 0) return word_alone(WORD_WRONG);
  if (text[WORLD_LENGTH] == '=')
    return (struct word){.kind = WORD_WORLD, .value = text + WORLD_LENGTH + 1, .length = 1};
  return word_with_value(text[WORLD_LENGTH] ? WORD_WRONG : WORD_WORLD, "", next);
}

static struct word read_word(const char *text, const char *next) {
  if (text[0] != '-' || text[1] == '\0') return word_alone(WORD_NO_OPTION);
  switch (text[1]) {
    case '-': return read_long(text, next);
    case 'e': return word_with_value(WORD_EXECUTE, text + 2, next);
    case 'l': return word_with_value(WORD_REQUIRE, text + 2, next);
    default: break;
  }
  if (text[2] != '\0') return word_alone(WORD_WRONG);
  switch (text[1]) {
    case 'i': return word_alone(WORD_INTERACTIVE);
    case 'v': return word_alone(WORD_VERSION);
    case 'E': return word_alone(WORD_ENVIRONMENT);
    case 'W': return word_alone(WORD_WARN);
    case 'h': return word_alone(WORD_HELP);
    default: return word_alone(WORD_WRONG);
  }
}

static void note_word(struct options *o, const struct word *w) {
  switch (w->kind) {
    case WORD_EXECUTE: o->has_chunks = true; break;
    case WORD_INTERACTIVE: o->is_interactive = o->shows_version = true; break;
    case WORD_VERSION: o->shows_version = true; break;
    case WORD_ENVIRONMENT: o->ignores_environment = true; break;
    case WORD_WORLD: o->world = w->value; break;
    case WORD_HELP: o->shows_help = true; break;
    default: break;
  }
}

/* Reads the subcommand `trace`, which stands before the script's name, and its options. */
static void read_trace(struct options *o) {
  int i = o->script + 1;
  o->trace = "trace.json";
  for (; i < o->argc && o->argv[i][0] == '-' && o->argv[i][1]; i++) {
    if (strcmp(o->argv[i], "--help") == 0 || strcmp(o->argv[i], "-h") == 0) o->shows_help = true;
    o->is_script_literal = strcmp(o->argv[i], "--") == 0;
    if (o->is_script_literal || o->shows_help) break;
    const struct word w = strncmp(o->argv[i], "-o", 2) == 0
                              ? word_with_value(WORD_END, o->argv[i] + 2, o->argv[i + 1])
                              : word_alone(WORD_WRONG);
    if (w.kind == WORD_WRONG) {
      o->wrong = o->argv[i];
      o->lacks_argument = strcmp(o->wrong, "-o") == 0;
      return;
    }
    o->trace = w.value;
    i += w.length - 1;
  }
  o->script = o->is_script_literal ? i + 1 : i;
  if (o->shows_help || o->script < o->argc) return;
  o->wrong = "trace";
  o->lacks_argument = true;
}

static void find_script(struct options *o, int place, bool is_literal) {
  o->is_script_literal = is_literal;
  o->script = place;
  if (!is_literal && strcmp(o->argv[place], "trace") == 0) read_trace(o);
}

static bool lacks_value(const char *word) {
  return strcmp(word, "-e") == 0 || strcmp(word, "-l") == 0 || strcmp(word, world_option) == 0;
}

struct options options_parse(int argc, char **argv) {
  struct options o = {.argc = argc, .argv = argv, .script = argc};
  for (int i = 1; i < argc;) {
    const struct word w = read_word(argv[i], argv[i + 1]);
    if (w.kind == WORD_WRONG) {
      o.wrong = argv[i];
      o.lacks_argument = lacks_value(o.wrong);
      return o;
    }
    if (w.kind == WORD_NO_OPTION || w.kind == WORD_END) {
      find_script(&o, w.kind == WORD_END ? i + 1 : i, w.kind == WORD_END);
      return o;
    }
    note_word(&o, &w);
    i += w.length;
  }
  return o;
}

bool options_next_step(const struct options *o, int *cursor, struct step *out) {
  int i = *cursor ? *cursor : 1;
  while (i < o->script) {
    const struct word w = read_word(o->argv[i], o->argv[i + 1]);
    i += w.length;
    *cursor = i;
    switch (w.kind) {
      case WORD_EXECUTE: *out = (struct step){STEP_EXECUTE, w.value}; return true;
      case WORD_REQUIRE: *out = (struct step){STEP_REQUIRE, w.value}; return true;
      case WORD_WARN: *out = (struct step){STEP_WARN, NULL}; return true;
      default: break;
    }
  }
  return false;
}

void options_print_usage(FILE *out) { fputs(usage, out); }

int options_refuse(const struct options *o, FILE *out) {
  if (o->lacks_argument)
    fprintf(out, "manymoons: '%s' needs argument\n", o->wrong);
  else
    fprintf(out, "manymoons: unrecognized option '%s'\n", o->wrong);
  options_print_usage(out);
  return o->trace || strcmp(o->wrong, world_option) == 0 ? EXIT_WRONG_USE : EXIT_FAILURE;
}
