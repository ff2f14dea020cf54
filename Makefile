# make demo   a fleet of four hosts lives through three nights, loses something, and gets it back
# make test   everything; FAULTS=full runs the fault loops at their full counts
# make check  linters, types, unit tests: under a minute
# make bench  how long things take, beside others of their kind: SIZE=small (under 5 minutes) or full (hours)
# make overlay DEST=/path/to/quickstack   lays the module over another one of that name
# make clean  removes what these made in this directory

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.SILENT:
MAKEFLAGS += --no-print-directory
.PHONY: demo test check bench clean lint lint-python lint-shell lint-puppet lint-man types unit rspec bats lab e2e fleet reference man overlay

VENV := .venv
PY := $(VENV)/bin/python
CACHE := .cache
PARALLEL := $(MAKE) -j$(shell nproc) -k --output-sync=target

# The fault loops run a tenth of their counts, unless FAULTS=full.
FAULTS ?= tenth
export KAIZEN_FAULTS := $(FAULTS)

# A test that hangs is ended; with all their faults some take long.
PATIENCE := $(if $(filter full,$(FAULTS)),3600,300)
PYTEST := $(VENV)/bin/pytest -o faulthandler_timeout=$(PATIENCE)

PACKAGES_LAB := rsync openssh-server openssh-client sudo cron iproute2 util-linux bubblewrap faketime zstd acl attr age \
	puppet-agent puppet-module-puppetlabs-stdlib mariadb-server mariadb-client nginx-light logrotate python3-venv
PACKAGES_LINT := shellcheck shfmt puppet-lint metadata-json-lint puppet-strings mandoc groff-base
PACKAGES_TEST := bats parallel strace e2fsprogs xfsprogs btrfs-progs ruby-rspec-puppet ruby-rspec-puppet-facts \
	puppetserver puppetdb puppet-terminus-puppetdb postgresql curl systemd sqlite3 libcap2-bin man-db \
	chromium prometheus prometheus-node-exporter ceph-mon ceph-common ceph-osd radosgw restic rclone

demo: $(CACHE)/lab-packages $(VENV)/ready $(CACHE)/wheelhouse/ready
	$(PY) tests/e2e/demo.py $(if $(KEEP),--keep)

test: $(CACHE)/test-packages $(VENV)/ready $(CACHE)/wheelhouse/ready
	$(PARALLEL) lint types unit rspec
	$(MAKE) bats
	$(MAKE) fleet

check: $(CACHE)/test-packages $(VENV)/ready
	SPEC_SYSTEMS='debian-11-x86_64 debian-12-x86_64 rocky-9-x86_64' $(PARALLEL) lint types unit rspec

bench: $(CACHE)/lab-packages $(VENV)/ready
	tests/bench/all $(or $(SIZE),small)

lint: lint-python lint-shell lint-puppet lint-man

SHELL_FILES := files/backups/kaizen-backup python/src/kaizen_backups/onboard/host.sh python/src/kaizen_backups/restore/target.sh python/src/kaizen_backups/drill/live.sh $(wildcard facts.d/*) $(wildcard tests/tools/*) $(filter-out %.py,$(wildcard tests/bench/*)) $(wildcard scripts/*) .ci/run \
	$(shell find tests -name '*.sh' -o -name '*.bash')

lint-python:
	$(VENV)/bin/ruff format --no-cache --check --diff -q .
	$(VENV)/bin/ruff check --no-cache -q .

lint-shell:
	shellcheck $(SHELL_FILES)
	shellcheck -s bats -S warning -e SC2030,SC2031 tests/agent/*.bats
	shfmt -i 4 -ci -d $(SHELL_FILES)
	shfmt -i 4 -ci -ln bats -d tests/agent/*.bats

lint-puppet:
	puppet-lint manifests types functions
	puppet parser validate manifests types functions
	puppet epp validate templates/backups/*.epp
	metadata-json-lint --strict-dependencies metadata.json
	tests/tools/reference --check

lint-man:
	tests/tools/man --check

types:
	$(VENV)/bin/mypy python/src tests/python tests/lab tests/e2e tests/bench tests/manpages $(wildcard tests/*.py)

# On a file system in memory: much is synced, and everybody else's data would be, too. Its mount goes with the namespace.
unit:
	mkdir -p $(CACHE)/u
	unshare --mount --propagation private bash -euc 'mount -t tmpfs unit $(CACHE)/u && exec "$$@"' bash \
		$(PYTEST) -n $(shell nproc) --basetemp=$(CACHE)/u/t tests/python

rspec:
	rspec spec

# In a mount namespace of its own: every mount of these tests goes with it.
bats:
	unshare --mount --propagation private env BATS_TEST_TIMEOUT=$(PATIENCE) bats --jobs $(shell expr $$(nproc) + 1) tests/agent

lab e2e fleet: $(CACHE)/test-packages $(VENV)/ready $(CACHE)/wheelhouse/ready

# One more than processors: the fleet's hosts wait for each other often.
FLEET := $(PYTEST) -n $(shell expr $$(nproc) + 1) --no-loadscope-reorder

lab:
	$(FLEET) tests/lab

e2e:
	$(FLEET) tests/e2e

fleet:
	$(FLEET) tests/lab tests/e2e

reference:
	tests/tools/reference

man:
	tests/tools/man

overlay:
	scripts/overlay $(if $(DRY_RUN),--dry-run) $(if $(DEST),'$(DEST)')

clean:
	rm -rf $(VENV) $(CACHE) spec/fixtures coverage .yardoc

### What the above stands on, made once.

$(CACHE)/lab-packages: Makefile tests/tools/packages
	mkdir -p $(CACHE)
	tests/tools/packages $(PACKAGES_LAB)
	touch $@

$(CACHE)/test-packages: $(CACHE)/lab-packages
	tests/tools/packages $(PACKAGES_LINT) $(PACKAGES_TEST)
	touch $@

# The same Python that the nodes have, so that its wheels are theirs.
$(VENV)/ready: python/pyproject.toml metadata.json $(CACHE)/lab-packages
	echo 'making $(VENV)'
	rm -rf $(VENV)
	/usr/bin/python3 -m venv $(VENV)
	$(PY) -m pip install -q --disable-pip-version-check -e 'python[dev]'
	touch $@

# What a node without a network installs the collector from.
$(CACHE)/wheelhouse/ready: python/pyproject.toml metadata.json $(shell find python/src python/man files/backups -type f ! -name '*.pyc') $(CACHE)/lab-packages
	echo 'making the wheelhouse'
	rm -f $(CACHE)/wheelhouse/kaizen_backups-*.whl
	$(VENV)/bin/pip wheel -q --disable-pip-version-check --wheel-dir $(CACHE)/wheelhouse ./python
	touch $@
$(CACHE)/wheelhouse/ready: | $(VENV)/ready
