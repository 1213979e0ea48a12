/* SPDX-License-Identifier: MIT */
#include "worker/sandboxed_worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "channel/message_refs.h"
#include "os/alarm.h"
#include "os/clock.h"
#include "os/crypto.h"
#include "os/process.h"
#include "os/signals.h"
#include "os/status_text.h"
#include "process/sandboxed.h"
#include "state/vm_interrupt.h"
#include "state/vm_open.h"
#include "worker/sandbox_rules.h"
#include "worker/worker_run.h"

NO_RETURN void sandboxed_worker_end(int code) {
  fflush(NULL);
  if (code < 0) signals_end_process(-code);
  process_exit_now(code < 0 ? EXIT_FAILURE : code);
}

NO_RETURN static void fail(const char *name, const char *what, status st) {
  char text[STATUS_TEXT_MAX];
  fprintf(stderr, "%s: cannot enter the sandbox: %s: %s\n", name, what, status_text(st, text));
  sandboxed_worker_end(EXIT_FAILURE);
}

/* ---- inside ---------------------------------------------------------------------------------- */

void sandboxed_worker_leave(const struct guard *g, struct worker_status **worker_status) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  status st = sandboxed_leave_program(g);
  if (st == STATUS_OK) st = worker_status_make(worker_status);
  if (st) fail("worker", "a segment of its own", st);
  channel_register_kinds();
}

/* Libraries are opened when they are first needed, which would be too late. */
static void open_libraries(const struct sandbox_rules *rules) {
  uint8_t digest[CRYPTO_MAC_SIZE];
  if (rules->network == SANDBOX_NETWORK) (void)!crypto_sha256("", 0, digest);
}

void sandboxed_worker_enter(const void *rules_text, size_t size) {
  struct sandbox_rules rules;
  const char *name = "worker";
  const char *what = "its rules";
  process_forget_environment();
  status st = sandbox_rules_read(rules_text, size, &rules, &name);
  if (st == STATUS_OK) {
    open_libraries(&rules);
    st = sandboxed_enter(&rules, &what);
  }
  if (st) fail(name, what, st);
}

static uint64_t end_of(struct start_info_section section) { return section.offset + section.size; }

/* A copy in private memory, which names nothing of the program's segment. */
static struct start_info *copy_start_info(const struct start_info *info) {
  const struct start_info_section sections[] = {info->settings, info->payload, info->image, info->sandbox};
  uint64_t size = sizeof *info;
  for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
    if (end_of(sections[i]) > size) size = end_of(sections[i]);
  struct start_info *copy = memory_alloc((size_t)size);
  if (!copy) fail("worker", "its start info", -ENOMEM);
  memcpy(copy, segment_bytes_at(segment_ref(info), size), (size_t)size);
  copy->tasks = copy->urgent = copy->later = copy->results = 0;
  copy->payload_attachments = copy->image_attachments = 0;
  return copy;
}

/* The VM is made before the sandbox, which limits memory to what comes after; the program's values
 * are decoded after it. */
NO_RETURN static void run_inside(const struct vm_library *library, const struct guard *g,
                                 const struct start_info *info) {
  struct start_info *copy = copy_start_info(info);
  struct worker_status *worker_status = NULL;
  struct vm *vm = NULL;
  sandboxed_worker_leave(g, &worker_status);
  const status st = worker_open_vm(&vm, copy);
  if (st) fail("worker", "its VM", st);
  vm_bind_thread(vm);
  vm_obey(vm, &sandboxed_page()->stop_requested);
  sandboxed_worker_enter(start_info_data(copy, copy->sandbox), copy->sandbox.size);
  const int code = worker_run(vm, library, copy, worker_status, WORKER_IN_PROCESS);
  vm_close(vm);
  sandboxed_worker_end(code);
}

/* ---- outside --------------------------------------------------------------------------------- */

/* Rules that the guard reads before it forks; their paths are of no use to it. */
static status read_head(const void *rules_text, size_t size, struct sandbox_rules *rules, const char **name) {
  const status st = sandbox_rules_read(rules_text, size, rules, name);
  if (st) return st;
  memory_free((void *)(uintptr_t)rules->paths);
  rules->paths = NULL;
  return STATUS_OK;
}

enum guard_side sandboxed_worker_begin(struct guard *g, const void *rules_text, size_t size,
                                       struct worker_status *worker_status) {
  struct sandbox_rules rules;
  const char *name = "worker";
  enum guard_side side = GUARD_OUTSIDE;
  status st = read_head(rules_text, size, &rules, &name);
  if (st == STATUS_OK) st = guard_start(g, worker_status, rules.memory, &side);
  if (st) fail(name, "its guard", st);
  if (side == GUARD_OUTSIDE) worker_status_introduce(worker_status, name, 0);
  return side;
}

void sandboxed_worker_guard(struct guard *g, const struct start_info *start_info) {
  (void)start_info;
  while (guard_receive(g) == STATUS_OK) continue;
}

/* The worker limits its own time; this alarm is for one that no longer does. */
static void limit_time(int64_t timeout_ns) {
  const double grace_seconds = 2.0;
  struct thread_alarm alarm;
  if (!timeout_ns || alarm_make(&alarm, SIGALRM)) return;
  alarm_start(&alarm, (deadline){deadline_after(grace_seconds).ns + timeout_ns}, 0);
}

void sandboxed_worker_follow(struct guard *g, enum refusal_report report) {
  struct worker_status *worker_status = g->worker_status;
  const int code = guard_end(g);
  const uint32_t refused = atomic_load(&g->page->refused);
  const char *call = refused ? sandbox_call_name(refused - 1) : NULL;
  atomic_store(&worker_status->refused, refused);
  if (call && report == REFUSAL_ON_STDERR)
    fprintf(stderr, "%s: the sandbox refused the system call %s\n", worker_status->name, call);
  worker_status_end(worker_status, code);
  sandboxed_worker_end(code);
}

NO_RETURN static void run_outside(const struct vm_library *library, struct guard *g,
                                  const struct start_info *info) {
  limit_time(info->limits.timeout_ns);
  status st = guard_lend(g, start_info_data(info, info->payload), info->payload.size);
  if (st == STATUS_OK) st = guard_lend(g, start_info_data(info, info->image), info->image.size);
  if (st) guard_kill(g);
  start_info_unload(info);
  worker_status_run(g->worker_status);
  library->guards[info->role](g, info);
  sandboxed_worker_follow(g, info->role == START_INFO_POOL_WORKER ? REFUSAL_IN_STATUS : REFUSAL_ON_STDERR);
}

void sandboxed_worker_run(const struct vm_library *library, const struct start_info *start_info,
                          struct worker_status *worker_status) {
  struct guard g;
  const uint8_t *rules = start_info_data(start_info, start_info->sandbox);
  if (sandboxed_worker_begin(&g, rules, start_info->sandbox.size, worker_status) == GUARD_INSIDE)
    run_inside(library, &g, start_info);
  run_outside(library, &g, start_info);
}
