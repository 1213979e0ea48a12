/* SPDX-License-Identifier: MIT */
/* The loop of a pool worker: take a task, run it, send its answer.
 *
 * Each failure of a task (its arguments cannot be decoded, it raises, its result cannot be
 * encoded) is that task's answer. Functions are decoded once and kept under their number; the last
 * FUNCTIONS_KEPT of them. */
#include "pool/pool_worker.h"

#include "core/arguments.h"
#include "core/failure.h"
#include "core/settings.h"
#include "deadlock/endless_wait.h"
#include "os/clock.h"
#include "os/status_text.h"
#include "pool/pool_rings.h"
#include "pool/pool_sources.h"
#include "process/sandboxed.h"
#include "shared/attachments.h"
#include "state/caller.h"
#include "state/globals_apply.h"
#include "state/parcel.h"
#include "state/random_stream.h"
#include "state/scalar.h"
#include "state/transfer.h"
#include "state/value_path.h"
#include "state/vm_interrupt.h"
#include "wire/format.h"
#include "wire/message.h"
#include "worker/guarded.h"

enum { FUNCTIONS_KEPT = 64, ROOM_MAX = 1 << 16 };

struct pool_worker {
  struct vm *vm;
  struct pool_sources sources;
  struct ring *from; /* of the current task */
  struct ring *results;
  struct worker_status *worker_status;
  struct bytes inbox;
  struct bytes fetched; /* in a sandbox: the value that was fetched last */
  struct ring_message message;
  struct task_envelope task; /* the current one */
  bool is_running;           /* its arguments are decoded, so an error is the script's */
  int cached;                /* how many functions were ever decoded */
  uint64_t left;             /* calls until maxtasksperchild */
  bool has_seed;             /* each item draws from a stream of its own (state/random_stream.h) */
  uint64_t seed;
};

enum { HANDLER = 1, CACHE = 2, FINALIZER = 3, BASE = 3 }; /* the worker's stack */
/* In the registry: the worker, and its cache. */
#define WORKER_KEY "manymoons.pool_worker"
#define CACHE_KEY  "manymoons.pool_functions"

/* Only this worker writes its status's counts. */
static void add_to(_Atomic uint64_t *count, uint64_t more) {
  atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + more,
                        memory_order_relaxed);
}

/* ---- random numbers -------------------------------------------------------------------------- */

static void begin_stream(lua_State *L, const struct pool_worker *w, int item) {
  if (w->has_seed) random_stream_begin(L, w->seed, w->task.base + (uint64_t)item);
}

static void end_stream(lua_State *L, const struct pool_worker *w) {
  if (w->has_seed) random_stream_end(L);
}

/* ---- functions ------------------------------------------------------------------------------- */

/* Decodes values, and moves the globals that came before them, or nil, to index `globals`. */
static int decode_with_globals(lua_State *L, const uint8_t *text, size_t size, int globals) {
  lua_pushnil(L);
  lua_insert(L, globals);
  const int count = transfer_decode_call(L, text, size);
  if (!message_has_flag(text, size, FLAG_GLOBALS)) return count;
  const int first = lua_gettop(L) - count + 1;
  lua_pushvalue(L, first);
  lua_replace(L, globals);
  lua_remove(L, first);
  return count - 1;
}

static int decode_fetched(lua_State *L, struct pool_worker *w, block_ref block, int globals)
    REQUIRES(rank_vm) {
  guarded_fetch(L, block, &w->fetched);
  const int count = decode_with_globals(L, w->fetched.data, w->fetched.len, globals);
  bytes_trim(&w->fetched, 64 * 1024);
  return count;
}

/* Decodes values that the parent keeps in a block. */
static int decode_stored(lua_State *L, struct pool_worker *w, block_ref block, int globals)
    REQUIRES(rank_vm) {
  if (sandboxed_is()) return decode_fetched(L, w, block, globals);
  const uint8_t *text = attachments_text(block);
  uint64_t size = 0;
  memcpy(&size, text, sizeof size);
  add_to(&w->worker_status->bytes_in, size);
  return decode_with_globals(L, text + sizeof size, size, globals);
}

#define FUNCTIONS lua_upvalueindex(1)
/* The globals of a function have a negative number in the same table. */
enum { FUNCTION_GLOBALS = 2 };

