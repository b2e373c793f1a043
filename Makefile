# sandbox-provisioner. `make help` lists the targets.

VERSION := 0.1.0
BUILD   ?= build
ifeq ($(origin CC),default)
CC      := gcc
endif
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
	    $(CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $(filter %.c %.o %.a,$^) \
	    $(LIBS) $(call pkg,--libs,cmocka)

.PHONY: units
units: $(UNITS)

# Every program runs, also when one before it failed.
.PHONY: check-units
check-units: $(UNITS)
	@failed=; for unit in $(UNITS); do \
	    $(RUNNER) $$unit || failed="$$failed $${unit##*/}"; done; \
	[ -z "$$failed" ] || { echo "failed:$$failed" >&2; exit 1; }

SANITIZE = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
           -fno-sanitize-recover=all
VALGRIND = valgrind --quiet --leak-check=full --errors-for-leak-kinds=definite \
           --error-exitcode=9

# A variant of the whole build in a folder of its own.
ASAN = $(MAKE) --no-print-directory BUILD=$(BUILD)/asan CFLAGS='$(SANITIZE)' HARDEN= LDFLAGS=
PLAIN = $(MAKE) --no-print-directory BUILD=$(BUILD)

.PHONY: test
test: ## all tests that need no cluster: SYSTEM=-x for options of the last
	@conf/deps.sh test
	@$(PLAIN) $(PROGRAM) units
	@$(ASAN) check-units
	@$(PLAIN) check-units RUNNER='$(VALGRIND)'
	@$(PLAIN) check-system

PYTEST = $(PYTHON) -B -m pytest -p no:cacheprovider -q

.PHONY: check-system
check-system: $(PROGRAM)
	@$(PYTEST) --program $(abspath $(PROGRAM)) tests/structure \
	    tests/unit_py tests/system $(SYSTEM)

# The same suite on a program that watches its own memory.
.PHONY: check-sanitized
check-sanitized:
	@$(ASAN) $(BUILD)/asan/sandbox-provisioner
	@$(PYTEST) --program $(abspath $(BUILD)/asan/sandbox-provisioner) \
	    tests/system $(SYSTEM)

ifeq ($(origin KUBECONFIG),command line)
YOUR_CLUSTER = KUBECONFIG='$(KUBECONFIG)'
endif

.PHONY: test-cluster
test-cluster: ## the system suite on a real control plane, or on KUBECONFIG=FILE
	@conf/deps.sh test
	@$(PLAIN) $(PROGRAM)
	@tests/cluster/run.sh $(YOUR_CLUSTER) --program $(abspath $(PROGRAM)) $(SYSTEM)

SOURCES = $(wildcard app/*.[ch] k8s_client/*.[ch] tests/unit/*.[ch])
TIDY_FLAGS = -std=c11 $(CPPFLAGS) -DVERSION='"0"' -Iapp -Ik8s_client

# clang-tidy takes one file a time: given several, release 14 reports va_lists
# that it has forgotten.
.PHONY: lint
lint: ## format, clang-tidy, cppcheck, shellcheck
	@conf/deps.sh ci
	clang-format-14 --dry-run --Werror $(SOURCES)
	printf '%s\n' $(wildcard app/*.c k8s_client/*.c) | \
	    xargs -P 2 -I FILE clang-tidy --quiet FILE -- $(TIDY_FLAGS)
	cppcheck --quiet --enable=warning,performance,portability --inline-suppr \
	    --error-exitcode=1 -Iapp -Ik8s_client -DVERSION='"0"' app k8s_client
	shellcheck -x conf/*.sh tests/cluster/*.sh .ci/run

.PHONY: format
format: ## clang-format all C files
	clang-format-14 -i $(SOURCES)

.PHONY: deps
deps: ## install the Debian packages that building and `make run` need
	@conf/deps.sh run

# An exported KUBECONFIG is no consent to have a demo's pods in that cluster.
ifeq ($(origin KUBECONFIG),command line)
CLUSTER = --kubeconfig '$(KUBECONFIG)'
endif

# A make inside, not two prerequisites: with -j these would be made side by side,
# and there is nothing to build with until the packages are installed.
.PHONY: run
run: deps ## everything on loopback: PORT, TLS_PORT, API_KEY, KUBECONFIG=FILE
	@$(MAKE) -s --no-print-directory $(PROGRAM)
	@PYTHONPATH=tests exec $(PYTHON) -B -m stack.run --program $(PROGRAM) \
	    --workdir $(BUILD)/run $(CLUSTER)

PREFIX ?= /usr/local
SITE    = $(DESTDIR)/etc/nginx/sandbox-provisioner
SETTINGS = $(DESTDIR)/etc/sandbox-provisioner/provisioner.conf
OURS    = $(filter-out $(YOURS),$(wildcard nginx/sandbox-provisioner/*))
YOURS  := $(patsubst %,nginx/sandbox-provisioner/%.conf,listen sockets allow)

# What the operator edits is never overwritten. The site has three sockets, and the
# README names kubeconfig and keys: the settings of these are in force as installed.
.PHONY: install
install: $(PROGRAM) ## into PREFIX and /etc, below DESTDIR
	install -D -t $(DESTDIR)$(PREFIX)/sbin $(PROGRAM)
	install -d $(DESTDIR)/etc/sandbox-provisioner $(DESTDIR)$(PREFIX)/lib/systemd/system
	install -d -m 750 $(DESTDIR)/etc/sandbox-provisioner/tls
	install -d -m 750 $(SITE)/keys
	install -D -m 644 -t $(DESTDIR)/etc/nginx/sites-available nginx/sandbox-provisioner.conf
	install -m 644 -t $(SITE) $(OURS)
	cp -n $(YOURS) $(SITE)
	[ -e $(SETTINGS) ] || \
	    sed -E 's,# ((write_socket|probe_socket|kubeconfig|key_file) =),\1,' conf/provisioner.conf > $(SETTINGS)
	sed 's|/usr/sbin/sandbox-provisioner|$(PREFIX)/sbin/sandbox-provisioner|' \
	    conf/systemd/sandbox-provisioner.service \
	    > $(DESTDIR)$(PREFIX)/lib/systemd/system/sandbox-provisioner.service
	install -D -m 644 conf/systemd/sandbox-provisioner.sysusers \
	    $(DESTDIR)$(PREFIX)/lib/sysusers.d/sandbox-provisioner.conf

.PHONY: clean
clean: ## remove what was built
	rm -rf build

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | sort | column -ts "$$(printf '\t')"

-include $(K8S_OBJ:.o=.d) $(APP_OBJ:.o=.d) $(UNITS:=.d)
