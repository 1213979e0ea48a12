# SPDX-License-Identifier: MIT
# Two commands: `make run` and `make test`. `make help` lists the rest.
#
# Flat and out of tree: everything built lands in build/$(VARIANT). The core (no Lua) is compiled
# once; vm/state and bindings once per Lua ABI.

VARIANT ?= release
CC      ?= cc
BUILD   := build/$(VARIANT)

CPPFLAGS := -Ivm -D_GNU_SOURCE
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion \
            -Wno-sign-conversion -Wcast-qual -Wwrite-strings -Wundef -Wvla -Werror
ifneq ($(findstring clang,$(CC)),)
WARNINGS += -Wthread-safety -Wthread-safety-beta
endif
CFLAGS_release := -O2 -DNDEBUG
CFLAGS_debug   := -O1 -DMM_FAULTS -DMM_KILL_POINTS
CFLAGS_asan    := -O1 -DMM_FAULTS -DMM_KILL_POINTS -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_tsan    := -O1 -fsanitize=thread
CFLAGS   := -std=c17 -g -fPIC -fvisibility=hidden -pthread $(CFLAGS_$(VARIANT)) $(WARNINGS)
LDFLAGS  := -pthread $(filter -fsanitize=%,$(CFLAGS_$(VARIANT)))
# A module stays loaded once it is (threads may still run its code), and a missing symbol is found at load.
MODULE_LDFLAGS := -shared -Wl,-z,now -Wl,-z,nodelete