/* Pushes globals and function, which are decoded and kept. */
static void learn_function(lua_State *L, struct pool_worker *w) REQUIRES(rank_vm) {
  const int number = (int)w->task.function;
  decode_stored(L, w, w->task.function_code, FUNCTION_GLOBALS);
  if (w->cached++ >= FUNCTIONS_KEPT) {
    lua_pushnil(L);
    lua_rawseti(L, FUNCTIONS, number - FUNCTIONS_KEPT);
    lua_pushnil(L);
    lua_rawseti(L, FUNCTIONS, FUNCTIONS_KEPT - number);
  }
  lua_pushvalue(L, -1);
  lua_rawseti(L, FUNCTIONS, number);
  if (lua_isnil(L, FUNCTION_GLOBALS)) return;
  lua_pushvalue(L, FUNCTION_GLOBALS);
  lua_rawseti(L, FUNCTIONS, -number);
}

/* Pushes the function, behind what calls it, and prepares the table of globals for it. */
static void push_function(lua_State *L, struct pool_worker *w) REQUIRES(rank_vm) {
  lua_rawgeti(L, FUNCTIONS, -(int)w->task.function);
  lua_rawgeti(L, FUNCTIONS, (int)w->task.function);
  globals_apply(L, (lua_Number)w->task.function, FUNCTION_GLOBALS);
  if (lua_isnil(L, -1)) {
    lua_settop(L, FUNCTION_GLOBALS - 1);
    learn_function(L, w);
  }
  lua_remove(L, FUNCTION_GLOBALS);
}

/* Pushes the arguments, behind the function, and returns their number. */
static int push_arguments(lua_State *L, struct pool_worker *w) REQUIRES(rank_vm) {
  enum { ARGUMENT_GLOBALS = 3 };
  const struct task_envelope *task = &w->task;
  const int count = task->arguments ? decode_stored(L, w, task->arguments, ARGUMENT_GLOBALS)
                                    : decode_with_globals(L, w->message.data + sizeof *task,
                                                          w->message.size - sizeof *task, ARGUMENT_GLOBALS);
  lua_remove(L, ARGUMENT_GLOBALS);
  return count;
}

/* ---- one item of a list ---------------------------------------------------------------------- */

/* The stack of run_list. */
enum { LIST_MARK = 1, LIST_FUNCTION, LIST_COUNT, LIST_ITEMS, LIST_RESULTS, LIST_FAILURES, LIST_HANDLER };

/* function, list of its arguments → its first result. Scripts can say any length of the list. */
static int call_with_list(lua_State *L) {
  enum { FUNCTION = 1, LIST = 2 };
  char why[LENGTH_TEXT_MAX];
  if (!lua_istable(L, LIST))
    return luaL_error(L, "starmap: an item: a list of arguments expected, got %s", luaL_typename(L, LIST));
  const int count = list_argument_count(L, LIST, why);
  if (count < 0) return luaL_error(L, "starmap: an item: %s", why);
  lua_pushvalue(L, FUNCTION);
  for (int i = 1; i <= count; i++) {
    lua_pushinteger(L, i);
    lua_gettable(L, LIST);
  }
  lua_call(L, count, 1);
  return 1;
}

/* Pushes what is called for item i, and its arguments; returns how many they are. */
static int push_call(lua_State *L, enum task_mode mode, int i) {
  const bool is_list = mode == TASK_STARMAP;
  if (is_list) lua_pushcfunction(L, call_with_list);
  lua_pushvalue(L, LIST_FUNCTION);
  lua_rawgeti(L, LIST_ITEMS, i);
  return is_list ? 2 : 1;
}

/* ---- answers --------------------------------------------------------------------------------- */

struct answer {
  struct pool_worker *worker;
  struct answer_envelope envelope;
  const char *what; /* as for transfer_encode */
};

static int send_to_guard(lua_State *L, const struct answer *a) {
  const size_t size = guarded_answer(L, &a->envelope, sizeof a->envelope, 2, a->what);
  add_to(&a->worker->worker_status->bytes_out, size);
  return 0;
}

