#!/bin/sh
# Generates parser/ from Ksql.g4 with the pinned ANTLR tool, then formats it.
set -eu
cd "$(dirname "$0")"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
(cd "$dir" && npm pack --silent antlr4ng-cli@2.0.0 >/dev/null && tar xzf antlr4ng-cli-2.0.0.tgz)
java -jar "$dir"/package/antlr4-*-complete.jar -Dlanguage=Go -visitor -no-listener -package parser -o parser Ksql.g4
rm -f parser/*.interp parser/*.tokens
gofmt -w parser/*.go
