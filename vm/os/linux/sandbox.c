/* SPDX-License-Identifier: MIT */
/* Limits first, then the loss of privileges, then Landlock, then seccomp, which refuses the calls of
 * the steps before.
 *
 * Landlock and its numbers are written out here, because a machine's headers may be older than its
 * kernel. ABI 1 knows files, 2 moves between folders, 3 truncation, 4 TCP, 5 devices' ioctl, 6
 * abstract sockets and signals. The filter refuses what an older kernel's Landlock does not check.
 */
#include "os/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "os/linux/seccomp_filter.h"
#include "os/process.h"

/* ---- Landlock -------------------------------------------------------------------------------- */

enum { CALL_CREATE_RULESET = 444, CALL_ADD_RULE = 445, CALL_RESTRICT_SELF = 446 };
enum { RULESET_VERSION = 1, RULE_PATH_BENEATH = 1 };

#define FILE_EXECUTE   (UINT64_C(1) << 0)
#define FILE_WRITE     (UINT64_C(1) << 1)
#define FILE_READ      (UINT64_C(1) << 2)
#define FOLDER_LIST    (UINT64_C(1) << 3)
#define FOLDER_REMOVE  (UINT64_C(1) << 4)
#define FILE_REMOVE    (UINT64_C(1) << 5)
#define FOLDER_MAKE    (UINT64_C(1) << 7)
#define FILE_MAKE      (UINT64_C(1) << 8)
#define FILES_OF_FIRST ((UINT64_C(1) << 13) - 1) /* all rights of ABI 1 */
#define FILE_MOVE      (UINT64_C(1) << 13)       /* 2 */
#define FILE_TRUNCATE  (UINT64_C(1) << 14)       /* 3 */
#define DEVICE_IOCTL   (UINT64_C(1) << 15)       /* 5 */
#define TCP_ALL        UINT64_C(3)               /* 4: bind, connect */
#define SCOPE_ALL      UINT64_C(3)               /* 6: abstract sockets, signals */
#define READING        (FILE_READ | FOLDER_LIST)
#define WRITING \
  (FILE_WRITE | FOLDER_REMOVE | FILE_REMOVE | FOLDER_MAKE | FILE_MAKE | FILE_MOVE | FILE_TRUNCATE)
#define RIGHTS_OF_A_FILE (FILE_READ | FILE_WRITE | FILE_TRUNCATE)

struct ruleset {
  uint64_t files;
  uint64_t network;
  uint64_t scopes;
};

struct path_rule {
  uint64_t allowed;
  int32_t parent;
} __attribute__((packed));

static int landlock_version(void) {
  const long version = syscall(CALL_CREATE_RULESET, NULL, 0, RULESET_VERSION);
  return version < 0 ? 0 : (int)version;
}

static struct ruleset ruleset_of(int version, enum sandbox_network network) {
  struct ruleset r = {.files = FILES_OF_FIRST};
  if (version >= 2) r.files |= FILE_MOVE;
  if (version >= 3) r.files |= FILE_TRUNCATE;
  if (version >= 5) r.files |= DEVICE_IOCTL;
  if (version >= 4 && network == SANDBOX_NO_NETWORK) r.network = TCP_ALL;
  if (version >= 6) r.scopes = SCOPE_ALL;
  return r;
}

/* An older kernel refuses a ruleset with fields that it does not know unless they are 0. */
static size_t size_of_ruleset(int version) {
  if (version >= 6) return sizeof(struct ruleset);
  return version >= 4 ? offsetof(struct ruleset, scopes) : offsetof(struct ruleset, network);
}

static status allow_path(int ruleset, uint64_t handled, const struct sandbox_path *path) {
  struct stat info;
  const int fd = open(path->path, O_PATH | O_CLOEXEC);
  if (fd < 0) return -errno;
  uint64_t allowed = path->access == SANDBOX_READ ? READING : WRITING;
  status st = fstat(fd, &info) ? -errno : STATUS_OK;
  if (st == STATUS_OK) {
    if (!S_ISDIR(info.st_mode)) allowed &= RIGHTS_OF_A_FILE;
    const struct path_rule rule = {allowed & handled, fd};
    if (syscall(CALL_ADD_RULE, ruleset, RULE_PATH_BENEATH, &rule, 0)) st = -errno;
  }
  close(fd);
  return st;
}

static status restrict_files(const struct sandbox_rules *rules, int version, const char **what) {
  const struct ruleset r = ruleset_of(version, rules->network);
  const long fd = syscall(CALL_CREATE_RULESET, &r, size_of_ruleset(version), 0);
  if (fd < 0) return -errno;
  status st = STATUS_OK;
  for (size_t i = 0; st == STATUS_OK && i < rules->path_count; i++) {
    st = allow_path((int)fd, r.files, &rules->paths[i]);
    if (st) *what = rules->paths[i].path;
  }
  if (st == STATUS_OK && syscall(CALL_RESTRICT_SELF, fd, 0)) st = -errno;
  close((int)fd);
  return st;
}

