#!/bin/sh
# tools/setup.sh SET...: installs what the named sets need and the machine does not have. Idempotent, and quick when there is
# nothing to do: one dpkg query and one checksum. Sets: demo (to build and run), test, bench (the peers to compare with).
set -eu
cd "$(dirname "$0")/.."

DEMO="clang libbpf-dev libbpf1 linux-libc-dev libatomic1 iproute2 ethtool curl tcpdump"
TEST="nftables iptables procps"
BENCH="nftables nginx-light libnginx-mod-stream haproxy keepalived wrk iperf3"

say() { printf 'setup: %s\n' "$*"; }
die() {
  printf 'setup: %s\n' "$1" >&2
  printf '  cure: %s\n' "$2" >&2
  exit 1
}

wanted=
for set in "$@"; do
  case $set in
    demo) wanted="$wanted $DEMO" ;;
    test) wanted="$wanted $TEST" ;;
    bench) wanted="$wanted $BENCH" ;;
    *) die "no set of packages is called '$set'" "one of: demo, test, bench" ;;
  esac
done

missing_packages() {
  # shellcheck disable=SC2086
  installed=" $(dpkg-query -W -f '${db:Status-Status}=${Package} ' $wanted 2>/dev/null || true)"
  for package in $wanted; do
    case $installed in
      *" installed=$package "*) ;;
      *) printf '%s ' "$package" ;;
    esac
  done
}

# Debian starts a daemon as soon as it is installed; the benches start their own, and nobody asked for one on port 80.
without_starting_daemons() {
  policy=/usr/sbin/policy-rc.d
  if [ -e "$policy" ]; then
    "$@"
    return
  fi
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM
  "$@"
  rm -f "$policy"
  trap - EXIT INT TERM
}

install_packages() {
  say "installing $*"
  export DEBIAN_FRONTEND=noninteractive
  log=$(mktemp)
  apt-get -o DPkg::Lock::Timeout=600 update > "$log" 2>&1 || say "apt-get update failed; trying with the package lists that are there"
  if ! without_starting_daemons apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends "$@" >> "$log" 2>&1; then
    tail -n 20 "$log" >&2
    die "apt-get could not install $* (whole log: $log)" "apt-get install $*"
  fi
  rm -f "$log"
  for daemon in nginx haproxy; do
    case " $* " in
      *" $daemon "* | *" $daemon-light "*) [ ! -d /run/systemd/system ] || systemctl --quiet disable "$daemon" ;;
    esac
  done
}

if command -v dpkg-query > /dev/null && command -v apt-get > /dev/null; then
  missing=$(missing_packages)
  missing=${missing% }
  if [ -n "$missing" ]; then
    # shellcheck disable=SC2086
    if [ "$(id -u)" = 0 ]; then
      install_packages $missing
    else
      die "Debian packages are missing: $missing" "sudo apt-get install -y --no-install-recommends $missing"
    fi
  fi
else
  for tool in clang ip ethtool curl tcpdump; do
    command -v "$tool" > /dev/null ||
      die "'$tool' is missing, and this is not a Debian on which it could be installed" "install what Debian calls: $wanted"
  done
fi

# What the installed tree was made from. Kept inside node_modules, so that removing that removes this.
stamp=node_modules/.evenkeel-setup
fingerprint() { cat package.json package-lock.json node_modules/.package-lock.json 2> /dev/null | cksum; }

if [ ! -e "$stamp" ] || [ "$(cat "$stamp")" != "$(fingerprint)" ]; then
  command -v npm > /dev/null || die "npm is missing" "apt-get install npm (or Node.js of any version, which brings it along)"
  say "installing npm packages"
  # No install script is needed: every native part comes prebuilt inside a package of its own.
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error > /dev/null ||
    die "npm ci failed" "read its message above; 'npm ci' in $(pwd) repeats it"
  fingerprint > "$stamp"
fi

# An optional dependency that could not be fetched is no error to npm: ask the Node that will run.
if ! PATH=$(pwd)/node_modules/.bin:$PATH node tools/check-node.mjs; then
  rm -f "$stamp"
  exit 1
fi
