/* SPDX-License-Identifier: MIT */
/* Writes this process's part of a profile (sheet.h).
 *
 * A stack becomes a number, which stays the same while the profile lasts; the tables that find it
 * are private memory. Any thread may call these functions: a mutex, which is a leaf but for the
 * arena's, protects the writer. In a forked child the parent's sheets are forgotten.
 */
#ifndef PROFILE_WRITER_H
#define PROFILE_WRITER_H

#include "profile/sheet.h"

/* One function of a stack. The texts belong to the caller. */
struct profile_call {
  const char *source; /* as Lua has it: "@file", "=name" or the code itself; NULL for C */
  const char *name;   /* NULL: unknown */
  int32_t line;
  int32_t line_defined;
  enum profile_language language;
};

/* A new profile begins: what was known of the one before is forgotten; its sheets stay. `word` is that
 * of the segment. -ENOMEM. */
MUST_CHECK status profile_writer_begin(uint64_t word);
/* Frees this process's sheets of the profile. */
void profile_writer_end(void);
/* The word that was passed to profile_writer_begin; 0: none is under way in this process. */
uint64_t profile_writer_word(void);

struct profile_thread {
  int32_t number;
  uint32_t vm;
  const char *name;
  const char *world;
};
/* The number of a thread's root; 0: there is no room. */
uint32_t profile_writer_root(const struct profile_thread *t);
/* The number of a stack, whose first call is the innermost one; 0: there is no room. */
uint32_t profile_writer_stack(uint32_t root, const struct profile_call *calls, size_t count);
/* Notes how many bytes the Lua memory of the root's VM takes. */
void profile_writer_note_heap(uint32_t root, uint64_t bytes);
/* Adds microseconds to a stack, and one sample; 0 is the stack of what found no room. */
void profile_writer_add(uint32_t stack, const uint32_t us[PROFILE_STATE_COUNT]);

#endif
