/* SPDX-License-Identifier: MIT */
/* read_word classifies a word both for options_parse and for options_next_step, so that both agree
 * on which word is the value of which option. */
#include "options.h"

#include <stdlib.h>
#include <string.h>

#include "base/nearness.h"
#include "embedded.h"
#include "state/lua_compat.h"

static const char usage[] =
    "usage: manymoons [options] [script [args]]\n"
    "       manymoons help [COMMAND]\n"
    "                     print this, or how the command is used\n"
    "       manymoons [options] compare [options] script [args]\n"
    "                     run a script in every world and compare the times (compare --help)\n"
    "       manymoons top [PID]\n"
    "                     show a running program, or list those of this user (top --help)\n"
    "       manymoons stack PID\n"
    "                     print the Lua stacks of all VMs of a running program (stack --help)\n"
    "       manymoons dashboard [options] [PID | URL [POOL ...]]\n"
    "                     serve a page of running programs, or of pools on a server (dashboard --help)\n"
    "       manymoons worker URL --pool NAME [options]\n"
    "                     run tasks of a pool on a Redis or Valkey server (worker --help)\n"
    "       manymoons pool URL NAME\n"
    "                     show a pool on such a server: its tasks, workers and dead letters (pool --help)\n"
    "       manymoons post [options] URL POOL 'code or module.function' [args]\n"
    "                     put a task into such a pool, which runs it later (post --help)\n"
    "       manymoons map [options] 'code' [files]\n"
    "                     run a piece of Lua for each line of stdin or of the files, many at once (map "
    "--help)\n"
    "       manymoons [options] profile [options] script [args] | PID\n"
    "                     run a script, or watch a program, and write where its time went (profile --help)\n"
    "       manymoons [options] trace [-o FILE] [--html FILE] script [args]\n"
    "                     run a script and write a timeline of it, also as a page (trace --help)\n"
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

static void note_warnings(struct options *o) {
  if (LUA_HAS_WARNINGS) return;
  o->wrong = "-W";
  o->wrong_kind = WRONG_WITHOUT_WARNINGS;
}

static void note_word(struct options *o, const struct word *w) {
  switch (w->kind) {
    case WORD_EXECUTE: o->has_chunks = true; break;
    case WORD_INTERACTIVE: o->is_interactive = o->shows_version = true; break;
    case WORD_VERSION: o->shows_version = true; break;
    case WORD_ENVIRONMENT: o->ignores_environment = true; break;
    case WORD_WORLD: o->world = w->value; break;
    case WORD_WARN: note_warnings(o); break;
    case WORD_HELP: o->shows_help = true; break;
    default: break;
  }
}

static bool lacks_value(const char *word) {
  return strcmp(word, "-e") == 0 || strcmp(word, "-l") == 0 || strcmp(word, world_option) == 0;
}

/* ---- behind a subcommand --------------------------------------------------------------------- */

enum own_option { OWN_NONE, OWN_FLAG, OWN_WITH_VALUE };

/* `line` begins with the two spaces before an option of the usage. */
static enum own_option match_line(const char *line, const char *end, const char *name, size_t length) {
  if ((size_t)(end - line) < length + 2 || memcmp(line + 2, name, length) != 0) return OWN_NONE;
  const char *behind = line + 2 + length;
  if (behind == end || *behind == '\n' || *behind == ',') return OWN_FLAG;
  if (*behind != ' ') return OWN_NONE;
  return behind + 1 < end && behind[1] != ' ' ? OWN_WITH_VALUE : OWN_FLAG;
}

/* What the usage says of the option in a word: "--name", "--name=value", "-n" or "-nvalue". */
static enum own_option find_own(const char *usage_text, size_t size, const char *word) {
  const bool is_long = word[1] == '-';
  const size_t length = is_long ? strcspn(word, "=") : 2;
  const char *end = usage_text + size;
  for (const char *at = usage_text; (at = memchr(at, '\n', (size_t)(end - at))) != NULL;) {
    at++;
    if (end - at < 2 || memcmp(at, "  ", 2) != 0) continue;
    const enum own_option found = match_line(at, end, word, length);
    if (found == OWN_NONE) continue;
    return word[length] ? OWN_FLAG : found; /* the value is in the same word */
  }
  return OWN_NONE;
}

/* The words behind a subcommand, put into two lists. */
struct sorting {
  struct options *o;
  const char *usage_text;
  size_t usage_size;
  char **general;
  int general_count;
  char **rest;
  int rest_count;
};

/* Returns how many words were taken; 0: the options end here. */
static int sort_word(struct sorting *s, int i) {
  char **words = s->o->argv + i;
  if (words[0][0] != '-' || !words[0][1] || strcmp(words[0], "--") == 0) return 0;
  const enum own_option own = find_own(s->usage_text, s->usage_size, words[0]);
  const struct word w = own ? word_alone(WORD_WRONG) : read_word(words[0], words[1]);
  const bool is_general = w.kind != WORD_WRONG && w.kind != WORD_HELP;
  if (!own && !is_general && lacks_value(words[0])) {
    s->o->wrong = words[0];
    s->o->wrong_kind = WRONG_WITHOUT_ARGUMENT;
    return 0;
  }
  const int length = is_general ? w.length : own == OWN_WITH_VALUE && words[1] ? 2 : 1;
  if (is_general) note_word(s->o, &w);
  for (int k = 0; k < length; k++) {
    if (is_general)
      s->general[s->general_count++] = words[k];
    else
      s->rest[s->rest_count++] = words[k];
  }
  return length;
}

