#!/usr/bin/env bash
# Prints the path of a Chromium. As root it installs Debian's, and what looks at its print-outs, if
# they are missing. Exit code 77: there is none, and it cannot be installed here.
set -euo pipefail

cannot() {
    echo "$*"
    exit 77
}

find_chromium() {
    command -v chromium || command -v chromium-browser || command -v google-chrome
}

if ! find_chromium > /dev/null || ! command -v pdfinfo > /dev/null; then
    [ "$(id -u)" = 0 ] || cannot "Chromium or poppler-utils is not installed, and only root can install it"
    command -v apt-get > /dev/null || cannot "Chromium is not installed, and there is no apt-get"
    export DEBIAN_FRONTEND=noninteractive
    timeout 400 sh -c 'apt-get update && apt-get install -y --no-install-recommends chromium poppler-utils fonts-dejavu-core' \
        > /dev/null 2>&1 || cannot "apt-get cannot install chromium and poppler-utils"
fi
find_chromium || cannot "there is no Chromium among the installed packages"
