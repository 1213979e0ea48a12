/* SPDX-License-Identifier: MIT */
/* The layout of a profile in the segment: sheets, which other processes, and other programs, read.
 *
 * A process that is profiled writes into sheets of its own, one after the other:
 *
 *     sheet    magic, generation, process, number of the sheet, used
 *       records, one behind the other, of these kinds:
 *         ROOT    a thread: number, VM, name, world
 *         FRAME   a function and a line in it
 *         NODE    a stack: the NODE of its caller (or a ROOT), and the FRAME on top, with its times
 *
 * So a stack is a NODE, whose parents are the stacks of its callers, and a process has a tree of
 * them. ROOTs and NODEs share one row of numbers, from 1, in the order of the records; FRAMEs have
 * another one. The times of a record change after it was written; nothing else does.
 *
 * The process that started the profile owns all sheets: they outlive each other process, killed or
 * not.
 *
 * I1  Only its process writes a sheet. It stores a record, then `used` (release).
 * I2  A reader takes nothing for granted: each record has its size, and lies within `used`.
 */
#ifndef PROFILE_SHEET_H
#define PROFILE_SHEET_H

#include "os/process.h"
#include "shared/segment.h"

enum {
  PROFILE_SHEET_BYTES = 65536,
  PROFILE_NAME_MAX = 64,
  PROFILE_WORLD_MAX = 16,
  PROFILE_TEXT_MAX = 256, /* of a source or the name of a function */
  PROFILE_RATE_BITS = 16,
  PROFILE_GENERATION_BITS = 16,
};
#define PROFILE_MAGIC UINT64_C(0x31656c69666f7270)

/* What a thread did at the moment of a sample. HOLDS is counted besides: it held the lock of its VM
 * while another thread waited for it. */
#define PROFILE_STATES(x) \
  x(RAN, "ran") x(READY, "ready") x(LOCK, "lock") x(CALL, "call") x(SLEPT, "slept") x(HOLDS, "holds")

#define PROFILE_STATE_CONSTANT(name, text) PROFILE_##name,
enum profile_state { PROFILE_STATES(PROFILE_STATE_CONSTANT) PROFILE_STATE_COUNT };

enum profile_kind { PROFILE_ROOT = 1, PROFILE_FRAME, PROFILE_NODE };
enum profile_language { PROFILE_LUA, PROFILE_MAIN_CHUNK, PROFILE_C };

struct profile_record {
  uint32_t kind; /* enum profile_kind */
  uint32_t size; /* with this head; a multiple of 8 */
};

struct profile_times {
  _Atomic uint64_t us[PROFILE_STATE_COUNT];
  _Atomic uint64_t samples;
  _Atomic int64_t last_ns;     /* when the last one was taken, … */
  _Atomic uint64_t last_state; /* … and what the thread did */
};

struct profile_root {
  struct profile_record head;
  struct profile_times times;
  _Atomic uint64_t heap; /* bytes of the VM's Lua memory at the last look; 0: not known */
  int32_t thread;
  uint32_t vm;
  char name[PROFILE_NAME_MAX];
  char world[PROFILE_WORLD_MAX];
};

struct profile_node {
  struct profile_record head;
  struct profile_times times;
  uint32_t parent; /* a NODE or a ROOT before this one */
  uint32_t frame;
};

struct profile_frame {
  struct profile_record head;
  int32_t line;         /* where it is; -1: unknown */
  int32_t line_defined; /* of the function; -1: a C function */
  uint32_t language;    /* enum profile_language */
  uint16_t source_size; /* of the texts behind the frame: the source, then the name */
  uint16_t name_size;
};

struct profile_sheet {
  uint64_t magic; /* stored last */
  uint32_t generation;
  uint32_t number; /* among the sheets of its process, from 0 */
  struct process_id process;
  _Atomic uint64_t dropped; /* samples for which there was no room */
  _Atomic uint32_t used;    /* bytes of records */
  uint32_t reserved;
};

enum { PROFILE_RECORDS_MAX = PROFILE_SHEET_BYTES - sizeof(struct profile_sheet) };

/* The word of the segment: the owner of the sheets, the generation, and samples a second. */
static inline uint64_t profile_word(owner_id owner, uint32_t generation, uint32_t rate) {
  return (uint64_t)owner << (PROFILE_RATE_BITS + PROFILE_GENERATION_BITS) |
         (uint64_t)generation << PROFILE_RATE_BITS | rate;
}
static inline uint32_t profile_rate(uint64_t word) { return word & ((1u << PROFILE_RATE_BITS) - 1); }
static inline uint32_t profile_generation(uint64_t word) {
  return word >> PROFILE_RATE_BITS & ((1u << PROFILE_GENERATION_BITS) - 1);
}
static inline owner_id profile_owner(uint64_t word) {
  return (owner_id)(word >> (PROFILE_RATE_BITS + PROFILE_GENERATION_BITS));
}

#endif
