/* SPDX-License-Identifier: MIT */
/* Our side first: a thread of the program that starts the process, hands it requests and takes replies. It
 * alone uses `remote`; others may wake it (`news`), and kill the process under the VM's lock.
 */
#include "c/process_vm.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "c/embedded_vm.h"
#include "c/outbox.h"
#include "c/value.h"
#include "channel/message_refs.h"
#include "os/clock.h"
#include "os/signals.h"
#include "os/thread.h"
#include "process/child.h"
#include "state/launch.h"
#include "state/lua_compat.h"
#include "state/vm_interrupt.h"
#include "trace/trace.h"
#include "wire/reader.h"

enum { START_SECONDS = 30, STOP_GRACE_SECONDS = 1, ASK_AGAIN_MS = 1 };

struct remote {
  struct child child;
  bool is_open; /* under the VM's lock: it may be signalled */
  block_ref start_info;
  struct ring *requests;
  struct ring *replies;
  struct bytes inbox;
  futex_word news;
};

/* ---- starting -------------------------------------------------------------------------------- */

static status add_string(struct bytes *out, const char *text) {
  return process_vm_add_text(out, text ? text : "", text ? strlen(text) : 0);
}

/* C modules are the program's own code, which the process does not have. */
static status add_module(struct bytes *out, const struct module *m) {
  static const char refusal[] =
      "error('module \\'' .. ... .. '\\' is C code of the host program, and not in its processes', 0)";
  const status st = add_string(out, m->name);
  if (st) return st;
  return m->open ? process_vm_add_text(out, refusal, sizeof refusal - 1)
                 : process_vm_add_text(out, m->source, m->source_size);
}

static status write_birth(struct mm_vm *vm, struct bytes *out) {
  const struct embedded_vm_options order = embedded_vm_options(vm);
  struct process_vm_birth start_info = {.role = PROCESS_VM_BIRTH_ROLE,
                                        .libraries = order.options.libraries,
                                        .memory_limit = order.options.memory_limit,
                                        .nice = vm->config.nice,
                                        .must_be_stoppable = vm->can_stop,
                                        .requests = segment_object_ref(&vm->remote->requests->object),
                                        .replies = segment_object_ref(&vm->remote->replies->object)};
  for (const struct module *m = order.modules; m; m = m->next) start_info.module_count++;
  status st = bytes_append(out, &start_info, sizeof start_info);
  if (st == STATUS_OK) st = add_string(out, vm->name);
  if (st == STATUS_OK) st = add_string(out, order.path);
  if (st == STATUS_OK) st = add_string(out, order.cpath);
  for (const struct module *m = order.modules; st == STATUS_OK && m; m = m->next) st = add_module(out, m);
  start_info.size = out->len;
  if (st == STATUS_OK) memcpy(out->data, &start_info, sizeof start_info);
  return st;
}

static status make_birth(struct mm_vm *vm) {
  struct bytes text;
  bytes_init(&text);
  status st = write_birth(vm, &text);
  if (st == STATUS_OK) st = segment_alloc(text.len, &vm->remote->start_info);
  if (st == STATUS_OK) memcpy(segment_at(vm->remote->start_info), text.data, text.len);
  bytes_fini(&text);
  return st;
}

static status spawn(struct mm_vm *vm) {
  struct remote *r = vm->remote;
  const char *given = vm->rt->config.worker_exe;
  struct launch launch;
  if (given) {
    const char *const argv[] = {given, "--worker", CHILD_OPTIONS, NULL};
    return child_spawn(&r->child, argv, r->start_info);
  }
  status st = launch_prepare(&launch, LAUNCH_WORKER);
  if (st) return st;
  st = child_spawn(&r->child, launch.argv, r->start_info);
  launch_end(&launch);
  return st;
}

static void free_remote(struct mm_vm *vm) {
  struct remote *r = vm->remote;
  if (r->start_info) segment_free(r->start_info);
  if (r->requests) segment_release(&r->requests->object);
  if (r->replies) segment_release(&r->replies->object);
  bytes_fini(&r->inbox);
  memory_free(r);
  vm->remote = NULL;
}

static bool has_died(struct remote *r) { return child_wait(&r->child, deadline_now()) == STATUS_OK; }

