#!/bin/sh
# System packages that the tests need: a browser for the pages, a software HSM for PKCS#11, Node.js
# for a client in TypeScript, with packages that its lock pins, in .venv/node.
set -eu
missing=""
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
command -v softhsm2-util >/dev/null 2>&1 || missing="$missing softhsm2"
{ command -v node && command -v npm; } >/dev/null 2>&1 || missing="$missing nodejs npm"
if [ -n "$missing" ]; then
    if command -v apt-get >/dev/null 2>&1; then
        sudo=""
        [ "$(id -u)" = 0 ] || sudo="sudo"
        echo "installing$missing …"
        export DEBIAN_FRONTEND=noninteractive
        $sudo apt-get update -qq
        # shellcheck disable=SC2086
        $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
    else
        echo "please install$missing: some tests need them" >&2
    fi
fi
command -v npm >/dev/null 2>&1 || exit 0
root="$(cd "$(dirname "$0")/.." && pwd)"
parts="$root/examples/typescript"
mkdir -p "$root/.venv/node"
cp "$parts/package.json" "$parts/package-lock.json" "$parts/.npmrc" "$root/.venv/node"
cd "$root/.venv/node"
npm ci --silent