/* answer (light), values… → nothing: encodes and puts. */
static int send_answer(lua_State *L) {
  const struct answer *a = lua_touserdata(L, 1);
  if (sandboxed_is()) return send_to_guard(L, a);
  struct parcel parcel;
  parcel_open(&parcel, &a->envelope, sizeof a->envelope);
  parcel_pack(L, &parcel, 2, lua_gettop(L) - 1, a->what);
  add_to(&a->worker->worker_status->bytes_out, parcel.record.head_size + parcel.record.body_size);
  const status st = parcel_put(a->worker->results, &parcel, deadline_never());
  parcel_settle(&parcel, st);
  if (st == STATUS_OK) return 0;
  return_failure(L, st);
  return luaL_error(L, "the result cannot be sent: %s", lua_tostring(L, -1));
}

/* The top `count` values are sent, and popped. On failure the error is on top, in their place. */
static int try_send_answer(lua_State *L, struct answer *answer, int count) {
  luaL_checkstack(L, 2, "too many results");
  const int first = lua_gettop(L) - count + 1;
  lua_pushcfunction(L, send_answer);
  lua_insert(L, first);
  lua_pushlightuserdata(L, answer);
  lua_insert(L, first + 1);
  return lua_pcall(L, count + 1, 0, 0);
}

static int try_send(lua_State *L, struct pool_worker *w, enum task_outcome outcome, int count) {
  struct answer answer = {w, {.outcome = (uint8_t)outcome, .task = w->task.task}, "result"};
  return try_send_answer(L, &answer, count);
}

/* A failure is sent also when the worker's account of shared memory is full. */
static void send_failure(lua_State *L, struct pool_worker *w, enum task_outcome outcome) {
  struct account *account = account_current();
  account_use(NULL);
  int failed = try_send(L, w, outcome, 1);
  if (failed) {
    failure_unsendable(L);
    failed = try_send(L, w, outcome, 1);
  }
  account_use(account);
  if (failed) lua_error(L);
}

/* ---- lists ----------------------------------------------------------------------------------- */

/* The items that have run and were not sent; on the stack of run_list. */
struct part {
  struct pool_worker *worker;
  int first;
  int last;
  int64_t begun_ns; /* of the part */
  int64_t list_ns;  /* of the list */
  int64_t clock_ns; /* of the last reading of the clock */
  int stride;       /* items between two readings of the clock */
  int until_look;
};

static int encode_probe(lua_State *L) {
  if (sandboxed_is()) {
    transfer_encode_data(L, 1, 1, "result");
    return 0;
  }
  const struct bytes *text = transfer_encode(L, 1, 1, "result");
  message_refs_discard(text->data, text->len);
  return 0;
}

static void note_item_failure(lua_State *L, int i) {
  if (lua_isnil(L, LIST_FAILURES)) {
    lua_newtable(L);
    lua_replace(L, LIST_FAILURES);
  }
  lua_rawseti(L, LIST_FAILURES, i);
}

/* Replaces each result of a part that cannot be sent by a failure of its item. */
static void single_out_unsendable(lua_State *L, int count) {
  for (int i = 1; i <= count; i++) {
    lua_pushcfunction(L, encode_probe);
    lua_rawgeti(L, LIST_RESULTS, i);
    if (lua_pcall(L, 1, 0, 0) == 0) continue;
    failure_unsendable(L);
    note_item_failure(L, i);
    lua_pushnil(L);
    lua_rawseti(L, LIST_RESULTS, i);
  }
}

static int try_send_part(lua_State *L, const struct part *p, enum task_outcome outcome, int64_t now) {
  struct answer answer = {p->worker,
                          {.outcome = (uint8_t)outcome,
                           .task = p->worker->task.task,
                           .first = (uint64_t)p->first,
                           .count = (uint32_t)(p->last - p->first + 1),
                           .ns = (uint64_t)(now - p->begun_ns)},
                          PATH_ITEMS};
  lua_pushvalue(L, LIST_RESULTS);
  lua_pushvalue(L, LIST_FAILURES);
  return try_send_answer(L, &answer, 2);
}

static bool is_each(const struct part *p) { return (p->worker->task.flags & TASK_EACH) != 0; }

static void begin_journal(const struct part *p) {
  if (is_each(p) && !sandboxed_is())
    result_journal_begin(&p->worker->worker_status->result_journal, p->worker->message.number,
                         (uint64_t)p->first);
}

/* The room made in advance for so many results: a list of any number of nils costs its sender little. */
static int room_for(int count) { return count < ROOM_MAX ? count : ROOM_MAX; }

/* Its items count as answered, even if sending fails. They are counted first: a caller that has the
 * results finds them in stats(). */
