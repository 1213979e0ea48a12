/* SPDX-License-Identifier: MIT */
/* A game: hundreds of creatures in flocks, each flock steered by a script in a Lua VM of its own, while the world moves at 60
 * frames a second whatever the scripts do. One flock's script loops for ever now and then, another one's eats memory: both are
 * stopped, and shown red at the top; their flocks drift on meanwhile.
 *
 *     creatures [threads|inline|wait] [CREATURES] [FRAMES] [SCREENSHOT.bmp]
 *
 * `threads` asks each frame who has finished thinking; `inline` lets scripts think in the game's own thread, for 4 ms of each
 * frame; `wait` waits for all thoughts in each frame, as one would without this library. With FRAMES the game ends by itself and
 * prints a table of frame times. The creatures are an array of numbers that the game and all VMs see, so nothing is copied.
 *
 *     cc -O2 creatures.c $(pkg-config --cflags --libs manymoons sdl2) -lm -o creatures
 */
#include <SDL.h>
#include <manymoons.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 960, HEIGHT = 600, STRIDE = 6, FLOCKS = 6, FRAMES_MAX = 100000, FRAME_US = 16667 };
enum { X, Y, VX, VY, AX, AY };

/* The scripts of two flocks are broken on purpose. */
static const char looping[] =
    "local sound, n = think, 0\n"
    "function think(...) n = n + 1 if n % 5 == 0 then while true do end end return sound(...) end\n";
static const char hungry[] =
    "local sound, n = think, 0\n"
    "function think(...) n = n + 1 local t = {} if n % 5 == 0 then while true do t[#t + 1] = ('x'):rep(1000) .. #t end end "
    "return sound(...) end\n";

struct flock {
  mm_vm *vm;
  mm_job *thought; /* that is being thought; NULL: none */
  mm_val *args;
  int thoughts;
  int stopped;    /* how often the script had to be */
  int red_frames; /* how long that is still shown */
};

struct game {
  mm_rt *rt;
  mm_buf *world;
  double *creatures;
  int count;
  bool waits;
  struct flock flocks[FLOCKS];
};

static char *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  char *text = malloc(1 << 16);
  *size = text ? fread(text, 1, 1 << 16, file) : 0;
  fclose(file);
  return text;
}

static bool open_flock(struct game *g, int index, mm_where where, const char *script, size_t size) {
  struct flock *f = &g->flocks[index];
  mm_vm_config config;
  mm_vm_config_init(&config);
  config.where = where;
  config.call_ms = 100;
  config.mem_limit = 8 << 20;
  config.nice = 10;
  config.name = "flock";
  if (mm_vm_create(g->rt, &f->vm, &config)) return false;
  mm_eval(f->vm, NULL, "steer.lua", script, size, NULL);
  if (index == 1) mm_eval(f->vm, NULL, "looping", looping, MM_ZERO, NULL);
  if (index == 2) mm_eval(f->vm, NULL, "hungry", hungry, MM_ZERO, NULL);
  const int64_t each = g->count / FLOCKS;
  f->args = mm_pack(g->rt, "Biiii", g->world, index * each, each, (int64_t)WIDTH, (int64_t)HEIGHT);
  return f->args != NULL;
}

static bool open_game(struct game *g, mm_where where, const char *folder) {
  char path[4096];
  size_t size = 0;
  snprintf(path, sizeof path, "%ssteer.lua", folder);
  char *script = read_file(path, &size);
  mm_rt_config config;
  mm_rt_config_init(&config);
  config.use_sigurg = true;
  if (!script || mm_rt_create(&g->rt, &config)) return false;
  if (mm_buf_create(g->rt, &g->world, "f64", (size_t)g->count * STRIDE)) return false;
  g->creatures = mm_buf_data(g->world, NULL);
  for (int i = 0; i < g->count; i++) {
    g->creatures[i * STRIDE + X] = rand() % WIDTH;
    g->creatures[i * STRIDE + Y] = rand() % HEIGHT;
  }
  for (int i = 0; i < FLOCKS; i++)
    if (!open_flock(g, i, where, script, size)) return false;
  free(script);
  return true;
}

/* Takes what a flock has thought, and has it think again. */
static void think(struct game *g, struct flock *f) {
  if (f->red_frames > 0) f->red_frames--;
  if (f->thought) {
    const int state = g->waits ? mm_job_wait(f->thought, -1) : mm_job_state(f->thought);
    if (state == 0) return;
    f->thoughts += state == 1;
    if (state < 0) {
      f->stopped++;
      f->red_frames = 30;
    }
    mm_job_free(f->thought);
    f->thought = NULL;
  }
  if (mm_call(f->vm, &f->thought, "think", f->args, NULL)) f->thought = NULL;
}

static void move(struct game *g, double seconds) {
  for (int i = 0; i < g->count; i++) {
    double *c = g->creatures + i * STRIDE;
    for (int axis = 0; axis < 2; axis++) {
      c[VX + axis] = (c[VX + axis] + c[AX + axis] * seconds) * 0.99;
      if (c[VX + axis] > 150) c[VX + axis] = 150;
      if (c[VX + axis] < -150) c[VX + axis] = -150;
      c[X + axis] += c[VX + axis] * seconds;
    }
  }
}

static void draw(const struct game *g, SDL_Renderer *r) {
  static const Uint8 colours[FLOCKS][3] = {{90, 200, 250},  {250, 200, 90}, {160, 230, 120},
                                           {230, 120, 200}, {180, 160, 250}, {240, 240, 240}};
  SDL_SetRenderDrawColor(r, 16, 20, 32, 255);
  SDL_RenderClear(r);
  for (int i = 0; i < g->count; i++) {
    const double *c = g->creatures + i * STRIDE;
    const Uint8 *colour = colours[i / (g->count / FLOCKS) % FLOCKS];
    const SDL_Rect body = {(int)c[X] - 2, (int)c[Y] - 2, 5, 5};
    SDL_SetRenderDrawColor(r, colour[0], colour[1], colour[2], 255);
    SDL_RenderFillRect(r, &body);
    SDL_RenderDrawLine(r, (int)c[X], (int)c[Y], (int)(c[X] + c[VX] / 10), (int)(c[Y] + c[VY] / 10));
  }
  for (int i = 0; i < FLOCKS; i++) {
    const struct flock *f = &g->flocks[i];
    const SDL_Rect lamp = {20 + i * 60, 12, 48, 16}, edge = {18 + i * 60, 10, 52, 20};
    SDL_SetRenderDrawColor(r, colours[i][0], colours[i][1], colours[i][2], 255);
    SDL_RenderFillRect(r, &edge);
    SDL_SetRenderDrawColor(r, f->red_frames ? 220 : 30, f->red_frames ? 40 : 150, 50, 255);
    SDL_RenderFillRect(r, &lamp);
  }
  SDL_RenderPresent(r);
}

static bool save_picture(SDL_Renderer *r, const char *path) {
  SDL_Surface *s = SDL_CreateRGBSurfaceWithFormat(0, WIDTH, HEIGHT, 32, SDL_PIXELFORMAT_ARGB8888);
  const bool is_saved = s && SDL_RenderReadPixels(r, NULL, SDL_PIXELFORMAT_ARGB8888, s->pixels, s->pitch) == 0 &&
                        SDL_SaveBMP(s, path) == 0;
  SDL_FreeSurface(s);
  return is_saved;
}

static int by_size(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void report(const struct game *g, const char *mode, double *times, int frames) {
  int thoughts = 0, stopped = 0, late = 0;
  for (int i = 0; i < FLOCKS; i++) {
    thoughts += g->flocks[i].thoughts;
    stopped += g->flocks[i].stopped;
  }
  for (int i = 0; i < frames; i++) late += times[i] > FRAME_US / 1000.0;
  qsort(times, (size_t)frames, sizeof *times, by_size);
  printf("mode     frames  median ms  p95 ms  worst ms  late  thoughts  stopped\n");
  printf("%-8s %6d %10.2f %7.2f %9.2f %5d %9d %8d\n", mode, frames, times[frames / 2], times[frames * 95 / 100],
         times[frames - 1], late, thoughts, stopped);
}

static double now_ms(void) { return (double)SDL_GetPerformanceCounter() * 1000.0 / (double)SDL_GetPerformanceFrequency(); }

static bool wants_to_go_on(void) {
  SDL_Event event;
  while (SDL_PollEvent(&event))
    if (event.type == SDL_QUIT) return false;
  return true;
}

/* Each frame's work, without the wait for the next one, is what is measured. */
static int play(struct game *g, SDL_Renderer *r, int frames, double *times) {
  int played = 0;
  for (double next = now_ms(); played < frames && wants_to_go_on(); played++) {
    const double begun = now_ms();
    mm_poll(g->rt, 4000, 0);
    for (int i = 0; i < FLOCKS; i++) think(g, &g->flocks[i]);
    move(g, FRAME_US / 1e6);
    draw(g, r);
    times[played] = now_ms() - begun;
    next += FRAME_US / 1000.0;
    if (next > now_ms()) SDL_Delay((Uint32)(next - now_ms()));
  }
  return played;
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "threads";
  struct game g = {.count = argc > 2 ? atoi(argv[2]) : 600, .waits = strcmp(mode, "wait") == 0};
  const int frames = argc > 3 ? atoi(argv[3]) : FRAMES_MAX;
  const char *slash = strrchr(__FILE__, '/'), *folder = getenv("CREATURES_SCRIPTS");
  char own[4096] = "";
  if (slash) snprintf(own, sizeof own, "%.*s", (int)(slash - __FILE__ + 1), __FILE__);
  double *times = calloc((size_t)frames + 1, sizeof *times);
  if (g.count < FLOCKS || frames < 1 || frames > FRAMES_MAX || !times) return fprintf(stderr, "creatures: wrong numbers\n"), 2;
  if (!open_game(&g, strcmp(mode, "inline") == 0 ? MM_INLINE : MM_THREAD, folder ? folder : own))
    return fprintf(stderr, "creatures: no VMs\n"), 1;
  SDL_Window *window = NULL;
  SDL_Renderer *r = NULL;
  if (SDL_Init(SDL_INIT_VIDEO) || SDL_CreateWindowAndRenderer(WIDTH, HEIGHT, SDL_WINDOW_SHOWN, &window, &r))
    return fprintf(stderr, "creatures: %s\n", SDL_GetError()), 1;
  SDL_SetWindowTitle(window, "creatures");
  const int played = play(&g, r, frames, times);
  if (argc > 4 && !save_picture(r, argv[4])) fprintf(stderr, "creatures: no picture\n");
  if (argc > 3 && played) report(&g, mode, times, played);
  for (int i = 0; i < FLOCKS; i++) {
    mm_job_free(g.flocks[i].thought);
    mm_val_free(g.flocks[i].args);
  }
  mm_buf_free(g.world);
  const int status = mm_rt_free(g.rt, 2000);
  free(times);
  SDL_Quit();
  return status ? 1 : 0;
}
