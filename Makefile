# The commands of this project. `make help` lists them.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.SILENT:

# The bundled Node and the pinned tools come before the system's.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

.PHONY: help setup setup-test setup-bench build abi demo lint format check test test-vm counters bench bench-control bench-ipvsadm bench-connections bench-schedulers bench-ipvs differential-cli differential-ipvs bench-lab clean

help: ## this list
	sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r what why; do printf '%-18s %s\n' "$$what" "$$why"; done

setup: ## install what is missing (Debian packages by name, npm packages by lockfile); does nothing the second time
	tools/setup.sh demo

setup-test:
	tools/setup.sh demo test

setup-bench:
	tools/setup.sh demo bench

build: setup ## compile the packet path into build/bpf
	node tools/build-bpf.ts

abi: setup ## write src/wire/abi.ts from bpf/abi.h
	node tools/generate-abi.ts

demo: build ## a whole cluster on this machine: real requests through NAT, DR and TUN, with the account of each (root)
	bin/evenkeel demo

lint: setup
	node tools/check-node.mjs
	biome check --error-on-warnings
	oxlint
	tsc
	knip --no-config-hints
	node tools/generate-abi.ts --check

format: ## put every file into the one format
	biome check --write

check: lint build ## the gate, under a minute: format, lint, types, dead code, layout, unit tests
	node tools/run-tests.ts src test/layout.test.ts

test: setup-test ## every test; those that need root or a kernel feature are skipped by name where it is missing
	node tools/check-node.mjs
	node tools/build-bpf.ts
	node tools/run-tests.ts

counters: build ## 200,000 random steps, every counter against the model's (root); SEED=n repeats one
	FRESH=1 STEPS=$${STEPS:-200000} node tools/run-tests.ts test/counters-random.test.ts

test-vm: setup-test ## the packet rows and a lab round on Debian 12's own kernel 6.1, in an emulated machine
	node tools/build-bpf.ts
	tools/test-vm.sh

bench: build ## nanoseconds a packet, as a ratio to an empty program and to a MAC swap (root)
	node bench/packet.ts

bench-control: build ## what the control plane takes for 1,000 services with 20,000 servers, and evenkeel apply for 8,000 services (root)
	node bench/control-plane.ts

bench-ipvsadm: build ## what a call of ipvsadm takes, with 10 services and with 1,000 of 20 servers each (root)
	node bench/ipvsadm.ts

bench-connections: build ## a million connections held: memory, a packet, a new one, sweep, count, list; each scheduler with 4 to 4,096 servers (root)
	status=0; node bench/connections.ts || status=1; node bench/schedulers.ts || status=1; exit $$status

bench-schedulers: build ## what a choice and a new connection cost, by scheduler and number of servers (root)
	node bench/schedulers.ts

bench-lab: setup-bench ## requests, connections, packets and bytes a second beside nftables, HAProxy and nginx (root)
	node tools/build-bpf.ts
	node bench/lab.ts

bench-ipvs: setup-bench ## instructions a packet beside the kernel's own IPVS, in an emulated machine that counts them (root)
	node bench/ipvs.ts

.PHONY: bench-checks
bench-checks: setup ## CPU time of a health check beside a bare connection, and 2,000 HTTP checks a second (root)
	node bench/checks.ts

.PHONY: bench-director
bench-director: build ## a running director: start, plan and apply with 10,000 servers, 2,000 HTTP checks a second, memory (root)
	node bench/director.ts

.PHONY: bench-checks-keepalived
bench-checks-keepalived: setup-bench ## CPU time of a health check beside keepalived's, in an emulated machine that has IPVS (root)
	node bench/checks-keepalived.ts

.PHONY: flood
flood: build ## five million SYNs against a table with 100,000 established connections (root)
	node bench/flood.ts

differential-cli: build ## 2,000 random command lines to the real ipvsadm and to ours, compared, in an emulated machine (root)
	node bench/differential-cli.ts

differential-ipvs: build ## 5,000 real connections through the kernel's own IPVS and through ours, compared step by step, in an emulated machine (root)
	node bench/differential.ts

.PHONY: fuzz
fuzz: build ## ten million broken packets through both hooks, over two processes (root)
	node tools/fuzz.ts

clean: ## remove what the build made
	rm -rf build