static void send_part(lua_State *L, struct part *p, enum task_outcome outcome, int left) {
  const int64_t now = clock_now_ns();
  add_to(&p->worker->worker_status->busy_ns, (uint64_t)(now - p->begun_ns));
  add_to(&p->worker->worker_status->items, (uint64_t)p->last - (uint64_t)p->first + 1);
  if (try_send_part(L, p, outcome, now)) {
    lua_pop(L, 1);
    single_out_unsendable(L, p->last - p->first + 1);
    if (try_send_part(L, p, outcome, now)) lua_error(L);
  }
  p->first = p->last + 1;
  p->begun_ns = p->clock_ns = now;
  lua_createtable(L, room_for(left), 0);
  lua_replace(L, LIST_RESULTS);
  lua_pushnil(L);
  lua_replace(L, LIST_FAILURES);
  begin_journal(p);
}

/* Stops the VM after sending the results; meanwhile no hook may raise the stop again. */
NO_RETURN static void stop_in_list(lua_State *L, struct part *p) {
  lua_sethook(L, NULL, 0, 0);
  if (p->last >= p->first) send_part(L, p, OUTCOME_PART, 0);
  vm_pass_stop(L, p->worker->vm);
}

/* The result on top. False: it is lost if the worker dies before it is sent. */
static bool note_in_journal(lua_State *L, const struct part *p) {
  uint8_t head[SCALAR_HEAD_MAX];
  const char *text = NULL;
  size_t text_size = 0;
  if (sandboxed_is()) return false; /* the parent cannot read its status */
  const size_t size = scalar_write(L, -1, head, &text, &text_size);
  return size && result_journal_add(&p->worker->worker_status->result_journal, head, size, text, text_size);
}

static void run_item(lua_State *L, struct part *p, int i, int left) {
  const int count = push_call(L, (enum task_mode)p->worker->task.mode, i);
  begin_stream(L, p->worker, i);
  const int failed = lua_pcall(L, count, 1, LIST_HANDLER);
  end_stream(L, p->worker);
  if (failed && vm_should_stop(p->worker->vm)) stop_in_list(L, p);
  p->last = i;
  const bool is_safe = !is_each(p) || (!failed && note_in_journal(L, p));
  if (failed) {
    failure_complete(L);
    note_item_failure(L, i - p->first + 1);
  } else {
    lua_rawseti(L, LIST_RESULTS, i - p->first + 1);
  }
  if (!is_safe && left > 0) send_part(L, p, OUTCOME_PART, left);
}

static bool begin_guarded(lua_State *L, const struct part *p, int i) REQUIRES(rank_vm) {
  if (p->worker->task.flags & (TASK_TIMED | TASK_EACH)) return guarded_may_begin(L, (uint32_t)i);
  guarded_note((uint32_t)i);
  return true;
}

/* Publishes the item, so that the parent can stop it or take back those after it (pool_rings.c:
 * request_stop, limit). False: it must not begin. */
static bool begin_item(lua_State *L, struct part *p, int i) REQUIRES(rank_vm) {
  struct worker_status *worker_status = p->worker->worker_status;
  if (sandboxed_is()) return begin_guarded(L, p, i);
  if (!(p->worker->task.flags & (TASK_TIMED | TASK_EACH))) {
    atomic_store_explicit(&worker_status->item, (uint32_t)i, memory_order_relaxed);
    return true;
  }
  if (p->worker->task.flags & TASK_TIMED) atomic_store(&worker_status->begun_ns, clock_now_ns());
  atomic_store(&worker_status->item, (uint32_t)i);
  return atomic_load(&worker_status->stop_requested) == 0 &&
         !worker_status_is_beyond_limit(worker_status, p->worker->message.number, (uint64_t)i);
}

/* Reads the clock now and then, more often if items take long. True: go on. */
static bool go_on(lua_State *L, struct part *p, int left) {
  if (--p->until_look > 0) return true;
  const int64_t now = clock_now_ns();
  const int64_t taken = now - p->clock_ns;
  if (taken * 8 < POOL_FLUSH_NS && p->stride < POOL_STRIDE_MAX && !(p->worker->task.flags & TASK_TIMED))
    p->stride *= 2;
  if (taken * 2 > POOL_FLUSH_NS) p->stride = 1;
  p->until_look = p->stride;
  p->clock_ns = now;
  atomic_store_explicit(&p->worker->worker_status->begun_ns, now, memory_order_relaxed);
  if (now - p->list_ns >= POOL_RETURN_NS && (p->worker->task.flags & TASK_RETURNS)) return false;
  const bool is_timed = (p->worker->task.flags & TASK_TIMED) != 0; /* then the next may be the last */
  if (left > 0 && (is_timed || now - p->begun_ns >= POOL_FLUSH_NS)) send_part(L, p, OUTCOME_PART, left);
  return true;
}

