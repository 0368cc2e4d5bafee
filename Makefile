# SPDX-License-Identifier: Apache-2.0
#
# The only build file. Sources are found by wildcard: a new .c file, test, statement or script needs
# no edit here. Everything made lies under $(BUILD). Knobs:
#
#   V=1       show the commands          T="words"  run only tests whose path contains a word
#   SAN=1     programs with sanitizers   BUILD=dir  build somewhere else
#   COV=1     programs and tests with coverage counters

BUILD ?= build
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
CC := gcc
CLANG := clang-14
Q := $(if $(V),,@)
say = @printf '  %-6s %s\n' '$(1)' '$(2)'

# Where programs and where tests are built. Tests, and the programs that tests start, always carry
# the sanitizers (or, with COV=1, the counters).
SAN_DIR := $(BUILD)/san
COV_DIR := $(BUILD)/cov
MAIN_DIR := $(if $(COV),$(COV_DIR),$(if $(SAN),$(SAN_DIR),$(BUILD)))
TEST_DIR := $(if $(COV),$(COV_DIR),$(SAN_DIR))

# --- flags ------------------------------------------------------------------------------------
# No pkg-config: it is itself one of the packages that may still be missing when this is read, and
# Debian 12 has all of these in the compiler's default places but libpq's header.
WARN := -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wcast-qual -Wformat=2 \
	-Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla -Walloca -Wswitch-enum \
	-Wimplicit-fallthrough -Wwrite-strings
WARN_GCC := -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wimplicit-fallthrough=5
BASE := -std=c17 -D_POSIX_C_SOURCE=200809L -g -pthread -fPIE -fno-omit-frame-pointer \
	-I. -isystem /usr/include/postgresql -include tests/lint/banned.h
HARDEN := -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection \
	-Wnull-dereference
SANITIZE := -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined
COUNT := -O0 --coverage -fprofile-update=atomic
LINK := -pie -pthread -Wl,--as-needed -Wl,-z,relro,-z,now,-z,noexecstack

flags_$(BUILD) := $(BASE) -I$(BUILD) $(WARN) $(WARN_GCC) $(HARDEN)
flags_$(SAN_DIR) := $(BASE) -I$(SAN_DIR) $(WARN) $(WARN_GCC) $(SANITIZE)
flags_$(COV_DIR) := $(BASE) -I$(COV_DIR) $(WARN) $(WARN_GCC) $(COUNT)
link_$(BUILD) := $(LINK)
link_$(SAN_DIR) := $(LINK) -fsanitize=address,undefined
link_$(COV_DIR) := $(LINK) --coverage

# --- rooms: folder, then what it may call (the arrows of tests/lint/layers.rules) ----------------
ROOMS := agent ctl service api keeper model reports audit policy wire common
dir_common := common
dir_wire := common/wire
dir_policy := policy
dir_audit := audit
dir_reports := reports
dir_model := service/model
dir_api := service/api
dir_service := service
dir_keeper := service/keeper
dir_ctl := service/ctl
dir_agent := device-agent
below_common :=
below_wire := common
below_policy := common
below_audit := policy wire common
below_reports := audit policy wire common
below_model := audit policy wire common
below_api := model reports audit policy wire common
below_service := api model reports audit policy wire common
below_keeper := audit policy wire common
below_ctl := audit policy wire common
below_agent := audit policy wire common

# --- programs: file with main, room, libraries. A program without sources yet is left out. --------
MAINS := service/main.c service/keeper/main.c service/ctl/main.c audit/verify_main.c \
	device-agent/main.c
main_countersignd := service/main
main_countersign-keeper := service/keeper/main
main_countersign := service/ctl/main
main_countersign-verify := audit/verify_main
main_countersign-agent := device-agent/main
room_countersignd := service
room_countersign-keeper := keeper
room_countersign := ctl
room_countersign-verify := audit
room_countersign-agent := agent
libs_countersignd := -lmicrohttpd -lgnutls -lpq -ljansson -lcrypto -lz
libs_countersign-keeper := -lgit2 -lpq -ljansson -lcrypto -lz
libs_countersign := -lcurl -ljansson -lcrypto -lz
libs_countersign-verify := -ljansson -lcrypto -lz
libs_countersign-agent := -lcurl -ljansson -lcrypto -lz
libs_test := -lcmocka -lmicrohttpd -lgnutls -lcurl -lgit2 -lpq -ljansson -lcrypto -lz
PROGRAMS := $(foreach p,countersignd countersign-keeper countersign countersign-verify \
	countersign-agent,$(if $(wildcard $(main_$p).c),$p))

