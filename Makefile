# SPDX-License-Identifier: MIT
# Two commands: `make run` and `make test`. `make help` lists the rest.
#
# Flat and out of tree: everything built lands in build/$(VARIANT). The core (no Lua) is compiled
# once; vm/state and bindings once per Lua ABI.

VARIANT  ?= release
VARIANTS := tsan asan debug release
CC       ?= cc
BUILD    := build/$(VARIANT)

# Our own roots, and no folder below them: a private features.h would stand in the way of the system's.
CPPFLAGS := -Ivm -Ibindings/lua -Ibindings -Ibindings/c -D_GNU_SOURCE $(EXTRA_CPPFLAGS)
# What packagers set: flags of theirs; WERROR= where a compiler that nobody here has seen may warn; SKIP_SETUP=1 where the
# packages have other names.
EXTRA_CPPFLAGS ?=
EXTRA_CFLAGS   ?=
EXTRA_LDFLAGS  ?=
WERROR         ?= -Werror
SKIP_SETUP     ?=

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion \
            -Wno-sign-conversion -Wcast-qual -Wwrite-strings -Wundef -Wvla $(WERROR)
ifneq ($(findstring clang,$(CC)),)
WARNINGS += -Wthread-safety -Wthread-safety-beta
endif
CFLAGS_release := -O2 -DNDEBUG
CFLAGS_debug   := -O1 -DMM_FAULTS -DMM_KILL_POINTS -DMM_STOP_POINTS
CFLAGS_asan    := -O1 -DMM_FAULTS -DMM_KILL_POINTS -DMM_STOP_POINTS -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_fuzz    := -O1 -fsanitize=fuzzer,address,undefined
CFLAGS_tsan    := -O1 -DMM_STOP_POINTS -fsanitize=thread
CFLAGS   := -std=c17 -g -fPIC -fvisibility=hidden -pthread $(CFLAGS_$(VARIANT)) $(EXTRA_CFLAGS) $(WARNINGS)
LDFLAGS  := -pthread $(EXTRA_LDFLAGS) $(filter -fsanitize=%,$(CFLAGS_$(VARIANT)))
# A module stays loaded once it is (threads may still run its code), and a missing symbol is found at load.
MODULE_LDFLAGS := -shared -Wl,-z,now -Wl,-z,nodelete

LUA_5.4_CFLAGS ?= -isystem /usr/include/lua5.4
LUA_5.3_CFLAGS ?= -isystem /usr/include/lua5.3
LUA_5.1_CFLAGS ?= -isystem /usr/include/lua5.1
LUA_5.4_STATIC := $(firstword $(wildcard /usr/lib/*/liblua5.4.a))
# LuaJIT has the ABI of 5.1. The program for it, and the library, are built where it is.
HAS_LUAJIT     := $(wildcard /usr/include/luajit-2.1/luajit.h)
LUAJIT_STATIC  := $(firstword $(wildcard /usr/lib/*/libluajit-5.1.a))
# whole ARCHIVE: all of it, so that C modules find each function of Lua in the program.
whole = -Wl,--whole-archive $(1) -Wl,--no-whole-archive

