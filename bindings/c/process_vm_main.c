/* SPDX-License-Identifier: MIT */
/* The process's side, and the functions that both sides use. The process runs one request after the
 * other. It ends when the ring of requests is closed, or with its parent.
 */
#include "c/process_vm.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "c/embedded_state.h"
#include "c/run_request.h"
#include "c/values/value.h"
#include "channel/message_refs.h"
#include "os/thread.h"
#include "process/sandboxed.h"
#include "state/lua_compat.h"
#include "state/vm_interrupt.h"
#include "trace/trace.h"
#include "worker/guarded.h"
#include "worker/sandboxed_worker.h"

status process_vm_add_text(struct bytes *out, const char *text, size_t size) {
  const uint32_t length = (uint32_t)size;
  if (size >= UINT32_MAX) return STATUS_TOO_LARGE;
  status st = bytes_append(out, &length, sizeof length);
  if (st == STATUS_OK) st = bytes_append(out, text, size);
  return st ? st : bytes_append(out, "", 1);
}

status process_vm_take_text(struct reader *r, const char **text, size_t *size) {
  uint32_t length = 0;
  const uint8_t *bytes = NULL;
  status st = read_u32(r, &length);
  if (st == STATUS_OK) st = read_bytes(r, (uint64_t)length + 1, &bytes);
  if (st) return st;
  *text = (const char *)bytes;
  *size = length;
  return STATUS_OK;
}

status process_vm_put(struct ring *ring, const struct bytes *text, const struct bytes *message) {
  struct bytes carried;
  bytes_init(&carried);
  status st = message_refs_list(message->data, message->len, MESSAGE_ALL, &carried);
  const struct ring_record record = {.head = text->data, .head_size = text->len};
  const struct object_list list = message_refs_listed(&carried);
  if (st == STATUS_OK)
    st = list.count ? ring_put_carrying(ring, &record, &list, deadline_never())
                    : ring_put(ring, &record, deadline_never());
  bytes_fini(&carried);
  return st;
}

enum { MODULES_MAX = 4096 };

static status read_start_info(const struct process_vm_start_info *start_info,
                              struct embedded_vm_options *options, const char **name) {
  struct reader r = reader_over(start_info, start_info->size);
  size_t size = 0;
  status st = reader_seek(&r, sizeof *start_info);
  if (st == STATUS_OK) st = process_vm_take_text(&r, name, &size);
  if (st == STATUS_OK) st = process_vm_take_text(&r, &options->path, &size);
  if (st == STATUS_OK && !size) options->path = NULL;
  if (st == STATUS_OK) st = process_vm_take_text(&r, &options->cpath, &size);
  if (st == STATUS_OK && !size) options->cpath = NULL;
  if (st || start_info->module_count == 0) return st;
  if (start_info->module_count > MODULES_MAX) return STATUS_MALFORMED;
  struct module *modules =
      memory_alloc(start_info->module_count * sizeof *modules); /* freed with the process */
  if (!modules) return -ENOMEM;
  for (uint32_t i = 0; st == STATUS_OK && i < start_info->module_count; i++) {
    const char *module = NULL, *source = NULL;
    st = process_vm_take_text(&r, &module, &size);
    if (st == STATUS_OK) st = process_vm_take_text(&r, &source, &modules[i].source_size);
    modules[i].name = (char *)(uintptr_t)module;
    modules[i].source = (char *)(uintptr_t)source;
    modules[i].next = i + 1 < start_info->module_count ? &modules[i + 1] : NULL;
  }
  options->modules.registered = modules;
  return st;
}

/* The guard passes nothing on that other VMs would have to trust. */
static status send_reply(struct ring *replies, const struct bytes *text, const struct bytes *message) {
  struct frame f = {.kind = FRAME_ANSWER};
  if (!sandboxed_is()) return process_vm_put(replies, text, message);
  return sandboxed_tell(&f, text->data, text->len, NULL, 0);
}

static status reply_with(struct ring *replies, struct vm *vm, const struct outcome *outcome) {
  static const struct bytes nothing;
  const struct vm_memory memory = vm ? vm_memory_of(vm) : (struct vm_memory){0};
  const struct process_vm_reply reply = {
      .state = outcome->state, .value = outcome->value, .memory = memory.used, .memory_peak = memory.peak};
  const struct bytes *message = outcome->result ? &outcome->result->message : &nothing;
  const char *error = outcome->error ? outcome->error : "";
  struct bytes text;
  bytes_init(&text);
  status st = bytes_append(&text, &reply, sizeof reply);
  if (st == STATUS_OK && message->len) st = bytes_append(&text, message->data, message->len);
  if (st == STATUS_OK && outcome->state != 1) st = bytes_append(&text, error, strlen(error) + 1);
  if (st == STATUS_OK) st = send_reply(replies, &text, message);
  bytes_fini(&text);
  return st;
}