/* caller_push_mark, function, count, items → nothing; the answers are sent. The failures' handler stands
 * above them. */
static void run_list(lua_State *L, struct pool_worker *w) REQUIRES(rank_vm) {
  const int count = (int)lua_tointeger(L, LIST_COUNT);
  const int skip = (int)w->task.skip;
  const int64_t now = clock_now_ns();
  struct part p = {w, skip + 1, skip, now, now, now, 1, 1};
  bool goes_on = true;
  begin_journal(&p);
  atomic_store_explicit(&w->worker_status->begun_ns, now, memory_order_relaxed);
  lua_createtable(L, room_for(count - skip), 0);
  lua_pushnil(L);
  lua_pushcfunction(L, failure_handler);
  for (int i = skip + 1; goes_on && i <= count && w->left > 0; i++) {
    if (!begin_item(L, &p, i)) break;
    run_item(L, &p, i, count - i);
    if (vm_should_stop(w->vm)) stop_in_list(L, &p); /* the item caught the error */
    w->left--;
    goes_on = go_on(L, &p, count - i);
  }
  send_part(L, &p, p.last < count ? OUTCOME_RETURNED : OUTCOME_OK, 0);
}

/* ---- a call ---------------------------------------------------------------------------------- */

static int run_call(lua_State *L, struct pool_worker *w, int count) {
  struct worker_status *worker_status = w->worker_status;
  const int64_t begun = clock_now_ns();
  atomic_store(&worker_status->begun_ns, begun);
  atomic_store(&worker_status->item, 1);
  if (sandboxed_is()) guarded_note(1);
  begin_stream(L, w, 1);
  lua_call(L, count + 1, LUA_MULTRET);
  w->left--;
  add_to(&worker_status->items, 1);
  add_to(&worker_status->busy_ns, (uint64_t)(clock_now_ns() - begun));
  return lua_gettop(L);
}

/* Calls the function in a message of the mode SERVE, if there is one. */
static int serve_forks(lua_State *L, struct pool_worker *w) REQUIRES(rank_vm) {
  if (w->message.size == sizeof w->task) return 0;
  transfer_decode(L, w->message.data + sizeof w->task, w->message.size - sizeof w->task);
  ring_message_unload(&w->message);
  lua_call(L, 0, 0);
  return 0;
}

/* worker (light) → the results of a call; nothing of a list. Upvalue 1: the cache of functions. */
static int run_task(lua_State *L) REQUIRES(rank_vm) {
  struct pool_worker *w = lua_touserdata(L, 1);
  const struct task_envelope *task = &w->task;
  lua_settop(L, 0);
  if (task->mode == TASK_SERVE) return serve_forks(L, w);
  if (task->mode == TASK_CALL)
    lua_pushcfunction(L, caller_run);
  else
    caller_push_mark(L);
  push_function(L, w);
  add_to(&w->worker_status->bytes_in, w->message.size);
  const int count = push_arguments(L, w);
  ring_message_unload(&w->message); /* the decoded handles have holds of their own */
  w->is_running = true;
  if (task->mode == TASK_CALL) return run_call(L, w, count);
  run_list(L, w);
  return 0;
}

