# nearpoint: `make help` lists the targets.

CC       ?= gcc
PREFIX   ?= /usr/local
DESTDIR  ?=
BUILD    ?= build
PKGS     := libcurl libcares jansson libxml-2.0 libcrypto

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
PKG_LIBS   = $(shell pkg-config --libs $(PKGS))

SOURCES := $(sort $(wildcard policy/*.c policy/*/*.c agent/*.c agent/*/*.c))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
LIBRARY := $(filter-out $(BUILD)/agent/main.o,$(OBJECTS))
UNITS   := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/unit/test_*.c)))

all: $(BUILD)/nearpoint

$(BUILD)/nearpoint: $(OBJECTS)
	@echo "  LD $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS) $(WARNINGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(LIBRARY)
	@echo "  LD $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lcmocka

units: $(UNITS)

clean:
	rm -rf $(BUILD)

-include $(OBJECTS:.o=.d) $(UNITS:$(BUILD)/tests/%=$(BUILD)/tests/unit/%.d)
.PHONY: all units clean
.SECONDARY:
