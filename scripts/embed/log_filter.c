/* SPDX-License-Identifier: MIT */
/* A log analyser that lets its users plug in filters written in Lua, and runs them on all cores.
 *
 *     log_filter FILTER.lua FILE…
 *
 * A filter has a function `line(text)`, which is called for each line and may keep counts in a table; and a function
 * `result()`, which returns that table. Tables of all pieces are added up and printed, the largest first. The files are mapped,
 * cut into pieces at line ends, and each piece goes as one string to the next free VM: a filter that raises, loops for ever or
 * eats memory costs its piece and a message, and nothing else.
 *
 *     cc -O2 log_filter.c $(pkg-config --cflags --libs manymoons) -o log_filter
 */
#include <fcntl.h>
#include <manymoons.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 1 << 20, VMS_MAX = 64, MEMORY = 256 << 20, PIECE_SECONDS = 10 };

/* What is put around the user's filter. A VM forgets the counts of a piece before the next one. */
static const char frame[] =
    "function run_piece(text)\n"
    "  if start then start() end\n"
    "  for line in text:gmatch('[^\\n]+') do _G.line(line) end\n"
    "  return result()\n"
    "end\n";

struct count {
  char *name;
  double value;
};

struct tool {
  mm_rt *rt;
  mm_vm *vms[VMS_MAX];
  int vm_count;
  int running;
  int failed;
  struct count *counts;
  size_t count_count;
};

static int by_name(const void *a, const void *b) {
  return strcmp(((const struct count *)a)->name, ((const struct count *)b)->name);
}

/* The totals are few, and sorted by name. */
static void add(struct tool *t, const char *name, double value) {
  const struct count wanted = {(char *)name, 0};
  struct count *found =
      t->count_count ? bsearch(&wanted, t->counts, t->count_count, sizeof *t->counts, by_name) : NULL;
  if (found) {
    found->value += value;
    return;
  }
  struct count *counts = realloc(t->counts, (t->count_count + 1) * sizeof *counts);
  if (!counts) exit(1);
  t->counts = counts;
  counts[t->count_count++] = (struct count){strdup(name), value};
  qsort(counts, t->count_count, sizeof *counts, by_name);
}

static void piece_done(void *ud, mm_job *job) {
  struct tool *t = ud;
  t->running--;
  if (mm_job_state(job) != 1) {
    fprintf(stderr, "log_filter: %s\n", mm_job_error(job)[0] ? mm_job_error(job) : mm_strerror(mm_job_state(job)));
    t->failed++;
    return;
  }
  const mm_val *key, *item, *table = mm_job_result(job);
  for (size_t i = 0; mm_pair(table, i, &key, &item); i++) {
    char number[32];
    snprintf(number, sizeof number, "%lld", (long long)mm_int(key));
    add(t, mm_typeof(key) == MM_STR ? mm_str(key, NULL) : number, mm_num(item));
  }
}

static void wait_for_room(struct tool *t, int most) {
  struct pollfd news = {.fd = mm_fd(t->rt), .events = POLLIN};
  while (t->running > most) {
    poll(&news, 1, -1);
    mm_poll(t->rt, 0, 0);
  }
}

/* To the VM that has least to do. */
static void submit(struct tool *t, const char *text, size_t size) {
  mm_vm *best = NULL;
  uint32_t least = UINT32_MAX;
  for (int i = 0; i < t->vm_count; i++) {
    mm_vm_stats stats = {.size = sizeof stats};
    mm_vm_get_stats(t->vms[i], &stats);
    const uint32_t load = stats.queued + stats.is_running;
    if (load < least) best = t->vms[i];
    if (load < least) least = load;
  }
  mm_job_opts opts;
  mm_job_opts_init(&opts);
  opts.done = piece_done;
  opts.ud = t;
  mm_val *args = mm_pack(t->rt, "S", text, size);
  if (args && mm_call(best, NULL, "run_piece", args, &opts) == 0)
    t->running++;
  else
    t->failed++;
  mm_val_free(args);
}

static int analyse(struct tool *t, const char *path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat st;
  if (fd < 0 || fstat(fd, &st)) return perror(path), 1;
  const size_t size = (size_t)st.st_size;
  char *text = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
  close(fd);
  if (text == MAP_FAILED) return perror(path), 1;
  for (size_t from = 0; from < size;) {
    size_t end = size - from > PIECE ? from + PIECE : size;
    while (end < size && text[end - 1] != '\n') end++;
    wait_for_room(t, t->vm_count * 2);
    submit(t, text + from, end - from);
    from = end;
  }
  if (size) munmap(text, size); /* the pieces were copied */
  return 0;
}

static int plug_in(struct tool *t, const char *path) {
  FILE *file = fopen(path, "r");
  if (!file) return perror(path), 1;
  char source[1 << 16];
  const size_t size = fread(source, 1, sizeof source, file);
  fclose(file);
  mm_vm_config config;
  mm_vm_config_init(&config); /* safe libraries: a filter reads no files, and runs no programs */
  config.mem_limit = MEMORY;
  config.call_ms = PIECE_SECONDS * 1000;
  config.name = "filter";
  for (int i = 0; i < t->vm_count; i++) {
    mm_job *job = NULL;
    if (mm_vm_create(t->rt, &t->vms[i], &config)) return fprintf(stderr, "log_filter: no VM\n"), 1;
    mm_eval(t->vms[i], NULL, "frame", frame, MM_ZERO, NULL);
    if (mm_eval(t->vms[i], &job, path, source, size, NULL) || mm_job_wait(job, -1) != 1)
      return fprintf(stderr, "log_filter: %s\n", mm_job_error(job)), 1;
    mm_job_free(job);
  }
  return 0;
}

static int by_value(const void *a, const void *b) {
  const struct count *x = a, *y = b;
  return x->value != y->value ? (x->value < y->value ? 1 : -1) : strcmp(x->name, y->name);
}

int main(int argc, char **argv) {
  struct tool t = {.vm_count = (int)sysconf(_SC_NPROCESSORS_ONLN)};
  if (argc < 3) return fprintf(stderr, "usage: log_filter FILTER.lua FILE...\n"), 2;
  if (t.vm_count > VMS_MAX) t.vm_count = VMS_MAX;
  if (getenv("LOG_FILTER_VMS")) t.vm_count = atoi(getenv("LOG_FILTER_VMS")) > 0 ? atoi(getenv("LOG_FILTER_VMS")) : 1;
  mm_rt_config config;
  mm_rt_config_init(&config);
  config.use_sigurg = true; /* this program has no other use for it, and filters run at full speed */
  if (mm_rt_create(&t.rt, &config) || plug_in(&t, argv[1])) return 1;
  int failed = 0;
  for (int i = 2; i < argc; i++) failed |= analyse(&t, argv[i]);
  wait_for_room(&t, 0);
  qsort(t.counts, t.count_count, sizeof *t.counts, by_value);
  for (size_t i = 0; i < t.count_count; i++) printf("%10.0f  %s\n", t.counts[i].value, t.counts[i].name);
  for (size_t i = 0; i < t.count_count; i++) free(t.counts[i].name);
  free(t.counts);
  mm_rt_free(t.rt, 1000);
  return failed || t.failed;
}
