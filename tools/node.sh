#!/usr/bin/env bash
# Have Node and its npm, for the page in web/ and its tests, where that takes no question: on Debian, as root.
# Does nothing where they are there; where they cannot be had, says so and succeeds: those tests are then skipped.
set -euo pipefail
if command -v node > /dev/null && command -v npm > /dev/null; then exit 0; fi
if ! command -v apt-get > /dev/null || [ "$(id -u)" -ne 0 ]; then
    echo "node: not here, so the tests of web/ are skipped (apt-get install nodejs npm)" >&2
    exit 0
fi
echo "node: installing Debian's (a minute)" >&2
{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends nodejs npm; } > /dev/null 2>&1 ||
    echo "node: apt-get could not install it: the tests of web/ are skipped" >&2