# The layers of LAYERS below `vm/state` know no Lua, and are compiled once; what stands above is compiled once for each
# ABI of Lua: vm/state, the C library, the Lua library and the host program, which is for 5.4 and for LuaJIT.
CORE_DIRS := $(filter-out state,$(shell sed -n 's|^vm/||p' LAYERS))
CORE_SRC  := $(sort $(foreach d,$(CORE_DIRS),$(wildcard vm/$(d)/*.c vm/$(d)/*/*.c)))
# vm/state comes first: the order in which objects are linked moved put and get of a queue by 20 % (2026-11, gcc 12).
LUA_SRC   := $(sort $(wildcard vm/state/*.c)) $(sort $(wildcard bindings/*.c bindings/c/*.c bindings/c/*/*.c bindings/lua/*.c bindings/lua/*/*.c))
EMBEDDED  := $(sort $(shell find bindings/lua -name '*.lua' -o -path '*/page/*' -type f))
PROGRAM_SRC := $(sort $(wildcard program/*.c))
objects = $(2:%.c=$(BUILD)/$(1)/%.o)
$(foreach abi,5.4 5.1,$(eval PROGRAM_OBJ_$(abi) := $(call objects,$(abi),$(PROGRAM_SRC))))
PROGRAMS     := manymoons $(if $(HAS_LUAJIT),manymoons-luajit)
CORE_OBJ     := $(call objects,core,$(CORE_SRC))
$(foreach abi,5.4 5.3 5.1,$(eval LUA_OBJ_$(abi) := $(call objects,$(abi),$(LUA_SRC))))

# The module is for 5.4 and for the ABI of 5.1, which LuaJIT shares; and for 5.3 where its headers are.
ABIS := 5.4 5.1 $(if $(wildcard /usr/include/lua5.3/lua.h),5.3)

LIBRARIES := libmanymoons $(if $(HAS_LUAJIT),libmanymoons-luajit)
ARTEFACTS := $(PROGRAMS:%=$(BUILD)/%) $(ABIS:%=$(BUILD)/lua/%/manymoons.so) \
             $(foreach l,$(LIBRARIES),$(BUILD)/$(l).so $(BUILD)/$(l).a)

# Says what is made; V=1 says how as well, QUIET=1 nothing.
SAY := $(if $(QUIET)$(V),@:,@echo)
ifndef V
.SILENT:
endif
# The goals that build do so with all cores, and one after the other: they use the same folders.
SUBMAKE := $(MAKE) --no-print-directory --jobs=$(shell nproc)
ifneq ($(filter run check test test-% bench bench-%,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif

.DELETE_ON_ERROR:
.PHONY: all help run check test test-quick bench bench-quick docs pictures site fuzz tests clean setup install uninstall dist FORCE
.DEFAULT_GOAL := all

all: setup $(ARTEFACTS) ## build the programs, the modules and the library into build/
	for program in $(PROGRAMS); do ln -sfn $(VARIANT)/$$program build/$$program || exit; done
	ln -sfn $(VARIANT)/lua build/lua
	for library in $(LIBRARIES); do \
	  ln -sfn $(VARIANT)/$$library.so $(VARIANT)/$$library.so.$(SONUMBER) $(VARIANT)/$$library.a build/ || exit; \
	done

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

test-quick: ## build release, and run each script in one of its worlds: for small steps, under a minute
	tests/support/setup test
	$(SUBMAKE) QUIET=1 VARIANT=release all tests
	tests/support/list-tests quick >build/tests-quick.list
	tests/support/run-tests build/tests-quick.list

bench: ## measure beside Python and Node, and write docs/reference/performance.md (ONLY=name: one row, no page; AGAINST=folder: in turns with another checkout)
	tests/support/setup run
	tests/support/setup bench || echo "what is not on this machine is left out"
	$(SUBMAKE) QUIET=1 VARIANT=release all build/release/bench/reference build/release/bench/load
	build/release/manymoons tests/bench/run.lua $(if $(AGAINST),--against $(AGAINST) $(ONLY),$(if $(ONLY),--only $(ONLY)))

bench-quick: ## measure our programs alone, for two minutes: rows that are worse than docs/reference/performance.md
	tests/support/setup run
	$(SUBMAKE) QUIET=1 VARIANT=release all
	build/release/manymoons tests/bench/run.lua --quick

prove: ## for minutes: the model check, the kill matrices, killers at random, and the fuzzers (SECONDS_EACH=120)
	tests/support/setup prove
	$(SUBMAKE) QUIET=1 VARIANT=release all tests
	$(SUBMAKE) QUIET=1 VARIANT=debug all tests
	$(SUBMAKE) QUIET=1 CC=clang VARIANT=fuzz fuzzers
	tests/prove/run $(or $(SECONDS_EACH),120)

docs: ## write what is made from sources (docs/reference, docs/man, packaging/completions), and measure the sample table
	$(SUBMAKE) QUIET=1 VARIANT=release all
	build/release/manymoons docs/generate.lua
	build/release/manymoons docs/sample.lua build/release/manymoons README.md docs/how-to/compare-worlds.md

pictures: ## make the pictures of README.md in a browser
	tests/support/setup browser
	$(SUBMAKE) QUIET=1 VARIANT=release all
	docs/pictures/make

site: ## write the site of the docs into build/site, by mkdocs
	tests/support/setup site
	$(SUBMAKE) QUIET=1 VARIANT=release all
	build/release/manymoons docs/site.lua build
	echo "build/site/index.html"

fuzz: ## run the fuzzers of tests/fuzz/fuzzers (SECONDS_EACH=20)
	tests/support/setup test
	$(SUBMAKE) QUIET=1 VARIANT=release all tests
	$(SUBMAKE) QUIET=1 CC=clang VARIANT=fuzz fuzzers
	tests/fuzz/run $(or $(SECONDS_EACH),20)

# ---- installing ------------------------------------------------------------------------------------------------------

PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR    ?= $(PREFIX)/share
MANDIR     ?= $(DATADIR)/man
LUADIR     ?= $(LIBDIR)/lua
BASHDIR    ?= $(DATADIR)/bash-completion/completions
ZSHDIR     ?= $(DATADIR)/zsh/site-functions
FISHDIR    ?= $(DATADIR)/fish/vendor_completions.d
UNITDIR    ?= $(PREFIX)/lib/systemd/system
# Where Neovim looks for plugins, and makes the tags of their help.
NVIMDIR    ?= $(DATADIR)/nvim/site
# The types, as an addon of lua-language-server.
ADDONDIR   ?= $(DATADIR)/manymoons/addons/manymoons
VERSION    := $(shell sed -n 's/^\#define MANYMOONS_VERSION "\(.*\)"/\1/p' vm/base/version.h)
SONUMBER   := 0
LUA_PC_libmanymoons        := lua5.4
LUA_PC_libmanymoons-luajit := luajit
INSTALL_PROGRAM ?= install
INSTALL_DATA    ?= install -m 644

# fill_in TEMPLATE[,NAME,LUA]
fill_in = sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@INCLUDEDIR@|$(INCLUDEDIR)|; s|@VERSION@|$(VERSION)|' \
          -e 's|@NAME@|$(2)|; s|@LUA@|$(3)|' packaging/$(1).in
CMAKEDIR := $(LIBDIR)/cmake/manymoons
# install_library NAME
define install_library
	$(INSTALL_DATA) $(BUILD)/$(1).so $(DESTDIR)$(LIBDIR)/$(1).so.$(VERSION)
	ln -sfn $(1).so.$(VERSION) $(DESTDIR)$(LIBDIR)/$(1).so.$(SONUMBER)
	ln -sfn $(1).so.$(SONUMBER) $(DESTDIR)$(LIBDIR)/$(1).so
	$(INSTALL_DATA) $(BUILD)/$(1).a $(DESTDIR)$(LIBDIR)/
	$(call fill_in,manymoons.pc,$(1:lib%=%),$(LUA_PC_$(1))) >$(DESTDIR)$(LIBDIR)/pkgconfig/$(1:lib%=%).pc

endef

# link_alias PROGRAM: it has the manual and the completions of manymoons
define link_alias
	ln -sfn manymoons.1 $(DESTDIR)$(MANDIR)/man1/$(1).1
	ln -sfn manymoons $(DESTDIR)$(BASHDIR)/$(1)
	ln -sfn manymoons.fish $(DESTDIR)$(FISHDIR)/$(1).fish

endef
MANUALS := $(sort $(wildcard docs/man/*.1))

install: all ## install the programs, the modules, the library, the manuals, completions and unit (PREFIX=/usr/local, DESTDIR=)
	mkdir -p $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(CMAKEDIR) $(DESTDIR)$(INCLUDEDIR) $(DESTDIR)$(MANDIR)/man1 \
	  $(DESTDIR)$(MANDIR)/man3 $(DESTDIR)$(ADDONDIR)/library $(ABIS:%=$(DESTDIR)$(LUADIR)/%) \
	  $(DESTDIR)$(BASHDIR) $(DESTDIR)$(ZSHDIR) $(DESTDIR)$(FISHDIR) $(DESTDIR)$(UNITDIR) \
	  $(DESTDIR)$(NVIMDIR)/lua/manymoons $(DESTDIR)$(NVIMDIR)/doc
	$(INSTALL_PROGRAM) $(PROGRAMS:%=$(BUILD)/%) $(DESTDIR)$(BINDIR)/
	$(foreach l,$(LIBRARIES),$(call install_library,$(l)))
	$(foreach f,manymoonsConfig.cmake manymoonsConfigVersion.cmake,$(call fill_in,$(f)) >$(DESTDIR)$(CMAKEDIR)/$(f) &&) :
	for abi in $(ABIS); do $(INSTALL_DATA) $(BUILD)/lua/$$abi/manymoons.so $(DESTDIR)$(LUADIR)/$$abi/ || exit; done
	$(INSTALL_DATA) bindings/c/manymoons.h bindings/c/manymoons.hpp $(DESTDIR)$(INCLUDEDIR)/
	$(INSTALL_DATA) $(MANUALS) $(DESTDIR)$(MANDIR)/man1/
	$(INSTALL_DATA) docs/man/manymoons.3 $(DESTDIR)$(MANDIR)/man3/
	$(INSTALL_DATA) packaging/addon/config.json $(DESTDIR)$(ADDONDIR)/
	$(INSTALL_DATA) packaging/neovim/lua/manymoons/health.lua $(DESTDIR)$(NVIMDIR)/lua/manymoons/
	$(INSTALL_DATA) packaging/neovim/doc/manymoons.txt $(DESTDIR)$(NVIMDIR)/doc/
	$(INSTALL_DATA) packaging/love/love-manymoons.lua $(DESTDIR)$(DATADIR)/manymoons/
	$(INSTALL_DATA) $(wildcard bindings/lua/types*.lua) $(DESTDIR)$(ADDONDIR)/library/
	$(INSTALL_DATA) packaging/completions/manymoons.bash $(DESTDIR)$(BASHDIR)/manymoons
	$(INSTALL_DATA) packaging/completions/_manymoons $(DESTDIR)$(ZSHDIR)/
	$(INSTALL_DATA) packaging/completions/manymoons.fish $(DESTDIR)$(FISHDIR)/
	sed 's|/usr/bin/|$(BINDIR)/|' packaging/systemd/manymoons@.service >$(DESTDIR)$(UNITDIR)/manymoons@.service
	$(foreach p,$(filter-out manymoons,$(PROGRAMS)),$(call link_alias,$(p)))

# The same commit gives the same bytes. RELEASES is where they are published.
RELEASES ?= https://manymoons.example.org/releases
SOURCES  := manymoons-$(VERSION)
ROCKSPEC := $(notdir $(wildcard packaging/*.rockspec))
dist: ## write the sources of the last commit, and a rock of them, into build/dist (RELEASES=the URL of the folder that they go to)
	rm -rf build/dist
	mkdir -p build/dist
	git -c tar.umask=0022 archive --prefix=$(SOURCES)/ HEAD | gzip -9n >build/dist/$(SOURCES).tar.gz
	sum=$$(md5sum <build/dist/$(SOURCES).tar.gz | cut -d ' ' -f 1); \
	  sed "/make dist/d; s|^  url = .*|  url = \"$(RELEASES)/$(SOURCES).tar.gz\",\n  md5 = \"$$sum\",|" packaging/$(ROCKSPEC) >build/dist/$(ROCKSPEC)
	cd build/dist && touch -d "@$$(git log -1 --format=%ct)" * && TZ=UTC zip -qX $(ROCKSPEC:.rockspec=.src.rock) *

# What a rock is made of (packaging/*.rockspec): the module for one Lua, with that Lua's headers, and nothing else.
.PHONY: rock rock-install
ROCK_LUA = $(shell number=$$(($$(echo LUA_VERSION_NUM | $(CC) -I$(ROCK_INCDIR) -include lua.h -E -P -x c - | tail -n 1))); \
  echo $$((number / 100)).$$((number % 100)))
rock:
	$(MAKE) SKIP_SETUP=1 WERROR= QUIET=1 'LUA_$(ROCK_LUA)_CFLAGS=-isystem $(ROCK_INCDIR)' ABIS=$(ROCK_LUA) \
	  $(BUILD)/lua/$(ROCK_LUA)/manymoons.so
rock-install:
	mkdir -p $(ROCK_LIBDIR)
	$(INSTALL_PROGRAM) $(BUILD)/lua/$(ROCK_LUA)/manymoons.so $(ROCK_LIBDIR)/

# A folder for Neovim's 'runtimepath'.
.PHONY: nvim
nvim: $(BUILD)/lua/5.1/manymoons.so ## make build/nvim, a plugin for Neovim: the module, :checkhealth and :help
	packaging/neovim/make-plugin $< build/nvim

uninstall: ## remove what install put there
	rm -f $(foreach p,$(PROGRAMS),$(addprefix $(DESTDIR),$(BINDIR)/$(p) $(MANDIR)/man1/$(p).1 $(BASHDIR)/$(p) $(FISHDIR)/$(p).fish)) \
	  $(DESTDIR)$(INCLUDEDIR)/manymoons.h $(DESTDIR)$(INCLUDEDIR)/manymoons.hpp $(MANUALS:docs/man/%=$(DESTDIR)$(MANDIR)/man1/%) $(DESTDIR)$(ZSHDIR)/_manymoons \
	  $(DESTDIR)$(UNITDIR)/manymoons@.service $(DESTDIR)$(MANDIR)/man3/manymoons.3 $(foreach l,$(LIBRARIES),$(DESTDIR)$(LIBDIR)/$(l).so* $(DESTDIR)$(LIBDIR)/$(l).a \
	  $(DESTDIR)$(LIBDIR)/pkgconfig/$(l:lib%=%).pc) $(ABIS:%=$(DESTDIR)$(LUADIR)/%/manymoons.so)
	rm -rf $(DESTDIR)$(DATADIR)/manymoons $(DESTDIR)$(CMAKEDIR) $(DESTDIR)$(NVIMDIR)/lua/manymoons
	rm -f $(DESTDIR)$(NVIMDIR)/doc/manymoons.txt

clean: ## remove build/
	rm -rf build

# For the checks, which compile as the build does.
.PHONY: cppflags
cppflags:
	echo $(CPPFLAGS)

setup:
	$(if $(SKIP_SETUP),:,tests/support/setup build)

# ---- objects: they are compiled anew when the compiler or its flags change ------------------------------------------

$(BUILD)/flags: FORCE | setup
	mkdir -p $(@D)
	echo '$(CC) $(CPPFLAGS) $(CFLAGS)' | cmp -s - $@ || echo '$(CC) $(CPPFLAGS) $(CFLAGS)' >$@
$(PROGRAM_OBJ_5.4) $(PROGRAM_OBJ_5.1) $(CORE_OBJ) $(LUA_OBJ_5.4) $(LUA_OBJ_5.3) $(LUA_OBJ_5.1): $(BUILD)/flags

# compile FOLDER,FLAGS,REMARK: the rule for the objects of one ABI
define compile
$(BUILD)/$(1)/%.o: %.c
	mkdir -p $$(@D)
	$$(SAY) "  $$<$(3)"
	$$(CC) $$(CPPFLAGS) $(2) $$(CFLAGS) -MMD -MP -c $$< -o $$@
endef
$(eval $(call compile,core,,))
$(foreach abi,5.4 5.3 5.1,$(eval $(call compile,$(abi),$(LUA_$(abi)_CFLAGS), (Lua $(abi)))))
$(ABIS:%=$(BUILD)/%/bindings/lua/embedded.o): $(EMBEDDED)
LAUNCH_OBJ := $(ABIS:%=$(BUILD)/%/vm/state/launch.o)
$(LAUNCH_OBJ): CPPFLAGS += -DHELPER_FILE='"$(BUILD)/helper"'
$(LAUNCH_OBJ): $(BUILD)/helper
$(BUILD)/helper: vm/helper/helper.c vm/helper/tracker.c vm/helper/tracker.h $(BUILD)/flags
	$(SAY) "$@"
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -s -o $@ $(filter %.c,$^) -ldl

# The program's Lua files as bytecode, made with the Lua that it has in itself.
PRECOMPILED := $(filter-out bindings/lua/broker/redis/scripts/%,$(filter %.lua,$(EMBEDDED)))
$(BUILD)/precompile: program/precompile/precompile.c $(BUILD)/flags
	$(SAY) "$@"
	$(CC) $(LUA_5.4_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(LUA_5.4_STATIC) -lm -ldl
$(BUILD)/precompiled: $(BUILD)/precompile $(PRECOMPILED)
	$(SAY) "$@"
	$(BUILD)/precompile $@ $(PRECOMPILED)
$(BUILD)/5.4/program/precompiled.o: CPPFLAGS += -DPRECOMPILED_FILE='"$(BUILD)/precompiled"'
$(BUILD)/5.4/program/precompiled.o: $(BUILD)/precompiled
# The bytecode of LuaJIT belongs to the one version of its library that is there when the program runs: there is none.
$(BUILD)/precompiled-none:
	mkdir -p $(@D)
	: >$@
$(BUILD)/5.1/program/precompiled.o: CPPFLAGS += -DPRECOMPILED_FILE='"$(BUILD)/precompiled-none"'
$(BUILD)/5.1/program/precompiled.o: $(BUILD)/precompiled-none

# ---- what is delivered ----------------------------------------------------------------------------------------------

# A symbol looked up before a fork is not looked up again in each child.
$(BUILD)/manymoons: $(PROGRAM_OBJ_5.4) $(LUA_OBJ_5.4) $(CORE_OBJ)
$(BUILD)/manymoons: PROGRAM_LUA := $(call whole,$(LUA_5.4_STATIC))
$(BUILD)/manymoons-luajit: $(PROGRAM_OBJ_5.1) $(LUA_OBJ_5.1) $(CORE_OBJ)
$(BUILD)/manymoons-luajit: PROGRAM_LUA := $(if $(LUAJIT_STATIC),$(call whole,$(LUAJIT_STATIC)),-lluajit-5.1)
$(BUILD)/manymoons $(BUILD)/manymoons-luajit:
	$(SAY) "$@"
	$(CC) $(LDFLAGS) -Wl,-E -Wl,-z,now -o $@ $^ $(PROGRAM_LUA) -lm -ldl
$(BUILD)/lua/5.4/manymoons.so: $(LUA_OBJ_5.4) $(CORE_OBJ)
$(BUILD)/lua/5.3/manymoons.so: $(LUA_OBJ_5.3) $(CORE_OBJ)
$(BUILD)/lua/5.1/manymoons.so: $(LUA_OBJ_5.1) $(CORE_OBJ)
# Functions that not all Luas have are weak in the module: another Lua loads it, and it says so (state/running_lua.h).
$(BUILD)/lua/%/manymoons.so: bindings/lua/module.map bindings/lua/own_api.list
	mkdir -p $(@D)
	$(SAY) "$@"
	ld -r -o $(BUILD)/$*/module.o $(filter %.o,$^)
	objcopy --weaken-symbols=bindings/lua/own_api.list $(BUILD)/$*/module.o
	$(CC) $(LDFLAGS) $(MODULE_LDFLAGS) -Wl,--version-script=bindings/lua/module.map -o $@ $(BUILD)/$*/module.o
# The library is for Lua 5.4, and another one for LuaJIT.
$(BUILD)/libmanymoons.so: $(LUA_OBJ_5.4) $(CORE_OBJ) bindings/c/library.map
$(BUILD)/libmanymoons.so: LUA_LIBRARY := -llua5.4
$(BUILD)/libmanymoons-luajit.so: $(LUA_OBJ_5.1) $(CORE_OBJ) bindings/c/library.map
$(BUILD)/libmanymoons-luajit.so: LUA_LIBRARY := -lluajit-5.1
$(BUILD)/libmanymoons%so:
	$(SAY) "$@"
	$(CC) $(LDFLAGS) $(MODULE_LDFLAGS) -Wl,-soname,$(@F).0 -Wl,--version-script=bindings/c/library.map -o $@ $(filter %.o,$^) \
	  $(LUA_LIBRARY) -lm -ldl
	ln -sfn $(@F) $@.0
# One relocatable object whose hidden symbols are local: a host that links the archive sees the public names alone.
$(BUILD)/libmanymoons.a: $(LUA_OBJ_5.4) $(CORE_OBJ)
$(BUILD)/libmanymoons-luajit.a: $(LUA_OBJ_5.1) $(CORE_OBJ)
$(BUILD)/libmanymoons%a:
	$(SAY) "$@"
	ld -r -o $@.o $^
	objcopy --localize-hidden $@.o
	rm -f $@
	ar rcs $@ $@.o

# ---- unit tests: a program each; those that need a Lua once for each ------------------------------------------------

UNIT_CORE  := $(sort $(foreach d,$(CORE_DIRS),$(wildcard tests/unit/$(d)/test_*.c))) tests/prove/ring_killer.c tests/fuzz/fuzz_segment.c
FUZZERS    := $(filter-out $(UNIT_CORE),$(wildcard $(patsubst %,tests/fuzz/%.c,$(shell sed -n 's/^\(fuzz_[a-z_]*\).*/\1/p' tests/fuzz/fuzzers))))
UNIT_STATE := $(sort $(wildcard tests/unit/state/test_*.c)) $(FUZZERS)
UNIT_HOST  := $(sort $(wildcard tests/unit/c/test_*.c))
UNIT_WORKER := $(sort $(wildcard tests/unit/worker/test_*.c))
# TSan is for threads, and loses its way when errors of Lua jump over many frames.
ifeq ($(VARIANT),tsan)
UNIT_STATE := $(filter %/test_vm.c %/test_vm_lock.c,$(UNIT_STATE))
endif
UNIT_PROGRAMS := $(UNIT_CORE:%.c=$(BUILD)/%) $(UNIT_HOST:%.c=$(BUILD)/%) $(foreach l,lua5.4 lua5.1 luajit,$(UNIT_STATE:%.c=$(BUILD)/%.$(l))) \
                 $(foreach l,lua5.4 lua5.3 lua5.1 luajit,$(UNIT_WORKER:%.c=$(BUILD)/%.$(l)))
# What a user of the library would write, with nothing but its header.
EMBED_TESTS := $(sort $(wildcard tests/embed/test_*.c))
EMBED_PROGRAMS := $(EMBED_TESTS:%.c=$(BUILD)/%.lua5.4) $(if $(filter %-luajit,$(LIBRARIES)),$(EMBED_TESTS:%.c=$(BUILD)/%.luajit))
UNIT_FLAGS := $(filter-out -Wmissing-prototypes -Wconversion -DNDEBUG,$(CFLAGS))
STATE_OBJ_5.4 := $(filter $(BUILD)/5.4/vm/state/%,$(LUA_OBJ_5.4))
STATE_OBJ_5.1 := $(filter $(BUILD)/5.1/vm/state/%,$(LUA_OBJ_5.1))

tests: $(UNIT_PROGRAMS) $(EMBED_PROGRAMS)

$(UNIT_CORE:%.c=$(BUILD)/%): $(BUILD)/%: %.c $(CORE_OBJ)
	mkdir -p $(@D)
	$(SAY) "$@"
	$(CC) $(CPPFLAGS) $(UNIT_FLAGS) -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $< $(CORE_OBJ) -lm

EMBED_FLAGS := $(filter-out -std=% -Wmissing-prototypes -Wconversion -DNDEBUG,$(CFLAGS)) -std=c11 -D_GNU_SOURCE
# embed_with LIBRARY,LUA
embed_with = mkdir -p $(@D); $(CC) -Ibindings/c $(EMBED_FLAGS) -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $< -L$(BUILD) -l$(1) -l$(2) -Wl,-rpath,$(abspath $(BUILD))
$(EMBED_TESTS:%.c=$(BUILD)/%.lua5.4): $(BUILD)/%.lua5.4: %.c $(BUILD)/libmanymoons.so
	$(SAY) "$@"
	$(call embed_with,manymoons,lua5.4)
$(EMBED_TESTS:%.c=$(BUILD)/%.luajit): $(BUILD)/%.luajit: %.c $(BUILD)/libmanymoons-luajit.so
	$(SAY) "$@"
	$(call embed_with,manymoons-luajit,luajit-5.1)

$(UNIT_HOST:%.c=$(BUILD)/%): $(BUILD)/%: %.c $(LUA_OBJ_5.4) $(CORE_OBJ)
	mkdir -p $(@D)
	$(SAY) "$@"
	$(CC) $(CPPFLAGS) $(UNIT_FLAGS) -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $< $(LUA_OBJ_5.4) $(CORE_OBJ) -llua5.4 -lm -ldl

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

# whole_with ABI,LIBRARY: the same with the bindings.
whole_with = mkdir -p $(@D); $(CC) $(CPPFLAGS) $(LUA_$(1)_CFLAGS) $(UNIT_FLAGS) -MMD -MP -MF $@.d $(LDFLAGS) -Wl,-E \
             -o $@ $< $(LUA_OBJ_$(1)) $(CORE_OBJ) -l$(2) -lm -ldl
$(UNIT_WORKER:%.c=$(BUILD)/%.lua5.4): $(BUILD)/%.lua5.4: %.c $(LUA_OBJ_5.4) $(CORE_OBJ)
	$(SAY) "$@"
	$(call whole_with,5.4,lua5.4)
$(UNIT_WORKER:%.c=$(BUILD)/%.lua5.3): $(BUILD)/%.lua5.3: %.c $(LUA_OBJ_5.3) $(CORE_OBJ)
	$(SAY) "$@"
	$(call whole_with,5.3,lua5.3)
$(UNIT_WORKER:%.c=$(BUILD)/%.lua5.1): $(BUILD)/%.lua5.1: %.c $(LUA_OBJ_5.1) $(CORE_OBJ)
	$(SAY) "$@"
	$(call whole_with,5.1,lua5.1)
$(UNIT_WORKER:%.c=$(BUILD)/%.luajit): $(BUILD)/%.luajit: %.c $(LUA_OBJ_5.1) $(CORE_OBJ)
	$(SAY) "$@"
	$(call whole_with,5.1,luajit-5.1)

# What `make bench` compares with; it uses nothing of ours.
$(BUILD)/bench/reference: tests/bench/c/reference.c $(BUILD)/flags
	mkdir -p $(@D)
	$(SAY) "$@"
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -fopenmp -o $@ $<

$(BUILD)/bench/load: tests/bench/c/load.c $(BUILD)/flags
	mkdir -p $(@D)
	$(SAY) "$@"
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $<

# The search instruments everything, so it compiles everything itself.
.PHONY: fuzzers
fuzzers: $(FUZZERS:tests/fuzz/%.c=$(BUILD)/%)
FUZZ_OBJ := $(CORE_OBJ) $(filter-out %/launch.o,$(STATE_OBJ_5.4))
$(FUZZERS:tests/fuzz/%.c=$(BUILD)/%): $(BUILD)/%: tests/fuzz/%.c $(FUZZ_OBJ)
	mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(LUA_5.4_CFLAGS) $(UNIT_FLAGS) -DFUZZ_WITH_LIBFUZZER -MMD -MP -MF $@.d -o $@ $< $(FUZZ_OBJ) -llua5.4 -lm -ldl

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
