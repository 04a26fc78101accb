# nearpoint: `make help` lists the targets.

CC       ?= gcc
PREFIX   ?= /usr/local
DESTDIR  ?=
BUILD    ?= build
PKGS     := libcurl libcares jansson libxml-2.0 libcrypto zlib krb5-gssapi krb5

VERSION  := 0.1.0
WARNINGS := -Wall -Wextra -Werror -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion \
            -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wformat=2 \
            -Werror=format-security -Wwrite-strings -Wcast-qual -Wpointer-arith -Wundef -Wvla \
            -Wswitch-enum -Wimplicit-fallthrough -Wdouble-promotion
# The flags of Debian's hardening=+all, but for the optimisation that sanitizers do without.
HARDEN   := -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection \
            -fcf-protection -fPIE
LINK     := -pie -Wl,-z,relro,-z,now -Wl,--as-needed
SANITIZE :=
# `make Q=` shows the commands.
Q        := @

CPPFLAGS += -I. -D_GNU_SOURCE -DNEARPOINT_VERSION='"$(VERSION)"'
CFLAGS   += -std=c11 -g -pthread $(if $(SANITIZE),-O1 -fno-omit-frame-pointer $(SANITIZE),$(HARDEN))
LDFLAGS  += -pthread $(if $(SANITIZE),$(SANITIZE),$(LINK))
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS))
PKG_LIBS   = $(shell pkg-config --libs $(PKGS)) -lunistring