static status read_request(const struct ring_message *m, struct request *out) {
  struct reader r = reader_over(m->data, m->size);
  struct process_vm_request head;
  const uint8_t *bytes = NULL;
  const char *name = NULL, *source = NULL;
  size_t size = 0;
  status st = read_bytes(&r, sizeof head, &bytes);
  if (st) return st;
  memcpy(&head, bytes, sizeof head);
  st = process_vm_take_text(&r, &name, &size);
  if (st == STATUS_OK) st = process_vm_take_text(&r, &source, &out->source_size);
  if (st) return st;
  out->kind = (enum request_kind)head.kind;
  out->budget_us = head.budget_us;
  out->coroutine = head.coroutine;
  out->name = (char *)(uintptr_t)name;
  out->source = (char *)(uintptr_t)source;
  out->message.data = (uint8_t *)(uintptr_t)r.at;
  out->message.len = reader_left(&r);
  return STATUS_OK;
}

static struct outcome answer(struct vm *vm, const struct ring_message *m) {
  struct request request = {0};
  if (read_request(m, &request)) return outcome_failed(MM_EINVAL, "truncated request");
  return run_request(vm, &request);
}

static bool never_ends(void *context) {
  (void)context;
  return false;
}

/* STATUS_CLOSED: there are no more. */
static status take_request(struct ring *requests, struct bytes *inbox, struct ring_message *m) {
  struct frame f = {.kind = FRAME_NEXT};
  if (!sandboxed_is()) return ring_take(requests, inbox, m, deadline_never());
  const status st = sandboxed_ask(&f, NULL, 0, inbox, never_ends, NULL);
  if (st || f.kind != FRAME_TASK) return STATUS_CLOSED;
  *m = (struct ring_message){.data = inbox->data, .size = inbox->len};
  return STATUS_OK;
}

/* ---- modules that the program finds ---------------------------------------------------------- */

/* The `owner` of modules that the program finds. */
struct questioner {
  struct vm *vm;
  struct ring *requests;
  struct ring *replies;
};

/* Sends the question. */
static status ask(struct questioner *q, const char *name) {
  static const struct bytes nothing;
  const struct process_vm_reply question = {.state = PROCESS_VM_ASKS};
  struct bytes text;
  bytes_init(&text);
  status st = bytes_append(&text, &question, sizeof question);
  if (st == STATUS_OK) st = bytes_append(&text, name, strlen(name) + 1);
  if (st == STATUS_OK) st = send_reply(q->replies, &text, &nothing);
  bytes_fini(&text);
  return st;
}

static status read_module(const struct ring_message *m, struct mm_source *out) {
  struct reader r = reader_over(m->data, m->size);
  const uint8_t *head = NULL;
  const char *name = NULL, *source = NULL;
  size_t name_size = 0, size = 0;
  status st = read_bytes(&r, sizeof(struct process_vm_request), &head);
  if (st == STATUS_OK) st = process_vm_take_text(&r, &name, &name_size);
  if (st == STATUS_OK) st = process_vm_take_text(&r, &source, &size);
  if (st) return st;
  struct process_vm_request request;
  memcpy(&request, head, sizeof request);
  out->is_given = request.kind == PROCESS_VM_MODULE;
  st = bytes_append(&out->name, name, name_size);
  return st ? st : bytes_append(&out->text, source, size);
}

/* The answer comes, or the program has ended. */
static bool find_module(void *owner, const char *name, struct mm_source *out) NO_THREAD_SAFETY_ANALYSIS {
  struct questioner *q = owner;
  struct bytes inbox;
  struct ring_message m;
  if (ask(q, name)) return false;
  bytes_init(&inbox);
  vm_leave(q->vm);
  status st;
  do st = take_request(q->requests, &inbox, &m);
  while (st == STATUS_INTERRUPTED || st == STATUS_TIMEOUT);
  vm_enter(q->vm);
  if (st == STATUS_OK) {
    out->failure = read_module(&m, out);
    ring_message_done(&m);
  }
  bytes_fini(&inbox);
  return st == STATUS_OK && out->is_given;
}

/* ---- serving --------------------------------------------------------------------------------- */

/* The parent requests no stop of an ended job once it has sent the next request, so the stop is
 * cleared then. */
