#!/bin/sh
# Prints the version that Cargo.toml says.
sed -n 's/^version = "\(.*\)"$/\1/p' "$(dirname "$0")/../Cargo.toml" | head -n 1
