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

CORE_DIRS := base os sync shared wire channel task
CORE_SRC  := $(sort $(foreach d,$(CORE_DIRS),$(wildcard vm/$(d)/*.c)))
LUA_SRC   := $(sort $(wildcard vm/state/*.c) $(wildcard bindings/*.c))
EMBEDDED  := $(sort $(wildcard bindings/lua/*.lua))
CORE_OBJ     := $(CORE_SRC:%.c=$(BUILD)/core/%.o)
LUA_OBJ_5.4  := $(LUA_SRC:%.c=$(BUILD)/5.4/%.o)
LUA_OBJ_5.1  := $(LUA_SRC:%.c=$(BUILD)/5.1/%.o)

ARTEFACTS := $(BUILD)/manymoons $(BUILD)/lua/5.4/manymoons.so $(BUILD)/lua/5.1/manymoons.so \
             $(BUILD)/libmanymoons.so $(BUILD)/libmanymoons.a

.DELETE_ON_ERROR:
.PHONY: all
all: $(ARTEFACTS) ## build everything into build/, for VARIANT=release|debug|asan|tsan
	@ln -sfn $(VARIANT)/manymoons build/manymoons
	@ln -sfn $(VARIANT)/lua build/lua
	@ln -sfn $(VARIANT)/libmanymoons.so build/libmanymoons.so
	@ln -sfn $(VARIANT)/libmanymoons.a build/libmanymoons.a

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

-include $(shell find build -name '*.d' 2>/dev/null)
