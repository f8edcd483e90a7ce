#!/bin/sh
# Makes a fresh clone runnable: installs the packages when the lock changed, and Redis and MariaDB where there are none.
# Says nothing and takes milliseconds when there is nothing to do. Everything it says goes to stderr.
#
#   packages: node_modules/.moa-installed holds the checksum of what was installed last
#   servers:  looked for on the PATH and in the sbin folders, which Debian leaves out of a user's PATH;
#             one that is given (MOA_REDIS_URL, _SENTINELS or _CLUSTER, MOA_MYSQL_URL) is not needed
#
# With the argument `packages` it looks after those alone: an operator's machine needs no servers. With `tests` also after
# promtool, prometheus and amtool, which the alerts and dashboards are tested with; where it cannot install them it says
# so and goes on, and those tests fail.
#
# `npm install` and not `npm ci`: the lock lacks packages of other platforms that some mirrors serve late, and `ci`
# refuses such a lock. `--no-save` leaves the lock as it is.
set -eu
cd "$(dirname "$0")/.."
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

say() { echo "moa: $*" >&2; }
fail() { say "$@"; exit 1; }
found() { command -v "$1" >/dev/null 2>&1; }

# Two commands started at once on a fresh clone must not install into each other.
alone() {
  mkdir -p node_modules
  exec 9>node_modules/.moa-bootstrap.lock
  if found flock; then flock 9; fi
}

wanted_packages() { cksum package.json package-lock.json; }
packages_are_there() { [ "$(cat node_modules/.moa-installed 2>/dev/null)" = "$(wanted_packages)" ]; }

# Inside `npm start` the Node that runs npm is the one to install with: the brought one may be replaced meanwhile.
npm_install() {
  if [ -n "${npm_execpath:-}" ] && [ -n "${npm_node_execpath:-}" ]; then
    "$npm_node_execpath" "$npm_execpath" install --no-save --include=dev --loglevel=error "$@" >&2
  else
    npm install --no-save --include=dev --loglevel=error "$@" >&2
  fi
}

install_packages() {
  node="${npm_node_execpath:-node}"
  major="$("$node" -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)"
  [ "$major" -ge 20 ] || fail "needs Node 20 or newer with npm to begin with (found: $("$node" -v 2>/dev/null || echo none))"
  say "installing packages (about a minute the first time) ..."
  npm_install || fail "npm install failed; its words are above"
  node_modules/.bin/node -e '' 2>/dev/null ||
    fail "the package \"node\" could not unpack its binary; if npm is set to ignore scripts, run: npm rebuild node --ignore-scripts=false"
  wanted_packages >node_modules/.moa-installed
}

missing_servers() {
  if [ -z "${MOA_REDIS_URL:-}${MOA_REDIS_SENTINELS:-}${MOA_REDIS_CLUSTER:-}" ] && ! found redis-server && ! found valkey-server; then echo redis-server redis-tools; fi
  if [ -z "${MOA_MYSQL_URL:-}" ] && ! found mariadbd && ! found mysqld; then echo mariadb-server; fi
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

# Debian starts a server as soon as it is installed, on the standard ports and with data of its own: nobody asked for
# that. policy-rc.d is Debian's way to say so; one that is there already is the machine owner's word and stays.
without_starting_services() {
  policy=/usr/sbin/policy-rc.d
  made=
  if [ ! -e "$policy" ]; then
    made=yes
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
  trap '[ -z "$made" ] || as_root rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM HUP
  as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 "$@"
}

missing_tools() {
  if ! found promtool || ! found prometheus; then echo prometheus; fi
  found amtool || echo prometheus-alertmanager
}

install_servers() {
  otherwise="or name servers that you have in MOA_REDIS_URL and MOA_MYSQL_URL"
  found apt-get || fail "no Debian or Ubuntu: please install Redis >= 7.0 (or Valkey >= 8) and MariaDB >= 10.11, $otherwise"
  as_root true 2>/dev/null || fail "neither root nor sudo without a password: please run
       sudo apt-get install --no-install-recommends $1
     $otherwise"
  apt_install "$1"
  [ -z "$(missing_servers)" ] || fail "apt-get found nothing to do and yet there is no $(missing_servers | tr '\n' ' '): install it yourself, $otherwise"
}

install_tools() {
  if found apt-get && as_root true 2>/dev/null; then (apt_install "$1") || :; fi
  [ -z "$(missing_tools)" ] || say "the tests of alerts and dashboards will fail: they need promtool, prometheus and amtool (Debian: $1)"
}

apt_install() {
  say "installing $1 with apt-get; their system services are not started ..."
  log="$(mktemp)"
  (
    as_root apt-get -o DPkg::Lock::Timeout=120 update &&
      # shellcheck disable=SC2086 # a list of packages
      without_starting_services apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends $1
  ) </dev/null >"$log" 2>&1 || { tail -n 25 "$log" >&2; rm -f "$log"; fail "apt-get failed; its words are above. Install $1 yourself"; }
  rm -f "$log"
}

if ! packages_are_there; then
  alone
  packages_are_there || install_packages
fi
[ "${1:-}" != packages ] || exit 0
servers="$(missing_servers | tr '\n' ' ' | sed 's/ $//')"
if [ -n "$servers" ]; then
  alone
  servers="$(missing_servers | tr '\n' ' ' | sed 's/ $//')"
  if [ -n "$servers" ]; then install_servers "$servers"; fi
fi
[ "${1:-}" = tests ] || exit 0
if [ -n "$(missing_tools)" ]; then
  alone
  tools="$(missing_tools | tr '\n' ' ' | sed 's/ $//')"
  if [ -n "$tools" ]; then install_tools "$tools"; fi
fi
