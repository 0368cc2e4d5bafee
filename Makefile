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
ifneq ($(filter cover,$(MAKECMDGOALS)),)
COV := 1
endif
Q := $(if $(V),,@)
say = @printf '  %-6s %s\n' '$(1)' '$(2)'

# Where programs and where tests are built. Tests, and the programs that tests start, always carry
# the sanitizers (or, with COV=1, the counters).
SAN_DIR := $(BUILD)/san
COV_DIR := $(BUILD)/cov
FUZZ_DIR := $(BUILD)/fuzz
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
FUZZ := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
LINK := -pie -pthread -Wl,--as-needed -Wl,-z,relro,-z,now,-z,noexecstack

flags_$(BUILD) := $(BASE) -I$(BUILD) $(WARN) $(WARN_GCC) $(HARDEN)
flags_$(SAN_DIR) := $(BASE) -I$(SAN_DIR) $(WARN) $(WARN_GCC) $(SANITIZE)
flags_$(COV_DIR) := $(BASE) -I$(COV_DIR) $(WARN) $(WARN_GCC) $(COUNT)
flags_$(FUZZ_DIR) := $(BASE) -I$(FUZZ_DIR) $(WARN) $(FUZZ)
cc_$(BUILD) := gcc
cc_$(SAN_DIR) := gcc
cc_$(COV_DIR) := gcc
cc_$(FUZZ_DIR) := clang-14
link_$(BUILD) := $(LINK)
link_$(SAN_DIR) := $(LINK) -fsanitize=address,undefined
link_$(COV_DIR) := $(LINK) --coverage
link_$(FUZZ_DIR) := $(LINK) -fsanitize=fuzzer,address,undefined

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
PROGRAMS := $(strip $(foreach p,countersignd countersign-keeper countersign countersign-verify \
	countersign-agent,$(if $(wildcard $(main_$p).c),$p)))

