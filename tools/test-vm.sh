#!/bin/sh
# The packet rows and a lab round on Debian 12's own kernel, 6.1 (no tcx, an older verifier), inside an emulated machine.
# Slow in there is normal: every guest instruction is emulated. The tests see their kernel and skip by name what it lacks.
# `tools/test-vm.sh FILE...` runs other tests there.
set -eu
cd "$(dirname "$0")/.."

if [ "$(id -u)" != 0 ]; then
  echo "test-vm: the emulated machine reads this one's whole file system, which takes root" >&2
  echo "  cure: sudo make test-vm" >&2
  exit 1
fi

[ $# -gt 0 ] || set -- test/packet-rows.test.ts test/lab-round.test.ts
# One processor: with two emulated in parallel, Node itself ends by SIGSEGV in about one start of three.
exec tools/vm-run --mem 2048 --smp 1 --timeout 1800 -- node_modules/.bin/node tools/run-tests.ts "$@"
