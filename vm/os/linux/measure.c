/* SPDX-License-Identifier: MIT */
/* Linux: PSS from /proc/PID/smaps_rollup, processor time, faults and switches from wait4, stdout in a memfd.
 *
 * PSS and not RSS: forked workers share most of their pages, and counting those once for each would say that
 * processes need several times what they do. The session is found by asking getsid for each number in /proc:
 * a third of a microsecond each, where reading /proc/PID/stat costs ten; and /proc/PID/task/TID/children is
 * not there on every kernel (missing on a 6.18 without CONFIG_PROC_CHILDREN, 2026).
 */
#include "os/measure.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "os/clock.h"
#include "os/process.h"

enum {
  NS_PER_MS = 1000000,
  FIRST_PAUSE_NS = 1 * NS_PER_MS, /* short programs are looked at, too */
  PAUSE_NS = 20 * NS_PER_MS,
  LOOK_SHARE = 50, /* I2 */
  EXIT_CANNOT_RUN = 127,
  KIB = 1024,
};

/* ---- memory and threads of a session --------------------------------------------------------- */

/* The proportional share of a process's pages; 0 when it is gone, or not ours to look at. */
static uint64_t process_pss(pid_t pid) {
  char path[64];
  char text[1024];
  snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const ssize_t size = read(fd, text, sizeof text - 1);
  close(fd);
  if (size <= 0) return 0;
  text[size] = '\0';
  const char *line = strstr(text, "\nPss:");
  return line ? strtoull(line + strlen("\nPss:"), NULL, 10) * KIB : 0;
}

/* Calls visit for each process of the session, which its first process gave its number. */
static void for_each_process(struct measurement *m, void (*visit)(struct measurement *m, pid_t pid)) {
  DIR *list = opendir("/proc");
  if (!list) return;
  for (const struct dirent *entry = readdir(list); entry; entry = readdir(list)) {
    const pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
    if (pid > 0 && getsid(pid) == m->pid) visit(m, pid);
  }
  closedir(list);
}

static void look_at_process(struct measurement *m, pid_t pid) {
  run_threads_look(&m->threads, pid);
  m->used_bytes += process_pss(pid);
}

static void kill_process(struct measurement *m, pid_t pid) {
  (void)m;
  kill(pid, SIGKILL);
}

/* Of this thread. The time that passes would count what other programs do meanwhile. */
static int64_t processor_time_used_ns(void) {
  struct timespec t;
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t)) return 0;
  return (int64_t)t.tv_sec * 1000 * NS_PER_MS + t.tv_nsec;
}

static void look(struct measurement *m) {
  const int64_t before = processor_time_used_ns();
  m->used_bytes = 0;
  for_each_process(m, look_at_process);
  run_threads_end_look(&m->threads, clock_now_ns());
  if (m->used_bytes > m->report.peak_bytes) m->report.peak_bytes = m->used_bytes;
  const int64_t least = (processor_time_used_ns() - before) * LOOK_SHARE;
  m->last_look_ns = clock_now_ns();
  m->pause_ns = m->pause_ns * 2 < PAUSE_NS ? m->pause_ns * 2 : PAUSE_NS;
  m->next_look_ns = m->last_look_ns + (least > m->pause_ns ? least : m->pause_ns);
}

/* ---- starting -------------------------------------------------------------------------------- */

/* Whether one of `settings` is for the same name as `variable`. */
static bool is_replaced(const char *variable, const char *const *settings) {
  const size_t length = strcspn(variable, "=") + 1;
  for (; *settings; settings++)
    if (strncmp(*settings, variable, length) == 0) return true;
  return false;
}

static size_t list_length(const char *const *list) {
  size_t length = 0;
  while (list[length]) length++;
  return length;
}

/* Our environment with both lists of settings in it: a list to be freed, of strings that are
 * not. NULL: no memory. */
static const char **environment_with(const char *const *settings, const char *const *more) {
  const size_t count = list_length((const char *const *)environ) + list_length(settings) + list_length(more);
  const char **list = memory_alloc((count + 1) * sizeof *list);
  if (!list) return NULL;
  const char **next = list;
  for (char **variable = environ; *variable; variable++)
    if (!is_replaced(*variable, settings) && !is_replaced(*variable, more)) *next++ = *variable;
  for (; *settings; settings++) *next++ = *settings;
  for (; *more; more++) *next++ = *more;
  *next = NULL;
  return list;
}

