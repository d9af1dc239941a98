#!/usr/bin/env bash
# Fetches packages of npm and minifies each with terser and esbuild: the same code, three times.
#
#   factory/scripts.sh FOLDER
#
# makes FOLDER/{plain,terser,esbuild}/PACKAGE.js. Needs npm.
set -euo pipefail
into=$(mkdir -p "$1" && cd "$1" && pwd)
mkdir -p "$into"/{plain,terser,esbuild,work}
cd "$into/work"
[ -d node_modules ] || npm install --silent --no-save terser@5.31.0 esbuild@0.21.5 rollup@2.79.1

# Package, version, the file that a page would load.
while read -r package version file; do
    name=${package//\//-}
    [ -s "$into/plain/$name.js" ] || {
        tarball=$(npm pack --silent "$package@$version")
        tar -xzf "$tarball" "package/$file" && cp "package/$file" "$into/plain/$name.js"
        rm -rf package "$tarball"
    }
    [ -s "$into/terser/$name.js" ] || node_modules/.bin/terser "$into/plain/$name.js" \
        --compress passes=2 --mangle toplevel -o "$into/terser/$name.js"
    [ -s "$into/esbuild/$name.js" ] || node_modules/.bin/esbuild "$into/plain/$name.js" \
        --minify --log-level=error --outfile="$into/esbuild/$name.js"
done <<'LIST'
lodash 4.17.21 lodash.js
axios 1.6.0 dist/axios.js
react-dom 18.2.0 umd/react-dom.development.js
vue 3.3.4 dist/vue.global.js
jquery 3.7.0 dist/jquery.js
moment 2.29.4 moment.js
d3 7.8.5 dist/d3.js
three 0.150.0 build/three.js
underscore 1.13.6 underscore.js
chart.js 4.4.0 dist/chart.umd.js
redux 4.2.1 dist/redux.js
immutable 4.3.4 dist/immutable.js
rxjs 7.8.1 dist/bundles/rxjs.umd.js
handlebars 4.7.8 dist/handlebars.js
mithril 2.2.2 mithril.js
knockout 3.5.1 build/output/knockout-latest.debug.js
backbone 1.5.0 backbone.js
ramda 0.29.0 dist/ramda.js
bluebird 3.7.2 js/browser/bluebird.js
async 3.2.4 dist/async.js
validator 13.11.0 validator.js
marked 9.0.0 lib/marked.umd.js
showdown 2.1.0 dist/showdown.js
mathjs 11.11.1 lib/browser/math.js
katex 0.16.8 dist/katex.js
LIST
rm -rf "$into/work"