/* ---- limits and privileges ------------------------------------------------------------------- */

enum { DESCRIPTORS_MAX = 256 };
#define FILE_SIZE_MAX (UINT64_C(1) << 30)

static status limit(int resource, uint64_t most) {
  struct rlimit now;
  if (getrlimit(resource, &now)) return -errno;
  if (now.rlim_max != RLIM_INFINITY && now.rlim_max < most) most = now.rlim_max;
  const struct rlimit limited = {most, most};
  return setrlimit(resource, &limited) ? -errno : STATUS_OK;
}

static status limit_resources(uint64_t memory) {
  uint64_t size = 0;
  status st = process_address_space(&size);
  if (st == STATUS_OK) st = limit(RLIMIT_AS, size + memory);
  if (st == STATUS_OK) st = limit(RLIMIT_CORE, 0);
  if (st == STATUS_OK) st = limit(RLIMIT_NOFILE, DESCRIPTORS_MAX);
  if (st == STATUS_OK) st = limit(RLIMIT_FSIZE, FILE_SIZE_MAX);
  return st;
}

/* A worker of root has no more rights than any other one. */
static status drop_capabilities(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
  return syscall(SYS_capset, &header, none) ? -errno : STATUS_OK;
}

/* ---- standard output and error --------------------------------------------------------------- */

/* Each is opened anew, for writing: the program's own open file is shared with it, so that the worker could read
 * what is typed at its terminal, or make its writes fail. A file, a socket, and what may not be opened
 * stay as they are. */
static void part_streams(void) {
  for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
    struct stat facts;
    char path[32];
    if (fstat(fd, &facts) || !(S_ISCHR(facts.st_mode) || S_ISFIFO(facts.st_mode))) continue;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const int own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (own < 0) continue;
    if (fcntl(own, F_SETFL, 0) == 0) (void)!dup2(own, fd);
    close(own);
  }
}

/* ---- /proc ----------------------------------------------------------------------------------- */

static bool is_in_processes(const char *path) {
  return strcmp(path, "/") == 0 || (strncmp(path, "/proc", 5) == 0 && (!path[5] || path[5] == '/'));
}

/* Puts a closed folder in the place of /proc, for this process alone, unless its rules name something there. Where the
 * kernel gives such a process no mounts of its own it stays, and Landlock guards all of it but pipes. */
static void hide_processes(const struct sandbox_rules *rules) {
  for (size_t i = 0; i < rules->path_count; i++)
    if (is_in_processes(rules->paths[i].path)) return;
  if (unshare(CLONE_NEWNS) && unshare(CLONE_NEWUSER | CLONE_NEWNS)) return;
  if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL)) return;
  (void)!mount("none", "/proc", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=0");
}

/* ---- the call that ends the process ---------------------------------------------------------- */

static _Atomic uint32_t *refused_place; /* stored once, before the filter; listed in vm/README.md */

/* The signal is raised by the call itself, so the handler may do what any code may. */
static void on_refused(int number, siginfo_t *info, void *context) {
  (void)context;
  atomic_store(refused_place, (uint32_t)info->si_syscall + 1);
  const struct sigaction plain = {.sa_handler = SIG_DFL};
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  sigaction(number, &plain, NULL);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  raise(number);
  _exit(1);
}

static status report_refused_calls(_Atomic uint32_t *refused) {
  struct sigaction action = {.sa_sigaction = on_refused, .sa_flags = SA_SIGINFO};
  refused_place = refused;
  sigemptyset(&action.sa_mask);
  return sigaction(SIGSYS, &action, NULL) ? -errno : STATUS_OK;
}

/* ---- all of it ------------------------------------------------------------------------------- */

struct sandbox_support sandbox_support(void) {
  return (struct sandbox_support){landlock_version(), seccomp_filter_is_supported()};
}

const char *sandbox_obstacle(struct sandbox_support support, bool names_files) {
  if (!seccomp_filter_knows_processor()) return "sandboxes are for x86-64 and arm64 alone";
  if (!support.has_seccomp) return "this kernel has no seccomp filters, without which nothing is refused";
  if (names_files && !support.landlock)
    return "this kernel has no Landlock (Linux 5.13), without which no file can be named";
  return NULL;
}

status sandbox_enter(const struct sandbox_rules *rules, _Atomic uint32_t *refused, const char **what) {
  const int version = landlock_version();
  part_streams();
  tzset(); /* reads the time zone's file, so that os.date knows it afterwards */
  *what = "the limits of resources";
  status st = limit_resources(rules->memory);
  if (st) return st;
  hide_processes(rules);
  *what = "PR_SET_NO_NEW_PRIVS";
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return -errno;
  *what = "the capabilities";
  st = drop_capabilities();
  if (st) return st;
  *what = "Landlock";
  if (version) st = restrict_files(rules, version, what);
  if (st) return st;
  *what = "seccomp";
  st = report_refused_calls(refused);
  if (st) return st;
  return seccomp_filter_install(version ? SECCOMP_FILES_BY_LANDLOCK : SECCOMP_NO_FILES, rules->network);
}
