#!/usr/bin/env bash
# Have Chromium and its driver, for the tests of the listening page, where that takes no question: on Debian, as root.
# Does nothing where they are there; where they cannot be had, says so and succeeds: those tests are then skipped.
set -euo pipefail
if command -v chromium > /dev/null && command -v chromedriver > /dev/null; then exit 0; fi
if ! command -v apt-get > /dev/null || [ "$(id -u)" -ne 0 ]; then
    echo "chromium: not here, so the page's tests are skipped (apt-get install chromium chromium-driver)" >&2
    exit 0
fi
echo "chromium: installing Debian's (half a minute)" >&2
{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium chromium-driver; } > /dev/null 2>&1 ||
    echo "chromium: apt-get could not install it: the page's tests are skipped" >&2