SOURCES := $(sort $(wildcard policy/*.c policy/*/*.c agent/*.c agent/*/*.c))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
LIBRARY := $(filter-out $(BUILD)/agent/main.o,$(OBJECTS))
UNITS   := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/unit/test_*.c)))
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
SPEEDS  := $(patsubst tests/speed/%.c,$(BUILD)/tests/speed_%,$(sort $(wildcard tests/speed/*.c)))
DRIVERS := $(patsubst tests/driver/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/driver/*.c)))
HELPERS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c)))

all: $(BUILD)/nearpoint

$(BUILD)/nearpoint: $(OBJECTS)
	@echo "  LD $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS) $(WARNINGS) -MMD -MP -c -o $@ $<

# It carries the file with it.
$(BUILD)/agent/command/export_script.o: samples/export/Export-Nearpoint.ps1

$(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(HELPERS) $(LIBRARY)
	@echo "  LD $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lcmocka

# A fuzz target with a driver of its own: what `make check` runs its corpus through.
$(BUILD)/tests/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/driver.o $(LIBRARY)
	@echo "  LD $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

# A program that does for the tests from outside what no command does.
$(DRIVERS): $(BUILD)/tests/%: $(BUILD)/tests/driver/%.o $(LIBRARY)
	@echo "  LD $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

# A program that measures what cannot be seen from outside: what `make bench` runs.
$(BUILD)/tests/speed_%: $(BUILD)/tests/speed/%.o $(LIBRARY)
	@echo "  LD $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

units: $(UNITS) $(FUZZERS) $(SPEEDS) $(DRIVERS)

# The same under libFuzzer: `make fuzz FUZZ_SECONDS=600`. FUZZ_SANITIZE= for speed.
FUZZ_SECONDS  ?= 60
FUZZ_SANITIZE ?= ,address,undefined
# What has no system calls of the agent: all of policy/, location/ above it, what sources say.
FUZZ_SOURCES  := $(sort $(wildcard policy/*.c policy/*/*.c agent/location/*.c)) \
                 agent/source/library_ini.c agent/source/azure_names.c agent/source/decrypt.c

$(BUILD)/fuzz/%: tests/fuzz/%.c $(FUZZ_SOURCES)
	@mkdir -p $(@D)
	@echo "  FUZZ $@"
	$(Q)clang -std=c11 -O1 -g -fsanitize=fuzzer$(FUZZ_SANITIZE) $(CPPFLAGS) $(PKG_CFLAGS) \
	    -o $@ $< $(FUZZ_SOURCES) $(PKG_LIBS)

fuzz:
	$(Q)tests/deps build fuzz
	$(AGAIN) $(FUZZERS:$(BUILD)/tests/%=$(BUILD)/fuzz/%)
	$(Q)BUILD=$(BUILD) tests/fuzz/run $(FUZZ_SECONDS)

# What must come before the packages of a target are there: everything that asks pkg-config is
# expanded in the recipes of a second make.
JOBS = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
AGAIN = $(Q)$(MAKE) --no-print-directory $(JOBS)

deps:
	$(Q)tests/deps build tests

check:
	$(Q)tests/deps build tests
	$(AGAIN) all units
	$(Q)BUILD=$(BUILD) tests/run

# Everything once more under AddressSanitizer and UndefinedBehaviorSanitizer; what has threads
# under ThreadSanitizer.
sanitize:
	$(Q)tests/deps build tests
	$(AGAIN) all units BUILD=$(BUILD)/sanitize \
	    SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=all'
	$(AGAIN) all units BUILD=$(BUILD)/tsan SANITIZE=-fsanitize=thread
	$(Q)BUILD=$(BUILD)/sanitize NEARPOINT_TEST_SCALE=10 tests/run --threads $(BUILD)/tsan

# The tests that take minutes: sizes and kills of the field.
torture: all
	$(Q)BUILD=$(BUILD) tests/run --torture

lint:
	$(Q)tests/deps lint
	$(Q)tests/lint

demo:
	$(Q)tests/deps demo
	$(AGAIN) all
	$(Q)BUILD=$(BUILD) tests/demo

bench:
	$(Q)tests/deps bench
	$(AGAIN) all $(SPEEDS)
	$(Q)BUILD=$(BUILD) tests/bench
	$(Q)BUILD=$(BUILD) tests/sources-bench
	$(Q)BUILD=$(BUILD) tests/cloud-bench
	$(Q)BUILD=$(BUILD) tests/publish-bench
	$(Q)BUILD=$(BUILD) tests/cache-bench
	$(Q)BUILD=$(BUILD) tests/listing-bench
	$(Q)BUILD=$(BUILD) tests/policy-bench
	$(Q)BUILD=$(BUILD) tests/location-bench

MANUALS := $(sort $(wildcard man/*.1 man/*.5))
manual_path = $(DESTDIR)$(PREFIX)/share/man/man$(subst .,,$(suffix $(1)))/$(notdir $(1))

install: all
	install -D -m 755 $(BUILD)/nearpoint $(DESTDIR)$(PREFIX)/bin/nearpoint
	$(foreach page,$(MANUALS),install -D -m 644 $(page) $(call manual_path,$(page)) &&) true

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/nearpoint
	rm -f $(foreach page,$(MANUALS),$(call manual_path,$(page)))

clean:
	rm -rf $(BUILD)

help:
	@echo 'make            build $(BUILD)/nearpoint'
	@echo 'make demo       try it: a distribution point of its own, policy, locate, get, logs'
	@echo 'make check      all tests'
	@echo 'make sanitize   all tests again under sanitizers'
	@echo 'make torture    the tests that take minutes'
	@echo 'make fuzz       the parsers under libFuzzer, FUZZ_SECONDS each ($(FUZZ_SECONDS))'
	@echo 'make lint       formatting, static analysis, manual pages, rules of the house'
	@echo 'make bench      speed and memory against curl, aria2, xmllint and grepcidr'
	@echo 'make install    below PREFIX=$(PREFIX), DESTDIR honoured; make uninstall'
	@echo 'make deps       install the Debian packages that building and testing need'
	@echo 'make clean      remove $(BUILD)/'
	@echo
	@echo 'demo, check, sanitize, lint and bench call deps for what they need.'

-include $(OBJECTS:.o=.d) $(HELPERS:.o=.d) $(UNITS:$(BUILD)/tests/%=$(BUILD)/tests/unit/%.d) \
    $(FUZZERS:$(BUILD)/tests/%=$(BUILD)/tests/fuzz/%.d) \
    $(SPEEDS:$(BUILD)/tests/speed_%=$(BUILD)/tests/speed/%.d) \
    $(DRIVERS:$(BUILD)/tests/%=$(BUILD)/tests/driver/%.d)
.PHONY: all units deps check sanitize torture fuzz lint demo bench install uninstall clean help
.SECONDARY:
