#!/usr/bin/env bash
# Fetches what scripts.txt names and does to it what is done before it is shipped.
#
#   factory/scripts.sh FOLDER
#
# makes FOLDER/plain, the same minified in FOLDER/terser and FOLDER/esbuild, five at a time in one file in
# FOLDER/bundled (esbuild) and FOLDER/webpack, a tenth of what a package exports in FOLDER/shaken, FOLDER/obfuscated,
# FOLDER/common, and wheels in FOLDER/wheels. Needs npm and pip; what is there already is not made again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
list=$here/scripts.txt
into=$(mkdir -p "$1" && cd "$1" && pwd)
mkdir -p "$into"/{plain,terser,esbuild,bundled,webpack,shaken,obfuscated,common,wheels,work}
cd "$into/work"
[ -d node_modules/webpack ] || npm install --silent --no-save --ignore-scripts terser@5.31.0 esbuild@0.21.5 \
    webpack@5.92.0 webpack-cli@5.1.4 javascript-obfuscator@4.1.0 \
    $(while read -r kind package _; do [ "$kind" = shaken ] && awk -v p="$package" '$2 == p { print p "@" $3; exit }' "$list"; done <"$list")
tools=node_modules/.bin

while read -r kind package version file; do
    case $kind in script | fresh | common) ;; *) continue ;; esac
    name=${package//\//-}
    folder=plain
    [ "$kind" = common ] && folder=common
    if [ ! -s "$into/$folder/$name.js" ]; then
        tarball=$(npm pack --silent "$package@$version")
        tar -xzf "$tarball"
        files=("package/$file")
        [ ! -d "package/$file" ] || files=("package/$file"/*.js)
        cat "${files[@]}" >"$into/work/one.js"
        mv "$into/work/one.js" "$into/$folder/$name.js"
        rm -rf package "$tarball"
    fi
    [ "$kind" = common ] && continue
    [ -s "$into/terser/$name.js" ] ||
        "$tools/terser" "$into/plain/$name.js" --compress passes=2 --mangle toplevel -o "$into/terser/$name.js"
    [ -s "$into/esbuild/$name.js" ] ||
        "$tools/esbuild" "$into/plain/$name.js" --minify --log-level=error --outfile="$into/esbuild/$name.js"
done <"$list"
awk '$1 == "fresh" { gsub("/", "-", $2); print $2 }' "$list" >"$into/fresh.txt"

cat >webpack.config.js <<'CONFIG'
const isPackage = ({ request }, done) => (/^[a-z@]/.test(request) ? done(null, `commonjs ${request}`) : done());
module.exports = { mode: 'production', target: 'node', externals: [isPackage], output: { filename: 'one.js' } };
CONFIG
# Five in one file: what each asks of packages that are not there stays outside.
ls "$into/plain" | sed 's/\.js$//' | paste -d ' ' - - - - - | while read -r names; do
    name=${names// /+}
    entry=$into/work/entry.js
    for one in $names; do echo "globalThis.all?.(require('$into/plain/$one.js'));"; done >"$entry"
    [ -s "$into/bundled/$name.js" ] ||
        "$tools/esbuild" "$entry" --bundle --minify --packages=external --log-level=error --outfile="$into/bundled/$name.js"
    if [ ! -s "$into/webpack/$name.js" ]; then
        "$tools/webpack" --config webpack.config.js --entry "$entry" -o "$into/work/out" >"$into/work/webpack.log"
        mv "$into/work/out/one.js" "$into/webpack/$name.js"
    fi
done

# A tenth of what a package exports: a bundler leaves the rest out.
while read -r kind package _; do
    [ "$kind" = shaken ] && [ ! -s "$into/shaken/$package.js" ] || continue
    node --input-type=module -e "
        const names = Object.keys(await import('$package')).filter((name) => /^[a-z]\w*$/i.test(name) && name !== 'default').sort();
        const kept = names.filter((_, n) => n % 10 === 0);
        console.log(kept.length ? \`import { \${kept.join(', ')} } from '$package'; globalThis.all?.(\${kept.join(', ')});\`
            : \`import x from '$package'; globalThis.all?.(x);\`);" >entry.mjs
    "$tools/esbuild" entry.mjs --bundle --minify --log-level=error --outfile="$into/shaken/$package.js"
done <"$list"

for name in redux mithril backbone async mustache nprogress fuse.js localforage hammerjs underscore; do
    [ -s "$into/obfuscated/$name.js" ] ||
        "$tools/javascript-obfuscator" "$into/plain/$name.js" --output "$into/obfuscated/$name.js" >"$into/work/obfuscator.log"
done

while read -r kind package versions; do
    [ "$kind" = wheel ] || continue
    for version in $versions; do
        [ -s "$into/wheels/$package@$version.whl" ] && continue
        pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --dest "$into/work/wheel" "$package==$version"
        mv "$into"/work/wheel/*.whl "$into/wheels/$package@$version.whl"
    done
done <"$list"
