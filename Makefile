# make test           everything that must hold: style, types, and the tests against the built wheel
# make demo           a real recording, replayed with requests to monitor; its report is build/report.html
# make crash          a thousand times kill -9; twenty thousand requests of two processes and eight threads at once
# make bench          speed, measured, beside others who do the same (needs a C compiler: one of them is compiled)
# make fuzz           ten million malformed inputs to everything that reads, and hostile rule files
# make planted        twelve bugs planted into the engine, each searched for from twenty seeds (ten minutes)
# make triples        a million triples of state, event and book: the engine against a naive oracle (two minutes)
# make mutate         every rule, setting and row of the state table broken in turn: cases and stories must notice
# make mutants        a sample of small changes to the pure rooms' code, by cosmic-ray: tests must notice nine of ten (an hour)
# make test-pythons   the tests under every Python that is found (PYTHONS="python3.12 ..." names others)
# make test-servers   the tests that need a server or a browser: prosody and Chromium, from Debian's packages; root gets them
# make clean          remove all that the others made
#
# Needs Python 3.11 or later (PYTHON=... names one), git and make. pip's own configuration says where packages come from.

PYTHON  ?= python3
PYTHONS ?= python3.11 python3.12 python3.13 python3.14
VENV    ?= .venv
WORKERS ?= 2

RUN     := $(VENV)/bin/python
OUT     := build
SOURCES := $(shell find monitoring_core rules -name __pycache__ -prune -o -print)
# All of the repository but the package itself: a test that passes there has tested what was installed.
OUTSIDE := $(filter-out monitoring_core $(OUT) dist,$(wildcard *)) .ci .gitignore

# Who runs beside us in the benches; setuptools calls the compiler for mypyc.
CONTENDERS := business-rules==1.1.1 cedarpy==4.12.2 cel-expr-python==0.1.3 celine-regorus==0.9.1.post20260227075446 \
	datalogic-py==5.9.0 eventsourcing==9.5.6 python-statemachine==3.2.2 regopy==1.5.2 setuptools==80.9.0 sismic==1.6.14

WHERE_IS_IT := import monitoring_core, sys; place = monitoring_core.__file__; \
	sys.exit(None if "site-packages" in place else f"the source is tested, not the wheel: {place}")

.PHONY: test check outside test-wheel demo crash bench fuzz planted triples mutate mutants test-pythons test-servers clean
.DELETE_ON_ERROR:

test: check test-wheel

check: $(VENV)/tools
	$(RUN) -m ruff check --quiet .
	$(RUN) -m ruff format --quiet --check .
	$(RUN) -m mypy

outside: $(VENV)/wheel
	rm -rf $(OUT)/outside
	mkdir -p $(OUT)/outside
	cp -R $(OUTSIDE) $(OUT)/outside/
	find $(OUT)/outside -name __pycache__ -prune -exec rm -rf {} +
	cd $(OUT)/outside && ../../$(RUN) -c '$(WHERE_IS_IT)'

test-wheel: outside
	cd $(OUT)/outside && ../../$(RUN) -m pytest -q -n $(WORKERS) -m "not search" --cov --cov-report=term
	cd $(OUT)/outside && ../../$(RUN) -m pytest -q -n $(WORKERS) -m search

demo: $(VENV)/wheel
	$(RUN) scenarios/demo.py
	$(RUN) scenarios/demo_journal.py
	$(RUN) scenarios/demo.py --report $(OUT)/report.html

crash: outside
	cd $(OUT)/outside && ../../$(RUN) -m tests.crash
	cd $(OUT)/outside && ../../$(RUN) -m tests.test_monitor_history 20000

bench: outside
	$(RUN) -m pip install --quiet --disable-pip-version-check $(CONTENDERS)
	@cd $(OUT)/outside && failed=0; for one in $(basename $(notdir $(wildcard tests/bench/*.py))); do \
		echo "$$one"; ../../$(RUN) -m "tests.bench.$$one" || failed=1; \
	done; exit $$failed

fuzz: outside
	cd $(OUT)/outside && ../../$(RUN) -m tests.fuzz

planted: outside
	cd $(OUT)/outside && ../../$(RUN) -m tests.planted

triples: outside
	cd $(OUT)/outside && ../../$(RUN) -m tests.triples

mutate: $(VENV)/wheel
	@for one in "" "--rules cce" "--rules ccx"; do $(RUN) -m monitoring_core mutate $$one || exit 1; done

mutants: outside
	$(RUN) -m pip install --quiet --disable-pip-version-check 'cosmic-ray==8.7.0'
	cd $(OUT)/outside && ../../$(RUN) -m tests.mutants --kept ../mutants

test-pythons:
	@for one in $(PYTHONS); do \
		if version=$$($$one -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null); then \
			$(MAKE) --no-print-directory test-wheel PYTHON=$$one VENV=$(OUT)/venv-$$version || exit 1; \
		else echo "$$one: not found, left out"; fi; \
	done

test-servers: outside
	cd $(OUT)/outside && ../../$(RUN) -m tests.servers

clean:
	rm -rf $(VENV) $(OUT) dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache

# What is installed, and when: a stamp each, so that a second run has nothing to do.

$(VENV)/tools: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or later is needed; $(PYTHON) is not. Name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check --requirement constraints.txt
	touch $@

$(VENV)/wheel: $(VENV)/tools $(SOURCES) pyproject.toml README.md LICENSE
	rm -rf $(OUT)/dist
	$(RUN) -m hatchling build --target sdist --target wheel --directory $(OUT)/dist
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-index --no-deps --force-reinstall $(OUT)/dist/*.whl
	$(RUN) -m pip check --quiet --disable-pip-version-check
	touch $@