/* execve changes no string; its prototype is older than const. */
static char *const *as_argv(const char *const *list) { return (char *const *)(uintptr_t)list; }

/* In the child: only what is async-signal-safe, for our process may have threads. */
NO_RETURN static void become_program(const struct measure_options *order, const char *const *environment,
                                     int output, pid_t parent) {
  sigset_t none;
  sigemptyset(&none);
  const int input = open("/dev/null", O_RDONLY);
  if (setsid() < 0 || process_die_with_parent(parent) || input < 0) _exit(EXIT_CANNOT_RUN);
  if (dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0) _exit(EXIT_CANNOT_RUN);
  if (input != STDIN_FILENO) close(input);
  sigprocmask(SIG_SETMASK, &none, NULL);
  execve(order->program, as_argv(order->arguments), as_argv(environment));
  _exit(EXIT_CANNOT_RUN);
}

/* A descriptor above 2: one of the three standard places may be free, and would be written over. */
static status make_memory_file(int *out) {
  const int made = memfd_create("manymoons", MFD_CLOEXEC);
  if (made < 0) return -errno;
  const int fd = fcntl(made, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  const int failed = fd < 0 ? errno : 0;
  close(made);
  if (failed) return -failed;
  *out = fd;
  return STATUS_OK;
}

static status start_process(struct measurement *m, const struct measure_options *order,
                            const char *const *environment) {
  const pid_t parent = getpid();
  m->started_ns = clock_now_ns();
  const pid_t pid = fork();
  if (pid < 0) return -errno;
  if (pid == 0) become_program(order, environment, m->output_fd, parent);
  m->pid = pid;
  return process_watch(&m->pidfd, pid);
}

/* What the notes are called in the program's environment. */
struct note_settings {
  char text[MEASURE_NOTES_MAX][MEASURE_NOTE_NAME_MAX];
  const char *list[MEASURE_NOTES_MAX + 1];
};

static status make_notes(struct measurement *m, const char *const *names, struct note_settings *out) {
  size_t i = 0;
  for (; names && names[i]; i++) {
    if (i == MEASURE_NOTES_MAX) return -E2BIG;
    const status st = make_memory_file(&m->note_fds[i]);
    if (st) return st;
    const int length = snprintf(out->text[i], sizeof out->text[i], "%s=/proc/%d/fd/%d", names[i],
                                (int)getpid(), m->note_fds[i]);
    if (length >= (int)sizeof out->text[i]) return -E2BIG;
    out->list[i] = out->text[i];
  }
  out->list[i] = NULL;
  return STATUS_OK;
}

void measure_init(struct measurement *m) {
  *m = (struct measurement){.pidfd = -1, .output_fd = -1, .pause_ns = FIRST_PAUSE_NS};
  for (size_t i = 0; i < MEASURE_NOTES_MAX; i++) m->note_fds[i] = -1;
}

status measure_start(struct measurement *m, const struct measure_options *order) {
  struct note_settings notes;
  status st = make_notes(m, order->notes, &notes);
  processor_time_now(&m->before);
  if (!st) st = make_memory_file(&m->output_fd);
  if (!st) {
    const char **environment = environment_with(order->settings, notes.list);
    st = environment ? start_process(m, order, environment) : -ENOMEM;
    memory_free(environment);
  }
  m->next_look_ns = m->started_ns + m->pause_ns;
  run_threads_init(&m->threads, order->unit, m->started_ns);
  m->threads.binds_new = order->binds_threads;
  if (st) measure_end(m);
  return st;
}

/* ---- the end --------------------------------------------------------------------------------- */

static int64_t timeval_ns(struct timeval t) {
  return (int64_t)t.tv_sec * 1000 * NS_PER_MS + t.tv_usec * 1000;
}

/* What the processors did in the time of the run, beside it. Others are said to have used what the counters prove: of
 * a short run on an idle machine the ticks alone would be a tenth of its processor time. */
static void note_surroundings(struct measurement *m, const struct rusage *used) {
  struct measure_surroundings *met = &m->report.met;
  struct processor_time now;
  processor_time_now(&now);
  met->processors = now.processors;
  const int64_t idle = now.idle_ns - m->before.idle_ns;
  met->stolen_ns = now.stolen_ns - m->before.stolen_ns;
  met->throttled_ns = now.throttled_ns - m->before.throttled_ns;
  met->others_ns = now.processors * m->report.wall_ns - idle - met->stolen_ns - m->report.cpu_ns;
  met->others_ns -= now.precision_ns;
  if (met->others_ns < 0) met->others_ns = 0;
  met->faults = (uint64_t)(used->ru_minflt + used->ru_majflt);
  met->major_faults = (uint64_t)used->ru_majflt;
  met->switches = (uint64_t)used->ru_nvcsw;
  met->forced_switches = (uint64_t)used->ru_nivcsw;
}

/* The first process is dead but not yet reaped, so its number, which is the session's, cannot be another's.
 * A run whose last quarter was not looked at, because it was short or the machine busy, had at least its
 * largest resident set. */
static status reap_session(struct measurement *m) {
  struct rusage used;
  int report;
  pid_t result;
  kill(m->pid, SIGKILL); /* it may not have begun its session yet */
  for_each_process(m, kill_process);
  do result = wait4(m->pid, &report, 0, &used);
  while (result < 0 && errno == EINTR);
  m->pid = 0;
  if (result < 0) return -errno;
  m->report.cpu_ns = timeval_ns(used.ru_utime) + timeval_ns(used.ru_stime);
  run_threads_finish(&m->threads, m->report.cpu_ns);
  note_surroundings(m, &used);
  m->report.exit_code = WIFEXITED(report) ? WEXITSTATUS(report) : -WTERMSIG(report);
  const bool was_unseen = clock_now_ns() - m->last_look_ns > m->report.wall_ns / 4;
  const uint64_t largest = (uint64_t)used.ru_maxrss * KIB;
  if (was_unseen && largest > m->report.peak_bytes) m->report.peak_bytes = largest;
  return STATUS_OK;
}

/* All that was written to a file of ours, behind what `out` has. */
static status read_file(int fd, struct bytes *out) {
  struct stat about;
  if (fstat(fd, &about)) return -errno;
  const status st = bytes_reserve(out, (size_t)about.st_size);
  if (st) return st;
  while (out->len < (size_t)about.st_size) {
    const size_t left = (size_t)about.st_size - out->len;
    const ssize_t size = pread(fd, out->data + out->len, left, (off_t)out->len);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return -errno;
    if (size == 0) break;
    out->len += (size_t)size;
  }
  return STATUS_OK;
}

static status read_files(struct measurement *m) {
  status st = read_file(m->output_fd, &m->report.output);
  for (size_t i = 0; !st && i < MEASURE_NOTES_MAX && m->note_fds[i] >= 0; i++)
    st = read_file(m->note_fds[i], &m->report.notes[i]);
  return st;
}

status measure_wait(struct measurement *m, deadline until) {
  status st;
  do {
    st = process_wait_end(m->pidfd, deadline_earlier(until, (deadline){m->next_look_ns}));
    if (st == STATUS_TIMEOUT && !deadline_passed(until)) look(m);
  } while (st == STATUS_TIMEOUT && !deadline_passed(until));
  if (st) return st;
  m->report.wall_ns = clock_now_ns() - m->started_ns;
  run_threads_look(&m->threads, m->pid); /* all of its first thread */
  run_threads_end_look(&m->threads, m->started_ns + m->report.wall_ns);
  st = reap_session(m);
  return st ? st : read_files(m);
}

static void close_fd(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

/* The starter of the program has not reaped it, so the number is still the session's. */
static void kill_session(struct measurement *m) {
  if (m->pid == 0) return;
  const status st = reap_session(m);
  (void)st; /* somebody else reaped it: it is gone all the same */
}

void measure_end(struct measurement *m) {
  kill_session(m);
  close_fd(&m->pidfd);
  close_fd(&m->output_fd);
  bytes_fini(&m->report.output);
  run_threads_fini(&m->threads);
  for (size_t i = 0; i < MEASURE_NOTES_MAX; i++) {
    close_fd(&m->note_fds[i]);
    bytes_fini(&m->report.notes[i]);
  }
}
