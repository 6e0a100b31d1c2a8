#!/usr/bin/env bash
# Run the fast tests on other versions of Python and of libraries, each in an environment of its own under .versions/.
# Usage: tools/versions.sh [NAME ...] [-- PYTEST OPTIONS]   (names below, all of them if none is given; 6 GB each)
#        tools/versions.sh --list
set -uo pipefail
cd "$(dirname "$0")/.."

# name | python | further constraints, which come before those of tools/constraints.txt
versions=(
    "py310|3.10|"
    "py311|3.11|"
    "py312|3.12|"
    "numpy-oldest|3.11|numpy==2.0.2" # ESPnet asks for 2.0 at least
    "torch-newest|3.12|torch torchaudio triton nvidia-[a-z0-9-]* cuda-[a-z]*"
    "ort-oldest|3.11|onnxruntime==1.20.1"
    "ort-newest|3.12|onnxruntime"
)

if [ "${1:-}" = --list ]; then printf '%s\n' "${versions[@]}" | column -t -s '|'; exit 0; fi
uv=$(command -v uv || echo .venv/bin/uv)
[ -x "$uv" ] || { echo "error: uv is needed: tools/setup.sh brings it, or pip install uv" >&2; exit 1; }

wanted=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do wanted+=("$1"); shift; done
[ $# -eq 0 ] || shift
[ ${#wanted[@]} -gt 0 ] || mapfile -t wanted < <(printf '%s\n' "${versions[@]}" | cut -d '|' -f 1)
mkdir -p .versions
failed=0
for name in "${wanted[@]}"; do
    row=$(printf '%s\n' "${versions[@]}" | grep "^$name|") || { echo "error: there is no version '$name': see --list" >&2; exit 1; }
    IFS='|' read -r _ python pins <<< "$row"
    folder=.versions/$name
    # What is pinned here replaces the line of tools/constraints.txt; a bare name only takes that line away.
    cp tools/constraints.txt "$folder.constraints"
    for pin in $pins; do
        package=${pin%%[<>=]*}
        sed -i "/^$package[<>=]/Id" "$folder.constraints"
        [ "$pin" = "$package" ] || echo "$pin" >> "$folder.constraints"
    done
    echo "== $name: Python $python ${pins:-(as pinned)}"
    {
        "$uv" venv --quiet --allow-existing --python "$python" "$folder" &&
            "$uv" pip install --quiet --python "$folder/bin/python" --constraint "$folder.constraints" \
                --override tools/overrides.txt --editable ".[test]" &&
            OMP_NUM_THREADS=1 PYTHONPATH=$PWD "$folder/bin/python" -m pytest -q -m "not slow" \
                --numprocesses 2 --dist loadfile "$@"
    } > "$folder.log" 2>&1
    status=$?
    "$folder/bin/python" - <<'PYTHON' 2>/dev/null || true
import importlib.metadata as m, platform
print("   Python", platform.python_version(), *(f"{p} {m.version(p)}" for p in ("torch", "numpy", "scipy", "onnxruntime")))
PYTHON
    tail -1 "$folder.log"
    [ $status -eq 0 ] || { failed=1; echo "   status $status, see $folder.log"; }
done
exit $failed
