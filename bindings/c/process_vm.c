/* SPDX-License-Identifier: MIT */
/* The program's side: the VM's thread starts the process, sends requests and takes replies. It
 * alone uses `struct process_vm`, with two exceptions: other threads wake it through `news`, and
 * kill the process under the VM's `lock`.
 */
#include "c/process_vm.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "c/embedded_vm.h"
#include "c/outbox.h"
#include "c/values/value.h"
#include "channel/message_refs.h"
#include "os/clock.h"
#include "os/sandbox.h"
#include "os/signals.h"
#include "os/thread.h"
#include "process/child.h"
#include "state/launch.h"
#include "state/lua_compat.h"
#include "state/vm_interrupt.h"
#include "trace/trace.h"
#include "wire/reader.h"

enum { START_SECONDS = 30, STOP_GRACE_SECONDS = 1, ASK_AGAIN_MS = 1 };

struct process_vm {
  struct child child;
  bool is_open; /* under the VM's `lock`: the process may get signals */
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

/* A C module is code of the program, which the process does not have: there it raises an error. */
static status add_module(struct bytes *out, const struct module *m) {
  static const char refusal[] =
      "error('module \\'' .. ... .. '\\' is C code of the host program; VMs in processes lack it', 0)";
  const status st = add_string(out, m->name);
  if (st) return st;
  return m->open ? process_vm_add_text(out, refusal, sizeof refusal - 1)
                 : process_vm_add_text(out, m->source, m->source_size);
}

static status write_start_info(struct mm_vm *vm, struct bytes *out) {
  const struct embedded_vm_options options = embedded_vm_options(vm);
  struct process_vm_start_info start_info = {.role = PROCESS_VM_ROLE,
                                             .libraries = options.vm.libraries,
                                             .memory_limit = options.vm.memory_limit,
                                             .nice = vm->config.nice,
                                             .must_be_stoppable = vm->can_stop,
                                             .has_finder = options.modules.find != NULL,
                                             .has_require = options.has_require,
                                             .requests = segment_object_ref(&vm->process->requests->object),
                                             .replies = segment_object_ref(&vm->process->replies->object)};
  for (const struct module *m = options.modules.registered; m; m = m->next) start_info.module_count++;
  status st = bytes_append(out, &start_info, sizeof start_info);
  if (st == STATUS_OK) st = add_string(out, vm->name);
  if (st == STATUS_OK) st = add_string(out, options.path);
  if (st == STATUS_OK) st = add_string(out, options.cpath);
  for (const struct module *m = options.modules.registered; st == STATUS_OK && m; m = m->next)
    st = add_module(out, m);
  if (vm->sandbox.len) start_info.sandbox = out->len;
  if (st == STATUS_OK) st = bytes_append(out, vm->sandbox.data, vm->sandbox.len);
  start_info.size = out->len;
  if (st == STATUS_OK) memcpy(out->data, &start_info, sizeof start_info);
  return st;
}

static status make_start_info(struct mm_vm *vm) {
  struct bytes text;
  bytes_init(&text);
  status st = write_start_info(vm, &text);
  if (st == STATUS_OK) st = segment_alloc_vital(text.len, &vm->process->start_info);
  if (st == STATUS_OK) memcpy(segment_at(vm->process->start_info), text.data, text.len);
  bytes_fini(&text);
  return st;
}

static status spawn(struct mm_vm *vm) {
  struct process_vm *p = vm->process;
  const char *given = vm->rt->config.worker_exe;
  struct launch launch;
  if (given) {
    const char *const argv[] = {given, "--worker", CHILD_OPTIONS, NULL};
    return child_spawn(&p->child, argv, p->start_info);
  }
  status st = launch_prepare(&launch, LAUNCH_WORKER);
  if (st) return st;
  st = child_spawn(&p->child, launch.argv, p->start_info);
  launch_end(&launch);
  return st;
}

static void free_process_vm(struct mm_vm *vm) {
  struct process_vm *p = vm->process;
  if (p->start_info) segment_free(p->start_info);
  if (p->requests) segment_release(&p->requests->object);
  if (p->replies) segment_release(&p->replies->object);
  bytes_fini(&p->inbox);
  mutex_lock(&vm->lock); /* a kill looks */
  vm->process = NULL;
  mutex_unlock(&vm->lock);
  memory_free(p);
}

static bool has_died(struct process_vm *p) { return child_wait(&p->child, deadline_now()) == STATUS_OK; }

/* Waits for a reply, the end of the process, news or `until`. May return early. */
static void wait_for_event(struct process_vm *p, uint32_t news, deadline until) {
  enum { LOOK_AGAIN_MS = 100 };
  struct futex_watch watches[2] = {{&p->news, news}};
  const bool is_alive = segment_watch_life(p->child.place.slot, &watches[1]);
  const struct ring_wait also = {watches, is_alive ? 2 : 1};
  const deadline slice = deadline_after(is_alive ? LOOK_AGAIN_MS / 1000.0 : 0.001);
  (void)!ring_wait_readable(p->replies, &also, deadline_earlier(slice, until));
}

/* The first reply says whether the VM is open. */
static status wait_for_start(struct mm_vm *vm, char error[EMBEDDED_STATE_ERROR_MAX]) {
  struct process_vm *p = vm->process;
  const deadline until = deadline_after(START_SECONDS);
  struct ring_message m;
  while (ring_take(p->replies, &p->inbox, &m, deadline_now()) != STATUS_OK) {
    if (has_died(p) && !ring_is_readable(p->replies)) return STATUS_DIED;
    if (deadline_passed(until)) return STATUS_TIMEOUT;
    wait_for_event(p, atomic_load(&p->news), until);
  }
  struct process_vm_reply reply;
  memcpy(&reply, m.data, sizeof reply);
  if (reply.state < 0) snprintf(error, EMBEDDED_STATE_ERROR_MAX, "%s", (const char *)m.data + sizeof reply);
  ring_message_done(&m);
  return reply.state;
}

static void end_process(struct mm_vm *vm, deadline until) {
  struct process_vm *p = vm->process;
  ring_close(p->requests);
  if (child_wait(&p->child, until)) child_signal(&p->child, SIGKILL);
  while (child_wait(&p->child, deadline_never())) {
  }
  mutex_lock(&vm->lock);
  p->is_open = false;
  mutex_unlock(&vm->lock);
  child_fini(&p->child);
}

static status process_vm_open(struct mm_vm *vm, char error[EMBEDDED_STATE_ERROR_MAX]) {
  struct process_vm *p = memory_alloc(sizeof *p);
  if (!p) return -ENOMEM;
  mutex_lock(&vm->lock);
  vm->process = p;
  mutex_unlock(&vm->lock);
  embedded_vm_set_stoppable(vm, vm->config.stoppable || vm->config.call_ms || !lua_is_jit());
  bytes_init(&p->inbox);
  status st = ring_make(&p->requests, (struct ring_bounds){0}, RING_GROWS);
  if (st == STATUS_OK) st = ring_make(&p->replies, (struct ring_bounds){0}, RING_GROWS);
  if (st == STATUS_OK) st = make_start_info(vm);
  if (st == STATUS_OK) st = spawn(vm);
  if (st) {
    free_process_vm(vm);
    return st;
  }
  mutex_lock(&vm->lock);
  p->is_open = true;
  mutex_unlock(&vm->lock);
  st = wait_for_start(vm, error);
  if (st) {
    end_process(vm, deadline_now());
    free_process_vm(vm);
    return st;
  }
  atomic_store(&vm->os_id, p->child.pid);
  return STATUS_OK;
}

/* A job that does not stop ends with its process, after one second; mm_rt_free may kill the process
 * earlier. */
static void process_vm_close(struct mm_vm *vm) {
  end_process(vm, deadline_after(STOP_GRACE_SECONDS));
  free_process_vm(vm);
}

/* ---- requests -------------------------------------------------------------------------------- */

static status write_request(const struct request *request, struct bytes *out) {
  const struct process_vm_request head = {
      .kind = request->kind, .budget_us = request->budget_us, .coroutine = request->coroutine};
  status st = bytes_append(out, &head, sizeof head);
  if (st == STATUS_OK) st = add_string(out, request->name);
  if (st == STATUS_OK)
    st = process_vm_add_text(out, request->source ? request->source : "", request->source_size);
  return st ? st : bytes_append(out, request->message.data, request->message.len);
}

static status send_request(struct process_vm *p, const struct request *request) {
  struct bytes text;
  bytes_init(&text);
  status st = write_request(request, &text);
  if (st == STATUS_OK) st = process_vm_put(p->requests, &text, &request->message);
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
  if (reply.state == OUTCOME_WAITS) return (struct outcome){.state = OUTCOME_WAITS};
  if (reply.state == 1 && m->size == sizeof reply)
    return (struct outcome){.state = 1, .value = reply.value}; /* of a collection */
  if (reply.state == 1) return read_result(m->data + sizeof reply, m->size - sizeof reply);
  return outcome_failed(-reply.state, (const char *)m->data + sizeof reply);
}

static struct outcome outcome_of_death(struct mm_vm *vm) {
  const int code = vm->process->child.exit_code;
  const uint32_t refused = atomic_load(&vm->process->child.worker_status->refused);
  const char *call = refused ? sandbox_call_name(refused - 1) : NULL;
  char text[80];
  if (call)
    snprintf(text, sizeof text, "the sandbox refused the system call %s", call);
  else if (code < 0)
    snprintf(text, sizeof text, "the process of the VM was killed by signal %d", -code);
  else
    snprintf(text, sizeof text, "the process of the VM ended with exit code %d", code);
  return outcome_failed(MM_EDIED, text);
}

/* The deadlines of a running request. */
struct watch {
  deadline limit; /* of the job */
  deadline grace; /* the end of requests to stop; never: no request was made yet */
};

static void note_limit(struct mm_vm *vm) {
  mutex_lock(&vm->lock);
  if (vm->stop_reason == MM_OK) vm->stop_reason = MM_ELIMIT_TIME;
  mutex_unlock(&vm->lock);
}

/* The job stops at its next Lua instruction. If it is in a C function for longer than the grace
 * period, the process is killed. Returns the time of the next request. */
static deadline request_stop(struct mm_vm *vm, struct watch *w) {
  struct process_vm *p = vm->process;
  if (deadline_is_never(w->grace)) w->grace = deadline_after(STOP_GRACE_SECONDS);
  if (deadline_passed(w->grace)) {
    child_signal(&p->child, SIGKILL);
  } else {
    atomic_store(&p->child.worker_status->stop_requested, 1);
    child_signal(&p->child, SIGNAL_INTERRUPT);
  }
  return deadline_after(ASK_AGAIN_MS / 1000.0);
}

static deadline watch_job(struct mm_vm *vm, struct watch *w) {
  if (!deadline_is_never(w->limit) && deadline_passed(w->limit)) note_limit(vm);
  return embedded_vm_stop_reason(vm) == MM_OK ? w->limit : request_stop(vm, w);
}

static status send_module(struct process_vm *p, bool is_found, const struct mm_source *source) {
  static const struct bytes nothing;
  const struct process_vm_request head = {.kind = is_found ? PROCESS_VM_MODULE : PROCESS_VM_NO_MODULE};
  struct bytes text;
  bytes_init(&text);
  status st = bytes_append(&text, &head, sizeof head);
  if (st == STATUS_OK) st = process_vm_add_text(&text, (const char *)source->name.data, source->name.len);
  if (st == STATUS_OK) st = process_vm_add_text(&text, (const char *)source->text.data, source->text.len);
  if (st == STATUS_OK) st = process_vm_put(p->requests, &text, &nothing);
  bytes_fini(&text);
  return st;
}

/* Whether the message is a question, which is answered. Without memory for the answer the process would wait for
 * ever: it is killed. */
static bool answer_question(struct mm_vm *vm, const struct ring_message *m) {
  struct process_vm_reply reply;
  if (m->size <= sizeof reply) return false;
  memcpy(&reply, m->data, sizeof reply);
  if (reply.state != PROCESS_VM_ASKS) return false;
  struct mm_source source = {.is_given = false};
  const char *name = (const char *)m->data + sizeof reply;
  const bool is_found = vm->rt->config.find && embedded_vm_find_module(vm, name, &source);
  if (source.failure || send_module(vm->process, is_found, &source))
    child_signal(&vm->process->child, SIGKILL);
  source_fini(&source);
  return true;
}

static struct outcome take_reply(struct mm_vm *vm, struct watch *w) {
  struct process_vm *p = vm->process;
  struct ring_message m;
  for (;;) {
    const uint32_t news = atomic_load(&p->news);
    if (ring_take(p->replies, &p->inbox, &m, deadline_now()) == STATUS_OK) {
      if (!answer_question(vm, &m)) break;
      ring_message_done(&m);
      continue;
    }
    if (has_died(p) && !ring_is_readable(p->replies)) return outcome_of_death(vm);
    wait_for_event(p, news, watch_job(vm, w));
  }
  const struct outcome outcome = read_reply(vm, &m);
  ring_message_done(&m);
  return outcome;
}

static struct outcome process_vm_run(struct mm_vm *vm, struct mm_job *j) {
  struct process_vm *p = vm->process;
  if (j->request.kind == REQUEST_FUNCTION) return outcome_failed(MM_EUNSUPPORTED, "the VM is in a process");
  const int64_t limit = embedded_vm_limit_ns(vm, j);
  struct watch w = {.limit = limit ? (deadline){clock_now_ns() + limit} : deadline_never(),
                    .grace = deadline_never()};
  if (send_request(p, &j->request)) return outcome_failed(MM_ENOMEM, "not enough memory for the arguments");
  return take_reply(vm, &w);
}

static void process_vm_settle(struct mm_vm *vm) {
  atomic_store(&vm->process->child.worker_status->stop_requested, 0);
}

static void process_vm_stop(struct mm_vm *vm) {
  atomic_fetch_add(&vm->process->news, 1);
  futex_wake(&vm->process->news, INT_MAX);
}

static void process_vm_kill(struct mm_vm *vm) {
  if (vm->process && vm->process->is_open) child_signal(&vm->process->child, SIGKILL);
}

const struct embedded_vm_driver process_vm_driver = {.open = process_vm_open,
                                                     .run = process_vm_run,
                                                     .settle = process_vm_settle,
                                                     .stop = process_vm_stop,
                                                     .kill = process_vm_kill,
                                                     .close = process_vm_close};
