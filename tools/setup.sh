#!/usr/bin/env bash
# Make .venv with the versions of tools/constraints.txt and this project in it, editable.
# Does nothing when that has been done already. Usage: tools/setup.sh [EXTRA ...]   (test, export, metrics)
# With NHV_HASHES=1 every file must be one of tools/hashes.txt, which those of PyTorch's own indexes are not.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
extras=$(IFS=,; echo "$*")
wanted="$(cat tools/constraints.txt tools/overrides.txt setup.py tools/setup.sh | sha256sum | cut -c1-16)"

stamp=".venv/.setup-${extras:-base}"
# A test environment is a base environment too.
for done in "$stamp" .venv/.setup-test; do
    [ -z "$extras" ] || [ "$done" = "$stamp" ] || continue
    if [ "$(cat "$done" 2>/dev/null)" = "$wanted" ]; then exit 0; fi
done

if ! "$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 13))'; then
    echo "error: $python is $("$python" --version 2>&1), but Python 3.10 to 3.12 is needed: set PYTHON to one" >&2
    exit 1
fi
# A linked environment may be that of another checkout, which would find its code here from then on.
if [ -L .venv ] && [ -x .venv/bin/python ]; then
    found=$(cd / && "$OLDPWD/.venv/bin/python" -c 'import importlib.util as u; s = u.find_spec("espnet2_nhv"); print(s.origin if s else "")')
    case $found in
        "" | "$PWD"/*) ;;
        *) echo "error: .venv is a link to the environment of ${found%/espnet2_nhv/*}: remove the link, and this checkout gets its own" >&2
           exit 1 ;;
    esac
fi
echo "setup: installing into .venv (about a minute and 6 GB the first time)" >&2
[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check "$(grep '^uv==' tools/constraints.txt)"
.venv/bin/uv pip install --python .venv/bin/python --constraint tools/constraints.txt --override tools/overrides.txt \
    ${NHV_HASHES:+--constraint tools/hashes.txt} --editable ".${extras:+[$extras]}"
echo "$wanted" > "$stamp"
