#!/usr/bin/env bash
# Fetches the libraries of machine code that natives.txt names, from Maven and npm.
#
#   factory/natives.sh FOLDER
#
# makes FOLDER/LIBRARY@VERSION.aar, .jar or .a. Needs mvn and npm; what is there already is not fetched again.
set -euo pipefail
list=$(cd "$(dirname "$0")" && pwd)/natives.txt
into=$(mkdir -p "$1" && cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

while read -r kind name where file; do
    case $kind in
        maven)
            IFS=: read -r _ artefact version ending <<<"$where"
            [ -s "$into/$name@$version.$ending" ] && continue
            mvn -q -B dependency:copy "-Dartifact=$where" "-DoutputDirectory=$work"
            mv "$work/$artefact-$version.$ending" "$into/$name@$version.$ending"
            ;;
        npm)
            case $name in *@*) ;; *) name=$name@${where##*@} ;; esac
            [ -s "$into/$name.a" ] && continue
            (cd "$work" && npm pack --silent "$where" >/dev/null && tar -xzf ./*.tgz)
            mv "$work/package/$file" "$into/$name.a"
            rm -rf "$work"/package "$work"/*.tgz
            ;;
    esac
done <"$list"
