/* SPDX-License-Identifier: MIT */
/* Runs a program and measures what it took: time, processor time, memory, what it printed, and how long its
 * threads stood ready without a processor.
 *
 * The program gets an empty stdin, its stdout is kept in memory, its stderr is ours. It is the
 * first process of a session of its own.
 *
 * I1  All processes of that session belong to the run, whatever groups they are in: a worker leads one.
 *     Their memory and their threads are looked at from outside every now and then; all of them end
 *     when the first process has ended, when the measurement is given up, or when we are killed.
 * I2  Looking costs less than a fiftieth of the time of a processor: the more processes there are, the
 *     longer the pauses.
 * I3  Ctrl-C in the terminal does not reach the session: the measuring process is interrupted, and
 *     ends it.
 * I4  A note is a file that the program is asked, by a variable in its environment, to write about
 *     itself. It lives in memory and has no name but that of our descriptor in /proc, so nothing is
 *     left of it either.
 *
 * One thread: the one that called measure_start, which the kernel takes for the program's parent.
 */
#ifndef OS_MEASURE_H
#define OS_MEASURE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/deadline.h"
#include "base/status.h"
#include "os/processor_time.h"
#include "os/run_threads.h"

enum { MEASURE_NOTES_MAX = 2, MEASURE_NOTE_NAME_MAX = 96 };

struct measure_options {
  const char *program;          /* path; looked up when it starts, so /proc/self/exe is us */
  const char *const *arguments; /* from argv[0] on, then NULL */
  const char *const *settings;  /* "NAME=value" each, then NULL: in the place of ours of that name */
  const char *const *notes;     /* names of variables that hold a path to write to, then NULL */
  enum run_unit unit;           /* of the critical path (os/run_threads.h) */
  bool binds_threads;           /* each thread but the first stays on one processor */
};

/* What else the run met. What the system does not tell is 0. */
struct measure_surroundings {
  int processors;       /* that the run may use; 0: times of others are unknown */
  int64_t others_ns;    /* processor time that other programs used there, at least */
  int64_t stolen_ns;    /* os/processor_time.h, of these processors */
  int64_t throttled_ns; /* likewise */
  uint64_t faults;      /* page faults: all, and those that read a file */
  uint64_t major_faults;
  uint64_t switches;        /* of threads that waited */
  uint64_t forced_switches; /* of threads that another one displaced */
};

struct measure_report {
  int64_t wall_ns;     /* from before fork to the end of the first process */
  int64_t cpu_ns;      /* user and system, of the first process and of all that were waited for */
  uint64_t peak_bytes; /* the most that all of the run had together; what several share counts once */
  struct measure_surroundings met;
  int exit_code; /* or -N for signal N; 127: the program could not be run */
  struct bytes output;
  struct bytes notes[MEASURE_NOTES_MAX]; /* what was written to each; empty: nothing */
};

struct measurement {
  pid_t pid; /* 0: nothing runs */
  int pidfd;
  int output_fd;
  int note_fds[MEASURE_NOTES_MAX]; /* as many as were ordered, then -1 */
  int64_t started_ns;
  int64_t last_look_ns;
  int64_t next_look_ns;
  int64_t pause_ns;
  uint64_t used_bytes;        /* in the look that is under way */
  struct run_threads threads; /* part of the report */
  struct processor_time before;
  struct measure_report report; /* whole once measure_wait said STATUS_OK */
};

/* A measurement that has not begun; ending it is harmless. */
void measure_init(struct measurement *m);
/* After measure_init. On failure nothing runs, and there is nothing to end. -E2BIG: more notes, or longer
 * names of notes, than there is room for. */
MUST_CHECK status measure_start(struct measurement *m, const struct measure_options *order);
/* STATUS_OK: it has ended and m->report is whole. STATUS_TIMEOUT, STATUS_INTERRUPTED: it runs on; call again,
 * or end it. After any other failure it has to be ended. */
MUST_CHECK status measure_wait(struct measurement *m, deadline until);
/* Ends what still runs, and frees the report. Safe to call twice. */
void measure_end(struct measurement *m);

#endif