/* Moves the general options behind the subcommand at `place` before it. Returns its new place. */
static int move_general(struct options *o, int place, const char *usage_text, size_t usage_size) {
  char **words = malloc(sizeof *words * 2 * ((size_t)o->argc + 1));
  if (!words) return place;
  struct sorting s = {o, usage_text, usage_size, words + place, 0, words + o->argc + 1, 0};
  int i = place + 1;
  for (int taken = 1; taken && i < o->argc; i += taken) taken = sort_word(&s, i);
  const int moved = place + s.general_count;
  memcpy(words, o->argv, (size_t)place * sizeof *words);
  words[moved] = o->argv[place];
  memcpy(words + moved + 1, s.rest, (size_t)s.rest_count * sizeof *words);
  memcpy(words + i, o->argv + i, ((size_t)o->argc - (size_t)i + 1) * sizeof *words);
  o->argv = o->own_words = words;
  return moved;
}

void options_fini(struct options *o) { free(o->own_words); }

/* help [COMMAND], at `place` */
static void read_help(struct options *o, int place, options_usage find_usage) {
  static char help[] = "--help";
  size_t size = 0;
  char *command = o->argv[place + 1];
  o->shows_help = !command;
  if (!command) return;
  char **words = find_usage(command, &size) ? malloc(sizeof *words * ((size_t)place + 3)) : NULL;
  if (!words) {
    o->wrong = command;
    o->wrong_kind = WRONG_COMMAND;
    return;
  }
  memcpy(words, o->argv, (size_t)place * sizeof *words);
  words[place] = command;
  words[place + 1] = help;
  words[place + 2] = NULL;
  o->argv = o->own_words = words;
  o->argc = place + 2;
  o->is_subcommand = true;
}

static void find_script(struct options *o, int place, bool is_literal, options_usage find_usage) {
  o->is_script_literal = is_literal;
  o->script = place;
  if (is_literal) return;
  if (place < o->argc && strcmp(o->argv[place], "help") == 0) {
    read_help(o, place, find_usage);
    return;
  }
  size_t size = 0;
  const char *text = find_usage(o->argv[place], &size);
  if (!text) return;
  o->is_subcommand = true;
  o->script = move_general(o, place, text, size);
}

struct options options_parse(int argc, char **argv, options_usage find_usage) {
  struct options o = {.argc = argc, .argv = argv, .script = argc};
  for (int i = 1; i < argc;) {
    const struct word w = read_word(argv[i], argv[i + 1]);
    if (w.kind == WORD_WRONG) {
      o.wrong = argv[i];
      o.wrong_kind = lacks_value(o.wrong) ? WRONG_WITHOUT_ARGUMENT : WRONG_OPTION;
      return o;
    }
    if (w.kind == WORD_NO_OPTION || w.kind == WORD_END) {
      find_script(&o, w.kind == WORD_END ? i + 1 : i, w.kind == WORD_END, find_usage);
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

/* ---- what is meant --------------------------------------------------------------------------- */

const char *options_nearest_command(const char *word) {
  const char *best = NULL;
  unsigned least = NEARNESS_NONE;
  for (size_t i = 0; embedded_name(i); i++) {
    const char *name = embedded_name(i);
    if (strncmp(name, "cli.", 4) != 0) continue;
    const unsigned distance = nearness(word, name + 4);
    if (distance >= least) continue;
    least = distance;
    best = name + 4;
  }
  return best;
}

enum { OPTION_MAX = 32 };

/* Copies the word at `text`, without the value that it has. */
static void copy_name(char out[OPTION_MAX], const char *text) {
  const size_t length = strcspn(text, "= ,]\n");
  snprintf(out, OPTION_MAX, "%.*s", (int)(length < OPTION_MAX ? length : 0), text);
}

/* The option of the usage that is nearest to the word; "": none is near. */
static void find_option(const char *word, char out[OPTION_MAX]) {
  char wanted[OPTION_MAX], name[OPTION_MAX];
  unsigned least = NEARNESS_NONE;
  copy_name(wanted, word);
  out[0] = '\0';
  for (const char *at = usage; (at = strstr(at, " -")) != NULL; at++) {
    copy_name(name, at + 1);
    const unsigned distance = nearness(wanted, name);
    if (distance >= least) continue;
    least = distance;
    memcpy(out, name, OPTION_MAX);
  }
}

int options_refuse(const struct options *o, FILE *out) {
  char option[OPTION_MAX] = "";
  const char *meant = option;
  switch (o->wrong_kind) {
    case WRONG_WITHOUT_ARGUMENT: fprintf(out, "manymoons: '%s' needs argument", o->wrong); break;
    case WRONG_OPTION:
      find_option(o->wrong, option);
      fprintf(out, "manymoons: unrecognized option '%s'", o->wrong);
      break;
    case WRONG_COMMAND:
      meant = options_nearest_command(o->wrong);
      fprintf(out, "manymoons: no command '%s'", o->wrong);
      break;
    case WRONG_WITHOUT_WARNINGS:
      fprintf(out, "manymoons: '%s': LuaJIT has no warnings\n", o->wrong);
      return EXIT_WRONG_USE;
  }
  if (meant && *meant) fprintf(out, ": did you mean '%s'?", meant);
  fputs(" (try --help)\n", out);
  return EXIT_WRONG_USE;
}
