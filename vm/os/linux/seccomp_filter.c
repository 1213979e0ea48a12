/* SPDX-License-Identifier: MIT */
/* A list of what is allowed, in the order in which a worker uses it most; what only an attack calls
 * traps, and all else fails with EPERM, which libraries expect of a kernel that refuses. Some calls
 * are allowed for some arguments only.
 *
 * The program of the filter is made here, at run time, because it contains this process's pid. A
 * jump of classic BPF reaches 255 instructions, so each check is a short one with a RET of its own,
 * and none jumps further. Linux remembers which calls pass whatever their arguments are
 * (since 5.11), so the length of the list costs nothing.
 *
 * Argument words are 64 bits; BPF loads 32 of them at a time, low word first on both processors.
 */
#include "os/linux/seccomp_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OWN_PROCESSOR AUDIT_ARCH_X86_64
#define X32_BIT       0x40000000u /* calls of the x32 ABI, which Linux may accept beside the others */
#elif defined(__aarch64__)
#define OWN_PROCESSOR AUDIT_ARCH_AARCH64
#else
#define OWN_PROCESSOR 0
#endif

enum { PROGRAM_MAX = 1024 };

struct filter {
  struct sock_filter code[PROGRAM_MAX];
  unsigned short size;
};

#define CALLS(...) \
  (const struct calls) { (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4 }
struct calls {
  const uint32_t *numbers;
  size_t count;
};

/* ---- instructions ---------------------------------------------------------------------------- */

/* A program that is too long is not installed: filter_is_whole. */
static void emit(struct filter *f, uint16_t code, uint32_t k, uint8_t if_true, uint8_t if_false) {
  if (f->size < PROGRAM_MAX)
    f->code[f->size] = (struct sock_filter){.code = code, .jt = if_true, .jf = if_false, .k = k};
  f->size++;
}

static bool filter_is_whole(const struct filter *f) { return f->size <= PROGRAM_MAX; }

static void emit_return(struct filter *f, uint32_t action) { emit(f, BPF_RET | BPF_K, action, 0, 0); }
static void emit_load(struct filter *f, size_t offset) {
  emit(f, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}
static void emit_load_call(struct filter *f) { emit_load(f, offsetof(struct seccomp_data, nr)); }
static size_t argument_offset(int index) {
  return offsetof(struct seccomp_data, args) + sizeof(uint64_t) * (size_t)index;
}
static uint32_t fail_with(int number) { return SECCOMP_RET_ERRNO | ((uint32_t)number & SECCOMP_RET_DATA); }

static void emit_all(struct filter *f, struct calls calls, uint32_t action) {
  for (size_t i = 0; i < calls.count; i++) {
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, calls.numbers[i], 0, 1);
    emit_return(f, action);
  }
}

/* The call passes if the low word of the argument is one of the values, and fails otherwise. */
static void emit_allow_values(struct filter *f, uint32_t call, int argument, struct calls values) {
  const uint8_t rest = (uint8_t)(2 + 2 * values.count);
  emit(f, BPF_JMP | BPF_JEQ | BPF_K, call, 0, rest);
  emit_load(f, argument_offset(argument));
  emit_all(f, values, SECCOMP_RET_ALLOW);
  emit_return(f, fail_with(EPERM));
}

/* The call passes if the argument is this number, in all of its 64 bits. */
static void emit_allow_number(struct filter *f, uint32_t call, int argument, uint32_t number) {
  emit(f, BPF_JMP | BPF_JEQ | BPF_K, call, 0, 6);
  emit_load(f, argument_offset(argument) + 4);
  emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3);
  emit_load(f, argument_offset(argument));
  emit(f, BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
  emit_return(f, SECCOMP_RET_ALLOW);
  emit_return(f, fail_with(EPERM));
}

/* Opens pass, but for those that Landlock does not check: a path alone, and, before its third ABI,
 * emptying a file that is opened for reading. */
static void emit_open(struct filter *f, uint32_t call, int flags) {
  emit(f, BPF_JMP | BPF_JEQ | BPF_K, call, 0, 6);
  emit_load(f, argument_offset(flags));
  emit(f, BPF_JMP | BPF_JSET | BPF_K, O_PATH, 3, 0);
  emit(f, BPF_JMP | BPF_JSET | BPF_K, O_ACCMODE, 1, 0);
  emit(f, BPF_JMP | BPF_JSET | BPF_K, O_TRUNC, 1, 0);
  emit_return(f, SECCOMP_RET_ALLOW);
  emit_return(f, fail_with(EACCES));
}

/* ---- the lists ------------------------------------------------------------------------------- */

static void allow_computing(struct filter *f) {
  emit_all(
      f,
      CALLS(SYS_futex, SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_clock_gettime, SYS_clock_nanosleep,
            SYS_nanosleep, SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise, SYS_brk, SYS_msync,
            SYS_mincore, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigpending,
            SYS_rt_sigsuspend, SYS_rt_sigtimedwait, SYS_sigaltstack, SYS_restart_syscall, SYS_sched_yield,
            SYS_membarrier, SYS_getrandom, SYS_clock_getres, SYS_gettimeofday, SYS_times, SYS_getrusage,
            SYS_getpid, SYS_gettid, SYS_getppid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_getcpu,
            SYS_uname, SYS_sysinfo, SYS_sched_getaffinity, SYS_getpriority, SYS_exit, SYS_exit_group,
            SYS_timer_create, SYS_timer_settime, SYS_timer_gettime, SYS_timer_getoverrun, SYS_timer_delete,
            SYS_getitimer, SYS_setitimer, SYS_set_robust_list, SYS_rseq),
      SECCOMP_RET_ALLOW);
  emit_all(f,
           CALLS(SYS_close, SYS_lseek, SYS_fstat, SYS_pread64, SYS_pwrite64, SYS_preadv, SYS_pwritev, SYS_dup,
                 SYS_dup3, SYS_pipe2, SYS_ppoll, SYS_pselect6, SYS_epoll_create1, SYS_epoll_ctl,
                 SYS_epoll_pwait, SYS_eventfd2, SYS_timerfd_create, SYS_timerfd_settime, SYS_timerfd_gettime,
                 SYS_signalfd4, SYS_ftruncate, SYS_fallocate, SYS_fsync, SYS_fdatasync, SYS_flock, SYS_umask,
                 436 /* close_range */, SYS_getcwd, SYS_getdents64),
           SECCOMP_RET_ALLOW);
#ifdef __x86_64__
  emit_all(f,
           CALLS(SYS_time, SYS_poll, SYS_select, SYS_epoll_create, SYS_epoll_wait, SYS_eventfd, SYS_signalfd,
                 SYS_pipe, SYS_dup2, SYS_alarm, SYS_pause, SYS_getpgrp, SYS_getrlimit, SYS_getdents),
           SECCOMP_RET_ALLOW);
#endif
}

/* Landlock decides about these. Links are not among them: one that the worker leaves in a folder
 * would lead the program to another file. */
static void allow_paths(struct filter *f) {
  emit_open(f, SYS_openat, 2);
  emit_all(f,
           CALLS(SYS_newfstatat, SYS_statx, SYS_faccessat, 439 /* faccessat2 */, SYS_mkdirat, SYS_unlinkat,
                 SYS_renameat, SYS_renameat2),
           SECCOMP_RET_ALLOW);
#ifdef __x86_64__
  emit_open(f, SYS_open, 1);
  emit_all(f, CALLS(SYS_creat, SYS_stat, SYS_lstat, SYS_access, SYS_rename, SYS_mkdir, SYS_rmdir, SYS_unlink),
           SECCOMP_RET_ALLOW);
#endif
}

/* Without Landlock. fstat is newfstatat in glibc 2.33 and later; a path's sizes and times are no
 * secret here, as with Landlock. */
static void refuse_paths(struct filter *f) {
  emit_all(f, CALLS(SYS_newfstatat), SECCOMP_RET_ALLOW);
  emit_all(f, CALLS(SYS_openat, SYS_statx, SYS_faccessat, 439, SYS_mkdirat, SYS_unlinkat, SYS_renameat2),
           fail_with(EACCES));
#ifdef __x86_64__
  emit_all(f,
           CALLS(SYS_open, SYS_creat, SYS_stat, SYS_lstat, SYS_access, SYS_rename, SYS_mkdir, SYS_rmdir,
                 SYS_unlink),
           fail_with(EACCES));
#endif
}

/* Unix sockets reach servers of this machine that no rule names. */
static void allow_network(struct filter *f) {
  enum { IPV4 = 2, IPV6 = 10 };
  emit_allow_values(f, SYS_socket, 0, CALLS(IPV4, IPV6));
  emit_all(f,
           CALLS(SYS_connect, SYS_bind, SYS_listen, SYS_accept, SYS_accept4, SYS_sendto, SYS_recvfrom,
                 SYS_sendmsg, SYS_recvmsg, SYS_sendmmsg, SYS_recvmmsg, SYS_getsockname, SYS_getpeername,
                 SYS_setsockopt, SYS_getsockopt, SYS_shutdown),
           SECCOMP_RET_ALLOW);
}

static void allow_by_argument(struct filter *f) {
  const uint32_t own = (uint32_t)getpid();
  emit_allow_number(f, SYS_kill, 0, own);
  emit_allow_number(f, SYS_tgkill, 0, own);
  emit_allow_number(f, SYS_prlimit64, 2, 0);         /* reads, and sets nothing */
  emit_allow_number(f, SYS_sched_setaffinity, 0, 0); /* of the calling thread */
  emit_allow_values(f, SYS_prctl, 0, CALLS(PR_SET_NAME, PR_GET_NAME));
  emit_allow_values(f, SYS_ioctl, 1, CALLS(TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX));
  /* Not F_SETOWN and its kind, which send signals to other processes. */
  emit_allow_values(f, SYS_fcntl, 1,
                    CALLS(F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK,
                          F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW));
}

/* No library calls these in a worker that has started. */
static void trap_attacks(struct filter *f) {
  emit_all(f,
           CALLS(SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp,
                 SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_unshare, SYS_setns, SYS_keyctl,
                 SYS_add_key, SYS_request_key, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd,
                 SYS_memfd_create, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load,
                 SYS_reboot, SYS_swapon, SYS_swapoff, SYS_open_by_handle_at, SYS_name_to_handle_at,
                 SYS_fanotify_init, SYS_quotactl, SYS_acct, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex,
                 SYS_clock_adjtime, SYS_sethostname, SYS_setdomainname, SYS_syslog, SYS_personality,
                 SYS_seccomp, SYS_capset, SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid,
                 SYS_setresgid, SYS_setfsuid, SYS_setfsgid, SYS_setgroups, SYS_io_setup, SYS_io_submit,
                 SYS_mknodat, SYS_shmget, SYS_shmat, SYS_msgget, SYS_semget, SYS_mq_open, SYS_vhangup),
           SECCOMP_RET_TRAP);
  /* By number, because older headers lack their names: io_uring, the new mounts, pidfds, Landlock,
   * memfd_secret. */
  emit_all(f, CALLS(424, 425, 426, 427, 428, 429, 430, 431, 432, 433, 434, 438, 440, 442, 444, 445, 446, 447),
           SECCOMP_RET_TRAP);
#ifdef __x86_64__
  emit_all(f, CALLS(SYS_modify_ldt, SYS_iopl, SYS_ioperm, SYS_mknod, SYS_uselib), SECCOMP_RET_TRAP);
#endif
}

/* ---- the program ----------------------------------------------------------------------------- */

static void refuse_other_processors(struct filter *f) {
  emit_load(f, offsetof(struct seccomp_data, arch));
  emit(f, BPF_JMP | BPF_JEQ | BPF_K, OWN_PROCESSOR, 1, 0);
  emit_return(f, SECCOMP_RET_KILL_PROCESS);
  emit_load_call(f);
#ifdef X32_BIT
  emit(f, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
  emit_return(f, SECCOMP_RET_KILL_PROCESS);
#endif
}

static void build(struct filter *f, enum seccomp_files files, enum sandbox_network network) {
  refuse_other_processors(f);
  allow_computing(f);
  if (files == SECCOMP_FILES_BY_LANDLOCK)
    allow_paths(f);
  else
    refuse_paths(f);
  allow_by_argument(f);
  if (network == SANDBOX_NETWORK) allow_network(f);
  emit_all(f, CALLS(435 /* clone3 */), fail_with(ENOSYS)); /* glibc then calls clone, which is refused */
  trap_attacks(f);
  emit_return(f, fail_with(EPERM));
}

bool seccomp_filter_knows_processor(void) { return OWN_PROCESSOR != 0; }

/* With a filter that is NULL a kernel that has filters says EFAULT. */
bool seccomp_filter_is_supported(void) {
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) && errno == EFAULT;
}

status seccomp_filter_install(enum seccomp_files files, enum sandbox_network network) {
  struct filter filter = {.size = 0};
  build(&filter, files, network);
  if (!filter_is_whole(&filter)) return STATUS_TOO_LARGE;
  const struct sock_fprog program = {.len = filter.size, .filter = filter.code};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) ? -errno
                                                                                            : STATUS_OK;
}