# --- tests ---------------------------------------------------------------------------------------
# A test is named by its path below tests/ without ending. Executable scripts are tests too, but for
# support/ (helpers); long/ runs in test-long only.
C_TESTS := $(sort $(patsubst tests/%.c,%,$(foreach d,* */* */*/*,$(wildcard tests/$d/test_*.c))))
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
SH_TESTS := $(sort $(patsubst tests/%,%,$(filter-out tests/support/%,\
	$(shell find tests -name '*.sh' -perm -u+x))))
ALL_TESTS := $(foreach d,lint unit golden fuzz db device foreign flow,\
	$(filter $d/%,$(C_TESTS) $(FUZZERS:%=fuzz/%) $(SH_TESTS)))
LONG_TESTS := $(filter long/%,$(C_TESTS) $(SH_TESTS))
matching = $(foreach t,$(1),$(if $(T),$(if $(strip $(foreach w,$(T),$(findstring $w,$t))),$t),$t))
TESTS := $(call matching,$(ALL_TESTS))
TESTS_LONG := $(call matching,$(ALL_TESTS) $(LONG_TESTS))
# What has to be built before these tests can run; unit tests start no programs.
built_for = $(patsubst %,$(TEST_DIR)/tests/%,$(filter-out %.sh,$(1))) \
	$(if $(filter-out unit/% fuzz/% lint/% golden/%,$(1)),$(PROGRAMS:%=$(TEST_DIR)/bin/%))

# --- targets -------------------------------------------------------------------------------------
# What compiles waits for this check: headers may be among the packages it installs.
DEPS := deps-$(if $(filter test test-long cover fuzz lint,$(MAKECMDGOALS)),test,run)
.DEFAULT_GOAL := all
.PHONY: all demo run test test-long bench lint fuzz cover docs install clean help FORCE \
	deps-run deps-demo deps-test deps-lint
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:

all: $(PROGRAMS:%=$(MAIN_DIR)/bin/%) $(foreach r,$(ROOMS),$(MAIN_DIR)/lib/$r.a)

help:
	@echo 'all        the programs, into $(BUILD)/bin'
	@echo 'demo       the whole story on real firmware; DEMO_KEEP=1 leaves it running'
	@echo 'run        the demo installation without the story'
	@echo 'test       every test (T="unit/policy flow" for some); last line: N passed, N failed'
	@echo 'test-long  the same and what takes minutes'
	@echo 'bench      measurements'
	@echo 'lint       layers, format, licence lines, README names, three static analyzers'
	@echo 'fuzz       every parser for FUZZ_SECONDS=$(FUZZ_SECONDS) seconds'
	@echo 'cover      line and branch coverage of the tests, into $(COV_DIR)/report'
	@echo 'docs       checks that the documents name only what exists'
	@echo 'install    into DESTDIR and PREFIX=$(PREFIX)'
	@echo 'clean      removes $(BUILD)'

test: deps-test $(call built_for,$(TESTS))
	$(Q)BUILD='$(BUILD)' TEST_DIR='$(TEST_DIR)' tests/run $(TESTS)

test-long: deps-test $(call built_for,$(TESTS_LONG))
	$(Q)BUILD='$(BUILD)' TEST_DIR='$(TEST_DIR)' TEST_SECONDS=3600 tests/run $(TESTS_LONG)

clean:
	rm -rf '$(BUILD)'

deps-run deps-demo deps-test deps-lint: deps-%:
	$(Q)tools/deps.sh $*

# --- generated: the statements -------------------------------------------------------------------
# Test builds also hold the statements of the tests of common/db.c.
QUERIES := $(sort $(wildcard sql/queries/*.sql))
queries_$(BUILD) := $(QUERIES)
queries_$(SAN_DIR) := $(QUERIES) $(sort $(wildcard tests/db/queries/*.sql))
queries_$(COV_DIR) := $(queries_$(SAN_DIR))

# --- rules, once for each folder that something is built in --------------------------------------
sources_of = $(filter-out $(MAINS),$(wildcard $(dir_$(1))/*.c))
objects_of = $(patsubst %.c,$(2)/obj/%.o,$(call sources_of,$(1)))

define VARIANT
# Rewritten only when compiler or flags change: everything depends on it.
$(1)/.flags: FORCE
	@mkdir -p $$(@D)
	@echo '$(CC) $$(flags_$(1))' | cmp -s - $$@ || echo '$(CC) $$(flags_$(1))' >$$@

# Rewritten only when the list of statement files changes, so that a removed file is noticed.
$(1)/gen/.files: FORCE
	@mkdir -p $$(@D)
	@echo '$(queries_$(1))' | cmp -s - $$@ || echo '$(queries_$(1))' >$$@

$(1)/gen/statements.h $(1)/gen/statements.c: $(1)/gen/statements.%: sql/generate.awk \
		$(queries_$(1)) $(1)/gen/.files
	$$(call say,GEN,$$@)
	$$(Q)awk -v mode=$$* -f sql/generate.awk $(queries_$(1)) >$$@

$(1)/obj/tests/%.o: also := -Itests
$(1)/obj/%.o: %.c $(1)/.flags | $(DEPS) $(1)/gen/statements.h
	$$(call say,CC,$$@)
	@mkdir -p $$(@D)
	$$(Q)$(CC) $$(flags_$(1)) $$(also) -MMD -MP -c $$< -o $$@

$(1)/obj/gen/%.o: $(1)/gen/%.c $(1)/.flags | $(DEPS)
	$$(call say,CC,$$@)
	@mkdir -p $$(@D)
	$$(Q)$(CC) $$(flags_$(1)) -MMD -MP -c $$< -o $$@

-include $(foreach r,$(ROOMS),$(patsubst %.o,%.d,$(call objects_of,$r,$(1)))) \
	$(patsubst %.c,$(1)/obj/%.d,$(MAINS) $(wildcard tests/support/*.c)) \
	$(1)/obj/gen/statements.d
endef

define ROOM
$(2)/lib/$(1).a: $(call objects_of,$(1),$(2)) $(if $(filter common,$(1)),$(2)/obj/gen/statements.o)
	@mkdir -p $$(@D)
	$$(Q)rm -f $$@ && ar rcsD $$@ $$^
endef

define PROGRAM
$(2)/bin/$(1): $(2)/obj/$(main_$(1)).o \
		$(foreach r,$(room_$(1)) $(below_$(room_$(1))),$(2)/lib/$r.a)
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$$(Q)$(CC) $$(link_$(2)) -o $$@ $$^ $(libs_$(1))
endef

# A unit test links its room and what lies below it: an upward call does not link. Others link all.
room_of = $(strip $(foreach r,$(ROOMS),$(if $(filter $(1),unit/$r/ unit/$(dir_$r)/),$r)))
linked_to = $(if $(call room_of,$(dir $(1))),\
	$(call room_of,$(dir $(1))) $(below_$(call room_of,$(dir $(1)))),$(ROOMS))

USES_SUPPORT := $(shell grep -rls --include=*.c '"\(tests/\)\?support/' tests)

define TEST
$(TEST_DIR)/tests/$(1): $(TEST_DIR)/obj/tests/$(1).o \
		$(if $(filter fuzz/%,$(1)),$(TEST_DIR)/obj/tests/fuzz/replay.o) \
		$(if $(filter tests/$(1).c,$(USES_SUPPORT)),$(TEST_DIR)/lib/support.a) \
		$(foreach r,$(call linked_to,$(1)),$(TEST_DIR)/lib/$r.a)
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$$(Q)$(CC) $$(link_$(TEST_DIR)) -o $$@ $$^ $(libs_test)
-include $(TEST_DIR)/obj/tests/$(1).d
endef

$(TEST_DIR)/lib/support.a: $(patsubst %.c,$(TEST_DIR)/obj/%.o,$(wildcard tests/support/*.c))
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcsD $@ $^

VARIANTS := $(sort $(MAIN_DIR) $(TEST_DIR))
$(foreach v,$(VARIANTS),$(eval $(call VARIANT,$v))\
	$(foreach r,$(ROOMS),$(eval $(call ROOM,$r,$v)))\
	$(foreach p,$(PROGRAMS),$(eval $(call PROGRAM,$p,$v))))
$(foreach t,$(filter-out %.sh,$(ALL_TESTS) $(LONG_TESTS)),$(eval $(call TEST,$t)))
