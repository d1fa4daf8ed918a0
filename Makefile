# For every POSIX make: make demo, make test. Each installs what it needs into
# .venv, and as root the packages of the system that are missing.
.POSIX:

VENV = .venv
PYTEST_FLAGS =
BENCH_FLAGS =
SECONDS =
KILLS = 1000
VICTIMS = daemon
SEED = 0
VERSION =
MADE = $(VENV)/.made
MAN = man/*.5 man/*.7 man/*.8

help:
	@echo "make demo   shows the main job on this machine, and leaves nothing behind"
	@echo "make test   runs all tests (PYTEST_FLAGS=... for some)"
	@echo "make peers  runs podman, conmon and buildah on runj, and on runc for comparison"
	@echo "make lint   checks the style and the types"
	@echo "make fuzz   throws nearly right bytes at all that reads what strangers send, for SECONDS=600"
	@echo "make soak   does everything at once for SECONDS=1500, and looks whether memory grows"
	@echo "make kills  kills the daemon (VICTIMS=keeper, both) KILLS=1000 times under load"
	@echo "make logs   sends 1 GiB of random lines through each form of a log, and a line of 4 GiB"
	@echo "make bench  measures all against others, into build/bench (BENCH_FLAGS=--quick for a look)"
	@echo "make man    formats the manual pages into build/man"
	@echo "make docs   builds the site of the documentation into build/docs"
	@echo "make release VERSION=0.2.0  makes NEWS, a commit, a tag, and sdist and wheel in dist/"
	@echo "make venv   makes the virtual environment only"
	@echo "make clean  removes all that was made here"

venv: $(MADE)

$(MADE): setup.cfg pyproject.toml bin/containerd-shim-runj-v1 bin/runj bin/runjctl bin/runjd-keeper .ci/venv
	@.ci/venv $(VENV)
	@touch $@

demo: $(MADE)
	@.ci/packages demo
	@$(VENV)/bin/python demo/tour.py

test: $(MADE)
	@.ci/packages test
	@.ci/tests $(VENV)/bin/python $(PYTEST_FLAGS)

peers: $(MADE)
	@.ci/packages test
	@PEERS_RUNTIMES="runj runc" $(VENV)/bin/python -m pytest tests/peers $(PYTEST_FLAGS)

lint: $(MADE)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

soak: $(MADE)
	@.ci/packages test
	@set -e; seconds="$(SECONDS)"; seconds="$${seconds:-1500}"; \
	$(VENV)/bin/python -m tests.container.storm "$$((seconds / 10))" plain; \
	$(VENV)/bin/python -m tests.container.storm "$$((seconds / 10))" linux; \
	$(VENV)/bin/python -m tests.soak.soak --seconds "$$((seconds * 2 / 3))" --kills 30 --seed $(SEED)

kills: $(MADE)
	@.ci/packages test
	@$(VENV)/bin/python -m tests.soak.soak --kills $(KILLS) --victims $(VICTIMS) --seed $(SEED)

fuzz: $(MADE)
	@.ci/packages test
	@seconds="$(SECONDS)"; $(VENV)/bin/python -m tests.fuzz "$${seconds:-600}"

logs: $(MADE)
	@.ci/packages test
	@RUNJD_TEST_LIMIT=3600 RUNJD_LOG_BYTES=1073741824 RUNJD_ENDLESS_LINE=4096 $(VENV)/bin/python -m pytest \
	    tests/faults/test_log_rotation.py tests/faults/test_logs.py $(PYTEST_FLAGS)

bench: $(MADE)
	@.ci/packages bench
	@$(VENV)/bin/python -c 'import matplotlib, supervisor' 2>/dev/null || .ci/venv $(VENV) bench
	@$(VENV)/bin/python -m benchmarks.all $(BENCH_FLAGS)

man:
	@.ci/packages man
	@mkdir -p build/man
	@for page in $(MAN); do \
	    [ -f "$$page" ] || continue; \
	    mandoc -Tutf8 "$$page" > build/man/"$${page##*/}".txt || exit; \
	    echo build/man/"$${page##*/}".txt; \
	done

docs: $(MADE)
	@.ci/packages docs
	@$(VENV)/bin/python docs/build.py build/docs-source
	@$(VENV)/bin/mkdocs build --quiet --strict
	@echo build/docs/index.html

release: $(MADE)
	@$(VENV)/bin/python .ci/release $(VERSION)

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis twisted/plugins/dropin.cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help venv demo test peers lint soak kills fuzz logs bench man docs release clean
