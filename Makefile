# sandbox-provisioner. `make help` lists the targets.

VERSION := 0.1.0
BUILD   ?= build
CC      ?= gcc
PYTHON  := /usr/bin/python3

WARN     := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes \
            -Wmissing-prototypes -Wformat=2 -Wvla
CFLAGS   ?= -O2 -g
HARDEN   ?= -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
override CFLAGS += -std=c11 $(WARN) $(if $(CI),-Werror) $(HARDEN)
CPPFLAGS += -D_GNU_SOURCE
LDFLAGS  ?= -pie -Wl,-z,relro,-z,now -Wl,--as-needed

# The dependency runs one way: k8s_client sees neither app nor its libraries.
K8S_LIBS := libcurl json-c yaml-0.1
APP_LIBS := json-c libconfig
pkg       = $(shell pkg-config $(1) $(2))

PROGRAM := $(BUILD)/sandbox-provisioner
LIBRARY := $(BUILD)/libk8s_client.a
K8S_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard k8s_client/*.c))
APP_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard app/*.c))
UNITS   := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/test_*.c))
LIBS     = -lfcgi $(call pkg,--libs,$(APP_LIBS) $(K8S_LIBS))

ifneq ($(V),1)
Q := @
say = @printf '  %-4s %s\n' $(1) $(2)
endif

.PHONY: all
all: $(PROGRAM) ## build the program

$(PROGRAM): $(APP_OBJ) $(LIBRARY)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(LIBRARY): $(K8S_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/k8s_client/%.o: k8s_client/%.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(call pkg,--cflags,$(K8S_LIBS)) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/app/%.o: app/%.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -DVERSION='"$(VERSION)"' -Ik8s_client \
	    $(call pkg,--cflags,$(APP_LIBS)) $(CFLAGS) -MMD -MP -c -o $@ $<

# A unit test links everything but main.
$(BUILD)/tests/unit/%: tests/unit/%.c $(filter-out %/main.o,$(APP_OBJ)) $(LIBRARY)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Iapp -Ik8s_client $(call pkg,--cflags,$(APP_LIBS) cmocka) \
	    $(CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $^ $(LIBS) $(call pkg,--libs,cmocka)

.PHONY: units
units: $(UNITS)

.PHONY: clean
clean: ## remove what was built
	rm -rf build

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | sort | column -ts "$$(printf '\t')"

-include $(K8S_OBJ:.o=.d) $(APP_OBJ:.o=.d) $(UNITS:=.d)
