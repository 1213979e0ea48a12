/* SPDX-License-Identifier: MIT */
/* A small game: animals on a meadow, each with a script that waits for frames. The scripts come from the game's archive, run
 * in the game's own thread for at most 4 ms of each frame, and one of them loops for ever on purpose: it is stopped, drawn
 * grey, and the frames go on. docs/how-to/embed-in-a-game.md explains it.
 *
 *     meadow [FRAMES] [SCREENSHOT.bmp]
 *
 *     cc -O2 meadow.c $(pkg-config --cflags --libs manymoons sdl2) -o meadow
 */
#include <SDL.h>
#include <manymoons.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 640, HEIGHT = 400, ANIMALS = 24, BUDGET_US = 4000, FRAME_MS = 16 };

/* The archive: what `require` finds. */
static const struct { const char *name, *source; } archive[] = {
    {"steer", "local steer = {}\n"
              "function steer.towards(field, i, x, y, speed)\n"
              "  local dx, dy = x - field[2 * i - 1], y - field[2 * i]\n"
              "  local length = math.max(1, math.sqrt(dx * dx + dy * dy))\n"
              "  field[2 * i - 1] = field[2 * i - 1] + speed * dx / length\n"
              "  field[2 * i] = field[2 * i] + speed * dy / length\n"
              "  return length\n"
              "end\n"
              "return steer\n"},
    {"sheep", "local steer = require('steer')\n"
              "return function(field, i, width, height)\n"
              "  while true do\n"
              "    local x, y = math.random(width), math.random(height)\n"
              "    while steer.towards(field, i, x, y, 1.5) > 4 do mm.frame() end\n"
              "    for _ = 1, 30 do mm.frame() end -- it grazes\n"
              "  end\n"
              "end\n"},
    {"wolf", "local steer = require('steer')\n"
             "return function(field, i, width, height)\n"
             "  while true do\n"
             "    steer.towards(field, i, field[1], field[2], 1)\n"
             "    mm.frame()\n"
             "  end\n"
             "end\n"},
    {"lost", "return function() for _ = 1, 10 do mm.frame() end while true do end end\n"},
};

struct game {
  mm_rt *rt;
  mm_vm *vm;
  mm_buf *field;
  double *places; /* x, y of each animal: the same bytes as field[1], field[2], … in Lua */
  mm_job *jobs[ANIMALS];
  int stopped;
};

static bool find(void *ud, const mm_vm *vm, const char *name, mm_source *out) {
  (void)ud, (void)vm;
  for (size_t i = 0; i < sizeof archive / sizeof *archive; i++)
    if (strcmp(archive[i].name, name) == 0) return mm_source_give(out, name, archive[i].source, MM_ZERO) == 0;
  return false;
}

static const char *kind_of(int i) { return i == ANIMALS - 1 ? "lost" : i % 8 == 7 ? "wolf" : "sheep"; }

static bool wake_animal(struct game *g, int i) {
  char source[60];
  mm_job_opts opts;
  mm_job_opts_init(&opts);
  opts.coroutine = true; /* it may call mm.frame() */
  snprintf(source, sizeof source, "require('%s')(field, %d, %d, %d)", kind_of(i), i + 1, WIDTH, HEIGHT);
  return mm_eval(g->vm, &g->jobs[i], kind_of(i), source, MM_ZERO, &opts) == 0;
}

