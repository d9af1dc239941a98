#!/bin/sh
# Fetches the apps of apps.txt into FOLDER/apps, where FOLDER is what make.py filled.
# Needs: npm, pip, tar, unzip.
set -eu
list=$(dirname "$(realpath "$0")")/apps.txt
into=${1:-target/similarity}/apps
mkdir -p "$into"
into=$(realpath "$into")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
grep -v '^#' "$list" | while read -r registry package version file; do
    name=$(basename "$file")
    [ -s "$into/$name" ] && continue
    (
        cd "$work"
        case $registry in
            npm) npm pack --silent "$package@$version" >/dev/null ;;
            pip) pip download -q --no-deps -d . "$package==$version" ;;
        esac
        for packed in *; do
            case $packed in
                *.whl) unzip -q -o "$packed" "$file" ;;
                *) tar -xzf "$packed" "$file" ;;
            esac
        done
        mv "$file" "$into/$name"
        rm -rf -- *
    ) </dev/null
done