/* Something may have come, or the process died, or there is news; or `until` has passed. */
static void wait_for_something(struct remote *r, uint32_t news, deadline until) {
  enum { LOOK_AGAIN_MS = 100 };
  struct futex_watch watches[2] = {{&r->news, news}};
  const bool is_alive = segment_watch_life(r->child.place.slot, &watches[1]);
  const struct ring_wait also = {watches, is_alive ? 2 : 1};
  const deadline slice = deadline_after(is_alive ? LOOK_AGAIN_MS / 1000.0 : 0.001);
  (void)!ring_wait_readable(r->replies, &also, deadline_earlier(slice, until));
}

/* The first reply says that it is ready. */
static status wait_for_start(struct mm_vm *vm, char error[EMBEDDED_STATE_ERROR_MAX]) {
  struct remote *r = vm->remote;
  const deadline until = deadline_after(START_SECONDS);
  struct ring_message m;
  while (ring_take(r->replies, &r->inbox, &m, deadline_now()) != STATUS_OK) {
    if (has_died(r) && !ring_is_readable(r->replies)) return STATUS_DIED;
    if (deadline_passed(until)) return STATUS_TIMEOUT;
    wait_for_something(r, atomic_load(&r->news), until);
  }
  struct process_vm_reply reply;
  memcpy(&reply, m.data, sizeof reply);
  if (reply.state < 0) snprintf(error, EMBEDDED_STATE_ERROR_MAX, "%s", (const char *)m.data + sizeof reply);
  ring_message_done(&m);
  return reply.state;
}

static void end_process(struct mm_vm *vm, deadline until) {
  struct remote *r = vm->remote;
  ring_close(r->requests);
  if (child_wait(&r->child, until)) child_signal(&r->child, SIGKILL);
  while (child_wait(&r->child, deadline_never())) {
  }
  mutex_lock(&vm->lock);
  r->is_open = false;
  mutex_unlock(&vm->lock);
  child_fini(&r->child);
}

static status process_vm_open(struct mm_vm *vm, char error[EMBEDDED_STATE_ERROR_MAX]) {
  struct remote *r = memory_alloc(sizeof *r);
  if (!r) return -ENOMEM;
  vm->remote = r;
  vm->can_stop = vm->config.stoppable || vm->config.call_ms || !lua_is_jit();
  bytes_init(&r->inbox);
  status st = ring_make(&r->requests, 0, RING_GROWS);
  if (st == STATUS_OK) st = ring_make(&r->replies, 0, RING_GROWS);
  if (st == STATUS_OK) st = make_birth(vm);
  if (st == STATUS_OK) st = spawn(vm);
  if (st) {
    free_remote(vm);
    return st;
  }
  r->is_open = true;
  st = wait_for_start(vm, error);
  if (st) {
    end_process(vm, deadline_now());
    free_remote(vm);
    return st;
  }
  atomic_store(&vm->os_id, r->child.pid);
  return STATUS_OK;
}

/* It may be in the middle of a job that does not stop. The caller of mm_rt_free chooses
 * the grace period. */
static void process_vm_close(struct mm_vm *vm) {
  end_process(vm, deadline_after(STOP_GRACE_SECONDS));
  free_remote(vm);
}

/* ---- requests -------------------------------------------------------------------------------- */

static status write_request(const struct request *request, struct bytes *out) {
  const struct process_vm_request head = {.kind = request->kind};
  status st = bytes_append(out, &head, sizeof head);
  if (st == STATUS_OK) st = add_string(out, request->name);
  if (st == STATUS_OK)
    st = process_vm_add_text(out, request->source ? request->source : "", request->source_size);
  return st ? st : bytes_append(out, request->message.data, request->message.len);
}

static status send_request(struct remote *r, const struct request *request) {
  struct bytes text;
  bytes_init(&text);
  status st = write_request(request, &text);
  if (st == STATUS_OK) st = process_vm_put(r->requests, &text, &request->message);
  bytes_fini(&text);
  return st;
}

static struct outcome read_result(const uint8_t *data, size_t size) {
  struct outcome outcome = {.state = 1};
  struct bytes message;
  bytes_init(&message);
  if (bytes_append(&message, data, size) || message_refs_retain(message.data, message.len)) {
    bytes_fini(&message);
    return outcome_failed(MM_ENOMEM, "not enough memory for the results");
  }
  const status st = value_from_message(&message, &outcome.result);
  if (st == STATUS_OK) return outcome;
  value_discard_message(&message);
  return outcome_failed(st == -ENOMEM ? MM_ENOMEM : MM_EDIED, "malformed result");
}

