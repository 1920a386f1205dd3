#!/usr/bin/env bash
# Types (tsc over JSDoc), lint and tests of the page's JavaScript, with the versions pinned in package-lock.json. Nothing of node is needed to run the
# application: what a machine lacks is left out, and said.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v node > /dev/null; then
    echo "There is no node here: the JavaScript is not checked."
    exit 0
fi
node --test tests/frontend/js/*.test.mjs
if ! command -v npm > /dev/null; then
    echo "There is no npm here: types and lint of the JavaScript are not checked."
    exit 0
fi
if ! cmp -s package-lock.json node_modules/.installed; then
    if ! npm ci --silent; then
        echo "npm cannot install what package-lock.json names: types and lint of the JavaScript are not checked."
        exit 0
    fi
    cp package-lock.json node_modules/.installed
fi
npx --no-install tsc -p tsconfig.json
npx --no-install eslint .