static void serve(struct vm *vm, struct ring *requests, struct ring *replies) NO_THREAD_SAFETY_ANALYSIS {
  struct bytes inbox;
  struct ring_message m;
  bytes_init(&inbox);
  for (;;) {
    vm_leave(vm);
    const status st = take_request(requests, &inbox, &m);
    vm_enter(vm);
    if (st == STATUS_INTERRUPTED || st == STATUS_TIMEOUT) continue;
    if (st) break;
    vm_clear_stop(vm);
    struct outcome outcome = answer(vm, &m);
    ring_message_done(&m);
    const status sent = reply_with(replies, vm, &outcome);
    value_release(outcome.result);
    memory_free(outcome.error);
    if (sent) break;
  }
  bytes_fini(&inbox);
}

static struct ring *find_ring(object_ref ref) {
  struct object *object = NULL;
  if (segment_find(ref, OBJECT_RING, &object) || segment_hold(object)) return NULL;
  return (struct ring *)(void *)object;
}

static const uint8_t *rules_of(const struct process_vm_start_info *start_info) {
  return (const uint8_t *)start_info + start_info->sandbox;
}
static size_t rules_size(const struct process_vm_start_info *start_info) {
  return (size_t)(start_info->size - start_info->sandbox);
}

/* Without memory for it, the kernel's refusal has a worse text. */
static int refuse_programs(lua_State *L) {
  guarded_refuse_programs(L);
  return 0;
}

/* Runs the VM until its end. The rings are NULL in a sandbox. */
static int run_vm(const struct vm_library *library, const struct process_vm_start_info *start_info,
                  struct worker_status *worker_status, struct ring *requests, struct ring *replies)
    NO_THREAD_SAFETY_ANALYSIS {
  struct embedded_vm_options options = {
      .library = library,
      .counts_steps = true,
      .vm = {.libraries = start_info->libraries, .memory_limit = (size_t)start_info->memory_limit}};
  struct questioner questioner = {NULL, requests, replies};
  const char *name = "lua";
  char error[EMBEDDED_STATE_ERROR_MAX] = "";
  struct vm *vm = NULL;
  if (read_start_info(start_info, &options, &name)) return 1;
  options.has_require = start_info->has_require;
  if (start_info->has_finder) {
    options.modules.find = find_module;
    options.modules.owner = &questioner;
  }
  if (start_info->nice) thread_be_nice(start_info->nice);
  worker_status_introduce(worker_status, name, 0);
  trace_name_thread(name);
  if (!worker_status_run(worker_status)) return 1;
  const status st = embedded_state_open(&vm, &options, error);
  questioner.vm = vm;
  if (sandboxed_is()) {
    if (st == STATUS_OK) (void)!lua_try(vm_lua(vm), refuse_programs, NULL);
    sandboxed_worker_enter(rules_of(start_info), rules_size(start_info));
  }
  const struct outcome ready = {.state = st, .error = error};
  if (reply_with(replies, vm, &ready) || st) return 1;
  vm_bind_thread(vm);
  vm_obey(vm, sandboxed_is() ? &sandboxed_page()->stop_requested : &worker_status->stop_requested);
  if (start_info->must_be_stoppable && lua_is_jit())
    lua_turn_jit_off(vm_lua(vm)); /* compiled loops run no hooks */
  serve(vm, requests, replies);
  embedded_state_close(vm);
  return 0;
}

/* This process becomes the guard of the sandboxed one. */
NO_RETURN static void serve_in_sandbox(const struct vm_library *library,
                                       const struct process_vm_start_info *start_info,
                                       struct worker_status *worker_status, struct ring *requests,
                                       struct ring *replies) {
  struct guard g;
  const enum guard_side side =
      sandboxed_worker_begin(&g, rules_of(start_info), rules_size(start_info), worker_status);
  if (side == GUARD_OUTSIDE) {
    worker_status_run(worker_status);
    process_vm_guard(&g, requests, replies);
    sandboxed_worker_follow(&g, REFUSAL_IN_STATUS);
  }
  struct process_vm_start_info *copy = memory_alloc((size_t)start_info->size);
  if (!copy) sandboxed_worker_end(1);
  memcpy(copy, segment_bytes_at(segment_ref(start_info), start_info->size), (size_t)start_info->size);
  sandboxed_worker_leave(&g, &worker_status);
  sandboxed_worker_end(run_vm(library, copy, worker_status, NULL, NULL));
}

int process_vm_serve(const struct vm_library *library, const struct process_vm_start_info *start_info,
                     struct worker_status *worker_status) {
  struct ring *requests = find_ring(start_info->requests), *replies = find_ring(start_info->replies);
  if (!requests || !replies) return 1;
  if (start_info->sandbox) serve_in_sandbox(library, start_info, worker_status, requests, replies);
  const int code = run_vm(library, start_info, worker_status, requests, replies);
  segment_release(&requests->object);
  segment_release(&replies->object);
  return code;
}