static void answer_task(lua_State *L, struct pool_worker *w, int failed) {
  if (failed && vm_should_stop(w->vm)) vm_pass_stop(L, w->vm);
  if (w->task.mode == TASK_SERVE) {
    lua_settop(L, BASE);
    return;
  }
  if (failed) {
    failure_complete(L);
    if (!w->is_running && lua_istable(L, -1)) {
      lua_pushliteral(L, "unsendable");
      lua_setfield(L, -2, "kind");
    }
    send_failure(L, w, OUTCOME_FAILED);
  } else if (w->task.mode == TASK_CALL && try_send(L, w, OUTCOME_OK, lua_gettop(L) - BASE)) {
    failure_unsendable(L);
    send_failure(L, w, OUTCOME_FAILED);
  }
  lua_settop(L, BASE);
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* Between two looks of an idle worker (deadlock/endless_wait.h). */
static const double idle_slice_seconds = 1;

static status take_task_idle(lua_State *L, struct pool_worker *w, struct endless_wait *idle)
    REQUIRES(rank_vm) {
  for (;;) {
    if (atomic_load(&w->worker_status->leave_requested)) return STATUS_CLOSED;
    endless_wait_begin_look(idle);
    status st = pool_sources_take(&w->sources, &w->inbox, &w->message, &w->worker_status->claim, &w->from);
    if (st != STATUS_EMPTY) return st;
    if (pool_forks_serve(L)) continue;
    vm_leave(w->vm);
    st = ring_wait_readable(w->sources.tasks, NULL, deadline_after(idle_slice_seconds));
    vm_enter(w->vm);
    if (st == STATUS_INTERRUPTED && vm_should_stop(w->vm)) return st;
    if (st == STATUS_TIMEOUT) (void)!endless_wait_look(L, idle);
  }
}

static status take_task(lua_State *L, struct pool_worker *w) REQUIRES(rank_vm) {
  if (sandboxed_is()) return guarded_take(L, &w->inbox, &w->message);
  struct endless_wait idle;
  endless_wait_init(&idle, WAIT_IDLE);
  const status st = take_task_idle(L, w, &idle);
  endless_wait_end(&idle);
  if (st == STATUS_INTERRUPTED) vm_raise_stop(L, w->vm);
  const bool is_whole = w->message.data && w->message.size >= sizeof w->task;
  return st == STATUS_OK && !is_whole ? STATUS_MALFORMED : st;
}

/* The first change of the call state decides: to BEGUN here, or to CANCELLED by the parent. */
static bool may_begin(const struct task_envelope *task) {
  uint32_t queued = CALL_QUEUED;
  return !task->call_state ||
         atomic_compare_exchange_strong((call_state *)segment_at(task->call_state), &queued, CALL_BEGUN);
}

static void run(lua_State *L, struct pool_worker *w) {
  trace_mark_again(TRACE_TASK_START, w->task.task);
  w->is_running = false;
  vm_forget_polling(w->vm);
  lua_pushvalue(L, CACHE);
  lua_pushcclosure(L, run_task, 1);
  lua_pushlightuserdata(L, w);
  const int failed = lua_pcall(L, 1, LUA_MULTRET, HANDLER);
  end_stream(L, w);
  answer_task(L, w, failed);
  trace_mark(TRACE_TASK_END);
}

static void do_task(lua_State *L, struct pool_worker *w) {
  memcpy(&w->task, w->message.data, sizeof w->task);
  trace_take(w->from, &w->message);
  if (may_begin(&w->task))
    run(L, w);
  else if (try_send(L, w, OUTCOME_SKIPPED, 0))
    lua_error(L);
  ring_message_done(&w->message);
  bytes_trim(&w->inbox, 64 * 1024);
}

/* Clears the claim last: after a crash it names the item that was running. */
static void clear_claim(struct worker_status *worker_status) {
  atomic_store_explicit(&worker_status->begun_ns, 0, memory_order_relaxed);
  atomic_store_explicit(&worker_status->item, 0, memory_order_relaxed);
  atomic_store(&worker_status->claim, 0);
}

static void initialize(lua_State *L, struct pool_worker *w, int count) {
  const int first = BASE + 1;
  if (count == 0 || lua_isnil(L, first)) {
    lua_settop(L, BASE);
    return;
  }
  lua_pushcfunction(L, caller_run);
  lua_insert(L, first);
  if (lua_pcall(L, count, 0, HANDLER) == 0) {
    if (try_send(L, w, OUTCOME_OK, 0)) lua_error(L); /* task 0: this worker is ready */
    return;
  }
  if (vm_should_stop(w->vm)) vm_pass_stop(L, w->vm);
  send_failure(L, w, OUTCOME_INITIALIZER_FAILED);
  vm_raise_exit(L, w->vm, 1);
}

/* For a worker that ends by itself. What the finalizer raises is reported, and ends nothing. */
static void finalize(lua_State *L, struct pool_worker *w) REQUIRES(rank_vm) {
  lua_settop(L, BASE);
  if (lua_isnil(L, FINALIZER)) return;
  lua_pushcfunction(L, caller_run);
  lua_pushvalue(L, FINALIZER);
  if (lua_pcall(L, 1, 0, HANDLER) == 0) return;
  if (vm_should_stop(w->vm)) vm_pass_stop(L, w->vm);
  failure_complete(L);
  settings_push(L);
  lua_getfield(L, -1, "name");
  lua_insert(L, BASE + 1);
  lua_pop(L, 1);
  failure_report(L, lua_tostring(L, BASE + 1));
}

static uint64_t most_tasks(lua_State *L) {
  settings_push(L);
  lua_getfield(L, -1, "maxtasksperchild");
  const uint64_t most = lua_isnumber(L, -1) ? (uint64_t)lua_tonumber(L, -1) : UINT64_MAX;
  lua_pop(L, 2);
  return most;
}

static void read_seed(lua_State *L, struct pool_worker *w) {
  settings_push(L);
  lua_getfield(L, -1, "seed");
  w->has_seed = !lua_isnil(L, -1);
  w->seed = (uint64_t)(int64_t)lua_tonumber(L, -1);
  lua_pop(L, 2);
}

/* A user of a ring holds it, so that after its death the sweep repairs its unfinished operation. */
static struct ring *ring_of(lua_State *L, object_ref ref) {
  struct object *object = NULL;
  if (segment_find(ref, OBJECT_RING, &object) || segment_hold(object)) luaL_error(L, "the pool is gone");
  return (struct ring *)(void *)object;
}

static int worker_gc(lua_State *L) {
  struct pool_worker *w = lua_touserdata(L, 1);
  ring_message_done(&w->message);
  bytes_fini(&w->inbox);
  bytes_fini(&w->fetched);
  pool_sources_release(&w->sources);
  if (w->results) segment_release(&w->results->object);
  return 0;
}

/* In a userdata of its own, so that an error or a stop frees the current message. */
static struct pool_worker *push_pool_worker(lua_State *L) {
  struct pool_worker *w = lua_newuserdata(L, sizeof *w);
  *w = (struct pool_worker){.vm = vm_of(L)};
  lua_newtable(L);
  lua_pushcfunction(L, worker_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  return w;
}

void pool_worker_loop(lua_State *L, const struct start_info *start_info, struct worker_status *worker_status,
                      int count) REQUIRES(rank_vm) {
  struct pool_worker *w = push_pool_worker(L);
  lua_setfield(L, LUA_REGISTRYINDEX, WORKER_KEY);
  if (!sandboxed_is()) {
    if (pool_sources_hold(&w->sources, start_info)) luaL_error(L, "the pool is gone");
    w->results = ring_of(L, start_info->results);
  }
  w->worker_status = worker_status;
  lua_pushcfunction(L, failure_handler);
  lua_insert(L, HANDLER);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, CACHE_KEY);
  lua_insert(L, CACHE);
  globals_apply_begin(L);
  pool_forks_begin(L, -1, w->sources.tasks);
  lua_pop(L, 1);
  lua_insert(L, FINALIZER);
  initialize(L, w, count - 2);
  w->left = most_tasks(L);
  read_seed(L, w);
  atomic_store(&worker_status->ready_ns, clock_now_ns());
  while (w->left > 0 && !atomic_load(&worker_status->stop_requested) && take_task(L, w) == STATUS_OK) {
    do_task(L, w);
    clear_claim(worker_status);
    if (vm_should_stop(w->vm)) vm_pass_stop(L, w->vm); /* the task caught the error */
    (void)pool_forks_serve(L);
  }
  if (!atomic_load(&worker_status->stop_requested)) finalize(L, w);
}

static struct pool_worker *running_worker(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, WORKER_KEY);
  struct pool_worker *w = lua_touserdata(L, -1);
  if (!w) luaL_error(L, "not a worker of a pool");
  return w;
}

int pool_worker_place_call(lua_State *L) {
  const struct pool_worker *w = running_worker(L);
  lua_pushnumber(L, (lua_Number)(w->task.base + atomic_load(&w->worker_status->item)));
  return 1;
}

int pool_worker_globals_call(lua_State *L) {
  const struct pool_worker *w = running_worker(L);
  lua_pushnumber(L, (lua_Number)w->task.function);
  lua_getfield(L, LUA_REGISTRYINDEX, CACHE_KEY);
  lua_rawgeti(L, -1, -(int)w->task.function);
  lua_remove(L, -2);
  return 2;
}