# --- tests ---------------------------------------------------------------------------------------
# A test is named by its path below tests/ without ending. Executable scripts are tests too, but for
# support/ (helpers); long/ runs in test-long only.
C_TESTS := $(sort $(patsubst tests/%.c,%,$(foreach d,* */* */*/*,$(wildcard tests/$d/test_*.c))))
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
SH_TESTS := $(sort $(patsubst tests/%,%,$(filter-out tests/support/%,\
	$(shell find tests -name '*.sh' -perm -u+x))))
FOUND_TESTS := $(C_TESTS) $(FUZZERS:%=fuzz/%) $(SH_TESTS)
# The quick ones first.
QUICK_TESTS := $(foreach d,lint unit golden fuzz,$(filter $d/%,$(FOUND_TESTS)))
LONG_TESTS := $(filter long/%,$(FOUND_TESTS))
ALL_TESTS := $(QUICK_TESTS) $(filter-out $(QUICK_TESTS) $(LONG_TESTS),$(FOUND_TESTS))
matching = $(foreach t,$(1),$(if $(T),$(if $(strip $(foreach w,$(T),$(findstring $w,$t))),$t),$t))
TESTS := $(call matching,$(ALL_TESTS))
TESTS_LONG := $(call matching,$(ALL_TESTS) $(LONG_TESTS))
# Measurements use the fixtures of the tests, compiled as the programs are.
BENCHES := $(call matching,$(patsubst bench/%.c,%,$(sort $(wildcard bench/bench_*.c))))
BENCH_PARTS := $(filter-out bench/bench_%,$(wildcard bench/*.c))
# What has to be built before these tests can run. The quick ones and db/ start no programs, but one
# looks at what the verifier links to when it is built for use.
built_for = $(patsubst %,$(TEST_DIR)/tests/%,$(filter-out %.sh,$(1))) \
	$(if $(filter-out $(QUICK_TESTS) db/%,$(1)),$(PROGRAMS:%=$(TEST_DIR)/bin/%)) \
	$(if $(filter lint/links.sh,$(1)),$(patsubst %,$(BUILD)/bin/%,\
		$(filter countersign-verify countersign-agent,$(PROGRAMS))))

# --- targets -------------------------------------------------------------------------------------
# What compiles waits for this check: headers may be among the packages it installs.
DEPS := deps-$(or $(firstword $(filter lint,$(patsubst fuzz,lint,$(patsubst cover,lint,\
	$(MAKECMDGOALS)))) $(patsubst bench,test,$(patsubst test%,test,$(filter test% bench,$(MAKECMDGOALS))))),run)
RUN_TESTS = BUILD='$(BUILD)' TEST_DIR='$(TEST_DIR)' tests/run
OUR_SOURCES = $(foreach d,common common/wire policy audit reports service service/* device-agent \
	bench,$(wildcard $d/*.c))
.DEFAULT_GOAL := all
.PHONY: all demo run test test-programs test-long bench lint fuzz cover docs install clean help \
	FORCE deps-run deps-demo deps-test deps-lint
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
	@echo 'bench      measurements, each beside its limit (T="polls" for some); docs/bench.md'
	@echo 'lint       layers, format, licence lines, names in documents, three static analyzers'
	@echo 'fuzz       every parser for FUZZ_SECONDS=$(FUZZ_SECONDS) seconds'
	@echo 'cover      line and branch coverage of the tests, into $(COV_DIR)/report'
	@echo 'docs       checks that the documents name only what exists'
	@echo 'install    into DESTDIR and PREFIX=$(PREFIX)'
	@echo 'clean      removes $(BUILD)'
	@echo 'Knobs: V=1 SAN=1 COV=1 BUILD=dir T="words"'

demo run: deps-demo all
	$(Q)if [ -x tools/demo.sh ]; then BUILD='$(BUILD)' tools/demo.sh $@; else \
		echo 'The $@ does not exist yet. Programs that stand so far: $(or $(PROGRAMS),none)'; fi

test-programs: deps-test $(call built_for,$(TESTS))

test: test-programs
	$(Q)$(RUN_TESTS) $(TESTS)

test-long: deps-test $(call built_for,$(TESTS_LONG))
	$(Q)TEST_SECONDS=3600 $(RUN_TESTS) $(TESTS_LONG)

bench: deps-test all $(BENCHES:%=$(MAIN_DIR)/bench/%)
	$(Q)BUILD='$(MAIN_DIR)' bench/run.sh $(BENCHES)

lint: deps-lint $(MAIN_DIR)/gen/statements.h $(call built_for,$(filter lint/%,$(ALL_TESTS)))
	$(Q)tools/lint.sh '$(BASE) -I$(MAIN_DIR)' '$(WARN)' '$(WARN_GCC)' $(OUR_SOURCES)
	$(Q)$(RUN_TESTS) $(filter lint/%,$(ALL_TESTS))

fuzz: deps-lint $(FUZZERS:%=$(FUZZ_DIR)/bin/%)
	$(Q)for fuzzer in $(FUZZERS); do \
		mkdir -p "$(FUZZ_DIR)/found/$$fuzzer" && echo "$$fuzzer" && \
		"$(FUZZ_DIR)/bin/$$fuzzer" -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -verbosity=0 \
			-artifact_prefix="$(FUZZ_DIR)/found/$$fuzzer-" "$(FUZZ_DIR)/found/$$fuzzer" \
			"tests/fuzz/corpus/$${fuzzer#fuzz_}" || exit 1; done

# Programs under other uids add to the same counters, hence the umask.
cover: deps-lint all $(call built_for,$(TESTS))
	$(Q)find '$(COV_DIR)' -name '*.gcda' -delete; find '$(COV_DIR)/obj' -type d -exec chmod 1777 {} +
	$(Q)umask 0; status=0; $(RUN_TESTS) $(TESTS) || status=$$?; umask 022; \
		tools/cover.sh '$(COV_DIR)' && exit $$status

docs:
	$(Q)tests/lint/names.sh

install: all
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(PREFIX)/share/countersign/rulesets' \
		'$(DESTDIR)$(PREFIX)/share/countersign/sql/schema'
	$(if $(PROGRAMS),install -m 755 $(PROGRAMS:%=$(MAIN_DIR)/bin/%) '$(DESTDIR)$(PREFIX)/bin/')
	$(if $(wildcard policy/rulesets/*.json),install -m 644 $(wildcard policy/rulesets/*.json) \
		'$(DESTDIR)$(PREFIX)/share/countersign/rulesets/')
	install -m 644 sql/schema/*.sql '$(DESTDIR)$(PREFIX)/share/countersign/sql/schema/'
	install -m 644 sql/roles.sql '$(DESTDIR)$(PREFIX)/share/countersign/sql/'
	install -m 755 sql/migrate.sh '$(DESTDIR)$(PREFIX)/share/countersign/sql/'
	for page in docs/man/*.[1-8]; do [ ! -f "$$page" ] || install -D -m 644 "$$page" \
		"$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}"; done

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
queries_$(FUZZ_DIR) := $(QUERIES)

# --- rules, once for each folder that something is built in --------------------------------------
sources_of = $(filter-out $(MAINS),$(wildcard $(dir_$(1))/*.c))
objects_of = $(patsubst %.c,$(2)/obj/%.o,$(call sources_of,$(1)))

define VARIANT
# Rewritten only when compiler or flags change: everything depends on it.
$(1)/.flags: FORCE
	@mkdir -p $$(@D)
	@echo '$$(cc_$(1)) $$(flags_$(1))' | cmp -s - $$@ || echo '$$(cc_$(1)) $$(flags_$(1))' >$$@

# Rewritten only when the list of statement files changes, so that a removed file is noticed.
$(1)/gen/.files: FORCE
	@mkdir -p $$(@D)
	@echo '$(queries_$(1))' | cmp -s - $$@ || echo '$(queries_$(1))' >$$@

$(1)/gen/statements.h $(1)/gen/statements.c: $(1)/gen/statements.%: sql/generate.awk \
		$(queries_$(1)) $(1)/gen/.files
	$$(call say,GEN,$$@)
	$$(Q)awk -v mode=$$* -f sql/generate.awk $(queries_$(1)) >$$@

# The asserts of cmocka do not tell the compiler that they end the test.
$(1)/obj/tests/%.o: also := -Itests -Wno-null-dereference
$(1)/obj/%.o: %.c $(1)/.flags | $(DEPS) $(1)/gen/statements.h
	$$(call say,CC,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(cc_$(1)) $$(flags_$(1)) $$(also) -MMD -MP -c $$< -o $$@

$(1)/obj/gen/%.o: $(1)/gen/%.c $(1)/.flags | $(DEPS)
	$$(call say,CC,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(cc_$(1)) $$(flags_$(1)) -MMD -MP -c $$< -o $$@

-include $(foreach r,$(ROOMS),$(patsubst %.o,%.d,$(call objects_of,$r,$(1)))) \
	$(patsubst %.c,$(1)/obj/%.d,$(MAINS) $(wildcard tests/support/*.c) $(BENCH_PARTS)) \
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
	$$(Q)$$(cc_$(2)) $$(link_$(2)) -o $$@ $$^ $(libs_$(1))
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
	$$(Q)$$(cc_$(TEST_DIR)) $$(link_$(TEST_DIR)) -o $$@ $$^ $(libs_test)
-include $(TEST_DIR)/obj/tests/$(1).d
endef

define SUPPORT
$(1)/lib/support.a: $(patsubst %.c,$(1)/obj/%.o,$(wildcard tests/support/*.c))
	@mkdir -p $$(@D)
	$$(Q)rm -f $$@ && ar rcsD $$@ $$^
endef

define BENCH
$(MAIN_DIR)/bench/$(1): $(patsubst %.c,$(MAIN_DIR)/obj/%.o,bench/$(1).c $(BENCH_PARTS)) \
		$(MAIN_DIR)/lib/support.a $(foreach r,$(ROOMS),$(MAIN_DIR)/lib/$r.a)
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(cc_$(MAIN_DIR)) $$(link_$(MAIN_DIR)) -o $$@ $$^ $(libs_test)
-include $(patsubst %.c,$(MAIN_DIR)/obj/%.d,bench/$(1).c)
endef

define FUZZER
$(FUZZ_DIR)/bin/$(1): $(FUZZ_DIR)/obj/tests/fuzz/$(1).o $(foreach r,$(ROOMS),$(FUZZ_DIR)/lib/$r.a)
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(cc_$(FUZZ_DIR)) $$(link_$(FUZZ_DIR)) -o $$@ $$^ $(filter-out -lcmocka,$(libs_test))
endef

VARIANTS := $(sort $(BUILD) $(MAIN_DIR) $(TEST_DIR) $(if $(filter fuzz,$(MAKECMDGOALS)),$(FUZZ_DIR)))
$(foreach v,$(VARIANTS),$(eval $(call VARIANT,$v))\
	$(foreach r,$(ROOMS),$(eval $(call ROOM,$r,$v)))\
	$(foreach p,$(PROGRAMS),$(eval $(call PROGRAM,$p,$v))))
$(foreach v,$(sort $(MAIN_DIR) $(TEST_DIR)),$(eval $(call SUPPORT,$v)))
$(foreach b,$(BENCHES),$(eval $(call BENCH,$b)))
$(foreach t,$(filter-out %.sh,$(FOUND_TESTS)),$(eval $(call TEST,$t)))
$(foreach f,$(FUZZERS),$(eval $(call FUZZER,$f)))
