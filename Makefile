# SPDX-License-Identifier: MIT
# Two commands: `make run` and `make test`. `make help` lists the rest.
#
# Flat and out of tree: everything built lands in build/$(VARIANT). The core (no Lua) is compiled
# once; vm/state and bindings once per Lua ABI.

VARIANT  ?= release
VARIANTS := tsan asan debug release
CC       ?= cc
BUILD    := build/$(VARIANT)

CPPFLAGS := -Ivm -D_GNU_SOURCE
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion \
            -Wno-sign-conversion -Wcast-qual -Wwrite-strings -Wundef -Wvla -Werror
ifneq ($(findstring clang,$(CC)),)
WARNINGS += -Wthread-safety -Wthread-safety-beta
endif
CFLAGS_release := -O2 -DNDEBUG
CFLAGS_debug   := -O1 -DMM_FAULTS -DMM_KILL_POINTS
CFLAGS_asan    := -O1 -DMM_FAULTS -DMM_KILL_POINTS -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_fuzz    := -O1 -fsanitize=fuzzer,address,undefined
CFLAGS_tsan    := -O1 -fsanitize=thread
CFLAGS   := -std=c17 -g -fPIC -fvisibility=hidden -pthread $(CFLAGS_$(VARIANT)) $(WARNINGS)
LDFLAGS  := -pthread $(filter -fsanitize=%,$(CFLAGS_$(VARIANT)))
# A module stays loaded once it is (threads may still run its code), and a missing symbol is found at load.
MODULE_LDFLAGS := -shared -Wl,-z,now -Wl,-z,nodelete

