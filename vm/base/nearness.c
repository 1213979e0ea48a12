/* SPDX-License-Identifier: MIT */
#include "base/nearness.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum { NAME_MAX_LENGTH = 40, BEGINNING = 4 };

static char folded(const char *text, size_t at) { return (char)tolower((unsigned char)text[at]); }

static unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }

static unsigned limit_of(size_t length) { return length < 3 ? 0 : length < 6 ? 1 : length < 9 ? 2 : 3; }

/* The rows of the table of distances between beginnings: those of the letter before last, of the last one, and of this
 * one. */
struct rows {
  unsigned of[3][NAME_MAX_LENGTH + 1];
};

static void fill_row(struct rows *rows, const char *word, size_t i, const char *name, size_t length) {
  const unsigned *before = rows->of[(i + 1) % 3], *above = rows->of[(i + 2) % 3];
  unsigned *row = rows->of[i % 3];
  row[0] = (unsigned)i;
  for (size_t k = 1; k <= length; k++) {
    const bool is_same = folded(word, i - 1) == folded(name, k - 1);
    row[k] = least(least(above[k], row[k - 1]) + 1, above[k - 1] + !is_same);
    if (i < 2 || k < 2) continue;
    const bool is_exchanged =
        folded(word, i - 1) == folded(name, k - 2) && folded(word, i - 2) == folded(name, k - 1);
    if (is_exchanged) row[k] = least(row[k], before[k - 2] + 1);
  }
}

static unsigned distance(const char *word, size_t word_length, const char *name, size_t name_length) {
  struct rows rows;
  for (size_t k = 0; k <= name_length; k++) rows.of[0][k] = (unsigned)k;
  for (size_t i = 1; i <= word_length; i++) fill_row(&rows, word, i, name, name_length);
  return rows.of[word_length % 3][name_length];
}

static bool begin_alike(const char *word, const char *name) {
  size_t i = 0;
  while (i < BEGINNING && word[i] && folded(word, i) == folded(name, i)) i++;
  return i == BEGINNING && isalpha((unsigned char)word[0]);
}

unsigned nearness(const char *word, const char *name) {
  const size_t word_length = strlen(word), name_length = strlen(name);
  if (word_length > NAME_MAX_LENGTH || name_length > NAME_MAX_LENGTH) return NEARNESS_NONE;
  const unsigned found = distance(word, word_length, name, name_length);
  if (found <= limit_of(word_length > name_length ? word_length : name_length)) return found;
  return begin_alike(word, name) ? NEARNESS_BEGINNING : NEARNESS_NONE;
}
