#!/usr/bin/env bash
# Make the page that sings in a browser: one static folder, for any web server. Needs Node's npm, for ONNX Runtime.
# Usage: tools/web.sh [--out build/web] [VOCODER ...]   (saved vocoders; default: pretrained/nhv)
# To see it: .venv/bin/python -m http.server --bind 127.0.0.1 --directory build/web 8000, then http://127.0.0.1:8000
set -euo pipefail
cd "$(dirname "$0")/.."

# ONNX Runtime for browsers: what was tested, and what npm says that is.
version=1.30.0
integrity=sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==

out=build/web python=.venv/bin/python
vocoders=()
while [ $# -gt 0 ]; do
    case "$1" in
        --out) out=${2:?error: --out needs a folder}; shift 2 ;;
        --python) python=${2:?error: --python needs a program}; shift 2 ;;
        -h | --help) sed -n '2,4s/^# //p' "$0"; exit 0 ;;
        -*) echo "error: there is no option $1 (--out, --python)" >&2; exit 1 ;;
        *) vocoders+=("$1"); shift ;;
    esac
done
[ ${#vocoders[@]} -gt 0 ] || vocoders=(pretrained/nhv)
[ -x "$python" ] || { echo "error: $python is not there: run tools/setup.sh export first" >&2; exit 1; }
if [ -e "$out" ] && [ ! -f "$out/singers.json" ] && [ -n "$(ls -A "$out")" ]; then
    echo "error: $out holds something else: give another --out" >&2
    exit 1
fi

package=build/npm/onnxruntime-web-$version.tgz
is_whole() { [ "sha512-$(openssl dgst -sha512 -binary "$1" | base64 -w0)" = "$integrity" ]; }
if [ ! -f "$package" ] || ! is_whole "$package"; then
    if ! command -v npm > /dev/null; then
        echo "error: npm is not here: install Node (Debian: apt-get install nodejs npm)" >&2
        exit 1
    fi
    mkdir -p build/npm
    echo "web: fetching onnxruntime-web $version from npm" >&2
    npm pack --silent --pack-destination build/npm "onnxruntime-web@$version" > /dev/null ||
        { echo "error: npm could not fetch onnxruntime-web $version: is there a network?" >&2; exit 1; }
    is_whole "$package" || { echo "error: $package is not what it was when this was tested: remove it" >&2; exit 1; }
fi

# Made beside, so that a folder that is there stays whole until the new one is.
part=$out.part
rm -rf "$part"
mkdir -p "$part/ort"
cp -r web/. "$part"
tar -xzf "$package" -C "$part/ort" --strip-components=2 package/dist/ort.wasm.min.mjs \
    package/dist/ort-wasm-simd-threaded.mjs package/dist/ort-wasm-simd-threaded.wasm
# The map it names is not here.
sed -i '/^\/\/# sourceMappingURL=/d' "$part"/ort/*.mjs
runtime=$("$python" -c 'import onnxruntime; print(onnxruntime.__path__[0])')  # npm's package has no licence in it
cp "$runtime/LICENSE" "$runtime/ThirdPartyNotices.txt" "$part/ort"
PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} "$python" local/web_demo.py "$part/demo.flac"
PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} "$python" -m espnet2_nhv.bin.web --out "$part" "${vocoders[@]}"
rm -rf "$out"
mv "$part" "$out"
echo "web: made $out"