LUA_5.4_CFLAGS := -isystem /usr/include/lua5.4
LUA_5.1_CFLAGS := -isystem /usr/include/lua5.1
LUA_5.4_STATIC := $(firstword $(wildcard /usr/lib/*/liblua5.4.a))

PROGRAM_SRC := $(sort $(wildcard vm/*.c))
CORE_DIRS := base os sync shared wire channel task trace
CORE_SRC  := $(sort $(foreach d,$(CORE_DIRS),$(wildcard vm/$(d)/*.c)))
LUA_SRC   := $(sort $(wildcard vm/state/*.c) $(wildcard bindings/*.c))
EMBEDDED  := $(sort $(wildcard bindings/lua/*.lua bindings/page/* third_party/uplot/*))
PROGRAM_OBJ  := $(PROGRAM_SRC:%.c=$(BUILD)/5.4/%.o)
CORE_OBJ     := $(CORE_SRC:%.c=$(BUILD)/core/%.o)
LUA_OBJ_5.4  := $(LUA_SRC:%.c=$(BUILD)/5.4/%.o)
LUA_OBJ_5.1  := $(LUA_SRC:%.c=$(BUILD)/5.1/%.o)

ARTEFACTS := $(BUILD)/manymoons $(BUILD)/lua/5.4/manymoons.so $(BUILD)/lua/5.1/manymoons.so \
             $(BUILD)/libmanymoons.so $(BUILD)/libmanymoons.a

# Says what is made; V=1 says how as well, QUIET=1 nothing.
SAY := $(if $(QUIET)$(V),@:,@echo)
ifndef V
.SILENT:
endif
# The goals that build do so with all cores, and one after the other: they use the same folders.
SUBMAKE := $(MAKE) --no-print-directory --jobs=$(shell nproc)
ifneq ($(filter run check test test-% bench,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif

.DELETE_ON_ERROR:
.PHONY: all help run check test bench fuzz tests clean setup FORCE
.DEFAULT_GOAL := all

all: setup $(ARTEFACTS) ## build the program, the modules and the library into build/
	ln -sfn $(VARIANT)/manymoons build/manymoons
	ln -sfn $(VARIANT)/lua build/lua
	ln -sfn $(VARIANT)/libmanymoons.so build/libmanymoons.so
	ln -sfn $(VARIANT)/libmanymoons.a build/libmanymoons.a

help: ## show this
	sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18
	echo "  VARIANT=release|debug|asan|tsan and CC=gcc|clang choose how; V=1 shows the commands"

run: ## install what is missing, build, and run the main job: one script compared in all worlds
	tests/support/setup run
	$(SUBMAKE) VARIANT=release all
	build/release/manymoons compare scripts/mandelbrot.lua 640 build/mandelbrot.png

check: ## format, lint, locks, layers, headers, exports: everything that needs no run
	tests/support/setup test
	$(SUBMAKE) QUIET=1 VARIANT=release all
	tests/checks/all

test: ## install what is missing, build all variants, and run all tests (make test-asan: those of one)
	tests/support/setup test
	for variant in $(VARIANTS); do $(SUBMAKE) QUIET=1 VARIANT=$$variant all tests || exit; done
	for variant in $(VARIANTS); do tests/support/list-tests $$variant || exit; done >build/tests.list
	tests/support/run-tests build/tests.list

test-%:
	tests/support/setup test
	$(SUBMAKE) QUIET=1 VARIANT=$* all tests
	tests/support/list-tests $* >build/tests-$*.list
	tests/support/run-tests build/tests-$*.list

bench: ## measure beside Python and Node, and write docs/reference/performance.md (ONLY=name: one row, no page)
	tests/support/setup run
	tests/support/setup bench || echo "what is not on this machine is left out"
	$(SUBMAKE) QUIET=1 VARIANT=release all build/release/bench/reference
	build/release/manymoons tests/bench/run.lua $(if $(ONLY),--only $(ONLY))

prove: ## for minutes: the model check, the kill matrices, and killers at random (SECONDS_EACH=120)
	tests/support/setup prove
	$(SUBMAKE) QUIET=1 VARIANT=release all tests
	$(SUBMAKE) QUIET=1 VARIANT=debug all tests
	tests/prove/run $(or $(SECONDS_EACH),120)

fuzz: ## search for bytes that break the reader, for a minute, with libFuzzer
	tests/support/setup test
	$(SUBMAKE) QUIET=1 CC=clang VARIANT=fuzz build/fuzz/fuzz_decode
	mkdir -p build/fuzz/corpus
	build/fuzz/fuzz_decode -max_total_time=60 -close_fd_mask=1 -artifact_prefix=build/fuzz/ build/fuzz/corpus

clean: ## remove build/
	rm -rf build

setup:
	tests/support/setup build

# ---- objects: they are compiled anew when the compiler or its flags change ------------------------------------------

$(BUILD)/flags: FORCE | setup
	mkdir -p $(@D)
	echo '$(CC) $(CPPFLAGS) $(CFLAGS)' | cmp -s - $@ || echo '$(CC) $(CPPFLAGS) $(CFLAGS)' >$@
$(PROGRAM_OBJ) $(CORE_OBJ) $(LUA_OBJ_5.4) $(LUA_OBJ_5.1): $(BUILD)/flags

$(BUILD)/core/%.o: %.c
	mkdir -p $(@D)
	$(SAY) "  $<"
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/5.4/%.o: %.c
	mkdir -p $(@D)
	$(SAY) "  $< (Lua 5.4)"
	$(CC) $(CPPFLAGS) $(LUA_5.4_CFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/5.1/%.o: %.c
	mkdir -p $(@D)
	$(SAY) "  $< (Lua 5.1)"
	$(CC) $(CPPFLAGS) $(LUA_5.1_CFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/5.4/bindings/embedded.o $(BUILD)/5.1/bindings/embedded.o: $(EMBEDDED)

# ---- what is delivered ----------------------------------------------------------------------------------------------

# A symbol looked up before a fork is not looked up again in each child.
$(BUILD)/manymoons: $(PROGRAM_OBJ) $(LUA_OBJ_5.4) $(CORE_OBJ)
	$(SAY) "$@"
	$(CC) $(LDFLAGS) -Wl,-E -Wl,-z,now -o $@ $^ -Wl,--whole-archive $(LUA_5.4_STATIC) -Wl,--no-whole-archive -lm -ldl
$(BUILD)/lua/5.4/manymoons.so: $(LUA_OBJ_5.4) $(CORE_OBJ)
$(BUILD)/lua/5.1/manymoons.so: $(LUA_OBJ_5.1) $(CORE_OBJ)
$(BUILD)/lua/%/manymoons.so:
	mkdir -p $(@D)
	$(SAY) "$@"
	$(CC) $(LDFLAGS) $(MODULE_LDFLAGS) -o $@ $^
$(BUILD)/libmanymoons.so: $(LUA_OBJ_5.4) $(CORE_OBJ)
	$(SAY) "$@"
	$(CC) $(LDFLAGS) $(MODULE_LDFLAGS) -Wl,-soname,libmanymoons.so.0 -o $@ $^
# One relocatable object whose hidden symbols are local: a host that links the archive sees the public names alone.
$(BUILD)/libmanymoons.a: $(LUA_OBJ_5.4) $(CORE_OBJ)
	$(SAY) "$@"
	ld -r -o $(BUILD)/libmanymoons.o $^
	objcopy --localize-hidden $(BUILD)/libmanymoons.o
	rm -f $@
	ar rcs $@ $(BUILD)/libmanymoons.o

# ---- unit tests: a program each; those that need a Lua once for each ------------------------------------------------

UNIT_CORE  := $(sort $(foreach d,$(CORE_DIRS),$(wildcard tests/unit/$(d)/test_*.c))) tests/prove/ring_killer.c
UNIT_STATE := $(sort $(wildcard tests/unit/state/test_*.c tests/fuzz/fuzz_*.c))
# TSan is for threads, and loses its way when errors of Lua jump over many frames.
ifeq ($(VARIANT),tsan)
UNIT_STATE := $(filter %/test_vm.c,$(UNIT_STATE))
endif
UNIT_PROGRAMS := $(UNIT_CORE:%.c=$(BUILD)/%) $(foreach l,lua5.4 lua5.1 luajit,$(UNIT_STATE:%.c=$(BUILD)/%.$(l)))
UNIT_FLAGS := $(filter-out -Wmissing-prototypes -Wconversion -DNDEBUG,$(CFLAGS))
STATE_OBJ_5.4 := $(filter $(BUILD)/5.4/vm/state/%,$(LUA_OBJ_5.4))
STATE_OBJ_5.1 := $(filter $(BUILD)/5.1/vm/state/%,$(LUA_OBJ_5.1))

tests: $(UNIT_PROGRAMS)

$(UNIT_CORE:%.c=$(BUILD)/%): $(BUILD)/%: %.c $(CORE_OBJ)
	mkdir -p $(@D)
	$(SAY) "$@"
	$(CC) $(CPPFLAGS) $(UNIT_FLAGS) -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $< $(CORE_OBJ) -lm

# build_with ABI,LIBRARY: compiles $< for a Lua and links it with vm/state.
build_with = mkdir -p $(@D); $(CC) $(CPPFLAGS) $(LUA_$(1)_CFLAGS) $(UNIT_FLAGS) -MMD -MP -MF $@.d $(LDFLAGS) -Wl,-E \
             -o $@ $< $(STATE_OBJ_$(1)) $(CORE_OBJ) -l$(2) -lm -ldl
$(BUILD)/%.lua5.4: %.c $(STATE_OBJ_5.4) $(CORE_OBJ)
	$(SAY) "$@"
	$(call build_with,5.4,lua5.4)
$(BUILD)/%.lua5.1: %.c $(STATE_OBJ_5.1) $(CORE_OBJ)
	$(SAY) "$@"
	$(call build_with,5.1,lua5.1)
$(BUILD)/%.luajit: %.c $(STATE_OBJ_5.1) $(CORE_OBJ)
	$(SAY) "$@"
	$(call build_with,5.1,luajit-5.1)

# What `make bench` compares with; it uses nothing of ours.
$(BUILD)/bench/reference: tests/bench/c/reference.c $(BUILD)/flags
	mkdir -p $(@D)
	$(SAY) "$@"
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -fopenmp -o $@ $<

# The search instruments everything, so it compiles everything itself.
$(BUILD)/fuzz_decode: tests/fuzz/fuzz_decode.c $(CORE_SRC) $(wildcard vm/state/*.c)
	mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(LUA_5.4_CFLAGS) $(CFLAGS) -DFUZZ_WITH_LIBFUZZER -o $@ $^ -llua5.4 -lm -ldl

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