LUA_5.4_CFLAGS := -isystem /usr/include/lua5.4
LUA_5.1_CFLAGS := -isystem /usr/include/lua5.1
LUA_5.4_STATIC := $(firstword $(wildcard /usr/lib/*/liblua5.4.a))

PROGRAM_SRC := $(sort $(wildcard vm/*.c))
CORE_DIRS := base os sync shared wire channel task
CORE_SRC  := $(sort $(foreach d,$(CORE_DIRS),$(wildcard vm/$(d)/*.c)))
LUA_SRC   := $(sort $(wildcard vm/state/*.c) $(wildcard bindings/*.c))
EMBEDDED  := $(sort $(wildcard bindings/lua/*.lua))
PROGRAM_OBJ  := $(PROGRAM_SRC:%.c=$(BUILD)/5.4/%.o)
CORE_OBJ     := $(CORE_SRC:%.c=$(BUILD)/core/%.o)
LUA_OBJ_5.4  := $(LUA_SRC:%.c=$(BUILD)/5.4/%.o)
LUA_OBJ_5.1  := $(LUA_SRC:%.c=$(BUILD)/5.1/%.o)

ARTEFACTS := $(BUILD)/manymoons $(BUILD)/lua/5.4/manymoons.so $(BUILD)/lua/5.1/manymoons.so \
             $(BUILD)/libmanymoons.so $(BUILD)/libmanymoons.a

# Says what is made, and how when asked: make V=1.
ifdef V
SAY := @:
else
SAY := @echo
.SILENT:
endif
# The goals that build do so with all cores; one after the other, for they use the same folders.
JOBS := $(shell nproc)
SUBMAKE := $(MAKE) --no-print-directory --jobs=$(JOBS)
ifneq ($(filter run check test test-%,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif

.DELETE_ON_ERROR:
.PHONY: all help run check test tests clean setup FORCE
.DEFAULT_GOAL := all

help: ## show this
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18
	@echo "  VARIANT=release|debug|asan|tsan and CC=gcc|clang choose how; default: $(VARIANT), $(CC)"

all: setup $(ARTEFACTS) ## build everything into build/
	ln -sfn $(VARIANT)/manymoons build/manymoons
	ln -sfn $(VARIANT)/lua build/lua
	ln -sfn $(VARIANT)/libmanymoons.so build/libmanymoons.so
	ln -sfn $(VARIANT)/libmanymoons.a build/libmanymoons.a

run: ## install what is missing, build, and run the main job: one script compared in all worlds
	tests/support/setup run
	$(SUBMAKE) VARIANT=release all
	build/release/manymoons compare scripts/mandelbrot.lua

test: ## install what is missing, build, and run all tests (test-debug, test-asan, …: one variant's)
	tests/support/setup test
	for variant in $(VARIANTS); do $(SUBMAKE) VARIANT=$$variant all tests || exit; done
	ln -sfn release/manymoons build/manymoons
	for variant in $(VARIANTS); do tests/support/list-tests $$variant || exit; done >build/tests.list
	tests/support/run-tests build/tests.list

test-%:
	tests/support/setup test
	$(SUBMAKE) VARIANT=$* all tests
	tests/support/list-tests $* >build/tests-$*.list
	tests/support/run-tests build/tests-$*.list

check: ## format, lint, locks, layers, headers, exports: everything that needs no run
	tests/support/setup test
	$(SUBMAKE) VARIANT=release all
	tests/checks/all

clean: ## remove build/
	rm -rf build

setup:
	tests/support/setup build

# Changes when the compiler or its flags do: then everything is compiled anew.
$(BUILD)/flags: FORCE | setup
	mkdir -p $(@D)
	echo '$(CC) $(CPPFLAGS) $(CFLAGS)' | cmp -s - $@ || echo '$(CC) $(CPPFLAGS) $(CFLAGS)' >$@
$(CORE_OBJ) $(PROGRAM_OBJ) $(LUA_OBJ_5.4) $(LUA_OBJ_5.1): $(BUILD)/flags

$(BUILD)/core/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/5.4/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(LUA_5.4_CFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/5.1/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(LUA_5.1_CFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/5.4/bindings/embedded.o $(BUILD)/5.1/bindings/embedded.o: $(EMBEDDED)

$(BUILD)/manymoons: $(BUILD)/5.4/vm/main.o $(BUILD)/5.4/vm/repl.o $(LUA_OBJ_5.4) $(CORE_OBJ)
	$(CC) $(LDFLAGS) -Wl,-E -o $@ $^ -Wl,--whole-archive $(LUA_5.4_STATIC) -Wl,--no-whole-archive -lm -ldl
$(BUILD)/lua/5.4/manymoons.so: $(LUA_OBJ_5.4) $(CORE_OBJ)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(MODULE_LDFLAGS) -o $@ $^
$(BUILD)/lua/5.1/manymoons.so: $(LUA_OBJ_5.1) $(CORE_OBJ)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(MODULE_LDFLAGS) -o $@ $^
$(BUILD)/libmanymoons.so: $(LUA_OBJ_5.4) $(CORE_OBJ)
	$(CC) $(LDFLAGS) $(MODULE_LDFLAGS) -Wl,-soname,libmanymoons.so.0 -o $@ $^
# One relocatable object whose hidden symbols are local: a host that links the archive sees the public names alone.
$(BUILD)/libmanymoons.a: $(LUA_OBJ_5.4) $(CORE_OBJ)
	ld -r -o $(BUILD)/libmanymoons.o $^
	objcopy --localize-hidden $(BUILD)/libmanymoons.o
	rm -f $@ && ar rcs $@ $(BUILD)/libmanymoons.o

# ---- unit tests: a program each; those of vm/state once for each Lua ------------------------------------------------

UNIT_CORE  := $(sort $(foreach d,$(CORE_DIRS),$(wildcard tests/unit/$(d)/test_*.c)))
UNIT_STATE := $(sort $(wildcard tests/unit/state/test_*.c))
UNIT_PROGRAMS := $(UNIT_CORE:%.c=$(BUILD)/%) $(foreach l,lua5.4 lua5.1 luajit,$(UNIT_STATE:%.c=$(BUILD)/%.$(l)))
UNIT_FLAGS := $(filter-out -Wmissing-prototypes -Wconversion -DNDEBUG,$(CFLAGS))

tests: $(UNIT_PROGRAMS)

$(UNIT_CORE:%.c=$(BUILD)/%): $(BUILD)/%: %.c $(CORE_OBJ)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(UNIT_FLAGS) -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $< $(CORE_OBJ) -lm
STATE_OBJ_5.4 := $(filter $(BUILD)/5.4/vm/state/%,$(LUA_OBJ_5.4))
STATE_OBJ_5.1 := $(filter $(BUILD)/5.1/vm/state/%,$(LUA_OBJ_5.1))
$(BUILD)/%.lua5.4: %.c $(STATE_OBJ_5.4) $(CORE_OBJ)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(LUA_5.4_CFLAGS) $(UNIT_FLAGS) -MMD -MP -MF $@.d $(LDFLAGS) -Wl,-E -o $@ $< $(STATE_OBJ_5.4) $(CORE_OBJ) -llua5.4 -lm -ldl
$(BUILD)/%.lua5.1: %.c $(STATE_OBJ_5.1) $(CORE_OBJ)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(LUA_5.1_CFLAGS) $(UNIT_FLAGS) -MMD -MP -MF $@.d $(LDFLAGS) -Wl,-E -o $@ $< $(STATE_OBJ_5.1) $(CORE_OBJ) -llua5.1 -lm -ldl
$(BUILD)/%.luajit: %.c $(STATE_OBJ_5.1) $(CORE_OBJ)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(LUA_5.1_CFLAGS) $(UNIT_FLAGS) -MMD -MP -MF $@.d $(LDFLAGS) -Wl,-E -o $@ $< $(STATE_OBJ_5.1) $(CORE_OBJ) -lluajit-5.1 -lm -ldl

-include $(shell find build -name '*.d' 2>/dev/null)
