#!/bin/sh
# Finds a tool that tests of the manifests need, or builds it, and says on stdout where it is: `sh scripts/tools.sh helm`.
#
#   helm:      exactly this version, on the PATH or built; its rendering is what tests compare
#   kustomize: that of kubectl on the PATH is as good; else built
#
# Built with Go from the module proxy, which checks what it serves against a public log, and kept outside of the clone,
# by version: minutes the first time, nothing afterwards. At idle priority, as the suites beside it judge times.
set -eu
PATH="$PATH:/usr/local/go/bin"

HELM=v4.3.1
KUSTOMIZE=v5.8.1
KEPT="${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/moa-tools"

say() { echo "moa: $*" >&2; }
fail() { say "$@"; exit 1; }
found() { command -v "$1" >/dev/null 2>&1; }

# Only what is idle otherwise; where the kernel has no such class, as nicely as can be.
idly() { if found chrt && chrt -i 0 true 2>/dev/null; then chrt -i 0 "$@"; else nice -n 19 "$@"; fi; }

# Two suites started at once must not build the same thing twice.
alone() {
  mkdir -p "$KEPT"
  exec 9>"$KEPT/.lock"
  if found flock; then flock 9; fi
}

# name, version, package
built() {
  program="$KEPT/$1-$2"
  if [ ! -x "$program" ]; then
    alone
    if [ ! -x "$program" ]; then
      found go || fail "tests of the manifests need $1 $2 on the PATH, or Go to build it with: install one of them"
      say "building $1 $2 from the Go module proxy (minutes, once; kept in $KEPT) ..."
      into="$(mktemp -d "$KEPT/.new-XXXXXX")"
      trap 'rm -rf "$into"' EXIT
      GOBIN="$into" GOFLAGS= CGO_ENABLED=0 idly go install -trimpath -ldflags='-s -w' "$3@$2" >&2 ||
        fail "$1 $2 could not be built; Go's words are above. It can also be put on the PATH by hand"
      mv "$into/$1" "$program"
    fi
  fi
  echo "$program"
}

case "${1:-}" in
helm)
  if found helm && [ "$(helm version --template '{{.Version}}' 2>/dev/null)" = "$HELM" ]; then command -v helm; else built helm "$HELM" helm.sh/helm/v4/cmd/helm; fi
  ;;
kustomize)
  if found kubectl && kubectl kustomize --help >/dev/null 2>&1; then echo "$(command -v kubectl) kustomize"; else echo "$(built kustomize "$KUSTOMIZE" sigs.k8s.io/kustomize/kustomize/v5) build"; fi
  ;;
*) fail "usage: sh scripts/tools.sh helm|kustomize" ;;
esac
