/* SPDX-License-Identifier: MIT */
/* One Lua VM: an isolated state with its own lock and its own life.
 *
 * Two kinds. A VM that we make (vm_open) owns its lua_State. A VM of a host that called require "manymoons"
 * is adopted (vm_adopt): the state is the host's, and ours only hangs on to it until it is closed.
 *
 * A VM has one thread, its main one, or several: each with a lua_State of its own, taking turns under the
 * lock.
 *
 * I1  Whoever runs Lua in a VM holds its lock (vm_lock.h). vm_leave and vm_enter bracket what may wait;
 * between them no Lua object may be touched. I2  The allocator is called by the holder of the lock alone.
 * I3  A stop is asked of one thread, and stays asked until vm_clear_stop: each wait and each armed hook of
 * that thread sees it.
 */
#ifndef STATE_VM_H
#define STATE_VM_H

#include <lua.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/deadline.h"
#include "base/status.h"
#include "os/thread.h"
#include "shared/ring.h"
#include "state/vm_lock.h"

/* Why a VM is to stop. Larger ones win. */
enum vm_stop {
  VM_STOP_NONE = 0,
  VM_STOP_INTERRUPT = 1, /* Ctrl-C: an error that ends what runs */
  VM_STOP_TERMINATE = 2, /* terminate or kill: nothing in the VM may catch it */
  VM_STOP_EXIT = 3,      /* os.exit in a worker: as above, with an exit code of its own */
};

/* The hook of the script's that a request displaced, until it fires; see vm_hooks.h. */
struct displaced_hook {
  lua_State *of; /* NULL: there was none */
  lua_Hook hook;
  int mask;
  int count;
};

/* One OS thread of a VM. */
struct vm_thread {
  struct lock_user user; /* first: the lock's users are vm_threads */
  struct vm *vm;
  lua_State *_Atomic running;      /* the coroutine that runs; read by a signal handler on this thread */
  const void *task;                /* the coroutine of the task of the world `async` that runs, or NULL */
  bool has_tasks;                  /* of the world `async`: waits in C let them run */
  _Atomic int stop;                /* enum vm_stop */
  const _Atomic uint64_t *word;    /* NULL, or see vm_obey */
  _Atomic int64_t stop_at_ns;      /* 0, or see vm_stop_at */
  _Atomic int exit_code;           /* with VM_STOP_EXIT */
  _Atomic bool has_stopped;        /* the stop was seen: whoever keeps asking may rest */
  _Atomic bool is_ending;          /* nothing of the script runs any more: stops are over */
  struct displaced_hook displaced; /* written by a signal handler on this thread */
  /* Where messages for this thread arrive: the bytes of short ones, and the one being decoded. */
  struct bytes inbox;
  struct ring_message message;
};

struct vm_library;

/* Where the longest hold of the lock ended, as far as it was looked at. */
enum { VM_HOLD_TEXT = 400 };

struct vm {
  lua_State *state; /* the main one; NULL once closed */
  bool is_adopted;
  /* What of ours it has open; NULL before (library.h). */
  const struct vm_library *library;
  struct vm_lock lock;
  struct vm_account *account; /* NULL: nobody counts; see vm.c */
  struct vm_thread main;
  unsigned threads;         /* main included */
  bool polls_stops;         /* vm_poll_stops */
  uint32_t number;          /* among the VMs of this process, for those who trace */
  struct user_hooks *hooks; /* of scripts that use debug.sethook beside threads (vm_hooks.h) */
  int64_t longest_seen_ns;  /* the hold that `longest` tells of */
  char longest[VM_HOLD_TEXT];
};

struct vm_options {
  unsigned libraries;       /* enum vm_standard_library; 0: all */
  bool ignores_environment; /* LUA_PATH and its like */
  size_t memory_limit;      /* bytes beyond which allocations fail; 0: none */
  lua_Alloc alloc;          /* NULL: the C library's; called by the holder of the VM's lock */
  void *alloc_context;
};
/* A VM, entered: the calling thread holds its lock. `options` NULL: all as the stand-alone interpreter has
 * it. -ENOMEM. */
MUST_CHECK status vm_open(struct vm **out, const struct vm_options *options);
/* Entered; closes the state (finalizers run) and frees it. */
void vm_close(struct vm *vm);
/* Bytes in use, now and at the most. Exact for a VM with a limit or an allocator of its own; else what the
 * collector says, for counting costs a script that makes many tables a twentieth of its time. Entered; of a
 * VM that we made. */
struct vm_memory {
  size_t used;
  size_t peak; /* 0: not known */
};
struct vm_memory vm_memory_of(struct vm *vm);
bool vm_has_limit(const struct vm *vm);
/* Another limit for a VM that counts; 0: none. Entered. */
void vm_limit_memory(struct vm *vm, size_t bytes);
/* The VM of a state that a host made; the same one each time. [-0, +0, raises] */
struct vm *vm_adopt(lua_State *L);
/* The VM that L belongs to; NULL before vm_adopt. */
struct vm *vm_of(lua_State *L);
static inline lua_State *vm_lua(struct vm *vm) { return vm->state; }

/* The thread of `vm` that this OS thread is; a host's own threads all count as the main one. */
struct vm_thread *vm_self(struct vm *vm);

/* Around what may wait. */
void vm_leave(struct vm *vm) RELEASES(rank_vm);
void vm_enter(struct vm *vm) ACQUIRES(rank_vm);
/* Another thread may go first, if one has asked. */
void vm_make_way(lua_State *L, struct vm *vm) REQUIRES(rank_vm);

/* This thread runs `vm` from now on, as its main thread (NULL: none): where signals that interrupt will be
 * sent. */
void vm_bind_thread(struct vm *vm);
/* One more thread of `vm`, to run `L`. Whoever starts it sets user.thread before it leaves the VM's lock. */
void vm_thread_init(struct vm_thread *t, struct vm *vm, lua_State *L);
void vm_thread_fini(struct vm_thread *t);
/* This OS thread is that one; before it enters. */
void vm_bind_other_thread(struct vm_thread *t);
/* The VM goes; if this thread ran it, it runs none. */
void vm_forget_thread(const struct vm *vm);

#endif