static struct outcome read_reply(struct mm_vm *vm, const struct ring_message *m) {
  struct process_vm_reply reply;
  if (m->size < sizeof reply) return outcome_failed(MM_EDIED, "truncated reply from the VM's process");
  memcpy(&reply, m->data, sizeof reply);
  embedded_vm_note_memory(vm, (struct vm_memory){(size_t)reply.memory, (size_t)reply.memory_peak});
  if (reply.state == 1) return read_result(m->data + sizeof reply, m->size - sizeof reply);
  return outcome_failed(-reply.state, (const char *)m->data + sizeof reply);
}

static struct outcome outcome_of_death(struct mm_vm *vm) {
  const int code = vm->remote->child.exit_code;
  char text[80];
  if (code < 0)
    snprintf(text, sizeof text, "the process of the VM was killed by signal %d", -code);
  else
    snprintf(text, sizeof text, "the process of the VM ended with exit code %d", code);
  return outcome_failed(MM_EDIED, text);
}

/* How a running request is watched: when it is too late, and how it is asked to stop. */
struct watch {
  deadline limit;
  deadline grace; /* when asking is over; never: it was not asked yet */
};

static void note_limit(struct mm_vm *vm) {
  mutex_lock(&vm->lock);
  if (vm->stop_reason == MM_OK) vm->stop_reason = MM_ELIMIT_TIME;
  mutex_unlock(&vm->lock);
}

/* It does what it is asked at its next instruction; a C function that takes too long is killed
 * with its process. */
static deadline ask_to_stop(struct mm_vm *vm, struct watch *w) {
  struct remote *r = vm->remote;
  if (deadline_is_never(w->grace)) w->grace = deadline_after(STOP_GRACE_SECONDS);
  if (deadline_passed(w->grace)) {
    child_signal(&r->child, SIGKILL);
  } else {
    atomic_store(&r->child.worker_status->doomed, 1);
    child_signal(&r->child, SIGNAL_INTERRUPT);
  }
  return deadline_after(ASK_AGAIN_MS / 1000.0);
}

static deadline watch_job(struct mm_vm *vm, struct watch *w) {
  if (!deadline_is_never(w->limit) && deadline_passed(w->limit)) note_limit(vm);
  return embedded_vm_stop_reason(vm) == MM_OK ? w->limit : ask_to_stop(vm, w);
}

static struct outcome take_reply(struct mm_vm *vm, struct watch *w) {
  struct remote *r = vm->remote;
  struct ring_message m;
  for (;;) {
    const uint32_t news = atomic_load(&r->news);
    if (ring_take(r->replies, &r->inbox, &m, deadline_now()) == STATUS_OK) break;
    if (has_died(r) && !ring_is_readable(r->replies)) return outcome_of_death(vm);
    wait_for_something(r, news, watch_job(vm, w));
  }
  const struct outcome outcome = read_reply(vm, &m);
  ring_message_done(&m);
  return outcome;
}

static struct outcome process_vm_run(struct mm_vm *vm, struct mm_job *j) {
  struct remote *r = vm->remote;
  if (j->request.kind == REQUEST_FUNCTION) return outcome_failed(MM_EUNSUPPORTED, "the VM is in a process");
  const int64_t limit = embedded_vm_limit_ns(vm, j);
  struct watch w = {.limit = limit ? (deadline){clock_now_ns() + limit} : deadline_never(),
                    .grace = deadline_never()};
  if (send_request(r, &j->request)) return outcome_failed(MM_ENOMEM, "not enough memory for the arguments");
  return take_reply(vm, &w);
}

static void process_vm_settle(struct mm_vm *vm) { atomic_store(&vm->remote->child.worker_status->doomed, 0); }

static void process_vm_stop(struct mm_vm *vm) {
  atomic_fetch_add(&vm->remote->news, 1);
  futex_wake(&vm->remote->news, INT_MAX);
}

static void process_vm_kill(struct mm_vm *vm) {
  if (vm->remote && vm->remote->is_open) child_signal(&vm->remote->child, SIGKILL);
}

const struct embedded_vm_driver process_vm_driver = {.open = process_vm_open,
                                                     .run = process_vm_run,
                                                     .settle = process_vm_settle,
                                                     .stop = process_vm_stop,
                                                     .kill = process_vm_kill,
                                                     .close = process_vm_close};