static bool open_game(struct game *g) {
  mm_rt_config rt;
  mm_vm_config vm;
  mm_rt_config_init(&rt);
  mm_vm_config_init(&vm);
  rt.find = find;
  vm.where = MM_INLINE;
  vm.libs = MM_LIB_REQUIRE; /* the archive's modules: no files */
  vm.mem_limit = 16 << 20;
  vm.call_ms = 20; /* from one frame to the next */
  if (mm_rt_create(&g->rt, &rt) || mm_vm_create(g->rt, &g->vm, &vm)) return false;
  if (mm_buf_create(g->rt, &g->field, "f64", 2 * ANIMALS)) return false;
  g->places = mm_buf_data(g->field, NULL);
  mm_val *args = mm_pack(g->rt, "B", g->field);
  mm_eval(g->vm, NULL, "start", "function set_field(f) field = f end", MM_ZERO, NULL);
  mm_call(g->vm, NULL, "set_field", args, NULL);
  mm_val_free(args);
  for (int i = 0; i < ANIMALS; i++) {
    g->places[2 * i] = (i * 97) % WIDTH;
    g->places[2 * i + 1] = (i * 61) % HEIGHT;
    if (!wake_animal(g, i)) return false;
  }
  return true;
}

static void look_at_jobs(struct game *g) {
  for (int i = 0; i < ANIMALS; i++) {
    if (!g->jobs[i] || mm_job_state(g->jobs[i]) == 0) continue;
    fprintf(stderr, "%s %d: %.60s\n", kind_of(i), i, mm_job_error(g->jobs[i]));
    mm_job_free(g->jobs[i]);
    g->jobs[i] = NULL;
    g->stopped++;
  }
}

static void draw(const struct game *g, SDL_Renderer *r) {
  SDL_SetRenderDrawColor(r, 60, 120, 60, 255);
  SDL_RenderClear(r);
  for (int i = 0; i < ANIMALS; i++) {
    const SDL_Rect body = {(int)g->places[2 * i] - 5, (int)g->places[2 * i + 1] - 5, 10, 10};
    const bool is_wolf = kind_of(i)[0] == 'w';
    if (!g->jobs[i]) SDL_SetRenderDrawColor(r, 128, 128, 128, 255);
    else SDL_SetRenderDrawColor(r, is_wolf ? 60 : 240, is_wolf ? 40 : 240, is_wolf ? 40 : 230, 255);
    SDL_RenderFillRect(r, &body);
  }
  SDL_RenderPresent(r);
}

static bool save_picture(SDL_Renderer *r, const char *path) {
  SDL_Surface *s = SDL_CreateRGBSurfaceWithFormat(0, WIDTH, HEIGHT, 32, SDL_PIXELFORMAT_ARGB8888);
  const bool is_saved = s && SDL_RenderReadPixels(r, NULL, s->format->format, s->pixels, s->pitch) == 0 && SDL_SaveBMP(s, path) == 0;
  SDL_FreeSurface(s);
  return is_saved;
}

int main(int argc, char **argv) {
  struct game g = {0};
  const int frames = argc > 1 ? atoi(argv[1]) : 100000;
  SDL_Window *window = NULL;
  SDL_Renderer *r = NULL;
  SDL_Event event = {0};
  if (!open_game(&g)) return fprintf(stderr, "meadow: %s\n", mm_last_error()), 1;
  if (SDL_Init(SDL_INIT_VIDEO) || SDL_CreateWindowAndRenderer(WIDTH, HEIGHT, SDL_WINDOW_SHOWN, &window, &r))
    return fprintf(stderr, "meadow: %s\n", SDL_GetError()), 1;
  int played = 0;
  for (; played < frames && event.type != SDL_QUIT; played++) {
    mm_poll(g.rt, BUDGET_US, 0);       /* the scripts, for at most so long */
    mm_vm_collect(g.vm, 500);          /* garbage, while there is time */
    look_at_jobs(&g);
    draw(&g, r);
    SDL_Delay(FRAME_MS);
    SDL_PollEvent(&event);
  }
  if (argc > 2 && !save_picture(r, argv[2])) fprintf(stderr, "meadow: no picture\n");
  printf("%d frames, %d of %d scripts stopped\n", played, g.stopped, ANIMALS);
  for (int i = 0; i < ANIMALS; i++) mm_job_free(g.jobs[i]);
  mm_buf_free(g.field);
  SDL_Quit();
  return mm_rt_free(g.rt, 1000) ? 1 : 0;
}
